"""Seventeen feature sets of noise in 26 patients, and the study that looks for the best of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from made_study import made_study
from terasu.prognosis.study.conclusion import Conclusion
from terasu.prognosis.study.run import fit_study, lock_study

SETS, FEATURES, PATIENTS = 17, 10, 26
MODEL = """
[[models]]
name = "set {k}"
model = "cox"
features = ["^f_s{k}_"]
steps = [{{ step = "scale" }}, {{ step = "univariable", most = 1 }}]
"""
FIRST = 'features = ["^f_s0_"]\nsteps = [{ step = "scale" }, { step = "univariable", most = 1 }]'


def noise_tables(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """26 patients, 17 sets of 10 features and a volume, 20 events; nothing in any of it."""
    rng = np.random.default_rng(seed)
    ids = [f"N{i}" for i in range(PATIENTS)]
    names = [f"f_s{k}_{j}" for k in range(SETS) for j in range(FEATURES)]
    features = pd.DataFrame(rng.standard_normal((PATIENTS, len(names))), columns=names)
    features["f_volume"] = rng.lognormal(3, 1, PATIENTS)
    features.insert(0, "patient_id", ids)
    event = np.zeros(PATIENTS, int)
    event[rng.permutation(PATIENTS)[:20]] = 1
    time = rng.exponential(700, PATIENTS).round() + 1
    return features, pd.DataFrame({"patient_id": ids, "time": time, "event": event})


def noise_study(folder: Path, seed: int, permutations: int) -> Conclusion:
    """The best set of the 17 is looked for, by the study as it is."""
    models = "".join(MODEL.format(k=k) for k in range(1, SETS))
    study = made_study(
        folder,
        noise_tables(seed),
        clinical="",
        options=FIRST + models,
        folds=3,
        repeats=2,
        pipeline=permutations,
        rest="[split]\ntest_fraction = 0.0\n[report]\nrefits = 0",
    )
    lock_study(study.path, folder / "out")
    return fit_study(study.path, folder / "out").conclusion
