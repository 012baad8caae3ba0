"""Measures of two contours on shapes whose answers are known, and their time, beside other libraries.

    python benchmarks/segment.py [--quick] [--json]

The peers need an environment of their own, named by TERASU_SEGMENT_PEERS_PYTHON; without it their columns
stay empty:

    python -m venv peers && peers/bin/pip install surface-distance monai torch medpy seg-metrics
    TERASU_SEGMENT_PEERS_PYTHON=peers/bin/python python benchmarks/segment.py

Every side gets the same masks. Times are of one pair of balls of 20 and 22 mm in 128³ voxels of 1 mm, all
measures, after a first call. The real patients are those of ``../shared/data`` (or TERASU_SHARED), whose rows
are left out where it is missing: what the quality control says of drawings whose Dice is known, without
seeing the reference. ``--quick`` leaves the patients out.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import _tests_path  # noqa: F401  before what lies beside the tests
from _table import Row, flags, median_seconds, show
from analytic_masks import ball, cube, ellipsoid
from terasu.segment.engines import ENGINES, EngineName, surface_distances
from terasu.segment.surface_measures import hausdorff_mm, mean_distance_mm, surface_dice

Mask = NDArray[np.bool_]
Pair = tuple[Mask, Mask, tuple[float, float, float]]
TRUTH: dict[str, dict[str, float]] = {
    "balls, 1 mm": {"hausdorff": 2, "hausdorff 95": 2, "mean": 2, "surface dice 1": 0, "surface dice 3": 1},
    "balls, 3 mm": {"hausdorff": 2, "hausdorff 95": 2, "mean": 2, "surface dice 1": 0, "surface dice 3": 1},
    "cubes": {"hausdorff": 3},
    "ellipsoids": {"hausdorff": 4},
}
ALLOWED: dict[str, dict[str, float]] = {
    "balls, 1 mm": {
        "hausdorff": 0.35,
        "hausdorff 95": 0.15,
        "mean": 0.02,
        "surface dice 1": 0,
        "surface dice 3": 0,
    },
    "balls, 3 mm": {
        "hausdorff": 1.5,
        "hausdorff 95": 0.4,
        "mean": 0.03,
        "surface dice 1": 0.02,
        "surface dice 3": 0,
    },
    "cubes": {"hausdorff": 0.01},
    "ellipsoids": {"hausdorff": 0.35},
}
SECONDS = {"mesh": 0.2, "grid": 0.06}
NEAREST = "surface-distance"


def main() -> int:
    quick, as_json = flags()
    held = pairs()
    peers = ask_peers(held)
    rows = [*accuracy(held, peers), *equality(held, peers), *speed(held, peers)]
    if not quick:
        rows += list(patients())
    return show(rows, as_json=as_json)


def pairs() -> dict[str, Pair]:
    fine, thick, box = (60, 60, 60), (23, 60, 60), (30, 30, 30)
    one: tuple[float, float, float] = (1.0, 1.0, 1.0)
    three: tuple[float, float, float] = (3.0, 1.0, 1.0)
    large = (128, 128, 128)
    return {
        "balls, 1 mm": (ball(fine, one, 20), ball(fine, one, 22), one),
        "balls, 3 mm": (ball(thick, three, 20), ball(thick, three, 22), three),
        "cubes": (cube(box, (6, 6, 6), 14), cube(box, (6, 6, 9), 14), three),
        "ellipsoids": (
            ellipsoid((70, 80, 60), one, (28, 24, 20)),
            ellipsoid((70, 80, 60), one, (28, 28, 20)),
            one,
        ),
        "128": (ball(large, one, 20), ball(large, one, 22), one),
    }


def measured(pair: Pair, engine: EngineName) -> dict[str, float]:
    found = surface_distances(*pair, engine=engine)
    return {
        "hausdorff": hausdorff_mm(found),
        "hausdorff 95": hausdorff_mm(found, 95),
        "mean": mean_distance_mm(found),
        "surface dice 1": surface_dice(found, 1),
        "surface dice 3": surface_dice(found, 3),
    }


def accuracy(held: dict[str, Pair], peers: dict[str, Any]) -> Iterator[Row]:
    """The mesh engine against the truth; a row for every peer that has the measure."""
    for name, truth in TRUTH.items():
        ours = measured(held[name], "mesh")
        for measure, true in truth.items():
            allowed = ALLOWED[name][measure]
            row = f"{name}: {measure} (truth {true:g})"
            unit = "1" if "dice" in measure else "mm"
            holds = abs(ours[measure] - true) <= allowed + 1e-9
            told = {peer: found[name][measure] for peer, found in peers.items() if measure in found[name]}
            first, *others = told.items() if told else [("", None)]
            yield Row(row, ours[measure], unit, first[1], first[0], f"± {allowed:g}", holds)
            for peer, value in others:
                yield Row(row, ours[measure], unit, value, peer)


def equality(held: dict[str, Pair], peers: dict[str, Any]) -> Iterator[Row]:
    """The grid engine against the library that it is equal to."""
    if NEAREST not in peers:
        return
    worst = max(
        abs(value - peers[NEAREST][name][measure])
        for name, pair in held.items()
        for measure, value in measured(pair, "grid").items()
    )
    yield Row("grid engine: largest difference", worst, "mm", 0.0, NEAREST, "<= 1e-9", worst <= 1e-9)


def speed(held: dict[str, Pair], peers: dict[str, Any]) -> Iterator[Row]:
    for engine in ENGINES:
        seconds = median_seconds(lambda engine=engine: measured(held["128"], engine))
        told = {peer: found["128"]["seconds"] for peer, found in peers.items()} or {"": None}
        for number, (peer, theirs) in enumerate(told.items()):
            bar = f"<= {SECONDS[engine]:g} s" if number == 0 else ""
            holds = seconds <= SECONDS[engine] if number == 0 else None
            yield Row(f"128³ pair, engine {engine}", seconds, "s", theirs, peer, bar, holds)


def ask_peers(held: dict[str, Pair]) -> dict[str, Any]:
    python = os.environ.get("TERASU_SEGMENT_PEERS_PYTHON")
    if not python:
        return {}
    with tempfile.TemporaryDirectory() as scratch:
        arrays: dict[str, Any] = {}
        for name, (reference, test, spacing) in held.items():
            arrays |= {
                f"{name}/reference": reference,
                f"{name}/test": test,
                f"{name}/spacing": np.asarray(spacing),
            }
        np.savez(Path(scratch) / "pairs.npz", **arrays)
        script = Path(__file__).with_name("_segment_peers.py")
        subprocess.run([python, str(script), scratch], check=True, stdout=subprocess.DEVNULL)
        found: dict[str, Any] = json.loads((Path(scratch) / "peers.json").read_text())
    return found


def patients() -> Iterator[Row]:
    """What the quality control says of each drawing of the shared pelvic patients, organ by organ."""
    from conftest import shared_folder, unpack
    from terasu.workflow.contours.checking import by_organ_level, check_contours

    if shared_folder() is None:
        return
    for name in ("pelvis003", "pelvis005"):
        folder = unpack(name)
        found = check_contours(folder, folder)
        for drawing, verdict in found.drawings.items():
            levels = by_organ_level(verdict)
            raised = [f"{organ} {level.name}" for organ, level in levels.items() if level > 0]
            blocked = float(sum(level.name == "BLOCK" for level in levels.values()))
            asked = drawing in ("MBS", "DL")
            holds = (blocked > 0) == (drawing == "MBS") if asked else None
            told = ", ".join(raised) or "all PASS"
            bar = {"MBS": "found", "DL": "none"}.get(drawing, "")
            yield Row(f"{name} {drawing or 'drawn by hand'}: {told}", blocked, "BLOCK", bar=bar, holds=holds)


if __name__ == "__main__":
    raise SystemExit(main())
