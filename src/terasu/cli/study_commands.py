"""`terasu study`: from feature tables and outcomes to a model that tells the truth about itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from terasu.prognosis.study.pairs import Interval
    from terasu.prognosis.study.records import StudyFit, TestResult
    from terasu.steps import Listener

study = App(
    name="study", help="Prognosis and grade: check, lock, fit, open the test set once, report, predict."
)

_JSON = Annotated[bool, Parameter(name="--json", negative="")]
_STEPS = {
    "nested cross-validation": 60.0,
    "leave a centre out": 5.0,
    "permuted outcomes": 60.0,
    "family of features": 10.0,
    "patients drawn anew": 20.0,
    "final models": 10.0,
    "report": 8.0,
}


@study.command
def check(study_file: Path, *, as_json: _JSON = False) -> int:
    """Read tables and outcomes, look for what would deceive, fit nothing.

    Parameters
    ----------
    study_file
        The study (TOML): tables, clinical sheet, endpoint, baselines, candidates, split.
    as_json
        Print JSON and nothing else.
    """
    from terasu.prognosis.study.run import check_study

    found = check_study(study_file)
    if as_json:
        _print_json(found.as_dict())
        return 0
    kept = f"{found.training} to train on, {found.test} kept for the test"
    print(f"{found.study}: {found.patients} patients, {kept}")
    for part, counts in found.counted.items():
        print(f"  {part}: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
    print(f"  {found.features} features, {len(found.constant) + len(found.empty)} of them without variation")
    if found.volume_followers is not None:
        print(f"  {found.volume_followers} features follow the volume (|rho| > 0.9)")
    for one in found.warnings:
        print(f"warning: {one}")
    return 0


@study.command
def lock(study_file: Path, *, out: Path) -> int:
    """Check the study and seal its test set: from then on any change is seen, and each opening is counted.

    Parameters
    ----------
    study_file
        The study (TOML).
    out
        Folder of the study's results; the lock is the first of them.
    """
    from terasu.prognosis.study.run import lock_study

    locked = lock_study(study_file, out)
    print(f"{locked.study}: {len(locked.test)} of {locked.patients} patients sealed, {locked.sha256[:16]}")
    return 0


@study.command
def fit(study_file: Path, *, out: Path, workers: int | None = None, as_json: _JSON = False) -> int:
    """Judge every candidate and baseline on the training part, and save the models.

    A run that was stopped goes on where it was.

    Parameters
    ----------
    study_file
        The study (TOML), as it was locked.
    out
        Folder of the lock.
    workers
        Processes; all cores if left out.
    as_json
        Print JSON and nothing else.
    """
    from terasu.cli.progress import Bar
    from terasu.patient.cores import cores
    from terasu.prognosis.study.run import fit_study

    with Bar(_STEPS, quiet=as_json) as bar:
        found = fit_study(study_file, out, workers=workers or cores(), listener=bar)
        html = _report(out, bar)
    if as_json:
        _print_json(found.as_dict())
    else:
        print("\n".join(_of_fit(found)))
        print(f"report: {html}")
    return 0


@study.command(name="open-test")
def open_test(study_file: Path, *, out: Path, again: bool = False, as_json: _JSON = False) -> int:
    """Apply the saved models to the test set, once; each opening is written down before it is made.

    Parameters
    ----------
    study_file
        The study (TOML), as it was locked.
    out
        Folder of the lock.
    again
        Open a test set that was opened before; every result says so from then on.
    as_json
        Print JSON and nothing else.
    """
    from terasu.prognosis.study.run import open_test as open_sealed
    from terasu.steps import Nobody

    found = open_sealed(study_file, out, again=again)
    html = _report(out, Nobody())
    if as_json:
        _print_json(found.as_dict())
    else:
        print("\n".join(_of_test(found)))
        print(f"report: {html}")
    return 0


@study.command
def report(out: Path) -> int:
    """Write the report of a fitted study again: report.html, report.pdf and figures/ as SVG.

    Parameters
    ----------
    out
        Folder of the study's results.
    """
    from terasu.cli.progress import Bar

    with Bar(_STEPS) as bar:
        html = _report(out, bar)
    print(f"report: {html}")
    return 0


@study.command
def predict(model: Path, table: Path, *, out: Path) -> int:
    """Apply a saved model to new patients; who lies outside of what it has seen is refused.

    Parameters
    ----------
    model
        A file of the study's folder models/.
    table
        CSV or Parquet with one row a patient and the columns that the model needs.
    out
        CSV file to write: refused and why, risk, group, and chances with their limits.
    """
    from terasu.patient.store import write_whole
    from terasu.prognosis.study.predict import predict_patients

    found = predict_patients(model, table)
    write_whole(out, lambda path: found.to_csv(path))
    refused = int(found["refused"].sum())
    print(f"{len(found)} patients, {refused} of them refused (see the column why); written to {out}")
    return 0


@study.command
def template(
    name: str | None = None,
    *,
    data: Path | None = None,
    out: Path | None = None,
    run: bool = False,
    workers: int | None = None,
) -> int:
    """Make a study that is ready: tables and a study.toml that explains every key; without a name, list them.

    Parameters
    ----------
    name
        lung-sbrt, oesophagus-cbct (a made cohort) or glioma-grade.
    data
        Folder with the public cohorts; the made cohort needs none.
    out
        Folder to make; one that holds this template already is kept and the run goes on.
    run
        Go on with check, lock, fit and open-test; results appear in OUT/results.
    workers
        Processes; all cores if left out.
    """
    from terasu.cli.progress import Bar
    from terasu.errors import InputError
    from terasu.patient.cores import cores
    from terasu.workflow.studies.run import RESULTS, run_study
    from terasu.workflow.studies.templates import TEMPLATES, write_template

    if name is None:
        for one in TEMPLATES.values():
            print(f"{one.name:<17}{one.title}{'; needs --data' if one.needs else ''}")
        return 0
    if out is None:
        raise InputError(
            "Nobody said where the study goes.", got="no --out", expected="--out FOLDER", todo="Say --out."
        )
    path, new = write_template(name, data, out)
    print(f"{'written' if new else 'there already, kept'}: {path}")
    if not run:
        print(f"next: terasu study check {path}")
        return 0
    with Bar(_STEPS) as bar:
        found = run_study(path, workers=workers or cores(), listener=bar)
        html = _report(out / RESULTS, bar)
    print("\n".join(_of_fit(found.fit)))
    print("\n".join(_of_test(found.tested)) if found.tested else "Nobody was kept for a test.")
    print(f"report: {html}")
    return 0


def _report(out: Path, listener: Listener) -> Path:
    """Write the report of a folder of results; returns the page."""
    from terasu.prognosis.study.results import read_results
    from terasu.report.study.write import write_study_report
    from terasu.steps import Steps

    with Steps(listener)("report"):
        return write_study_report(read_results(out), out).html


def _of_fit(found: StudyFit) -> Iterable[str]:
    yield f"{found.study}: {found.patients} patients of the training part, {found.measure}"
    for one in found.models:
        if one.nested is None:
            yield f"  {one.name:<28}{one.role:<11}not fitted: {one.reason}"
        else:
            yield f"  {one.name:<28}{one.role:<11}{_told(one.nested)}, apparent {_number(one.apparent)}"
    yield from _gains(found.gains)
    if found.family is not None:
        yield f"  smallest adjusted p of the family: {min(found.family.adjusted_p, default=1.0):.3f}"
    if found.null is not None:
        yield f"  p of the whole study on permuted outcomes: {found.null.p:.3f}"
    yield from _conclusion(found.conclusion.sentence, found.conclusion.cautions)


def _of_test(found: TestResult) -> Iterable[str]:
    where = f"{found.patients} patients of the test set"
    yield f"{found.study}: {where}, {found.measure}, opening {found.opening}"
    for one in found.models:
        value = f"not applied: {one.reason}" if one.value is None else _told(one.value)
        optimism = found.optimism.get(one.name, {})
        yield f"  {one.name:<28}{one.role:<11}{value}{_optimism(optimism)}"
    yield from _gains(found.gains)
    yield from _conclusion(found.conclusion.sentence, found.conclusion.cautions)


def _gains(gains: Iterable[Any]) -> Iterable[str]:
    for one in gains:
        yield f"  {one.model} over {one.over}: {_told(one.difference, sign='+')}"


def _conclusion(sentence: str, cautions: Iterable[str]) -> Iterable[str]:
    yield ""
    yield sentence
    for one in cautions:
        yield f"  {one}"


def _optimism(values: Mapping[str, float | None]) -> str:
    parts = [f"{name} {value:.3f}" for name, value in values.items() if value is not None and name != "test"]
    return f" ({', '.join(parts)})" if parts else ""


def _told(of: Interval, sign: str = "") -> str:
    return f"{of.value:{sign}.3f} ({of.lower:{sign}.3f} to {of.upper:{sign}.3f})"


def _number(value: float | None) -> str:
    return "none" if value is None else f"{value:.3f}"


def _print_json(found: Mapping[str, Any]) -> None:
    print(json.dumps(found, indent=1, ensure_ascii=False))
