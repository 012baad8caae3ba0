"""A trained model on a whole volume: slab by slab, and nothing changed outside of where it may."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from terasu.enhance.models.calibration import Calibration
from terasu.enhance.models.refusals import refuse_unfit
from terasu.enhance.models.trained import Applied, TrainedModel
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume
from terasu.steps import Listener, Nobody

SLAB = 4
LOWEST_HU = -1024.0
_SAME_PIXEL = 0.05
_MARGIN_PX = 16
F32 = NDArray[np.float32]


def improve(
    image: Volume, model: TrainedModel, where: Mask, *, slab: int = SLAB, listener: Listener | None = None
) -> F32:
    """HU of a whole volume as the model has them, calibrated.

    Args:
        image: of the modality that the model's card says [HU].
        where: (z, y, x) voxels that may change: the patient inside of the field of view.
        slab: slices at once; the memory beyond image and result depends on this alone.
        listener: is told how far it is.
    Returns:
        (z, y, x) float32; outside of ``where`` the values of ``image``, to the bit.
    Raises:
        EnhanceError: another modality or unit, NaN, nothing but air, too narrow, or a pixel size that the
            model's cannot be reached from.
    """
    refuse_unfit(image, model)
    spacing = (image.grid.spacing_zyx_mm[1], image.grid.spacing_zyx_mm[2])
    made = improved_values(image.values, spacing, where, model.applied, slab=slab, listener=listener)
    return with_calibration(made, where, model.calibration)


def with_calibration(made: F32, where: Mask, calibration: Calibration) -> F32:
    """The final line, inside of ``where`` alone; nothing there is below what CT numbers begin with."""
    made[where] = np.maximum(calibration.apply(made[where]), LOWEST_HU)
    return made


def improved_values(
    values: NDArray[Any],
    spacing_yx_mm: tuple[float, float],
    where: Mask,
    applied: Applied,
    *,
    slab: int = SLAB,
    listener: Listener | None = None,
) -> F32:
    """What the network makes of (z, y, x) HU, without the final calibration.

    Only the patient's box is calculated, since normalisation over a slice that is mostly air is not what the
    network was trained with. Another pixel size is met by resampling the slices there, and what the network
    adds back; so the image's own detail stays.
    """
    listener = listener or Nobody()
    out = values.astype(np.float32)
    rows, columns = _box(where, spacing_yx_mm, applied)
    for start in range(0, len(values), slab):
        stop = min(start + slab, len(values))
        if where[start:stop].any():
            stack = _with_neighbours(values[:, rows, columns], start, stop, applied.neighbours)
            added = _added(torch.from_numpy(stack), spacing_yx_mm, applied)
            here = where[start:stop, rows, columns]
            out[start:stop, rows, columns][here] += added[here]
        listener.advance(stop, len(values))
    return out


def _with_neighbours(values: NDArray[Any], start: int, stop: int, neighbours: int) -> F32:
    """(slices, 2k + 1, y, x); at the ends the last slice stands for those that are missing."""
    offsets = np.arange(-neighbours, neighbours + 1)
    index = np.clip(np.arange(start, stop)[:, None] + offsets, 0, len(values) - 1)
    return np.asarray(values[index], np.float32)


@torch.no_grad()
def _added(hu: Tensor, spacing_yx_mm: tuple[float, float], applied: Applied) -> F32:
    """(n, y, x): what the network adds to the middle slices [HU]."""
    size = (hu.shape[2], hu.shape[3])
    ratio = [have / want for have, want in zip(spacing_yx_mm, applied.spacing_yx_mm, strict=True)]
    same = all(abs(one - 1) <= _SAME_PIXEL for one in ratio)
    there = size if same else tuple(max(1, round(n * one)) for n, one in zip(size, ratio, strict=True))
    scaled = hu.to(applied.device) if same else _resized(hu.to(applied.device), there)
    pad = [-n % applied.multiple for n in scaled.shape[-2:]]
    padded = functional.pad(scaled, (0, pad[1], 0, pad[0]), mode="replicate")
    middle = padded.shape[1] // 2
    residual = (applied.network(padded) - padded[:, middle : middle + 1])[..., : there[0], : there[1]]
    back = residual if same else _resized(residual, size)
    found: F32 = back[:, 0].float().cpu().numpy()
    return found


def _resized(images: Tensor, size: tuple[int, ...]) -> Tensor:
    return functional.interpolate(images, size=size, mode="bilinear", antialias=True, align_corners=False)


def _box(where: Mask, spacing_yx_mm: tuple[float, float], applied: Applied) -> tuple[slice, slice]:
    """Rows and columns around ``where``, wide enough for the network."""
    flat: Mask = np.asarray(np.any(where, axis=0))
    found = []
    for axis, size in enumerate(flat.shape):
        inside = np.flatnonzero(np.any(flat, axis=1 - axis))
        ratio = applied.spacing_yx_mm[axis] / spacing_yx_mm[axis]
        least, margin = int(np.ceil(applied.least_side_px * ratio)), round(_MARGIN_PX * ratio)
        first, last = (int(inside[0]), int(inside[-1]) + 1) if inside.size else (0, size)
        wanted = max(least, last - first + 2 * margin)
        low = max(0, min((first + last - wanted) // 2, size - wanted))
        found.append(slice(low, min(size, low + wanted)))
    return found[0], found[1]
