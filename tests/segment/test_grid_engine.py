"""The engine ``grid`` gives the values of surface-distance 0.1, frozen by surface_distance_oracle/make.py."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from terasu.segment.engines import surface_distances
from terasu.segment.surface_measures import hausdorff_mm, mean_distances_mm, surface_dice

ORACLE = Path(__file__).parent / "surface_distance_oracle"
VALUES = json.loads((ORACLE / "values.json").read_text(encoding="utf-8"))
_SPEC = importlib.util.spec_from_file_location("surface_distance_cases", ORACLE / "cases.py")
assert _SPEC is not None and _SPEC.loader is not None
_MODULE = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(_MODULE)
CASES = _MODULE.cases()


@pytest.mark.parametrize("name", sorted(CASES))
def test_equal_to_surface_distance(name: str) -> None:
    reference, test, spacing = CASES[name]
    found = surface_distances(reference, test, spacing, engine="grid")
    there, back = mean_distances_mm(found)
    ours = {
        "hausdorff": hausdorff_mm(found),
        "hausdorff 95": hausdorff_mm(found, 95),
        "mean there": there,
        "mean back": back,
        "surface dice 0": surface_dice(found, 0),
        "surface dice 1": surface_dice(found, 1),
        "surface dice 3": surface_dice(found, 3),
        "area": float(found.there_mm2.sum()),
    }
    assert ours == pytest.approx(VALUES[name], rel=1e-12, abs=1e-12)
