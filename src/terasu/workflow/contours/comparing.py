"""Two drawings of the same organs, compared organ by organ."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from terasu.errors import InputError
from terasu.segment.compare import ADDED_PATH_MM, Comparison, compare
from terasu.segment.engines import EngineName
from terasu.segment.published import observers_of
from terasu.workflow.contours.organs import by_organ, chosen
from terasu.workflow.contours.sources import common_grid, drawing_at, image_at, laid_on, roi_names


@dataclass(frozen=True)
class Asked:
    """How two drawings are compared.

    Attributes:
        image: folder or file that both were drawn on; a grid of 1 mm on the contours' planes if left out.
        engine, tolerance_mm: see ``segment.compare``.
        reference_rois, test_rois: names or patterns; all if empty.
    """

    image: Path | None = None
    engine: EngineName = "mesh"
    tolerance_mm: float | None = None
    reference_rois: tuple[str, ...] = ()
    test_rois: tuple[str, ...] = ()


@dataclass(frozen=True)
class Compared:
    """The organs of two drawings.

    Attributes:
        organs: one comparison each.
        only_reference, only_test: organs that the other drawing does not have.
    """

    organs: tuple[Comparison, ...]
    only_reference: tuple[str, ...]
    only_test: tuple[str, ...]


def compare_drawings(reference: Path, test: Path, asked: Asked) -> Compared:
    """Compare every organ that both drawings have; two mask files are one organ, whatever they are called.

    Raises:
        InputError: no organ in both.
    """
    first, second = drawing_at(reference), drawing_at(test)
    grid = common_grid((first, second)) if asked.image is None else image_at(asked.image, drawn=first).grid
    there = by_organ(chosen(roi_names(first), asked.reference_rois))
    here = by_organ(chosen(roi_names(second), asked.test_rois))
    if isinstance(second, Path) and len(there) == 1:
        here = {name: next(iter(there.values())) for name in here}
    both = [organ for organ in there.values() if organ in here.values()]
    if not both:
        raise _nothing_in_common(there, here)
    masks = laid_on(grid, first, _of(there, both)), laid_on(grid, second, _of(here, both))
    organs = tuple(
        compare(
            masks[0][organ],
            masks[1][organ],
            grid,
            organ=organ,
            engine=asked.engine,
            tolerance_mm=asked.tolerance_mm,
        )
        for organ in both
    )
    return Compared(organs, _without(there, both), _without(here, both))


def as_rows(compared: Compared) -> list[dict[str, Any]]:
    """One flat row an organ, as CSV and JSON hold it; None where there is no number."""
    return [_row(one) for one in compared.organs]


def _row(one: Comparison) -> dict[str, Any]:
    row: dict[str, Any] = {
        key: None if isinstance(value, float) and not math.isfinite(value) else value
        for key, value in asdict(one).items()
        if not isinstance(value, tuple)
    }
    for mm, added, share in zip(ADDED_PATH_MM, one.added_path_mm, one.added_path_share, strict=True):
        row[f"added_path_at_{mm:g}_mm"] = added
        row[f"added_path_share_at_{mm:g}_mm"] = share
    row["observers"] = "; ".join(
        f"Dice {said.dice:g} on {said.image} ({said.source})" for said in observers_of(one.organ)
    )
    return row


def _of(names: Mapping[str, str], organs: Iterable[str]) -> dict[str, str]:
    wanted = set(organs)
    return {name: organ for name, organ in names.items() if organ in wanted}


def _without(names: Mapping[str, str], organs: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(names.values()) - set(organs)))


def _nothing_in_common(there: Mapping[str, str], here: Mapping[str, str]) -> InputError:
    return InputError(
        "The two drawings have no organ in common.",
        got=f"reference: {', '.join(there.values())}; test: {', '.join(here.values())}",
        expected="at least one organ in both, whatever it is called there",
        todo="Name the ROIs with --reference-roi and --test-roi.",
    )
