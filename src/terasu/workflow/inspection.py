"""What is in a folder, and what the main job would take for what."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from terasu.dicom.choose import choose_case
from terasu.dicom.find import Index, Series, index_folder
from terasu.dicom.rtplan import read_plan
from terasu.dicom.rtstruct import read_structures
from terasu.errors import InputError, TerasuError
from terasu.patient.delivery import Delivery
from terasu.patient.names import role_of, tg263_name
from terasu.patient.structures import ContourSet


def inspect_folder(folder: Path) -> dict[str, Any]:
    """Everything found, as plain values ready for JSON.

    Raises:
        InputError: the folder is not there, or holds no DICOM at all.
    """
    index = index_folder(folder)
    if not index.series:
        raise InputError(
            "There is no DICOM file in this folder.",
            got=f"{len(index.rejected)} other files" if index.rejected else "an empty folder",
            expected="DICOM files of one patient, any names",
            todo="Check the path, or export the patient again.",
        )
    return {
        "series": [_series(series) for series in index.series],
        "structure_sets": [_structure_set(header.path) for header in index.headers("RTSTRUCT")],
        "plans": [_plan(header.path) for header in index.headers("RTPLAN")],
        "choice": _choice(index),
        "passed_over": dict(Counter(rejected.reason for rejected in index.rejected)),
    }


def inspection_lines(found: dict[str, Any]) -> list[str]:
    """The same for a reader."""
    lines = ["Series"]
    lines += [f"  {series['described']}" for series in found["series"]]
    for structures in found["structure_sets"]:
        lines += ["Structure set", *_told(structures, "rois")]
    for plan in found["plans"]:
        lines += ["Plan", *_told(plan, "beams")]
    lines += ["Choice", *(f"  {sentence}" for sentence in found["choice"]["sentences"])]
    if found["passed_over"]:
        lines += ["Passed over", *(f"  {n} × {reason}" for reason, n in found["passed_over"].items())]
    return lines


def _told(what: dict[str, Any], part: str) -> list[str]:
    if "refused" in what:
        return [f"  {line}" for line in what["refused"].splitlines()]
    return [f"  {line}" for line in (what["described"], *what[part], *what["notes"])]


def _series(series: Series) -> dict[str, Any]:
    return {
        "modality": series.modality,
        "series_instance_uid": series.uid,
        "images": series.n_images,
        "frame_of_reference_uid": series.frame_of_reference_uid,
        "acquired": series.day,
        "machine": series.machine,
        "described": series.describe(),
    }


def _structure_set(path: Path) -> dict[str, Any]:
    try:
        contours = read_structures(path)
    except TerasuError as error:
        return {"refused": error.as_text()}
    return {
        "described": f"{len(contours.rois)} ROIs",
        "rois": [_roi(contours, name) for name in contours.names],
        "notes": list(contours.notes),
    }


def _roi(contours: ContourSet, name: str) -> str:
    roi, standard = contours[name], tg263_name(name)
    known = f" = {standard.name}" if standard is not None else ""
    return f"{name}{known} ({role_of(name, roi.interpreted_type)}, {len(roi.contours_lps_mm)} contours)"


def _plan(path: Path) -> dict[str, Any]:
    try:
        delivery = read_plan(path)
    except TerasuError as error:
        return {"refused": error.as_text()}
    return {"described": _delivery(delivery), "beams": _beams(delivery), "notes": list(delivery.notes)}


def _delivery(delivery: Delivery) -> str:
    dose = f"{delivery.prescription_gy:g} Gy" if delivery.prescription_gy else "no prescription stated"
    return f"{delivery.label}: {dose} in {delivery.fractions} fractions, {delivery.meterset_mu:.0f} MU each"


def _beams(delivery: Delivery) -> list[str]:
    return [
        f"{beam.name}: {beam.energy_mv:g} MV, gantry {beam.gantry_deg[0]:g}°"
        + (f" to {beam.gantry_deg[-1]:g}°" if beam.gantry_deg[-1] != beam.gantry_deg[0] else "")
        + f", {beam.n_control_points} control points, {beam.meterset_mu:.1f} MU"
        for beam in delivery.beams
    ]


def _choice(index: Index) -> dict[str, Any]:
    try:
        files = choose_case(index, need_daily=False, need_structures=False)
    except TerasuError as error:
        return {"clear": False, "sentences": error.as_text().splitlines()}
    return {"clear": True, "sentences": [*files.reasons, *files.flags]}
