"""What is to be measured: one region of one image of one case; and what was left out, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from terasu.errors import TerasuError


@dataclass(frozen=True)
class ImageFiles:
    """One image.

    Attributes:
        paths: the files of a DICOM series, or one NIfTI, NRRD or MetaImage file.
        modality: CT, CBCT, MR, PT; empty where nobody said.
        series_uid: empty for files that are not DICOM.
        sequence: of MR, what tells T1w from T2w (Series Description); empty for others.
    """

    paths: tuple[Path, ...]
    modality: str = ""
    series_uid: str = ""
    sequence: str = ""

    @property
    def is_dicom(self) -> bool:
        """True for a series, False for a volume file."""
        return bool(self.series_uid)

    @property
    def unit(self) -> str:
        """Of its values: ``HU``, or ``1`` for a scale of its own."""
        return "HU" if self.modality in ("CT", "CBCT") else "1"


@dataclass(frozen=True)
class Drawing:
    """Where the region is drawn.

    Attributes:
        path: an RTSTRUCT, or a mask file.
        roi: ROI name (as in the file for RTSTRUCT).
        label: value in a mask file; None for anything but 0.
        structure_set_uid: empty for mask files.
    """

    path: Path
    roi: str
    label: int | None = None
    structure_set_uid: str = ""


@dataclass(frozen=True)
class Region:
    """One region of one image of one case.

    Attributes:
        asked: the name or pattern that the region was found by: the same word over all cases.
        fraction: counted from 1 among the images of the case of this modality and sequence.
        day: since the first of them; None where not known.
    """

    case: str
    image: ImageFiles
    drawn: Drawing
    asked: str
    fraction: int = 1
    day: float | None = None


@dataclass(frozen=True)
class LeftOut:
    """Something that cannot be measured, and why: it becomes a row without values."""

    case: str
    modality: str
    roi: str
    reason: str
    asked: str = ""
    sequence: str = ""


@dataclass(frozen=True)
class Found:
    """Everything that a folder or a sheet holds."""

    regions: tuple[Region, ...] = ()
    left_out: tuple[LeftOut, ...] = ()
    notes: tuple[str, ...] = field(default=())


def told(error: TerasuError) -> str:
    """An error as one line of a table: what is wrong, and what came."""
    return " ".join(part for part in (error.what, f"({error.got})" if error.got else "") if part)
