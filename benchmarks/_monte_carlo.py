"""Depth dose of an open field on water by pyRadMC, for dose.py; runs in an environment of its own.

``python _monte_carlo.py BEAM HISTORIES``: a point source 100 cm from the water with the spectrum of Ali and
Rogers 2012 (doi 10.1088/0031-9155/57/1/31), 10 × 10 cm at the surface, 30 × 30 × 30 cm of water, no head
scatter, no electrons from the head. Prints depth [mm], dose within 2 cm of the axis, its standard deviation.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys

import numpy as np
import pyradmc

HALF, SIDE, SLICES, STEP_CM = 2, 30, 60, 0.5


def main(beam: str, histories: int) -> None:
    grid = pyradmc.VoxelGrid.uniform_water(shape=(SIDE, SIDE, SLICES), spacing=(1.0, 1.0, STEP_CM))
    tables = pyradmc.AnalyticCrossSections(geometry_densities=grid.max_density_by_material())
    middle = SIDE / 2
    source = pyradmc.SpectralBeamSource(
        pyradmc.ali_rogers_mv(beam), (middle, middle, -100.0), (middle, middle, 0.0), 10.0, 10.0
    )
    with contextlib.redirect_stdout(io.StringIO()):
        engine = pyradmc.WarpEngine(grid=grid, cross_sections=tables, device="cpu")
        found = engine.run(source, n_histories=histories, n_batches=10, seed=1)
    axis = slice(SIDE // 2 - HALF, SIDE // 2 + HALF)
    dose = np.asarray(found.dose)[axis, axis]
    error = np.asarray(found.dose_sigma)[axis, axis]
    told = {
        "depth_mm": ((np.arange(SLICES) + 0.5) * STEP_CM * 10).tolist(),
        "dose": dose.mean(axis=(0, 1)).tolist(),
        "sigma": (np.sqrt((error**2).sum(axis=(0, 1))) / dose[..., 0].size).tolist(),
        "version": pyradmc.__version__,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1], int(float(sys.argv[2])))
