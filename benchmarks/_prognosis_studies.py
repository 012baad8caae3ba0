"""Rows of whole studies: each is a study file that goes through check, lock, fit and open-test."""

from __future__ import annotations

import contextlib
import io
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import _tests_path  # noqa: F401  before what lies beside the tests
from _prognosis_cohort import LUNG, OROPHARYNX, Cohort, shared_cohorts
from _table import Row
from noise_study import FEATURES, SETS, noise_study, noise_tables
from terasu.patient.cores import cores
from terasu.prognosis.log_rank import median_split_log_rank
from terasu.prognosis.max_t import max_t
from terasu.prognosis.study.records import StudyFit
from terasu.prognosis.survival_data import Survival
from terasu.workflow.studies.run import run_study
from terasu.workflow.studies.templates import write_template

FEATURE = "rad_LargeAreaEmphasis.wavelet.LHH"
NOISE_STUDIES, PERMUTED = 40, 19
TRANSFER = """
name = "lung to oropharynx"
[[tables]]
path = "{lung}"
starts_with = ["rad_"]
[clinical]
path = "{lung}"
[endpoint]
time = "time_days"
event = "event"
[baselines]
volume = "rad_MeshVolume.original"
[external]
tables = [{{ path = "{oropharynx}", starts_with = ["rad_"] }}]
clinical = {{ path = "{oropharynx}" }}
endpoint = {{ time = "time_days", event = "event" }}
[[models]]
name = "four features, log"
model = "cox"
features = {signature}
steps = [{{ step = "impute" }}, {{ step = "log" }}, {{ step = "scale" }}]
[[models]]
name = "four features"
model = "cox"
features = {signature}
steps = [{{ step = "impute" }}, {{ step = "scale" }}]
{more}
[[steps]]
step = "impute"
[[steps]]
step = "variance"
[[steps]]
step = "log"
[[steps]]
step = "correlation"
limit = 0.95
[[steps]]
step = "scale"
[resampling]
repeats = 2
seed = 1
[permutations]
pipeline = 0
family = 0
[report]
horizons = [365, 730]
refits = 0
"""
SIGNATURE = [
    "rad_Energy.original",
    "rad_Sphericity.original",
    "rad_GrayLevelNonUniformity.original",
    "rad_GrayLevelNonUniformity.wavelet.HLH",
]
MORE = {
    "elastic net": "coxnet",
    "forest": "survival_forest",
    "boosting": "survival_boosting",
    "boosted trees": "survival_boosting_trees",
}


def original_feature(cohort: Cohort) -> Iterator[Row]:
    """The feature of the original work, by itself and among the 797 that were looked at."""
    if FEATURE not in cohort.names:
        return
    chosen = np.random.default_rng(5).permutation(len(cohort.follow_up))[:250]
    found = max_t(cohort.family[chosen], cohort.follow_up.take(chosen), permutations=1000, seed=5)
    place = cohort.names.index(FEATURE)
    raw, adjusted = float(found.raw_p[place]), float(found.adjusted_p[place])
    yield Row(f"{FEATURE.removeprefix('rad_')}, 250 of Lung1 (seed 5): raw p", raw, "")
    yield Row("  adjusted for 797 features", adjusted, "", None, "", ">= 0.5", adjusted >= 0.5)


def lung_to_oropharynx(scratch: Path, quick: bool) -> Iterator[Row]:
    """Fitted on 388 Lung1 patients, opened on 351 patients of another site: volume, signature, our best."""
    files = {"lung": shared_cohorts() / LUNG, "oropharynx": shared_cohorts() / OROPHARYNX}
    if not all(one.is_file() for one in files.values()):
        return
    more = "".join(f'[[models]]\nname = "{k}"\nmodel = "{v}"\n' for k, v in MORE.items() if not quick)
    study = scratch / "transfer" / "study.toml"
    study.parent.mkdir()
    said = TRANSFER.format(**files, signature=str(SIGNATURE).replace("'", '"'), more=more)
    study.write_text(said, encoding="utf-8")
    found = run_study(study, workers=cores())
    assert found.tested is not None
    value = {one.name: one.value.value for one in found.tested.models if one.value}
    volume, signature = value["volume alone"], value["four features, log"]
    yield Row("Lung1 to oropharynx: C of the volume alone", volume, "", None, "", "0.649 +- 0.005",
              abs(volume - 0.649) <= 0.005)  # fmt: skip
    yield Row("  four features, volume-like ones as logarithms", signature, "", None, "", "0.636 +- 0.005",
              abs(signature - 0.636) <= 0.005)  # fmt: skip
    yield Row("  four features as they are", value["four features"], "")
    nested = {one.name: one.nested.value for one in found.fit.models if one.nested}
    for name in MORE if not quick else ():
        yield Row(f"  {name} (nested C in Lung1 {nested[name]:.3f})", value[name], "")
    if not quick:
        yield from _best(found.fit, value, nested)


def _best(fit: StudyFit, value: dict[str, float], nested: dict[str, float]) -> Iterator[Row]:
    """Chosen in Lung1 by its nested C, before the test was opened."""
    name = f"  our best in Lung1: {fit.best} (nested C {nested[fit.best]:.3f})"
    yield Row(name, value[fit.best], "", value["volume alone"], "volume alone")


def glioma_grade(scratch: Path, quick: bool) -> Iterator[Row]:
    """The template as it comes: check, lock, fit; nobody is kept for a test."""
    if quick or not shared_cohorts().is_dir():
        return
    study, _ = write_template("glioma-grade", shared_cohorts(), scratch / "glioma")
    start = time.perf_counter()
    fit = run_study(study, workers=cores()).fit
    seconds = time.perf_counter() - start
    nested = {one.name: one.nested for one in fit.models if one.nested}
    best = nested[fit.best]
    figure = f"TCGA G3 against G4, 35 / 102, nested 10 x 5 AUC: {fit.best}"
    yield Row(
        figure, best.value, "", nested["volume alone"].value, "volume alone", ">= 0.85", best.value >= 0.85
    )
    for name, one in nested.items():
        if name != fit.best:
            yield Row(f"  {name} ({one.lower:.3f} to {one.upper:.3f})", one.value, "")
    for one in fit.gains:
        if one.model == fit.best:
            limits = f"({one.difference.lower:+.3f} to {one.difference.upper:+.3f})"
            yield Row(f"  gain over {one.over} {limits}", one.difference.value, "")
    if fit.null is not None:
        yield Row("  p of the whole study on permuted grades", fit.null.p, "")
    yield Row("  the whole template", seconds, "s")


def noise(scratch: Path, quick: bool) -> Iterator[Row]:
    """26 patients × 17 sets of 10 features of nothing, the best set looked for, 40 times."""
    studies = 4 if quick else NOISE_STUDIES
    with contextlib.redirect_stderr(io.StringIO()):
        stands = [noise_study(scratch / f"noise-{seed}", seed, PERMUTED).standing for seed in range(studies)]
    quiet = sum(one in ("no evidence", "no gain") for one in stands) / studies
    figure = f"26 patients x 17 noise sets, {studies} studies: share not significant"
    yield Row(figure, quiet, "", None, "", ">= 0.95", None if quick else quiet >= 0.95)
    yield Row("  share with no evidence at all", stands.count("no evidence") / studies, "")
    naive = [_sets_that_split(seed) for seed in range(studies)]
    share = sum(one > 0 for one in naive) / studies
    yield Row("  share with a set whose best median split has p < 0.05", share, "")
    yield Row("  such sets a study, of 17", sum(naive) / studies, "")


def _sets_that_split(seed: int) -> int:
    """How many of the sets would be called significant if nobody counted the looks."""
    features, sheet = noise_tables(seed)
    x = np.ascontiguousarray(features.filter(regex="^f_s").to_numpy(float))
    p = median_split_log_rank(x, Survival(sheet["time"], sheet["event"])).p
    return int((p.reshape(SETS, FEATURES).min(axis=1) < 0.05).sum())
