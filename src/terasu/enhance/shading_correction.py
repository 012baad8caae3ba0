"""A smooth field that takes the CBCT's shading away, read from the registered planning CT.

Source: Marchant et al., Phys Med Biol 2008;53:5719 (in the image, as here, and robust to gas that moved); on
projections, which clinics seldom export: Niu et al., Med Phys 2010;37:5395, doi 10.1118/1.3483260, and Park
et al., Med Phys 2015;42:4449, doi 10.1118/1.4923179. Smoothing by normalised convolution: Knutsson and
Westin, CVPR 1993, doi 10.1109/CVPR.1993.341081.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray
from scipy import ndimage

from terasu.enhance.contract import AIR_HU, Context, Enhanced, finish, require_fit
from terasu.enhance.tissue import TISSUES
from terasu.patient.agreement import bounding_box
from terasu.patient.grid import Grid
from terasu.patient.resample import to_sitk
from terasu.patient.volume import Volume

Values = NDArray[np.float32]

_GAS_HU = -700.0


@dataclass(frozen=True)
class ShadingCorrection:
    """(HU + 1000) × field − 1000: attenuation is scaled, and air stays air.

    Attributes:
        smooth_mm: standard deviation of the Gaussian that makes the field smooth. Shorter follows the bright
            rim of a truncated reconstruction better and copies more of the planning CT's anatomy.
        spacing_mm: at which the field is calculated.
        agree_hu: by pass, how far a corrected voxel may lie from the planning CT and still count as the same
            tissue; wide at first, because shading alone makes 600 HU, then narrow, against what moved.
    """

    smooth_mm: float = 20.0
    spacing_mm: float = 6.0
    agree_hu: tuple[float, ...] = (1500.0, 1500.0, 300.0)
    name: str = "shading_correction"
    version: str = "1"

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Fit the field on what agrees, apply it to every measured voxel."""
        require_fit(cbct, context)
        box = bounding_box(context.view)
        part = Volume(cbct.values[box], _box_grid(cbct.grid, box))
        field, used = self._fit(part.values, context, box, part.grid)
        whole = _onto(field, part.grid)[context.view[box]]
        corrected = (cbct.values[context.view] - AIR_HU) * whole + AIR_HU
        card: dict[str, float] = {
            "field_5_percent": float(np.percentile(whole, 5)),
            "field_median": float(np.median(whole)),
            "field_95_percent": float(np.percentile(whole, 95)),
            "fitted_on_percent": used,
            "smooth_mm": self.smooth_mm,
        }
        notes = (
            () if used >= 20 else (f"Only {used:.0f} % of the patient in view could be used for the fit.",)
        )
        return finish(self, cbct, corrected, context, card, notes)

    def _fit(
        self, day_hu: NDArray[np.generic], context: Context, box: tuple[slice, slice, slice], grid: Grid
    ) -> tuple[Volume, float]:
        """(field on a coarse grid, percent of the patient in view that agreed)."""
        seen = (context.view & context.body & context.reach)[box]
        day, share, coarse = _block_means(day_hu, seen, grid, self.spacing_mm)
        planned, _, _ = _block_means(context.planning.values[box], seen, grid, self.spacing_mm)
        inside = share > 0.5
        tissue = inside & (planned > TISSUES["fat"][0]) & (planned < TISSUES["soft"][1])
        ratio = _middle((planned - AIR_HU)[tissue]) / max(_middle((day - AIR_HU)[tissue]), 50.0)
        field = np.full(day.shape, ratio, np.float32)
        sigma = self.smooth_mm / np.asarray(coarse.spacing_zyx_mm)
        for agree in self.agree_hu:
            corrected = (day - AIR_HU) * field
            agrees = tissue & (corrected + AIR_HU > _GAS_HU) & (np.abs(corrected + AIR_HU - planned) < agree)
            field *= _smooth_ratio(planned - AIR_HU, corrected, agrees * share, sigma)
        used = 100.0 * float(agrees.sum()) / max(1.0, float(inside.sum()))
        return Volume(field, coarse), used


def _middle(values: Values) -> float:
    """Median; that of water where there is nothing."""
    return float(np.median(values)) if values.size else -AIR_HU


def _smooth_ratio(over: Values, under: Values, weight: Values, sigma: NDArray[np.float64]) -> Values:
    """Gaussian mean of ``over`` ÷ Gaussian mean of ``under``; tends to 1 where there is no weight."""
    few = 0.02
    top = ndimage.gaussian_filter(over * weight, sigma, truncate=3.0)
    bottom = ndimage.gaussian_filter(under * weight, sigma, truncate=3.0)
    level = float((under * weight).sum() / max(weight.sum(), 1e-6)) * few
    return np.asarray((top + level) / (bottom + level), np.float32)


def _block_means(
    values: NDArray[np.generic], where: NDArray[np.bool_], grid: Grid, spacing_mm: float
) -> tuple[Values, Values, Grid]:
    """(mean over the block's voxels in ``where``, their share, coarse grid)."""
    factors = [
        max(1, min(size, round(spacing_mm / mm)))
        for mm, size in zip(grid.spacing_zyx_mm, values.shape, strict=True)
    ]
    share_image = sitk.BinShrink(to_sitk(where.astype(np.float32), grid), factors[::-1])
    kept = np.where(where, values, 0).astype(np.float32)
    total = sitk.GetArrayFromImage(sitk.BinShrink(to_sitk(kept, grid), factors[::-1]))
    share = sitk.GetArrayFromImage(share_image)
    coarse = Grid.from_axes(
        share.shape,
        spacing_zyx_mm=share_image.GetSpacing()[::-1],
        origin_lps_mm=share_image.GetOrigin(),
        direction_lps=share_image.GetDirection(),
    )
    mean = np.where(share > 0, total / np.maximum(share, 1e-6), AIR_HU)
    return mean.astype(np.float32), share, coarse


def _onto(field: Volume, grid: Grid) -> Values:
    """The field on the fine grid, linear, its edge continued outwards."""
    reference = to_sitk(np.zeros(grid.shape_zyx, np.uint8), grid)
    padded = np.pad(field.values, 1, mode="edge")
    wide = Grid.from_axes(
        padded.shape,
        spacing_zyx_mm=field.grid.spacing_zyx_mm,
        origin_lps_mm=tuple(field.grid.to_lps_mm((-1, -1, -1)).tolist()),
        direction_lps=field.grid.direction_lps,
    )
    image = sitk.Resample(
        to_sitk(padded, wide), reference, sitk.Transform(), sitk.sitkLinear, float(np.median(padded))
    )
    return np.asarray(sitk.GetArrayFromImage(image), np.float32)


def _box_grid(grid: Grid, box: tuple[slice, slice, slice]) -> Grid:
    return grid.crop([part.start for part in box], [part.stop for part in box])
