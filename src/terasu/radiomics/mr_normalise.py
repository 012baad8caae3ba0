"""Routine MR has no unit: intensities made comparable between scans before features are read.

Source: z-score and WhiteStripe, Shinohara et al. 2014, doi 10.1016/j.nicl.2014.08.008; percentiles, Nyúl and
Udupa 1999, doi 10.1002/(SICI)1522-2594(199912)42:6<1072::AID-MRM11>3.0.CO;2-M (two landmarks of theirs)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.errors import GeometryError, InputError
from terasu.patient.volume import Volume

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Method = Literal["z-score", "white-stripe", "percentile"]
METHODS: tuple[Method, ...] = get_args(Method)
_FEWEST = 64  # voxels that a mean and a spread are read from
_FLAT = 1e-9  # of the largest value: a spread below is rounding
_LANDMARKS = (1.0, 99.0)  # percentiles that become 0 and 1
_STRIPE = 0.05  # share of the voxels on either side of the peak


@dataclass(frozen=True, eq=False)
class Normalised:
    """A normalised image, and what was done to it.

    Attributes:
        image: ``(value − subtracted) / divided_by · scale``, float32, unit 1.
        done: ``normalisation``, ``subtracted``, ``divided_by`` [the image's values], ``scale``, ``read_from``
            (``mask`` or ``foreground``), ``voxels`` read, and ``threshold`` where the foreground was found.
    """

    image: Volume
    done: dict[str, str | float | int]


def normalise(
    image: Volume, method: Method = "z-score", *, mask: Mask | None = None, scale: float = 1.0
) -> Normalised:
    """A T1w or T2w image on a scale that does not depend on the scanner.

    ``z-score`` takes the mean to 0 and the standard deviation to 1. ``percentile`` takes the 1st percentile
    to 0 and the 99th to 1; nothing is cut off. ``white-stripe`` is a z-score of the values within a twentieth
    on either side of the brightest large peak, which in a T1w image of the brain is white matter.

    Args:
        image: of any unit.
        mask: (z, y, x) brain or body; if None, what Otsu's threshold tells from the
            background. ``white-stripe`` needs one of the brain.
        scale: what 1 becomes. 100 suits a bin width made for HU.
    Raises:
        GeometryError: the mask has another shape than the image.
        InputError: NaN, a flat image, too few voxels to read from, an unknown method.
    """
    needs_mask = method == "white-stripe" and mask is None
    if method not in METHODS or needs_mask or not (np.isfinite(scale) and scale > 0):
        raise InputError(
            "This normalisation cannot be done.",
            got=f"method {method}, scale {scale}, {'no' if mask is None else 'a'} mask",
            expected=f"{', '.join(METHODS)}; a positive scale; a mask of the brain for white-stripe",
            todo="Correct the recipe, or pass mask=….",
        )
    _refuse_unfit(image, mask)
    threshold = otsu_threshold(image.values) if mask is None else None
    chosen = image.values[mask if mask is not None else image.values > threshold].astype(np.float64)
    _refuse_few(chosen.size, mask is not None)
    middle, spread = _landmarks(chosen, method)
    if not spread > _FLAT * float(np.abs(chosen).max()):
        raise InputError(
            "The voxels that this image is normalised by are flat.",
            got=f"{chosen.size} voxels around {middle:g}, spread {spread:g} ({method})",
            expected="tissue of different brightness",
            todo="Check the mask, or that this is the right image.",
        )
    values = ((image.values.astype(np.float64) - middle) / spread * scale).astype(np.float32)
    done: dict[str, str | float | int] = {
        "normalisation": method,
        "subtracted": middle,
        "divided_by": spread,
        "scale": float(scale),
        "read_from": "foreground" if mask is None else "mask",
        "voxels": int(chosen.size),
    }
    if threshold is not None:
        done["threshold"] = threshold
    return Normalised(image.with_values(values, unit="1"), done)


def otsu_threshold(values: NDArray[Any]) -> float:
    """The value that tells foreground from background best; foreground is above it.

    Source: Otsu 1979, doi 10.1109/TSMC.1979.4310076
    """
    counts, edges = np.histogram(values, bins=256)
    middles = (edges[:-1] + edges[1:]) / 2
    below, above = np.cumsum(counts)[:-1], counts.sum() - np.cumsum(counts)[:-1]
    total = np.cumsum(counts * middles)
    apart = total[:-1] / np.maximum(below, 1) - (total[-1] - total[:-1]) / np.maximum(above, 1)
    return float(edges[1 + int(np.argmax(below * above * np.square(apart)))])


def _landmarks(chosen: Array, method: Method) -> tuple[float, float]:
    """What becomes 0, and how far from there 1 is."""
    if method == "percentile":
        low, high = (float(one) for one in np.percentile(chosen, _LANDMARKS))
        return low, high - low
    read = _stripe(chosen) if method == "white-stripe" else chosen
    return float(read.mean()), float(read.std())


def _stripe(chosen: Array) -> Array:
    """The values around the brightest peak that is at least half as high as the highest one."""
    low, high = (float(one) for one in np.percentile(chosen, (0.1, 99.9)))
    if not high > low:
        return chosen
    counts, edges = np.histogram(chosen, bins=512, range=(low, high))
    smooth = ndimage.gaussian_filter1d(counts.astype(np.float64), 8, mode="constant")
    inner = np.flatnonzero((smooth >= np.roll(smooth, 1)) & (smooth > np.roll(smooth, -1)))
    peaks = inner[smooth[inner] >= smooth.max() / 2] if inner.size else np.array([int(np.argmax(smooth))])
    peak = (edges[peaks[-1]] + edges[peaks[-1] + 1]) / 2
    place = float(np.mean(chosen <= peak))
    ends = np.quantile(chosen, np.clip([place - _STRIPE, place + _STRIPE], 0, 1))
    return np.asarray(chosen[(chosen >= ends[0]) & (chosen <= ends[1])])


def _refuse_unfit(image: Volume, mask: Mask | None) -> None:
    values = image.values
    if mask is not None and mask.shape != values.shape:
        raise GeometryError(
            "The mask does not lie on the image's grid.",
            got=f"mask {mask.shape}, image {values.shape}",
            expected="the same (z, y, x) shape",
            todo="Resample the mask onto the image.",
        )
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InputError(
            "The image has values that are not finite.",
            got=f"{bad} of {values.size} voxels are NaN or infinite",
            expected="a number in every voxel",
            todo="Look for what wrote them, or fill them before normalising.",
        )
    if values.min() == values.max():
        raise InputError(
            "The image is flat: it has one value everywhere.",
            got=f"{float(values.min()):g} in all {values.size} voxels",
            expected="an MR image",
            todo="Check that this is the right file.",
        )


def _refuse_few(voxels: int, by_mask: bool) -> None:
    if voxels < _FEWEST:
        raise InputError(
            "Too few voxels to normalise an image by.",
            got=f"{voxels} voxels {'in the mask' if by_mask else 'above the threshold'}",
            expected=f"at least {_FEWEST}",
            todo="Pass a mask of the brain or the body.",
        )
