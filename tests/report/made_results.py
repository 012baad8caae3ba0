"""Folders of results of small made studies: survival with a test set, a label without one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from made_study import LABEL, SURVIVAL, made_study, made_tables
from terasu.prognosis.study.run import fit_study, lock_study, open_test

_REST = """
[split]
column = "set"
[report]
horizons = [365, 730]
refits = 12
"""


def made_survival_results(folder: Path, *, opened: bool = True) -> Path:
    """Lock, fit and open; two centres, a true effect of one feature."""
    features, clinical = made_tables(200, 6, seed=4, effect=1.0)
    clinical = clinical.assign(set=np.where(np.arange(len(clinical)) % 3 == 0, "test", "train"))
    study = made_study(
        folder, (features, clinical), text=SURVIVAL, model="coxnet", pipeline=19, top='centre = "centre"',
        rest=_REST,
    )  # fmt: skip
    return _run(study.path, folder / "out", opened=opened)


def made_label_results(folder: Path) -> Path:
    """Lock and fit; nobody is kept for a test, no feature means anything, and there is no clinical column."""
    study = made_study(
        folder, made_tables(80, 6, seed=5), text=LABEL, clinical="", model="logistic_lasso", pipeline=0,
        rest="[split]\ntest_fraction = 0.0\n",
    )  # fmt: skip
    return _run(study.path, folder / "out", opened=False)


def _run(study: Path, out: Path, *, opened: bool) -> Path:
    lock_study(study, out)
    fit_study(study, out)
    if opened:
        open_test(study, out)
    return out
