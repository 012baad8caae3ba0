"""From a sheet (CSV), one row a region, to what is to be measured: NIfTI, NRRD, MetaImage and DICOM."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from terasu.errors import InputError, TerasuError
from terasu.workflow.radiomics.at_path import drawing_at, image_at
from terasu.workflow.radiomics.recipe import Recipe
from terasu.workflow.radiomics.regions import Drawing, Found, ImageFiles, LeftOut, Region, told

NEEDED = ("case", "image", "mask")
OFFERED = ("roi", "label", "modality", "sequence", "fraction", "day")


def regions_of_sheet(sheet: Path, recipe: Recipe) -> Found:
    """Every row of a sheet: the columns ``NEEDED`` and, where they are needed, those of ``OFFERED``.

    ``image`` is a volume file or a folder with one DICOM series; ``mask`` a mask file (with ``label``, the
    value that counts) or an RTSTRUCT (with ``roi``, the name). Paths are relative to the sheet.

    Raises:
        InputError: no such sheet, missing or unknown columns, a row without case, image or mask, or the same
            region twice.
    """
    table = _read(sheet)
    regions, left_out = [], []
    for number, row in enumerate(table.to_dict("records"), start=2):
        line = _Line({str(name): str(value).strip() for name, value in row.items()}, number, sheet.parent)
        try:
            region = line.region()
        except TerasuError as error:
            left_out.append(line.left_out(error))
            continue
        if not recipe.modalities or region.image.modality in recipe.modalities:
            regions.append(region)
    _refuse_twice(regions)
    return Found(tuple(regions), tuple(left_out))


@dataclass(frozen=True)
class _Line:
    row: Mapping[str, str]
    number: int
    folder: Path

    def __getitem__(self, name: str) -> str:
        return self.row.get(name, "")

    def region(self) -> Region:
        image = self._image()
        drawn = self._drawing()
        fraction = self._whole("fraction")
        day = self["day"]
        try:
            days = float(day) if day else None
        except ValueError as error:
            raise self._wrong("day", "a number of days") from error
        return Region(self["case"], image, drawn, drawn.roi, 1 if fraction is None else fraction, days)

    def left_out(self, error: TerasuError) -> LeftOut:
        reason = f"line {self.number}: {told(error)}"
        what = self["case"], self["modality"], self["roi"]
        return LeftOut(*what, reason, self["roi"], self["sequence"])

    def _image(self) -> ImageFiles:
        image = image_at(self._path("image"), self["modality"])
        return replace(image, sequence=self["sequence"] or image.sequence)

    def _drawing(self) -> Drawing:
        return drawing_at(self._path("mask"), self["roi"] or None, self._whole("label"))

    def _path(self, name: str) -> Path:
        path = self.folder / self[name]
        if not self[name] or not path.exists():
            raise InputError(
                f"There is no such {name}.",
                got=self[name] or "nothing",
                expected="a path relative to the sheet",
                todo="Correct the line.",
            )
        return path

    def _whole(self, name: str) -> int | None:
        text = self[name]
        if not text:
            return None
        try:
            return int(text)
        except ValueError as error:
            raise self._wrong(name, "a whole number") from error

    def _wrong(self, name: str, expected: str) -> InputError:
        return InputError(
            f"The {name} is none.",
            got=self[name],
            expected=expected,
            todo="Correct the line.",
        )


def _read(sheet: Path) -> pd.DataFrame:
    try:
        table = pd.read_csv(sheet, dtype=str, keep_default_na=False, sep=None, engine="python")
    except (OSError, ValueError, pd.errors.ParserError) as error:
        raise InputError(
            "The sheet cannot be read.",
            got=f"{sheet.name}: {str(error).splitlines()[0]}",
            expected="a CSV file with a line of column names",
            todo="Save it as CSV again.",
        ) from error
    table.columns = table.columns.str.strip().str.lower()
    lost = [name for name in NEEDED if name not in table.columns]
    other = [name for name in table.columns if name not in (*NEEDED, *OFFERED)]
    if lost or other or not len(table):
        raise InputError(
            "The sheet is no list of regions.",
            got=f"missing: {', '.join(lost) or 'none'}; unknown: {', '.join(other) or 'none'}; "
            f"{len(table)} lines",
            expected=f"columns {', '.join(NEEDED)}, and perhaps {', '.join(OFFERED)}",
            todo="Rename or remove columns.",
        )
    nameless = [str(line) for line, case in enumerate(table["case"], start=2) if not case.strip()]
    if nameless:
        raise InputError(
            "A line has no case.",
            got=f"line {', '.join(nameless[:6])}",
            expected="a name that tells patients apart",
            todo="Complete the sheet.",
        )
    return table


def _refuse_twice(regions: list[Region]) -> None:
    seen: set[tuple[object, ...]] = set()
    for one in regions:
        key = (one.case, one.image.modality, one.image.sequence, one.drawn.roi, one.fraction)
        if key in seen:
            raise InputError(
                "A region comes twice.",
                got=f"case {one.case}, {one.image.modality or 'no modality'}, {one.drawn.roi}, "
                f"fraction {one.fraction}",
                expected="one line a case, modality, sequence, ROI and fraction",
                todo="Remove the copy, or tell them apart in the columns sequence, roi or fraction.",
            )
        seen.add(key)
