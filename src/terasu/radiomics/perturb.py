"""The same tumour, imaged and drawn once more: reproducible perturbations of an image and its contour.

Which features stay the same under them is what ``reliability.py`` tells.

Source: Zwanenburg et al. 2019, doi 10.1038/s41598-018-36938-4, for the kinds and their order; the ranges here
are our own choice
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.patient.volume import Volume
from terasu.radiomics.boxes import grown, pasted, placed, within
from terasu.radiomics.contour_change import redrawn, resized
from terasu.radiomics.noise import noise_level
from terasu.radiomics.prepare import box_of, refuse_unfit
from terasu.radiomics.regrid import Box, Order
from terasu.radiomics.shift_rotation import READ_AROUND, Movement, moved

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Kind = Literal["noise", "shift", "rotation", "volume", "contour"]
Triple = tuple[float, float, float]
KINDS: tuple[Kind, ...] = get_args(Kind)
MARGIN_MM = 30.0
"""How far around the region the image follows a perturbation; what lies beyond stays as it was."""
_CONTOUR_MM = 10.0  # how far beyond the region a contour may be redrawn
_DRAW, _NOISE, _VOLUME, _CONTOUR = range(4)  # one stream of random numbers each


@dataclass(frozen=True)
class Ranges:
    """How strong perturbations are; each is drawn evenly from minus to plus, but for the noise.

    Attributes:
        noise_scale: noise added, in multiples of the noise that the image has.
        shift_voxels: along each axis. A shift by a whole voxel changes nothing, so a half is the most.
        rotation_deg: within the slice, about the region's centre.
        growth: share of the region's volume.
    """

    noise_scale: float = 1.0
    shift_voxels: float = 0.5
    rotation_deg: float = 10.0
    growth: float = 0.15

    def __post_init__(self) -> None:
        sizes = (self.noise_scale, self.shift_voxels, self.rotation_deg, self.growth)
        if not all(np.isfinite(sizes)) or min(sizes) < 0 or self.growth >= 1:
            raise InputError(
                "These ranges of perturbations are impossible.",
                got=f"noise {self.noise_scale}, shift {self.shift_voxels} voxels, rotation "
                f"{self.rotation_deg} degrees, growth {self.growth}",
                expected="finite numbers from 0, a growth below 1",
                todo="Correct the ranges; 0 leaves a kind out.",
            )


@dataclass(frozen=True)
class Perturbation:
    """One way in which the same tumour could have been imaged and drawn.

    Noise comes first, then shift and rotation in one interpolation, then the volume, then the contour.

    Attributes:
        number: from 1; 0 for the image as it is.
        seed: what noise and lots are drawn from, together with ``number``.
        noise_scale: standard deviation of the noise added, in multiples of the image's own.
        shift_zyx: of the content, in voxels along (z, y, x).
        rotation_deg: of the content within the slice, from the column axis towards the row axis.
        growth: share of the volume that joins (or, if negative, leaves) the region.
        contour: the contour is redrawn along supervoxels.
    """

    number: int = 0
    seed: int = 0
    noise_scale: float = 0.0
    shift_zyx: Triple = (0.0, 0.0, 0.0)
    rotation_deg: float = 0.0
    growth: float = 0.0
    contour: bool = False

    @property
    def moves(self) -> bool:
        """True if the image has to be interpolated."""
        return self.rotation_deg != 0 or any(self.shift_zyx)

    @property
    def redraws(self) -> bool:
        """True if the contour changes beyond being moved."""
        return self.growth != 0 or self.contour

    def as_row(self) -> dict[str, float | int | bool]:
        """What is asked for, in numbers, for one row of provenance."""
        z, y, x = self.shift_zyx
        return {
            "perturbation": self.number,
            "perturbation_seed": self.seed,
            "noise_scale": self.noise_scale,
            "shift_z_voxels": z,
            "shift_y_voxels": y,
            "shift_x_voxels": x,
            "rotation_deg": self.rotation_deg,
            "growth": self.growth,
            "contour_redrawn": self.contour,
        }

    def apply(self, image: Volume, mask: Mask, *, interpolation: Order = "cubic") -> tuple[Volume, Mask]:
        """Image and mask as they would have come, on the image's own grid; see ``perturb``."""
        done = perturb(image, mask, self, interpolation=interpolation)
        return done.image, done.mask


@dataclass(frozen=True, eq=False)
class Perturbed:
    """What a perturbation gave.

    Attributes:
        image, mask: on the grid that they came on.
        row: what was asked for, and ``noise_added`` [the image's unit], ``voxels_before``, ``voxels_after``.
    """

    image: Volume
    mask: Mask
    row: dict[str, float | int | bool]


def perturbations(
    n: int, seed: int, kinds: Iterable[Kind] = KINDS, *, ranges: Ranges | None = None
) -> tuple[Perturbation, ...]:
    """``n`` perturbations, each of all ``kinds`` together.

    The first m of them are those that ``perturbations(m, seed, …)`` gives, and leaving a kind out does not
    change the others.

    Raises:
        InputError: n below 1, a negative seed, no kind or an unknown one.
    """
    wanted, ranges = tuple(kinds), ranges or Ranges()
    unknown = [one for one in wanted if one not in KINDS]
    if n < 1 or seed < 0 or not wanted or unknown:
        raise InputError(
            "These perturbations cannot be made.",
            got=f"n {n}, seed {seed}, kinds {', '.join(map(str, wanted)) or 'none'}",
            expected=f"n and seed from 1 and 0; kinds out of {', '.join(KINDS)}",
            todo="Correct the call or the recipe.",
        )
    return tuple(_drawn(number, seed, wanted, ranges) for number in range(1, n + 1))


def _drawn(number: int, seed: int, kinds: tuple[Kind, ...], ranges: Ranges) -> Perturbation:
    z, y, x, turn, growth = (float(one) for one in _rng(seed, number, _DRAW).uniform(-1, 1, 5))
    most = ranges.shift_voxels if "shift" in kinds else 0.0
    return Perturbation(
        number,
        seed,
        noise_scale=ranges.noise_scale if "noise" in kinds else 0.0,
        shift_zyx=(z * most, y * most, x * most),
        rotation_deg=turn * ranges.rotation_deg if "rotation" in kinds else 0.0,
        growth=growth * ranges.growth if "volume" in kinds else 0.0,
        contour="contour" in kinds,
    )


def perturb(image: Volume, mask: Mask, how: Perturbation, *, interpolation: Order = "cubic") -> Perturbed:
    """Image and mask as they would have come, on the image's own grid.

    The image changes within ``MARGIN_MM`` of the region and becomes floating point; it is not rounded. A
    perturbation that changes nothing of the image or the mask returns the very same object.

    Args:
        image: of any unit, finite around the region.
        mask: (z, y, x) on its grid.
        interpolation: of the image; the mask is interpolated linearly, and one half is inside.
    Raises:
        GeometryError: the mask has another shape than the image.
        InputError: an empty mask, values that are not finite, or no voxel left.
    """
    refuse_unfit(image, mask)
    row: dict[str, float | int | bool] = {**how.as_row(), "noise_added": 0.0}
    spacing, images = image.grid.spacing_zyx_mm, image.values
    box = grown(box_of(mask), images.shape, spacing, MARGIN_MM, how.rotation_deg)
    region = mask[box]
    if how.noise_scale or how.moves:
        part, region, row["noise_added"] = _imaged_again(image, mask, box, how, interpolation)
        seen = image.with_values(pasted(images, part, box))
    else:
        part, seen = images[box], image
    if how.redraws and region.any():
        region = _drawn_again(part, region, spacing, how)
    row |= {"voxels_before": int(np.count_nonzero(mask)), "voxels_after": int(np.count_nonzero(region))}
    _refuse_empty(row)
    return Perturbed(seen, placed(region, mask.shape, box) if how.moves or how.redraws else mask, row)


def _rng(seed: int, number: int, stream: int) -> np.random.Generator:
    return np.random.default_rng([seed, number, stream])


def _imaged_again(
    image: Volume, mask: Mask, box: Box, how: Perturbation, interpolation: Order
) -> tuple[Array, Mask, float]:
    """Image and region in ``box`` after noise and movement, and the noise added."""
    spacing = image.grid.spacing_zyx_mm
    source = grown(box, mask.shape, spacing, 0.0, how.rotation_deg, READ_AROUND + 1) if how.moves else box
    values = image.values[source].astype(np.float64)
    _refuse_not_finite(values)
    inner = within(box, source)
    sigma = how.noise_scale * noise_level(values[inner]) if how.noise_scale else 0.0
    if sigma:
        values += sigma * _rng(how.seed, how.number, _NOISE).standard_normal(values.shape, np.float32)
    if not how.moves:
        return values, mask[box], sigma
    z, y, x = (float(one) for one in np.argwhere(mask[source]).mean(axis=0))
    movement = Movement(how.shift_zyx, how.rotation_deg, (z, y, x), spacing)
    return moved(values, inner, movement, interpolation), _moved_mask(mask[source], inner, movement), sigma


def _moved_mask(mask: Mask, box: Box, movement: Movement) -> Mask:
    """The region in ``box`` after the movement: where at least one half of a voxel is."""
    close = grown(box_of(mask), mask.shape, movement.spacing_zyx_mm, 0.0, movement.rotation_deg)
    share = moved(mask, close, movement, "linear")
    return placed(share >= 0.5 - 1e-9, mask.shape, close)[box]


def _drawn_again(part: Array, region: Mask, spacing: Triple, how: Perturbation) -> Mask:
    """The region after its volume has changed and its contour was redrawn."""
    far_mm = _CONTOUR_MM + max(how.growth, 0.0) * max(
        (one.stop - one.start) * step for one, step in zip(box_of(region), spacing, strict=True)
    )
    close = grown(box_of(region), region.shape, spacing, far_mm)
    found = region[close]
    if how.growth:
        found = resized(found, how.growth, spacing, _rng(how.seed, how.number, _VOLUME))
    if how.contour and found.any():
        values = np.asarray(part[close], np.float64)
        _refuse_not_finite(values)
        found = redrawn(values, found, spacing, _rng(how.seed, how.number, _CONTOUR))
    return placed(found, region.shape, close)


def _refuse_not_finite(values: NDArray[Any]) -> None:
    bad = values.size - int(np.count_nonzero(np.isfinite(values)))
    if bad:
        raise InputError(
            "The image has values around the region that are not finite.",
            got=f"{bad} of {values.size} voxels within {MARGIN_MM:g} mm are NaN or infinite",
            expected="a number in every voxel that noise is added to or that is interpolated",
            todo="Look for what wrote them, or fill them before perturbing the image.",
        )


def _refuse_empty(row: dict[str, float | int | bool]) -> None:
    if row["voxels_after"]:
        return
    raise InputError(
        "This perturbation leaves no voxel of the region.",
        got=f"{row['voxels_before']} voxels before; perturbation {row['perturbation']}: shift "
        f"({row['shift_z_voxels']:.2f}, {row['shift_y_voxels']:.2f}, {row['shift_x_voxels']:.2f}) voxels, "
        f"rotation {row['rotation_deg']:.1f} degrees, growth {row['growth']:.0%}",
        expected="at least one voxel",
        todo="Leave this region out of the stability analysis, or use smaller ranges.",
    )
