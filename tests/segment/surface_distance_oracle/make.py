"""Write values.json, where surface-distance 0.1 is installed; it gets its old names of NumPy and SciPy back.

python -m venv peer && peer/bin/pip install surface-distance==0.1
peer/bin/python tests/segment/surface_distance_oracle/make.py
"""

from __future__ import annotations

import json
import types
from pathlib import Path

import numpy as np
from cases import cases
from scipy import ndimage

setattr(np, "Inf", np.inf)  # noqa: B010  a name that NumPy no longer has
ndimage.filters = types.SimpleNamespace(correlate=ndimage.correlate)
ndimage.morphology = types.SimpleNamespace(distance_transform_edt=ndimage.distance_transform_edt)

import surface_distance as peer  # noqa: E402  after the names are back


def values_of(reference: np.ndarray, test: np.ndarray, spacing: tuple[float, ...]) -> dict[str, float]:
    """Every measure of the peer."""
    found = peer.compute_surface_distances(reference, test, spacing)
    there, back = peer.compute_average_surface_distance(found)
    return {
        "hausdorff": float(peer.compute_robust_hausdorff(found, 100)),
        "hausdorff 95": float(peer.compute_robust_hausdorff(found, 95)),
        "mean there": float(there),
        "mean back": float(back),
        "surface dice 0": float(peer.compute_surface_dice_at_tolerance(found, 0)),
        "surface dice 1": float(peer.compute_surface_dice_at_tolerance(found, 1)),
        "surface dice 3": float(peer.compute_surface_dice_at_tolerance(found, 3)),
        "area": float(found["surfel_areas_gt"].sum()),
    }


if __name__ == "__main__":
    values = {name: values_of(*case) for name, case in cases().items()}
    (Path(__file__).parent / "values.json").write_text(json.dumps(values, indent=1) + "\n")
