"""Which object belongs to which: by the UIDs that they name, never by a file's or a series' name."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from terasu.dicom.find import Index, Series
from terasu.dicom.headers import FileHeader
from terasu.errors import InputError

NOT_FOR_TREATMENT = ("VERIFICATION", "MACHINE_QA", "RESEARCH", "SERVICE")


@dataclass(frozen=True)
class Link:
    """A structure set or plan, and the image series that it belongs to (None if that is not here).

    Attributes:
        header: the structure set or plan.
        series: the image series.
        how: by what it was found, for the reasons: ``by the series that it names`` …
        by_structure_set: for a plan, the structure set that leads there, None where that is not here.
    """

    header: FileHeader
    series: Series | None
    how: str = ""
    by_structure_set: FileHeader | None = None


def images_of(index: Index, *modalities: str) -> tuple[Series, ...]:
    """Series of slices, for each Series Instance UID the largest group; scouts left out."""
    largest: dict[str, Series] = {}
    for series in index.of_modality(*modalities):
        if "LOCALIZER" in series.first.text.get("ImageType", "").upper() or not series.first.rows:
            continue
        if series.uid not in largest or series.n_images > largest[series.uid].n_images:
            largest[series.uid] = series
    return tuple(largest.values())


def distinct(headers: Iterable[FileHeader]) -> tuple[FileHeader, ...]:
    """Each object once; a copy of a file under another name is no second object.

    Raises:
        InputError: two different files carry the same SOP Instance UID.
    """
    kept: dict[str, FileHeader] = {}
    for header in headers:
        known = kept.setdefault(header.sop_instance_uid, header)
        if known is not header and known.path.read_bytes() != header.path.read_bytes():
            raise InputError(
                "Two different files say that they are the same object.",
                got=f"{known.path.name} and {header.path.name}, both {header.modality}",
                expected="one SOP Instance UID for one object",
                todo="Keep the one that is meant, and move the other out of the folder.",
            )
    return tuple(kept.values())


def link_structure_set(header: FileHeader, images: Sequence[Series]) -> Link:
    """Find the series that a structure set was drawn on."""
    named = [series for series in images if series.uid in header.references.series_uids]
    if len(named) == 1:
        return Link(header, named[0], "by the series that it names")
    pool = named or images
    overlap = [len(series.sop_instance_uids & header.references.image_uids) for series in pool]
    if pool and max(overlap) > 0:
        best = pool[overlap.index(max(overlap))]
        return Link(header, best, f"by {max(overlap)} images that its contours name")
    if not (header.references.series_uids or header.references.image_uids):
        frames = {header.frame_of_reference_uid, *header.references.frame_uids} - {""}
        sharing = [series for series in images if series.frame_of_reference_uid in frames]
        if len(sharing) == 1:
            return Link(
                header, sharing[0], "by its frame of reference alone: it names no series and no image"
            )
    return Link(header, None)


def link_plan(header: FileHeader, structure_sets: Sequence[Link], images: Sequence[Series]) -> Link:
    """Find the series that a plan was made on: through its structure set, else its frame of reference."""
    for link in structure_sets:
        if link.header.sop_instance_uid in header.references.structure_set_uids:
            return Link(header, link.series, "through the structure set that it names", link.header)
    frame = header.frame_of_reference_uid
    drawn = {link.series.uid for link in structure_sets if link.series is not None}
    sharing = [series for series in images if frame and series.frame_of_reference_uid == frame]
    chosen = sharing if len(sharing) == 1 else [series for series in sharing if series.uid in drawn]
    if len(chosen) == 1:
        return Link(header, chosen[0], "by its frame of reference alone: its structure set is not here")
    return Link(header, None)


def plans_of(index: Index) -> tuple[FileHeader, ...]:
    """Plans for treatment; verification and machine QA plans are none."""
    plans = distinct(index.headers("RTPLAN"))
    return tuple(plan for plan in plans if plan.text.get("PlanIntent", "") not in NOT_FOR_TREATMENT)


def registrations_between(index: Index, first_uid: str, second_uid: str) -> tuple[FileHeader, ...]:
    """Registration objects that name both frames of reference."""
    found = []
    for header in distinct(index.headers("REG")):
        frames = {header.frame_of_reference_uid, *header.references.frame_uids}
        if first_uid and second_uid and {first_uid, second_uid} <= frames:
            found.append(header)
    return tuple(found)


def dose_of(index: Index, plan: FileHeader | None, frame_uid: str) -> tuple[FileHeader, ...]:
    """Doses of a whole plan: those that name it; without a plan, those in the frame of reference."""
    whole = [dose for dose in distinct(index.headers("RTDOSE")) if _is_whole_plan(dose)]
    if plan is not None:
        return tuple(dose for dose in whole if plan.sop_instance_uid in dose.references.plan_uids)
    return tuple(dose for dose in whole if frame_uid and dose.frame_of_reference_uid == frame_uid)


def _is_whole_plan(dose: FileHeader) -> bool:
    return dose.text.get("DoseSummationType", "PLAN") == "PLAN"
