"""Stationary wavelet sub-bands of an image, calculated only where they are asked for.

A name's letters go along x, y, z in this order: ``LHH`` is low along x, high along y and z. PyRadiomics
before 1.3 wrote them the other way round.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pywt
from numpy.typing import NDArray

from terasu.radiomics.regrid import Box

Array = NDArray[np.float64]
AXIS_ORDER = "xyz"
BANDS = ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL")


def wavelet_bands(values: NDArray[Any], box: Box, wavelet: str = "coif1") -> dict[str, Array]:
    """The eight sub-bands of the first level inside of ``box``, equal to those of the whole image.

    Args:
        values: (z, y, x) whole image; it goes on periodically, after an odd size is filled up to an even one
            with its first plane.
        box: where the sub-bands are wanted.
    Returns:
        band → (z, y, x) float64, of the shape of ``box``.
    Source: Nason and Silverman 1995, doi 10.1007/978-1-4612-2544-7_17; van Griethuysen et al. 2017, doi
    10.1158/0008-5472.CAN-17-0339
    """
    filters = pywt.Wavelet(wavelet)
    reach = int(filters.dec_len)
    part, inner = np.asarray(values), []
    for axis, (n, wanted) in enumerate(zip(values.shape, box, strict=True)):
        length = wanted.stop - wanted.start + 2 * reach
        places = np.arange(wanted.start - reach, wanted.start - reach + length + length % 2) % (n + n % 2)
        part = np.take(part, np.where(places == n, 0, places), axis=axis)
        inner.append(slice(reach, reach + wanted.stop - wanted.start))
    bands = pywt.swtn(part.astype(np.float64), filters, level=1, axes=(2, 1, 0))[0]
    letters = str.maketrans("ad", "LH")
    named = {name.translate(letters): band for name, band in bands.items()}
    return {band: np.ascontiguousarray(named[band][tuple(inner)]) for band in BANDS}
