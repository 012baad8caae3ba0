"""Everything that is measured of one drawing: its organs one by one, and what they are to one another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np

from terasu.patient.agreement import bounding_box, centroid_lps_mm, dice
from terasu.patient.grid import Grid, require_same_grid
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.volume import Volume
from terasu.segment.engines import surface_distances
from terasu.segment.nearest import nearest_mm
from terasu.segment.quality.anatomy import SIDES, Order, apart_pairs, disjoint_pairs, orders, unlike_pairs
from terasu.segment.quality.content import Content, content_of
from terasu.segment.quality.form import Form, form_of
from terasu.segment.surface_measures import hausdorff_mm

Kind = Literal["overlap", "order", "gap", "contrast"]


@dataclass(frozen=True)
class Organ:
    """One organ of a drawing.

    Attributes:
        name: TG-263 name where it has one, else the ROI's.
        form, content: None where the contour is empty; content also where no CT is there.
        planning_95_mm: 95th percentile of the distance to the registered planning contour, NaN if not given.
        ensemble_dice: mean Dice between the members of an ensemble, NaN if not given.
    """

    name: str
    form: Form | None
    content: Content | None
    planning_95_mm: float = float("nan")
    ensemble_dice: float = float("nan")


@dataclass(frozen=True)
class Pair:
    """What two organs are to one another.

    Attributes:
        kind: ``overlap`` [% of the smaller], ``order`` [mm to the side where it belongs], ``gap`` [mm],
            ``contrast`` [HU between the medians].
        side: of an order.
    """

    kind: Kind
    first: str
    second: str
    value: float
    side: str = ""


@dataclass(frozen=True)
class Drawing:
    """One drawing, measured.

    Attributes:
        organs: in the order of the masks.
        pairs: every rule of anatomy that both organs are there for.
    """

    organs: tuple[Organ, ...]
    pairs: tuple[Pair, ...]


def measure_drawing(
    structures: StructureSet,
    image: Volume | None = None,
    *,
    planning: StructureSet | None = None,
    ensemble: Sequence[StructureSet] = (),
) -> Drawing:
    """Measure one drawing.

    Args:
        structures: masks by TG-263 name.
        image: the CT on the same grid, or None.
        planning: contours of the planning CT, registered to this one, on the same grid.
        ensemble: the same organs as several networks drew them, on the same grid.
    Raises:
        GeometryError: the grids differ.
    """
    if image is not None:
        require_same_grid(structures.grid, image.grid, first_name="contours", second_name="image")
    for other in (planning, *ensemble):
        if other is not None:
            require_same_grid(
                structures.grid, other.grid, first_name="contours", second_name="other contours"
            )
    organs = tuple(
        _organ(name, mask, structures.grid, image, planning, ensemble)
        for name, mask in structures.masks.items()
    )
    drawn = {one.name: structures[one.name] for one in organs if one.form is not None}
    contents = {one.name: one.content for one in organs if one.content is not None}
    return Drawing(organs, (*_geometry(drawn, structures.grid), *_contrasts(contents)))


def _organ(
    name: str,
    mask: Mask,
    grid: Grid,
    image: Volume | None,
    planning: StructureSet | None,
    ensemble: Sequence[StructureSet],
) -> Organ:
    if not mask.any():
        return Organ(name, None, None)
    planned = None if planning is None else planning.masks.get(name)
    members = [one.masks[name] for one in ensemble if name in one.masks]
    return Organ(
        name,
        form_of(mask, grid),
        None if image is None else content_of(mask, image),
        _distance_95_mm(planned, mask, grid),
        _mean_dice(members),
    )


def _distance_95_mm(planned: Mask | None, mask: Mask, grid: Grid) -> float:
    if planned is None or not planned.any():
        return float("nan")
    return hausdorff_mm(surface_distances(planned, mask, grid.spacing_zyx_mm), 95)


def _mean_dice(members: Sequence[Mask]) -> float:
    found = [dice(first, second) for first, second in combinations(members, 2)]
    return float(np.mean(found)) if found else float("nan")


def _geometry(drawn: Mapping[str, Mask], grid: Grid) -> list[Pair]:
    pairs = [
        Pair("overlap", first, second, _overlap_percent(drawn[first], drawn[second]))
        for first, second in disjoint_pairs(drawn)
    ]
    pairs += [
        Pair("order", one.first, one.second, _offset_mm(one, drawn, grid), one.side) for one in orders(drawn)
    ]
    return pairs + [
        Pair("gap", first, second, _gap_mm(drawn[first], drawn[second], grid))
        for first, second in apart_pairs(drawn)
    ]


def _contrasts(contents: Mapping[str, Content]) -> list[Pair]:
    return [
        Pair("contrast", first, second, abs(contents[first].median_hu - contents[second].median_hu))
        for first, second in unlike_pairs(contents)
    ]


def _overlap_percent(first: Mask, second: Mask) -> float:
    smaller = min(np.count_nonzero(first), np.count_nonzero(second))
    return 100.0 * np.count_nonzero(first & second) / smaller


def _offset_mm(order: Order, drawn: Mapping[str, Mask], grid: Grid) -> float:
    apart = centroid_lps_mm(drawn[order.first], grid) - centroid_lps_mm(drawn[order.second], grid)
    return float(apart[SIDES.index(order.side)])


def _gap_mm(first: Mask, second: Mask, grid: Grid) -> float:
    """Smallest distance between voxel centres, 0 where they share one."""
    box = bounding_box(first | second)
    return float(nearest_mm(first[box], np.argwhere(second[box]), grid.spacing_zyx_mm).min())
