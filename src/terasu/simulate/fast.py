"""The fast engine: errors put into the image itself, for tests and for augmentation while training.

No projections and nothing to install; see ``cbct`` for what each error is and ``artefacts`` for its size.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.patient.grid import Grid
from terasu.patient.volume import Source, Volume
from terasu.simulate.artefacts import VARIAN_LIKE, CbctArtefacts
from terasu.simulate.case import F32, SimulatedCase, require_ct, require_slices
from terasu.simulate.cbct import simulate_cbct

_MOST_SLICES = 1_000_003


def simulate_fast(
    true_ct: Volume, artefacts: CbctArtefacts = VARIAN_LIKE, *, seed: int = 0, grid: Grid | None = None
) -> SimulatedCase:
    """A low-quality image of a patient, its errors put into the image.

    Args:
        true_ct: HU.
        artefacts: how bad.
        seed: of all that chance decides.
        grid: of the result, axial, its middle on the axis of rotation; the true CT's own if left out.
    Raises:
        InputError: no CT in HU, NaN, nothing but air.
        GeometryError: the grid lies in another frame of reference.
    """
    require_ct(true_ct)
    made = simulate_cbct(true_ct, artefacts, grid=grid, seed=seed)
    measured = {"truncated_share": made.truncated}
    return SimulatedCase(made.cbct, made.truth, made.seen, "fast", artefacts, seed, measured)


def fast_slices(
    hu: NDArray[Any], pixel_mm: float, artefacts: CbctArtefacts = VARIAN_LIKE, *, seed: int = 0
) -> F32:
    """Low-quality slices of CT slices, for training: each one by itself.

    Args:
        hu: (n, y, x) HU.
        pixel_mm: side of a pixel.
        artefacts: how bad.
        seed: slice i gets the same errors whatever stands beside it.
    Returns:
        (n, y, x) HU, float32; the padding constant outside of the field of view.
    Raises:
        InputError: not HU slices.
    """
    slices = require_slices(hu, pixel_mm)
    grid = Grid.from_axes((1, *slices.shape[1:]), spacing_zyx_mm=(3.0, pixel_mm, pixel_mm))
    found = np.empty_like(slices)
    for n, one in enumerate(slices):
        image = Volume(one[None], grid, "HU", Source("CT"))
        found[n] = simulate_cbct(image, artefacts, seed=seed * _MOST_SLICES + n).cbct.values[0]
    return found
