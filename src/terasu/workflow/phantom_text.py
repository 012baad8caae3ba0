"""What a made case says about itself: the patient's header and the README beside the files."""

from __future__ import annotations

from terasu.patient.phantom import Anatomy, Day

PATIENT_ID = "TERASU-PHANTOM-{seed}"
PLANNING_DAY, TREATMENT_DAY = "20260105", "20260119"


def header_of(anatomy: Anatomy, study_uid: str, *, planning: bool) -> dict[str, str]:
    """Patient and study of a made image; the dates are made up too."""
    day = PLANNING_DAY if planning else TREATMENT_DAY
    return {
        "PatientName": "Phantom^Terasu",
        "PatientID": PATIENT_ID.format(seed=anatomy.seed),
        "PatientSex": "M",
        "PatientBirthDate": "19560101",
        "PatientPosition": "HFS",
        "StudyInstanceUID": study_uid,
        "StudyID": "PLAN" if planning else "DAY",
        "StudyDate": day,
        "StudyTime": "090000",
        "StudyDescription": "Planning, made patient" if planning else "Day of treatment, made patient",
        "KVP": "120" if planning else "125",
    }


def readme_of(anatomy: Anatomy, day: Day, plan: str) -> str:
    """README.txt of a made case."""
    return f"""This is a made patient. No person was imaged, and nothing here may be used on one.

patient/            what a clinic would have; the input of `terasu run`
  planning_ct/      planning CT
  RTSTRUCT.dcm      contours on it
  RTPLAN.dcm        7 conformal fields, several control points each ({plan})
  RTDOSE.dcm        the plan on the planning CT, uncommissioned beam
  cbct/             the day's cone-beam CT, simulated
  REG.dcm           only where the CBCT has a frame of reference of its own
truth/              what nobody would have: the day's true CT, without noise, and its true structures

On the day of planning: {anatomy}
On the day of treatment: {day}

Made by Terasu from analytic shapes; equal numbers give an equal patient. Dates are made up.
"""
