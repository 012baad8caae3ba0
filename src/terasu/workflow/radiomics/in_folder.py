"""From a folder of DICOM patients to the regions that are to be measured."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

from terasu.dicom.find import Index, Series, index_folder
from terasu.dicom.headers import IMAGES, FileHeader
from terasu.dicom.identity import NOBODY
from terasu.dicom.links import Link, distinct, images_of, link_structure_set
from terasu.dicom.rtstruct import read_structures
from terasu.errors import InputError, TerasuError
from terasu.patient.volume_file import is_volume_file
from terasu.workflow.radiomics.at_path import image_of
from terasu.workflow.radiomics.recipe import Recipe
from terasu.workflow.radiomics.regions import Drawing, Found, ImageFiles, LeftOut, Region


def regions_of_folder(folder: Path, recipe: Recipe) -> Found:
    """Every region of every patient in a folder that the recipe asks for.

    A case is called by its subfolder where subfolders and patients fit one to one, by the folder itself if
    there is one patient, else by a digest of what the headers say about the patient.

    Raises:
        InputError: no such folder, or no image series in it.
    """
    index = index_folder(folder)
    images = images_of(index, *IMAGES)
    if not images:
        raise _no_images(folder, index)
    names, notes = _case_names(index, folder)
    found = _Gathered(recipe)
    by_case: dict[str, list[Series]] = defaultdict(list)
    for series in images:
        by_case[names[_key(series.first, folder)]].append(series)
    drawn: dict[str, list[FileHeader]] = defaultdict(list)
    for header in distinct(index.headers("RTSTRUCT")):
        drawn[names[_key(header, folder)]].append(header)
    for case in sorted({*by_case, *drawn}):
        found.add_case(case, by_case.get(case, []), drawn.get(case, []))
    suspect = [one for one in index.rejected if one.is_suspect]
    notes += [f"{one.path.name} was passed over: {one.reason}" for one in suspect]
    return Found(tuple(found.regions), tuple(found.left_out), tuple(notes))


def matching(patterns: Iterable[str], name: str) -> str | None:
    """The first name or pattern that a name fits, case ignored."""
    low = name.lower()
    return next((one for one in patterns if one.lower() == low or fnmatchcase(low, one.lower())), None)


@dataclass
class _Gathered:
    """Regions and what was left out, case by case."""

    recipe: Recipe

    def __post_init__(self) -> None:
        self.regions: list[Region] = []
        self.left_out: list[LeftOut] = []

    def add_case(self, case: str, images: list[Series], drawn: list[FileHeader]) -> None:
        wanted = [one for one in images if self._wanted(image_of(one).modality)]
        links = [link_structure_set(header, images) for header in drawn]
        for link in links:
            if link.series is None:
                self.left_out.append(LeftOut(case, "", "", _lost(link.header, images)))
        places = _places(wanted)
        for series in wanted:
            self._add_image(case, series, links, *places[series.uid])

    def _wanted(self, modality: str) -> bool:
        return not self.recipe.modalities or modality in self.recipe.modalities

    def _add_image(
        self, case: str, series: Series, links: list[Link], fraction: int, day: float | None
    ) -> None:
        image = image_of(series)
        sets = [link.header for link in links if self._is_on(link, series)]
        if not sets:
            reason = f"no structure set belongs to this image ({series.n_images} images)"
            self._leave_out(case, image, "", reason)
            return
        taken: dict[str, Drawing] = {}
        empty: list[str] = []
        for header in sorted(sets, key=_drawn_when, reverse=True):
            for drawing, has_contours in self._drawings(header, case, image):
                if not has_contours:
                    empty.append(drawing.roi)
                elif drawing.roi in taken:
                    reason = "an ROI of this name stands in a later structure set of the same image"
                    self._leave_out(case, image, drawing.roi, reason)
                else:
                    taken[drawing.roi] = drawing
        self._choose(case, image, taken, empty, fraction, day)

    def _choose(
        self,
        case: str,
        image: ImageFiles,
        taken: dict[str, Drawing],
        empty: list[str],
        fraction: int,
        day: float | None,
    ) -> None:
        patterns = self.recipe.rois or tuple(taken)
        for name, drawing in taken.items():
            asked = matching(patterns, name)
            if asked is not None:
                self.regions.append(Region(case, image, drawing, asked, fraction, day))
        for name in empty:
            if name not in taken and (not self.recipe.rois or matching(patterns, name)):
                reason = "the ROI has no closed contour"
                self._leave_out(case, image, name, reason, matching(patterns, name) or "")
        for pattern in self.recipe.rois:
            if not any(matching([pattern], name) for name in (*taken, *empty)):
                there = ", ".join(taken) or "none with contours"
                reason = f"there is no ROI {pattern!r}; there are: {there}"
                self._leave_out(case, image, pattern, reason, pattern)

    def _leave_out(self, case: str, image: ImageFiles, roi: str, reason: str, asked: str = "") -> None:
        self.left_out.append(LeftOut(case, image.modality, roi, reason, asked, image.sequence))

    def _drawings(self, header: FileHeader, case: str, image: ImageFiles) -> list[tuple[Drawing, bool]]:
        try:
            contours = read_structures(header.path)
        except TerasuError as error:
            reason = f"the structure set cannot be read: {error.what} {error.got}"
            self._leave_out(case, image, "", reason)
            return []
        uid = header.sop_instance_uid
        return [(Drawing(header.path, roi.name, None, uid), bool(roi.contours_lps_mm)) for roi in contours]

    def _is_on(self, link: Link, series: Series) -> bool:
        if link.series is not None and link.series.uid == series.uid:
            return True
        frame = series.frame_of_reference_uid
        frames = {link.header.frame_of_reference_uid, *link.header.references.frame_uids}
        return self.recipe.same_frame and bool(frame) and frame in frames


def _places(images: Sequence[Series]) -> dict[str, tuple[int, float | None]]:
    """Series UID → number and day among the images of its kind, in the order of acquisition."""
    by_kind: dict[tuple[str, str], list[Series]] = defaultdict(list)
    for series in images:
        image = image_of(series)
        by_kind[image.modality, image.sequence].append(series)
    found: dict[str, tuple[int, float | None]] = {}
    for group in by_kind.values():
        ordered = sorted(group, key=_acquired_when)
        first = _date(ordered[0])
        for number, series in enumerate(ordered, start=1):
            day = _date(series)
            found[series.uid] = number, None if day is None or first is None else float((day - first).days)
    return found


def _acquired_when(series: Series) -> tuple[str, str, str]:
    text = series.first.text
    return series.day, text.get("AcquisitionTime", text.get("SeriesTime", "")), series.uid


def _date(series: Series) -> date | None:
    try:
        return date.fromisoformat(series.day) if series.day else None
    except ValueError:
        return None


def _drawn_when(header: FileHeader) -> tuple[str, str, str]:
    text = header.text
    return text.get("StructureSetDate", ""), text.get("StructureSetTime", ""), header.sop_instance_uid


def _key(header: FileHeader, folder: Path) -> tuple[str, str]:
    parts = header.path.relative_to(folder).parts
    return (parts[0] if len(parts) > 1 else ""), header.patient_key


def _case_names(index: Index, folder: Path) -> tuple[dict[tuple[str, str], str], list[str]]:
    """(subfolder, patient) → case."""
    headers = [series.first for series in index.series]
    keys = {_key(header, folder) for header in headers}
    silent = {_key(header, folder) for header in headers if header.identity == NOBODY}
    patients, notes = {patient for _, patient in keys}, []
    tops: dict[str, set[str]] = defaultdict(set)
    inside: dict[str, set[str]] = defaultdict(set)
    for top, patient in keys:
        tops[patient].add(top)
        inside[top].add(patient)
    names = {}
    for key in keys:
        top, patient = key
        if key in silent and top:
            names[key] = top
        elif len(patients) == 1:
            names[key] = folder.resolve().name
        elif top and tops[patient] == {top} and inside[top] == {patient}:
            names[key] = top
        else:
            names[key] = f"patient-{patient[:8]}"
    for patient, folders in sorted(tops.items()):
        if len(folders) > 1 and len(patients) > 1:
            where = ", ".join(sorted(folders))
            notes.append(f"the headers in {where} name one patient: taken as one case, patient-{patient[:8]}")
    return names, notes


def _lost(header: FileHeader, images: Sequence[Series]) -> str:
    here = "; ".join(one.describe() for one in images) or "none of this patient"
    named = ", ".join(header.references.series_uids) or "none"
    return f"the structure set was drawn on a series that is not here ({named}); image series: {here}"


def _no_images(folder: Path, index: Index) -> InputError:
    volumes = [one for one in sorted(folder.rglob("*")) if is_volume_file(one)][:3]
    if volumes:
        return InputError(
            "This folder holds volume files and no DICOM: nothing says which mask belongs to which image.",
            got=", ".join(one.name for one in volumes) + ", …",
            expected="a sheet (CSV) with the columns case, image, mask",
            todo="Write such a sheet and pass it instead of the folder; paths are relative to it.",
        )
    return InputError(
        "There is no image series in this folder.",
        got=f"{index.n_files} DICOM files, {len(index.rejected)} other or unreadable files in {folder.name}",
        expected="DICOM series of CT, MR or PT with RTSTRUCT, or a sheet (CSV) for other files",
        todo="Check the folder with terasu inspect.",
    )
