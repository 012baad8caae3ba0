"""What a trained model is not applied to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.enhance.models.trained import TrainedModel
from terasu.errors import EnhanceError
from terasu.patient.volume import Volume

_FAR_PIXEL = 4.0
_AIR_BELOW_HU = -700.0
_DICOM = {"CT": "CT", "CBCT": "CT", "MVCT": "CT", "MR": "MR"}


def refuse_unfit(image: Volume, model: TrainedModel) -> None:
    """Raise unless the model can be applied to this image at all."""
    told = model.card.modality
    if image.unit != "HU" or image.source.modality not in ("", _DICOM.get(told, told)):
        raise EnhanceError(
            "This model was trained on another kind of image.",
            got=f"{image.source.modality or 'unknown modality'} in {image.unit}",
            expected=f"{told} in HU, as its card says",
            todo="Choose the series that was meant, or a model for this modality.",
        )
    _refuse_bad_values(image.values)
    _refuse_bad_grid(image, model)


def _refuse_bad_values(values: NDArray[Any]) -> None:
    if not np.isfinite(values).all():
        raise EnhanceError(
            "The image holds values that are no numbers.",
            got=f"{int(np.count_nonzero(~np.isfinite(values)))} voxels NaN or infinite",
            expected="a finite HU in every voxel",
            todo="Export the series again.",
        )
    lowest, highest = float(values.min()), float(values.max())
    if highest < _AIR_BELOW_HU:
        raise EnhanceError(
            "There is nothing but air in this image.",
            got=f"HU from {lowest:g} to {highest:g}",
            expected="a patient",
            todo="Look at the series and its rescale intercept.",
        )
    if lowest >= 0 and highest > 300:
        raise EnhanceError(
            "This image is not in HU: nothing in it is less dense than water.",
            got=f"values from {lowest:g} to {highest:g}",
            expected="air near -1000 HU",
            todo="An MR has no HU; for a CT check the rescale slope and intercept.",
        )


def _refuse_bad_grid(image: Volume, model: TrainedModel) -> None:
    needed = model.applied.least_side_px
    for axis, trained_mm in zip((1, 2), model.card.spacing_yx_mm, strict=True):
        pixel_mm = image.grid.spacing_zyx_mm[axis]
        if not 1 / _FAR_PIXEL <= pixel_mm / trained_mm <= _FAR_PIXEL:
            raise EnhanceError(
                "The pixels of this image are too far from those that the model was trained on.",
                got=f"{pixel_mm:g} mm",
                expected=f"{trained_mm / _FAR_PIXEL:g} to {trained_mm * _FAR_PIXEL:g} mm",
                todo="Choose a model for this machine.",
            )
        side = round(image.grid.shape_zyx[axis] * pixel_mm / trained_mm)
        if side < needed:
            raise EnhanceError(
                "The image is narrower than what the network looks at.",
                got=f"{side} pixels of {trained_mm:g} mm",
                expected=f"at least {needed}",
                todo="Give the whole image, not a part of it.",
            )
