"""Small made-up studies: a table, a sheet and a study file in a folder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from terasu.prognosis.study.study_reading import Study, read_study

SURVIVAL = """
name = "made"
{top}
[[tables]]
path = "features.csv"
starts_with = ["f_"]
{table}
[clinical]
path = "clinical.csv"
[endpoint]
time = "time"
event = "event"
unit = "{unit}"
[baselines]
volume = "f_volume"
clinical = [{clinical}]
[[models]]
name = "first"
model = "{model}"
{options}
[resampling]
folds = {folds}
repeats = {repeats}
bootstraps = 200
[permutations]
pipeline = {pipeline}
family = 99
{rest}
"""
LABEL = SURVIVAL.replace(
    'time = "time"\nevent = "event"\nunit = "{unit}"', 'label = "grade"\nclasses = ["low", "high"]'
)


def made_tables(
    n: int = 90, p: int = 12, seed: int = 0, effect: float = 0.0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features (the first is the volume) and a sheet; f_1 acts on the outcome with ``effect``."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, p))
    ids = [f"P{i:04d}" for i in range(n)]
    features = pd.DataFrame(x, columns=["f_volume", *(f"f_{i}" for i in range(1, p))])
    features.insert(0, "patient_id", ids)
    risk = effect * x[:, 1]
    time = np.ceil(rng.exponential(900 * np.exp(-risk)))
    end = np.ceil(rng.uniform(300, 2500, n))
    clinical = pd.DataFrame(
        {
            "patient_id": ids,
            "time": np.minimum(time, end),
            "event": (time <= end).astype(int),
            "grade": np.where(risk + rng.logistic(size=n) * 0.6 > 0, "high", "low"),
            "age": rng.uniform(40, 80, n).round(),
            "stage": rng.choice(["I", "II", "III"], n),
            "centre": rng.choice(["north", "south"], n),
        }
    )
    return features, clinical


def made_study(
    folder: Path,
    tables: tuple[pd.DataFrame, pd.DataFrame],
    *,
    text: str = SURVIVAL,
    top: str = "",
    table: str = "",
    unit: str = "days",
    clinical: str = '"age", "stage"',
    model: str = "cox",
    options: str = "",
    folds: int = 3,
    repeats: int = 2,
    pipeline: int = 0,
    rest: str = "",
) -> Study:
    """Write the study and read it."""
    folder.mkdir(parents=True, exist_ok=True)
    tables[0].to_csv(folder / "features.csv", index=False)
    tables[1].to_csv(folder / "clinical.csv", index=False)
    said = text.format(
        top=top, table=table, unit=unit, clinical=clinical, model=model, options=options, folds=folds,
        repeats=repeats, pipeline=pipeline, rest=rest,
    )  # fmt: skip
    (folder / "study.toml").write_text(said, encoding="utf-8")
    return read_study(folder / "study.toml")
