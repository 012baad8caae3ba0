"""A made cohort of daily CBCT with outcomes of a known law, since no such cohort is public.

Hazard = exp(log hazard ratios × standardised course) / 900 days: tumours that shrink live longer, tumours
that become more uneven live shorter, large ones somewhat shorter; age and stage do nothing beyond the volume.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from terasu.radiomics.pyradiomics import PyRadiomics
from terasu.workflow.radiomics.columns import Row, frame_of, ordered, write_frame
from terasu.workflow.radiomics.measure import MEASURED
from terasu.workflow.radiomics.stability import changes_of
from terasu.workflow.studies.made_tumours import FRACTIONS, Course, scan

PATIENTS, SEED = 90, 20
LOG_HAZARD = {"shrinkage": -0.8, "roughening": 0.6, "volume": 0.3}  # per standard deviation
_USUAL_DAYS = 900.0
_FOLLOWED_DAYS = (500.0, 2500.0)
_PROFILE = PyRadiomics(images=("original",))
_README = """A made cohort: there is no patient in it.

No cohort with daily CBCT and outcomes is public, so {patients} tumours were made, with {fractions} CBCT
images each, seed {seed}. The hazard is known: exp({law}) / {days:g} days, each
term standardised over the cohort (volume: its logarithm). Survival is drawn from the exponential law,
follow-up ends evenly between {first:g} and {last:g} days. Every feature was measured on the made images;
nothing about survival was written into a feature.

fractions.csv  features of each fraction (PyRadiomics names, original image)
change.csv     their change over the fractions, as `terasu radiomics change` writes it
clinical.csv   outcome, age, stage; age and stage act through nothing but the volume
truth.csv      the true log hazard and what it is made of; the study does not read it

What a study finds here says whether the method works. It says nothing about oesophageal cancer.
"""


def write_made_tables(folder: Path, *, patients: int = PATIENTS, seed: int = SEED) -> None:
    """fractions.csv, change.csv, clinical.csv, truth.csv and README.txt; the same for the same seed."""
    rng = np.random.default_rng(seed)
    courses = [_course(rng) for _ in range(patients)]
    names = [f"MADE-{i + 1:03d}" for i in range(patients)]
    rows = [row for name, one in zip(names, courses, strict=True) for row in _measured(name, one, rng)]
    table = ordered(frame_of(rows, _PROFILE.names()))
    truth = _truth(names, courses)
    write_frame(table.dropna(axis=1, how="all"), folder / "fractions.csv")
    write_frame(changes_of(table, early=1), folder / "change.csv")
    write_frame(_outcome(truth, rng), folder / "clinical.csv")
    write_frame(truth, folder / "truth.csv")
    (folder / "README.txt").write_text(_readme(patients, seed), encoding="utf-8")


def _course(rng: np.random.Generator) -> Course:
    across, along = rng.uniform(12.0, 20.0), rng.uniform(18.0, 28.0)
    return Course(
        (along, across, across * rng.uniform(0.8, 1.2)), rng.normal(0.35, 0.2), rng.normal(0.1, 0.3)
    )


def _measured(name: str, course: Course, rng: np.random.Generator) -> list[Row]:
    rows: list[Row] = []
    for fraction in range(1, FRACTIONS + 1):
        values = _PROFILE.measure(*scan(course, fraction, rng)).values
        said = {"case": name, "modality": "CBCT", "roi": "GTV", "asked": "GTV", "sequence": ""}
        count = {"fraction": fraction, "day": 7.0 * (fraction - 1), "perturbation": 0, "status": MEASURED}
        rows.append({**said, **count, "profile": _PROFILE.name, **values})
    return rows


def _truth(names: list[str], courses: list[Course]) -> pd.DataFrame:
    truth = pd.DataFrame(
        {
            "patient_id": names,
            "shrinkage": [one.shrinkage for one in courses],
            "roughening": [one.roughening for one in courses],
            "volume_cc": [one.volume_cc for one in courses],
        }
    )
    drives = truth.assign(volume=np.log(truth["volume_cc"]))[list(LOG_HAZARD)]
    standardised = (drives - drives.mean()) / drives.std()
    return truth.assign(log_hazard=(standardised * pd.Series(LOG_HAZARD)).sum(axis=1))


def _outcome(truth: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    n = len(truth)
    lived = np.ceil(rng.exponential(_USUAL_DAYS * np.exp(-truth["log_hazard"].to_numpy())))
    followed = np.ceil(rng.uniform(*_FOLLOWED_DAYS, n))
    size = truth["volume_cc"].rank(pct=True).to_numpy() + rng.normal(0, 0.3, n)
    return pd.DataFrame(
        {
            "patient_id": truth["patient_id"],
            "time_days": np.minimum(lived, followed).astype(np.int64),
            "event": (lived <= followed).astype(np.int64),
            "age": rng.normal(66, 9, n).round().astype(np.int64),
            "stage": np.where(size < 0.33, "I", np.where(size < 0.67, "II", "III")),
        }
    )


def _readme(patients: int, seed: int) -> str:
    law = " ".join(f"{value:+g} {name}" for name, value in LOG_HAZARD.items())
    first, last = _FOLLOWED_DAYS
    return _README.format(
        patients=patients, fractions=FRACTIONS, seed=seed, law=law, days=_USUAL_DAYS, first=first, last=last
    )
