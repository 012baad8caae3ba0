"""Low-frequency shading taken out: attenuation multiplied by a smooth field that the planning CT tells.

Source: Marchant et al. 2008, Phys Med Biol 53:5719, doi 10.1088/0031-9155/53/20/010 (shading correction of
CBCT with the planning CT). Ours are the multiplication of attenuation in place of a sum of HU, so that gas
stays gas, and the choice of voxels in which both images show the same kind of tissue.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.enhance.contract import Context, Enhanced, composed, require_fit
from terasu.enhance.hu_calibration import fit_anchors, mapped
from terasu.patient.agreement import bounding_box
from terasu.patient.volume import Volume

_COARSE_MM = 4.0
_LEAST_ATTENUATION = 100.0


@dataclass(frozen=True)
class ShadingCorrection:
    """A gain field on attenuation, HU + 1000.

    Attributes:
        smooth_mm: standard deviation of the field's smoothing.
        agreement_hu: voxels count where calibrated raw and planning CT differ by less than this.
        largest_gain: the field is kept within 1/largest_gain … largest_gain.
    """

    smooth_mm: float = 20.0
    agreement_hu: float = 300.0
    largest_gain: float = 2.5

    name = "shading_correction"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """See ``Enhancer.apply``."""
        require_fit(cbct, context)
        box = bounding_box(context.view)
        raw = cbct.values[box].astype(np.float32)
        planned = context.matched.values[box].astype(np.float32)
        alike = self._alike(raw, planned, context, box)
        spacing = np.asarray(cbct.grid.spacing_zyx_mm)
        gain = self._gain(raw + 1000, planned + 1000, alike, spacing)
        values = cbct.values.astype(np.float32)
        values[box] = np.maximum((raw + 1000) * gain - 1000, -1000)
        inside = gain[context.inside[box]]
        card: dict[str, float | str] = {
            "gain, median": float(np.median(inside)),
            "gain, 5 % to 95 %": "{:.2f} to {:.2f}".format(*np.percentile(inside, (5, 95))),
            "voxels that tell the field, %": 100 * float(alike.sum()) / max(1, inside.size),
        }
        return composed(cbct, values, context, name=self.name, card=card)

    def _alike(
        self,
        raw: NDArray[np.float32],
        planned: NDArray[np.float32],
        context: Context,
        box: tuple[slice, ...],
    ) -> NDArray[np.bool_]:
        """Soft tissue and fat in both images: bone and gas sit elsewhere today."""
        calibrated = mapped(raw, fit_anchors_in(raw, context, box))
        tissue = (planned > -200) & (planned < 200) & (raw > -1000 + _LEAST_ATTENUATION)
        return np.asarray(context.inside[box] & tissue & (np.abs(calibrated - planned) < self.agreement_hu))

    def _gain(
        self,
        raw: NDArray[np.float32],
        planned: NDArray[np.float32],
        alike: NDArray[np.bool_],
        spacing_zyx_mm: NDArray[np.float64],
    ) -> NDArray[np.float32]:
        step = np.maximum(1, np.rint(_COARSE_MM / spacing_zyx_mm)).astype(int)
        sigma = self.smooth_mm / (spacing_zyx_mm * step)
        sum_raw, sum_planned = (
            ndimage.gaussian_filter(_coarse(part, step), sigma, mode="nearest", truncate=3)
            for part in (raw * alike, planned * alike)
        )
        prior = float((planned * alike).sum() / max(float((raw * alike).sum()), 1.0))
        faint = 0.02
        gain = (sum_planned + faint * prior * 1000) / (sum_raw + faint * 1000)
        gain = np.clip(gain, 1 / self.largest_gain, self.largest_gain)
        return _fine(gain, step, raw.shape)


def fit_anchors_in(
    raw: NDArray[np.float32], context: Context, box: tuple[slice, ...]
) -> list[tuple[float, float]]:
    """``fit_anchors`` inside of a box."""
    matched = context.matched.crop(
        (box[0].start, box[1].start, box[2].start), (box[0].stop, box[1].stop, box[2].stop)
    )
    return fit_anchors(raw, Context(matched, context.body[box], context.view[box]))


def _coarse(values: NDArray[np.float32], step: NDArray[np.int_]) -> NDArray[np.float32]:
    """Means of blocks, edges padded with zeros (they carry no weight)."""
    pad = [(0, int(-size % n)) for size, n in zip(values.shape, step, strict=True)]
    padded = np.pad(values, pad)
    blocks = [n for size, s in zip(padded.shape, step, strict=True) for n in (size // s, int(s))]
    return np.asarray(padded.reshape(blocks).mean(axis=(1, 3, 5)), np.float32)


def _fine(values: NDArray[np.float32], step: NDArray[np.int_], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Back to full size by straight lines between block centres, one axis after the other."""
    for axis, (n, size) in enumerate(zip(step, shape, strict=True)):
        at = (np.arange(size) + 0.5) / n - 0.5
        low = np.clip(np.floor(at).astype(int), 0, values.shape[axis] - 1)
        high = np.minimum(low + 1, values.shape[axis] - 1)
        share = np.clip(at - low, 0, 1).astype(np.float32)
        share = share.reshape([-1 if a == axis else 1 for a in range(3)])
        values = np.take(values, low, axis) * (1 - share) + np.take(values, high, axis) * share
    return np.asarray(values, np.float32)
