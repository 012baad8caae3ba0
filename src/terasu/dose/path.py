"""What lies on the straight line from the source to a point."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from terasu.dose.density import DensityTable, to_electron_density
from terasu.patient.volume import Volume

Array = NDArray[np.float64]
STEP_MM = 2.0


def source_lps_mm(gantry_deg: float, isocentre_lps_mm: Array, sad_mm: float) -> Array:
    """Where the source is, (3,): IEC 61217, patient head first supine."""
    angle = np.radians(gantry_deg)
    return np.asarray(isocentre_lps_mm + sad_mm * np.array([np.sin(angle), -np.cos(angle), 0.0]))


def density_on_path(image_hu: Volume, table: DensityTable, source: Array, point: Array) -> Array:
    """Relative electron density every STEP_MM from the source to the point, 0 outside of the image."""
    length = float(np.linalg.norm(point - source))
    part = (np.arange(int(length / STEP_MM)) + 0.5) * STEP_MM / length
    index = np.rint(image_hu.grid.to_index_kji(source + part[:, None] * (point - source))).astype(int)
    inside = np.all((index >= 0) & (index < image_hu.grid.shape_zyx), axis=1)
    density = np.zeros(len(part))
    density[inside] = to_electron_density(image_hu.values[tuple(index[inside].T)], table)
    return density
