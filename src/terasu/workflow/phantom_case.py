"""The made patient as a DICOM folder: planning CT, contours, plan, dose, the day's CBCT, and the truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from terasu.dicom.rtdose import write_dose
from terasu.dicom.rtplan import write_plan
from terasu.dicom.rtstruct import write_structures
from terasu.dicom.uid import new_uid
from terasu.dicom.write_image import MadeBy, write_ct_series
from terasu.dicom.write_registration import write_registration
from terasu.patient.contours import to_contours
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.phantom import (
    Anatomy,
    Day,
    day_of,
    make_phantom,
    phantom_ct,
    phantom_structures,
    planning_grid,
)
from terasu.patient.store import whole_folder
from terasu.patient.structures import ContourSet, Mask, StructureSet
from terasu.patient.transform import Rigid
from terasu.patient.volume import Source, Volume
from terasu.simulate.artefacts import VARIAN_LIKE, CbctArtefacts
from terasu.simulate.cbct import cbct_grid, simulate_cbct
from terasu.workflow.phantom_text import header_of, readme_of


@dataclass(frozen=True)
class PhantomChoices:
    """How a made case is written.

    Attributes:
        small: coarse images for tests.
        artefacts: of the day's CBCT.
        prescription_gy, fractions: of the plan.
        plan, dose: whether an RTPLAN is made, and an RTDOSE of it.
        own_frame: the CBCT gets a frame of reference of its own, with the isocentre at its origin, and a
            registration object joins the two.
    """

    small: bool = False
    artefacts: CbctArtefacts = VARIAN_LIKE
    prescription_gy: float = 60.0
    fractions: int = 20
    plan: bool = True
    dose: bool = True
    own_frame: bool = False


@dataclass(frozen=True)
class PhantomCase:
    """Where a made case lies.

    Attributes:
        folder: of everything, with a README.txt.
        patient: what a clinic would have: the input of the main job.
        truth: what nobody would have: the day's true CT and structures.
        anatomy, of_the_day: the patient on both days.
    """

    folder: Path
    patient: Path
    truth: Path
    anatomy: Anatomy
    of_the_day: Anatomy


def write_phantom_case(
    out: Path,
    anatomy: Anatomy | None = None,
    day: Day | None = None,
    choices: PhantomChoices | None = None,
    *,
    overwrite: bool = False,
) -> PhantomCase:
    """Make a patient and his day and write both as DICOM.

    Args:
        out: appears whole, or not at all.
        anatomy: on the day of planning; its seed decides all that is random, and the UIDs.
        day: what is different on the day of treatment.
        choices: size of images, artefacts, what is written.
        overwrite: whether ``out`` may be there already.
    Returns:
        The folders. Equal arguments give equal pixels, contours, beams and UIDs; dates of creation differ.
    Raises:
        OutputError: the folder is there already, or the disk refuses.
    """
    anatomy, day, choices = anatomy or Anatomy(), day or Day(), choices or PhantomChoices()
    seed = f"made patient {anatomy} {day} {choices}"
    today = day_of(anatomy, day)
    with whole_folder(out, replace=overwrite) as aside:
        planned, isocentre, markers = _write_planning(aside / "patient", anatomy, choices, seed)
        _write_day(aside, planned, isocentre, today, choices, seed)
        (aside / "README.txt").write_text(readme_of(anatomy, day, markers), encoding="utf-8")
    return PhantomCase(out, out / "patient", out / "truth", anatomy, today)


def _write_planning(
    folder: Path, anatomy: Anatomy, choices: PhantomChoices, seed: str
) -> tuple[Volume, tuple[float, float, float], str]:
    """Planning CT, contours, plan and dose; returns the CT as written, the isocentre and a line about it."""
    grid = planning_grid(small=choices.small, frame_of_reference_uid=new_uid(seed, "frame"))
    made = make_phantom(anatomy, grid=grid)
    folder.mkdir(parents=True)
    like = Source("CT", header=header_of(anatomy, new_uid(seed, "study"), planning=True))
    source = write_ct_series(
        made.ct,
        folder / "planning_ct",
        like=like,
        series_description="Planning CT, made patient",
        made_by=None,
        series_number=1,
        seed=seed,
    )
    image = Volume(made.ct.values, grid, "HU", source)
    contours = _drawn(made.structures)
    drawn = write_structures(contours, image, folder / "RTSTRUCT.dcm", label="PLANNING", seed=seed)
    target = np.argwhere(made.structures["PTV"])
    isocentre = np.round(grid.to_lps_mm((target.min(axis=0) + target.max(axis=0)) / 2), 1)
    if choices.plan:
        plan = _made_plan(image, made.structures, choices, drawn)
        isocentre = plan.beams[0].isocentre_lps_mm[0]
        written = write_plan(plan, folder / "RTPLAN.dcm", like=source, seed=seed)
        if choices.dose:
            dose = _plan_dose(image, made.structures, plan, choices)
            write_dose(
                dose,
                folder / "RTDOSE.dcm",
                like=source,
                plan=written,
                structures=drawn,
                description="Plan on the planning CT",
                seed=seed,
            )
    x, y, z = (float(number) for number in isocentre)
    return image, (x, y, z), f"isocentre ({x:g}, {y:g}, {z:g}) mm"


def _made_plan(image: Volume, structures: StructureSet, choices: PhantomChoices, drawn: Source) -> Delivery:
    from terasu.dose.plan_making import PlanRequest, make_plan

    request = PlanRequest(
        prescription_gy=choices.prescription_gy,
        fractions=choices.fractions,
        dose_spacing_mm=8.0 if choices.small else 4.0,
    )
    plan = make_plan(image, structures["PTV"], request, target_name="PTV")
    return replace(plan, referenced_structure_set_uid=drawn.sop_instance_uids[0])


def _plan_dose(image: Volume, structures: StructureSet, plan: Delivery, choices: PhantomChoices) -> Volume:
    from terasu.dose.engine import default_engine

    spacing_mm = 8.0 if choices.small else 3.0
    grid = _around(structures["External"], image.grid).with_spacing((spacing_mm,) * 3)
    return default_engine().calculate(image, plan, grid)


def _drawn(structures: StructureSet) -> ContourSet:
    """Contours rounded to 0.1 µm: the shortest decimal strings, and the same masks again."""
    contours = to_contours(structures)
    rois = (
        replace(roi, contours_lps_mm=tuple(np.round(one, 4) for one in roi.contours_lps_mm))
        for roi in contours
    )
    return replace(contours, rois=tuple(rois))


def _around(mask: Mask, grid: Grid) -> Grid:
    place = np.argwhere(mask)
    return grid.crop(place.min(axis=0).tolist(), (place.max(axis=0) + 1).tolist())


def _write_day(
    folder: Path,
    planning: Volume,
    isocentre: tuple[float, float, float],
    today: Anatomy,
    choices: PhantomChoices,
    seed: str,
) -> None:
    """The day's CBCT, and apart from it what it should have shown."""
    true_ct = phantom_ct(today, planning.grid, noise_hu=0)
    grid = cbct_grid(
        isocentre,
        choices.artefacts,
        pixels=160 if choices.small else 512,
        slice_mm=5.0 if choices.small else 3.0,
        frame_of_reference_uid=planning.grid.frame_of_reference_uid,
    )
    scan = simulate_cbct(true_ct, choices.artefacts, grid=grid, seed=today.seed)
    _write_scan(folder / "patient", scan.cbct, planning, isocentre, today, choices, seed)
    source = write_ct_series(
        true_ct,
        folder / "truth" / "ct",
        like=planning.source,
        series_description="True CT of the day",
        made_by=MadeBy("made patient, truth of the day"),
        series_number=90,
        seed=seed,
    )
    image = Volume(true_ct.values, planning.grid, "HU", source)
    contours = _drawn(phantom_structures(today, planning.grid))
    write_structures(contours, image, folder / "truth" / "RTSTRUCT.dcm", label="TRUTH OF THE DAY", seed=seed)


def _write_scan(
    folder: Path,
    cbct: Volume,
    planning: Volume,
    isocentre: tuple[float, float, float],
    today: Anatomy,
    choices: PhantomChoices,
    seed: str,
) -> None:
    """The CBCT in the planning CT's frame, or in its own with a registration object."""
    grid = cbct.grid
    if choices.own_frame:
        origin = np.asarray(grid.origin_lps_mm) - isocentre
        grid = Grid.from_axes(
            grid.shape_zyx,
            spacing_zyx_mm=grid.spacing_zyx_mm,
            origin_lps_mm=np.round(origin, 4).tolist(),
            frame_of_reference_uid=new_uid(seed, "frame of the day"),
        )
    header = header_of(today, new_uid(seed, "study of the day"), planning=False)
    image = Volume(cbct.values, grid, "HU")
    source = write_ct_series(
        image,
        folder / "cbct",
        like=Source("CT", header=header),
        series_description="CBCT of the day, made patient",
        made_by=None,
        series_number=1,
        seed=seed,
    )
    if choices.own_frame:
        matrix = np.eye(4)
        matrix[:3, 3] = isocentre
        frames = grid.frame_of_reference_uid, planning.grid.frame_of_reference_uid
        rigid = Rigid(matrix, *frames, origin="couch of the made patient")
        write_registration(rigid, replace(image, source=source), planning, folder / "REG.dcm")
