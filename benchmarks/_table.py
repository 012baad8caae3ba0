"""Print a benchmark's figures as a table, or as JSON."""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """One figure beside its peer and its bar; ``holds`` is None where there is no bar."""

    figure: str
    ours: float | None
    unit: str
    peer: float | None = None
    peer_name: str = ""
    bar: str = ""
    holds: bool | None = None


def median_seconds(work: Callable[[], object], *, runs: int = 5, warm: int = 1) -> float:
    """Median wall time of ``work`` after ``warm`` runs that do not count [s]."""
    for _ in range(warm):
        work()
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def show(rows: Sequence[Row], *, as_json: bool) -> int:
    """Print the rows; the exit code is 1 if a bar is not reached."""
    if as_json:
        print(json.dumps([asdict(row) for row in rows], indent=1))
    else:
        _print_table(rows)
    return int(any(row.holds is False for row in rows))


def _print_table(rows: Sequence[Row]) -> None:
    head = ("figure", "ours", "unit", "peer", "ratio", "bar", "holds")
    lines = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[i]) for line in lines) for i in range(len(head))]
    for line in lines:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def _cells(row: Row) -> tuple[str, ...]:
    peer = "" if row.peer is None else f"{row.peer:.4g} ({row.peer_name})"
    ratio = f"{row.peer / row.ours:.2f} x" if row.peer and row.ours else ""
    holds = {True: "yes", False: "NO", None: ""}[row.holds]
    ours = "-" if row.ours is None else f"{row.ours:.4g}"
    return row.figure, ours, row.unit, peer, ratio, row.bar, holds


def flags() -> tuple[bool, bool]:
    """(quick, as_json) from the command line."""
    return "--quick" in sys.argv[1:], "--json" in sys.argv[1:]
