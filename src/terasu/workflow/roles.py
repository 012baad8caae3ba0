"""Which structure is the target, and which are the organs that are judged."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from terasu.errors import InputError
from terasu.patient.contours import to_structures
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.names import role_of
from terasu.patient.resample import to_sitk
from terasu.patient.structures import ContourSet, Mask, StructureSet
from terasu.workflow.case import Case
from terasu.workflow.settings import Settings


@dataclass(frozen=True, eq=False)
class Roles:
    """Planned structures and what each of them is.

    Attributes:
        structures: masks on the planning CT's grid: target first, then organs at risk.
        target: name of the one target that coverage and dose are judged by.
        targets: all targets.
        organs: organs at risk.
        external: the patient's outline as drawn, None where nobody drew it.
        flags: what is missing and should be looked at.
        notes: why this target, and what was left out.
    """

    structures: StructureSet
    target: str
    targets: tuple[str, ...]
    organs: tuple[str, ...]
    external: Mask | None = None
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def spared(self) -> tuple[str, ...]:
        """Organs at risk that are to be spared: those of which less than half lies in a target."""
        targets = np.logical_or.reduce([self.structures[name] for name in self.targets])
        return tuple(name for name in self.organs if targets[self.structures[name]].mean() < 0.5)

    @property
    def target_mask(self) -> Mask:
        """Mask of the judged target on the planning CT's grid."""
        return self.structures[self.target]


def roles_of(case: Case, settings: Settings) -> Roles:
    """Sort the planned structures.

    Raises:
        InputError: no target, or the named one has no contours.
    """
    grid = case.planning.grid
    drawn = [roi.name for roi in case.contours if roi.contours_lps_mm]
    kinds = {roi.name: role_of(roi.name, roi.interpreted_type) for roi in case.contours}
    empty = [name for name in case.contours.names if name not in drawn]
    flags = [f"ROI without contours, left out: {', '.join(empty)}."] if empty else []
    notes: list[str] = []
    targets = [name for name in drawn if kinds[name] == "target"]
    organs = [name for name in drawn if kinds[name] == "oar"]
    name, why = _chosen_target(case.contours, case.delivery, targets, settings)
    notes.append(why)
    wanted = list(dict.fromkeys([name, *targets, *organs]))
    structures = to_structures(case.contours, grid, wanted)
    if case.delivery is None and settings.made_target_margin_mm:
        structures, made = _with_made_target(structures, name, settings.made_target_margin_mm)
        targets, name = [made, *targets], made
        notes.append(f"The target {made} is made for demonstration; it is not clinical.")
    present = {one for one in structures.names if structures[one].any()}
    outside = [one for one in structures.names if one not in present]
    if outside:
        notes.append(f"Outside of the planning CT, left out: {', '.join(outside)}.")
    if name not in present:
        raise InputError(
            f"The target {name!r} has no voxel on the planning CT.",
            got=f"contours outside of {grid.describe()}",
            expected="a target that the planning CT shows",
            todo="Check that structure set and planning CT belong together.",
        )
    return Roles(
        structures=structures,
        target=name,
        targets=tuple(dict.fromkeys(one for one in (name, *targets) if one in present)),
        organs=tuple(one for one in organs if one in present and one != name),
        external=_external(case.contours, grid, [one for one in drawn if kinds[one] == "external"]),
        flags=tuple(flags),
        notes=tuple(notes),
    )


def _external(contours: ContourSet, grid: Grid, names: list[str]) -> Mask | None:
    """The first outline that was drawn on every slice of the grid; half an outline is none."""
    for name in names:
        mask = to_structures(contours, grid, [name])[name]
        if mask.any(axis=(1, 2)).all():
            return mask
    return None


def grown(mask: Mask, grid: Grid, margin_mm: float) -> Mask:
    """A mask grown (or, negative, shrunk) by a margin in all directions [mm]."""
    distance = sitk.SignedMaurerDistanceMap(
        to_sitk(mask, grid), squaredDistance=False, useImageSpacing=True, insideIsPositive=False
    )
    return np.asarray(sitk.GetArrayFromImage(distance) <= margin_mm)


def _refuse_empty_target(contours: ContourSet, delivery: Delivery | None) -> None:
    prescribed = "" if delivery is None else delivery.target_name
    meant = [roi for roi in contours if same_target(roi.name, prescribed)]
    if meant and not any(roi.contours_lps_mm for roi in meant):
        raise InputError(
            f"The plan's target {meant[0].name!r} has no contours.",
            got="an ROI without contours",
            expected="the target that was planned on",
            todo="Export the structure set of the plan again, or name another target with --target ROI.",
        )


def same_target(roi_name: str, prescribed_to: str) -> bool:
    """True if an ROI is what a plan calls its target: ``PTV4140`` is ``PTV_41.4`` [Gy]."""
    return bool(prescribed_to) and _letters_and_cgy(roi_name) == _letters_and_cgy(prescribed_to)


def _letters_and_cgy(name: str) -> tuple[str, ...]:
    """Letters, and numbers in cGy: below 200 a number is taken as Gy."""
    words = re.findall(r"[a-z]+|\d+(?:[.,]\d+)?", name.casefold())
    return tuple(_as_cgy(word) if word[0].isdigit() else word for word in words)


def _as_cgy(number: str) -> str:
    value = float(number.replace(",", "."))
    return str(round(value * 100 if value < 200 else value))


def _with_made_target(structures: StructureSet, name: str, margin_mm: float) -> tuple[StructureSet, str]:
    made = f"PTV_made_{name}{margin_mm:+.0f}mm"
    mask = grown(structures[name], structures.grid, margin_mm)
    if not mask.any():
        raise InputError(
            f"Nothing is left of {name!r} after the margin.",
            got=f"a margin of {margin_mm:g} mm",
            expected="a target with some volume",
            todo="Choose a smaller margin.",
        )
    masks = {made: mask} | {one: structures[one] for one in structures.names if one != name}
    return StructureSet(structures.grid, masks, structures.source_names, {made: "PTV"}), made


def _chosen_target(
    contours: ContourSet, delivery: Delivery | None, targets: list[str], settings: Settings
) -> tuple[str, str]:
    drawn = [roi.name for roi in contours if roi.contours_lps_mm]
    if settings.target is not None:
        if settings.target not in drawn:
            raise InputError(
                f"There is no contoured ROI named {settings.target!r}.",
                got=", ".join(drawn),
                expected="one of these names for --target",
                todo="terasu inspect FOLDER lists the names.",
            )
        return settings.target, f"Target {settings.target}: named by the reader."
    _refuse_empty_target(contours, delivery)
    meant = [name for name in drawn if delivery is not None and same_target(name, delivery.target_name)]
    if meant:
        return meant[0], f"Target {meant[0]}: the plan prescribes to it."
    ptvs = [name for name in targets if "PTV" in name.upper()] or targets
    if not ptvs:
        raise InputError(
            "No structure is a target.",
            got=", ".join(drawn),
            expected="a PTV, CTV or GTV (AAPM TG-263 names)",
            todo="Name it with --target ROI.",
        )
    largest = max(ptvs, key=lambda name: sum(len(c) for c in contours[name].contours_lps_mm))
    return largest, f"Target {largest}: the plan names none; it is the largest of {', '.join(ptvs)}."
