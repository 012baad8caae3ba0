"""The made patient as a CT and as structures, on the planning grid or on any other."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from zlib import crc32

import numpy as np

from terasu.patient.grid import Grid
from terasu.patient.margin import expand
from terasu.patient.phantom import bones
from terasu.patient.phantom.anatomy import Anatomy
from terasu.patient.phantom.body import body
from terasu.patient.phantom.bowel import bowel_bag
from terasu.patient.phantom.frame import box_of, coordinates, in_slabs
from terasu.patient.phantom.layers import penile_bulb
from terasu.patient.phantom.organs import organs_of
from terasu.patient.phantom.paint import paint
from terasu.patient.phantom.shapes import Shape, both, flipped, grown, union
from terasu.patient.phantom.texture import scanner_noise
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.volume import Source, Volume

MADE_BY = "Terasu made patient (analytic male pelvis)"
PTV_MARGIN_MM = 7.0
PTV_MARGIN_BACK_MM = 5.0
NOISE_HU = 10.0
TYPES = {
    "External": "EXTERNAL",
    "CTV": "CTV",
    "PTV": "PTV",
} | dict.fromkeys(
    ("Prostate", "SeminalVes", "Bladder", "Rectum", "Femur_Head_L", "Femur_Head_R", "PenileBulb", "Bowel"),
    "ORGAN",
)


@dataclass(frozen=True, eq=False)
class Phantom:
    """A made patient on one grid.

    Attributes:
        anatomy: what he is like.
        ct: HU, int16, with noise.
        structures: TG-263 names; ``PTV`` only where it was asked for.
    """

    anatomy: Anatomy
    ct: Volume
    structures: StructureSet


def planning_grid(*, small: bool = False, frame_of_reference_uid: str = "") -> Grid:
    """The grid of the planning CT: 72 slices of 3 mm, 512² at 0.98 mm; small: 42 of 5 mm, 160² at 3.2."""
    pixels, pixel, slices, step = (160, 3.2, 42, 5.0) if small else (512, 0.98, 72, 3.0)
    corner = -(pixels - 1) * pixel / 2
    return Grid.from_axes(
        (slices, pixels, pixels),
        spacing_zyx_mm=(step, pixel, pixel),
        origin_lps_mm=(round(corner, 2), round(corner + 10, 2), -118.0),
        frame_of_reference_uid=frame_of_reference_uid,
    )


def make_phantom(
    anatomy: Anatomy | None = None,
    *,
    grid: Grid | None = None,
    small: bool = False,
    noise_hu: float = NOISE_HU,
    target: bool = True,
) -> Phantom:
    """A made male pelvis: planning CT and structures.

    Args:
        anatomy: what he is like; the default patient if left out.
        grid: any; the planning grid if left out.
        small: a coarse planning grid, for tests.
        noise_hu: standard deviation of the scanner's noise in the middle of the image [HU].
        target: whether the PTV is drawn too (planning only: a margin is no anatomy).
    Returns:
        CT and structures on one grid; equal for equal arguments.
    """
    anatomy = anatomy or Anatomy()
    grid = grid or planning_grid(small=small)
    return Phantom(
        anatomy,
        phantom_ct(anatomy, grid, noise_hu=noise_hu),
        phantom_structures(anatomy, grid, target=target),
    )


def phantom_ct(anatomy: Anatomy, grid: Grid, *, noise_hu: float = NOISE_HU) -> Volume:
    """The patient's CT on any grid, int16 HU; noise depends on seed and day."""
    hu = paint(anatomy, grid)
    if noise_hu > 0:
        hu += scanner_noise(grid, seed=crc32(repr(anatomy).encode()), sd_hu=noise_hu)
    np.clip(np.rint(hu, out=hu), -1024, 3071, out=hu)
    return Volume(hu.astype(np.int16), grid, "HU", Source("CT", made_by=MADE_BY))


def phantom_structures(anatomy: Anatomy, grid: Grid, *, target: bool = False) -> StructureSet:
    """The patient's true structures on any grid: True where the voxel's centre is inside."""
    masks = {name: inside(shape, grid, anatomy) for name, shape in shapes_of(anatomy).items()}
    if target:
        side, back = PTV_MARGIN_MM, PTV_MARGIN_BACK_MM
        masks["PTV"] = expand(
            masks["CTV"], grid, left=side, right=side, front=side, back=back, up=side, down=side
        )
    return StructureSet(grid, masks, types={name: TYPES[name] for name in masks})


@lru_cache(maxsize=8)
def shapes_of(anatomy: Anatomy) -> dict[str, Shape]:
    """Analytic shapes by TG-263 name."""
    organs = organs_of(anatomy)
    near = both(organs.vesicles, grown(organs.prostate, 12))
    return {
        "External": body(anatomy),
        "Prostate": organs.prostate,
        "SeminalVes": organs.vesicles,
        "Bladder": organs.bladder,
        "Rectum": organs.rectum,
        "Femur_Head_L": bones.head_and_neck(),
        "Femur_Head_R": flipped(bones.head_and_neck()),
        "PenileBulb": penile_bulb(),
        "Bowel": bowel_bag(organs),
        "CTV": union(organs.prostate, near),
    }


def inside(shape: Shape, grid: Grid, anatomy: Anatomy) -> Mask:
    """Mask of an analytic shape of this patient on any grid."""
    mask = np.zeros(grid.shape_zyx, np.bool_)
    box = box_of(shape, grid, anatomy)
    if box is None:
        return mask
    part = grid.crop([one.start for one in box], [one.stop for one in box])
    _, rows, columns = part.shape_zyx
    found = mask[box]

    def fill(start: int, stop: int) -> None:
        slab = part.crop((start, 0, 0), (stop, rows, columns))
        found[start:stop] = shape.distance(*coordinates(slab, anatomy)) < 0

    in_slabs(fill, part.shape_zyx)
    return mask
