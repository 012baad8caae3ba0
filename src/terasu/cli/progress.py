"""How far the job is, on a terminal or in a log."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class Bar:
    """A listener that draws one bar for the whole job, with the time that is left.

    The share of each step comes from what it usually takes, so that the bar moves evenly; the time left
    comes from this run's own speed.

    Args:
        usual_seconds: step → what it usually takes [s], in the order of the job.
        quiet: draw nothing (for ``--json``).
    """

    def __init__(self, usual_seconds: Mapping[str, float], *, quiet: bool = False) -> None:
        self._usual = dict(usual_seconds)
        self._done = 0.0
        self._running = ""
        self._start = time.perf_counter()
        console = Console(stderr=True)
        self._lines = not console.is_terminal and not quiet
        self._progress = Progress(
            TextColumn("{task.description:<34}"),
            BarColumn(bar_width=30),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[left]}"),
            console=console,
            transient=True,
            disable=quiet or not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=sum(self._usual.values()) or 1.0, left="")

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def begin(self, step: str) -> None:
        """A step starts."""
        self._running = step
        self._show(0.0)

    def advance(self, done: int, total: int) -> None:
        """Part of the running step is ready."""
        self._show(self._usual.get(self._running, 0.0) * done / max(total, 1))

    def end(self, step: str, seconds: float) -> None:
        """A step is ready."""
        self._done += self._usual.get(step, 0.0)
        self._show(0.0)
        if self._lines:
            print(f"{step:<34} {seconds:6.1f} s", file=sys.stderr, flush=True)

    def _show(self, part: float) -> None:
        ready = self._done + part
        self._progress.update(
            self._task, description=self._running, completed=ready, left=self._left_text(ready)
        )

    def _left_text(self, ready: float) -> str:
        total = sum(self._usual.values())
        passed = time.perf_counter() - self._start
        if ready < 0.05 * total:
            return ""
        return f"about {passed * (total - ready) / ready:.0f} s left"
