"""Which files of a folder make the case: planning CT, structure set, plan, the day's image, what joins them.

By reference and frame of reference: plan → structure set → image series. Names of files and series are
never looked at; where references leave several images, headers are weighed (``evidence.py``) and the
reasons say so; where that leaves several, the reader is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from terasu.dicom import refusals as refuse
from terasu.dicom.evidence import cone_beam_evidence, narrow_to_daily, narrow_to_planning
from terasu.dicom.find import Index, Series
from terasu.dicom.headers import FileHeader
from terasu.dicom.links import (
    Link,
    distinct,
    dose_of,
    images_of,
    link_plan,
    link_structure_set,
    plans_of,
    registrations_between,
)
from terasu.errors import InputError

OTHER_IMAGES = ("MR", "PT", "US", "NM")


@dataclass(frozen=True)
class CaseFiles:
    """The files of one case.

    Attributes:
        planning: the planning CT.
        structures: its structure set.
        plan: the treatment plan, if there is one.
        daily: the day's image.
        daily_structures: structure set drawn on the day's image, if there is one.
        planned_dose: dose of the whole plan as the planning system calculated it, if there is one.
        registrations: registration objects that name both frames of reference.
        patient_keys: which object → digest of the patient's identity; an object that leaves a part of the
            identity out and contradicts nothing carries the planning CT's.
        reasons: what was chosen and why, in sentences.
        flags: what a checker should look at, in sentences.
    """

    planning: Series
    structures: FileHeader | None = None
    plan: FileHeader | None = None
    daily: Series | None = None
    daily_structures: FileHeader | None = None
    planned_dose: FileHeader | None = None
    registrations: tuple[FileHeader, ...] = ()
    patient_keys: Mapping[str, str] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()

    @property
    def is_one_patient(self) -> bool:
        """True if every object carries the same patient's identity."""
        return len(set(self.patient_keys.values())) <= 1


@dataclass
class _Said:
    """Reasons and flags, gathered on the way."""

    reasons: list[str] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)


def choose_case(
    index: Index,
    *,
    planning_series: str | None = None,
    daily_series: str | None = None,
    structure_set: str | None = None,
    plan: str | None = None,
    need_daily: bool = True,
    need_structures: bool = True,
) -> CaseFiles:
    """Choose the files of the case.

    Args:
        index: from ``index_folder``.
        planning_series, daily_series: Series Instance UIDs, or their unique endings, where the reader
            has decided.
        structure_set, plan: SOP Instance UIDs, or their unique endings.
        need_daily, need_structures: whether a folder without them is refused.
    Raises:
        InputError: nothing usable in the folder, a part is missing or of the wrong modality, a structure
            set or plan belongs to images that are not here, or several choices are left.
    """
    said = _Said()
    images = images_of(index, "CT")
    if not images:
        raise refuse.no_planning_ct(index)
    drawn = [link_structure_set(header, images) for header in distinct(index.headers("RTSTRUCT"))]
    plans = [link_plan(header, drawn, images) for header in plans_of(index)]
    if plan is not None:
        plans = [_by_uid(plans, plan, "--plan")]
    planning = _choose_planning(images, drawn, plans, planning_series, said)
    treatment = _choose_plan(plans, planning, said)
    structures = _choose_structures(drawn, planning, treatment, structure_set, need_structures, said)
    daily = _choose_daily(index, images, planning, daily_series, need_daily, said)
    case = CaseFiles(
        planning=planning,
        structures=structures,
        plan=None if treatment is None else treatment.header,
        daily=daily,
        daily_structures=_choose_daily_structures(drawn, daily, said),
        planned_dose=_choose_dose(index, treatment, planning, said),
        registrations=_choose_registrations(index, planning, daily, said),
    )
    keys = _patient_keys(case, said)
    _flag_leftovers(index, drawn, case, said)
    return replace(case, patient_keys=keys, reasons=tuple(said.reasons), flags=tuple(said.flags))


def _choose_planning(
    images: Sequence[Series],
    drawn: Sequence[Link],
    plans: Sequence[Link],
    wanted_uid: str | None,
    said: _Said,
) -> Series:
    if wanted_uid is not None:
        said.reasons.append("The planning CT was named by the reader.")
        return _series_by_uid(images, wanted_uid, "--planning")
    for links, what in ((plans, "plan"), (drawn, "structure set")):
        linked = {link.series.uid: link for link in links if link.series is not None}
        if len(linked) == 1:
            (link,) = linked.values()
            assert link.series is not None
            said.reasons.append(
                f"Planning CT: the {what} belongs to it, {link.how} ({link.series.describe()})."
            )
            return link.series
        if linked:
            images = [link.series for link in linked.values() if link.series is not None]
            break
    left = narrow_to_planning(images)
    if len(left) > 1:
        raise refuse.ambiguous("Several CT series may be the planning CT.", left, "--planning SERIES")
    if len(images) > 1:
        said.reasons.append(
            f"Planning CT: of {len(images)} CT series the only one that comes from no treatment machine "
            f"({left[0].describe()})."
        )
    else:
        said.reasons.append(f"Planning CT: the only CT series that it can be ({left[0].describe()}).")
    return left[0]


def _choose_plan(plans: Sequence[Link], planning: Series, said: _Said) -> Link | None:
    fitting = [link for link in plans if link.series is not None and link.series.uid == planning.uid]
    if not plans:
        said.reasons.append("There is no treatment plan in the folder.")
        return None
    if not fitting:
        raise refuse.stray_plan(plans, planning)
    link = _only_or_approved(fitting, "Several plans belong to the planning CT.", "--plan UID")
    said.reasons.append(f"Plan: it belongs to the planning CT {link.how}.")
    if link.by_structure_set is None:
        said.flags.append("The structure set that the plan was made on is not in the folder.")
    return link


def _choose_structures(
    drawn: Sequence[Link],
    planning: Series,
    plan: Link | None,
    wanted_uid: str | None,
    needed: bool,
    said: _Said,
) -> FileHeader | None:
    if wanted_uid is not None:
        drawn = [_by_uid(drawn, wanted_uid, "--structures")]
    fitting = [link for link in drawn if link.series is not None and link.series.uid == planning.uid]
    if wanted_uid is None and plan is not None and plan.by_structure_set is not None:
        said.reasons.append("Structure set: the plan names it.")
        return plan.by_structure_set
    if fitting:
        link = _only_or_approved(
            fitting, "Several structure sets belong to the planning CT.", "--structures UID"
        )
        said.reasons.append(f"Structure set: it belongs to the planning CT {link.how}.")
        return link.header
    if needed:
        raise refuse.no_structures(drawn, planning)
    said.reasons.append("There is no structure set for the planning CT in the folder.")
    return None


def _choose_daily(
    index: Index,
    images: Sequence[Series],
    planning: Series,
    wanted_uid: str | None,
    needed: bool,
    said: _Said,
) -> Series | None:
    others = images_of(index, *OTHER_IMAGES)
    if wanted_uid is not None:
        chosen = _series_by_uid((*images, *others), wanted_uid, "--daily")
        if chosen.modality != "CT":
            raise refuse.wrong_modality([chosen])
        if chosen.uid == planning.uid:
            raise InputError(
                "The day's image and the planning CT are the same series.",
                got=chosen.describe(),
                expected="two series",
                todo="Correct --daily or --planning; terasu inspect FOLDER lists the series.",
            )
        said.reasons.append("The day's image was named by the reader.")
        return chosen
    candidates = [series for series in images if series.uid != planning.uid]
    if not candidates:
        if needed:
            raise refuse.wrong_modality(others) if others else refuse.no_daily(planning)
        said.reasons.append("There is no day's image in the folder.")
        return None
    left, why = narrow_to_daily(candidates, planning)
    if len(left) > 1:
        raise refuse.ambiguous("Several CT series may be the day's image.", left, "--daily SERIES")
    said.reasons.extend(why)
    evidence = cone_beam_evidence(left[0])
    said.reasons.append(
        f"Day's image: {'the one left' if why else 'the other CT series'} ({left[0].describe()})"
        + (f"; {evidence}." if evidence else ".")
    )
    if not evidence:
        said.flags.append("No header says that the day's image comes from a treatment machine.")
    return left[0]


def _choose_daily_structures(drawn: Sequence[Link], daily: Series | None, said: _Said) -> FileHeader | None:
    fitting = [link for link in drawn if daily and link.series and link.series.uid == daily.uid]
    if not fitting:
        return None
    latest = max(fitting, key=lambda link: _drawn_when(link.header))
    several = f"the latest of {len(fitting)}; it" if len(fitting) > 1 else "it"
    said.reasons.append(f"Structure set of the day: {several} belongs to the day's image {latest.how}.")
    return latest.header


def _drawn_when(header: FileHeader) -> tuple[str, str]:
    return header.text.get("StructureSetDate", ""), header.text.get("StructureSetTime", "")


def _choose_dose(index: Index, plan: Link | None, planning: Series, said: _Said) -> FileHeader | None:
    doses = dose_of(index, None if plan is None else plan.header, planning.frame_of_reference_uid)
    if len(doses) > 1:
        said.flags.append(f"{len(doses)} planned doses fit the plan; none was taken.")
    if len(doses) != 1:
        return None
    said.reasons.append(
        "Planned dose: it names the plan." if plan else "Planned dose: its frame of reference."
    )
    return doses[0]


def _choose_registrations(
    index: Index, planning: Series, daily: Series | None, said: _Said
) -> tuple[FileHeader, ...]:
    if daily is None:
        return ()
    frames = planning.frame_of_reference_uid, daily.frame_of_reference_uid
    found = registrations_between(index, *frames)
    if frames[0] == frames[1]:
        said.reasons.append("Planning CT and the day's image share one frame of reference.")
        return found
    if found:
        said.reasons.append(f"{len(found)} registration objects join the two frames of reference.")
    else:
        said.flags.append("Two frames of reference, and no registration object joins them.")
    return found


def _patient_keys(case: CaseFiles, said: _Said) -> dict[str, str]:
    parts: dict[str, Iterable[FileHeader]] = {
        "planning CT": case.planning.files,
        "RTSTRUCT": [case.structures] if case.structures else [],
        "RTPLAN": [case.plan] if case.plan else [],
        "daily image": case.daily.files if case.daily else [],
        "daily RTSTRUCT": [case.daily_structures] if case.daily_structures else [],
        "RTDOSE": [case.planned_dose] if case.planned_dose else [],
        "REG": case.registrations,
    }
    own = case.planning.first
    keys: dict[str, str] = {}
    for what, headers in parts.items():
        for header in headers:
            same = header.patient_key == own.patient_key or header.identity.may_be(own.identity)
            key = own.patient_key if same else header.patient_key
            if keys.setdefault(what, key) != key:
                raise InputError(
                    f"The files of one object carry two patients' identities: {what}.",
                    got=header.path.name,
                    expected="one patient",
                    todo="Find out whose data this is before anything else is done with it.",
                )
    strangers = [what for what, key in keys.items() if key != own.patient_key]
    if strangers:
        said.flags.append(f"Another patient's identity stands in: {', '.join(strangers)}.")
    return keys


def _flag_leftovers(index: Index, drawn: Sequence[Link], case: CaseFiles, said: _Said) -> None:
    orphans = [link for link in drawn if link.series is None]
    if orphans:
        said.flags.append(f"{len(orphans)} structure sets belong to images that are not here; passed over.")
    for what, header, series in (
        ("structure set", case.structures, case.planning),
        ("day's structure set", case.daily_structures, case.daily),
    ):
        if header is not None and series is not None:
            absent = len(header.references.image_uids - series.sop_instance_uids)
            if absent:
                said.flags.append(f"{absent} images that the {what} names are not in the folder.")
    suspects = [one for one in index.rejected if one.is_suspect]
    if suspects:
        said.flags.append(f"{len(suspects)} files could not be used, the first: {suspects[0].reason}")
    for what, series in (("planning CT", case.planning), ("day's image", case.daily)):
        if series is None:
            continue
        rest = sum(one.n_images for one in index.series if one.uid == series.uid) - series.n_images
        if rest:
            said.flags.append(
                f"{rest} images of the {what}'s series have another size or orientation; left out."
            )


def _only_or_approved(links: Sequence[Link], what: str, how: str) -> Link:
    if len(links) == 1:
        return links[0]
    approved = [link for link in links if link.header.text.get("ApprovalStatus") == "APPROVED"]
    if len(approved) == 1:
        return approved[0]
    raise InputError(
        what,
        got="; ".join(refuse.describe(link.header) for link in links),
        expected="one, or one that is approved",
        todo=f"Choose with {how}.",
    )


def _series_by_uid(images: Sequence[Series], wanted: str, option: str) -> Series:
    exact = [one for one in images if one.uid == wanted]
    found = exact or [one for one in images if wanted and one.uid.endswith(wanted)]
    if len(found) != 1:
        raise refuse.ambiguous(f"{option} {wanted} names {len(found)} series.", images, f"{option} SERIES")
    return found[0]


def _by_uid(links: Sequence[Link], wanted: str, option: str) -> Link:
    exact = [link for link in links if link.header.sop_instance_uid == wanted]
    found = exact or [link for link in links if wanted and link.header.sop_instance_uid.endswith(wanted)]
    if len(found) != 1:
        raise InputError(
            f"{option} {wanted} names {len(found)} objects.",
            got="; ".join(refuse.describe(link.header) for link in links) or "none in the folder",
            expected="a SOP Instance UID, or an ending that only one has",
            todo="terasu inspect FOLDER lists what there is.",
        )
    return found[0]
