"""The main job, read like a methods section: a folder in, a verdict with its reasons out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from terasu.errors import OutputError, TerasuError
from terasu.patient.store import refuse_unwritable, whole_folder
from terasu.safety.checks.identity import same_patient, same_space
from terasu.safety.policy import Policy, failed, read_policy, silent_checks
from terasu.safety.verdict import Finding, Level, Verdict, verdict_of
from terasu.steps import Listener, Nobody, Steps
from terasu.workflow.calculable import require_calculable_plan
from terasu.workflow.case import Case, load_case
from terasu.workflow.settings import Settings

if TYPE_CHECKING:
    from terasu.workflow.align import Alignment
    from terasu.workflow.day_dose import DayDose
    from terasu.workflow.deliver import WrittenObject
    from terasu.workflow.improve import Improvement

USUAL_SECONDS = {
    "Find and read": 2.0,
    "Align": 14.0,
    "Improve": 8.0,
    "Dose of the day": 20.0,
    "Judge": 3.0,
    "Write DICOM": 3.0,
    "Write the report": 8.0,
}
"""What the steps usually take on two cores; for the progress bar, not a promise."""


@dataclass(frozen=True, eq=False)
class Result:
    """What came out of one run.

    Attributes:
        folder: where everything was written.
        verdict: with its findings.
        written: DICOM objects.
        seconds: step → wall time [s].
        summary: the verdict in a few lines.
        as_json: the same as ``verdict.json``.
    """

    folder: Path
    verdict: Verdict
    written: tuple[WrittenObject, ...]
    seconds: dict[str, float]
    summary: str
    as_json: str

    @property
    def level(self) -> str:
        """PASS, REVIEW or BLOCK."""
        return self.verdict.level.name


@dataclass(frozen=True, eq=False)
class Work:
    """What the steps have found so far; a part that could not be made is None."""

    case: Case
    settings: Settings
    policy: Policy
    findings: tuple[Finding, ...] = ()
    alignment: Alignment | None = None
    improvement: Improvement | None = None
    dose: DayDose | None = None

    def found(self, findings: list[Finding]) -> Work:
        """The same with more findings."""
        return replace(self, findings=(*self.findings, *findings))


def run_main_job(
    folder: Path,
    out: Path,
    settings: Settings | None = None,
    *,
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Result:
    """Judge one case.

    Args:
        folder: planning CT, RTSTRUCT, RTPLAN, the day's CBCT, perhaps a registration object.
        out: appears whole, or not at all.
        settings: what may be chosen.
        overwrite: whether ``out`` may be there already; it is replaced as one.
        listener: told how far the job is.
    Returns:
        The verdict and what was written. A case that must not be calculated (another patient's contours,
        frames that nothing joins) ends in a BLOCK with its reasons and without a dose.
    Raises:
        InputError: a part is missing, damaged or ambiguous.
        UnsupportedPlanError: a plan that must not be calculated.
        PolicyError: a policy, machine or density file that says something impossible.
        OutputError: the folder is there already, or the disk refuses.
    """
    chosen = settings or Settings()
    steps = Steps(listener or Nobody())
    policy = read_policy(chosen.policy)
    _refuse_occupied(out, overwrite=overwrite)
    with steps("Find and read"):
        case = load_case(folder, chosen, progress=steps.advance)
        require_calculable_plan(case, chosen)
    work = Work(case, chosen, policy).found(_input_contract(case))
    if max(finding.level for finding in work.findings) < Level.BLOCK:
        work = _measure(work, steps)
        work = work.found(silent_checks(policy, list(work.findings)))
    verdict = verdict_of(work.findings, policy=policy.label)
    return _write(out, work, verdict, steps, overwrite=overwrite)


def _input_contract(case: Case) -> list[Finding]:
    """One patient, one space: without these nothing is calculated."""
    delivery = case.delivery
    return [
        *same_patient(case.patient_keys),
        *same_space(
            case.planning.grid.frame_of_reference_uid,
            case.day.grid.frame_of_reference_uid,
            delivery.frame_of_reference_uid if delivery else "",
            case.treated,
        ),
    ]


def _measure(work: Work, steps: Steps) -> Work:
    """Align, improve, calculate, judge. A step that fails blocks the case and says why; the rest goes on."""
    from terasu.workflow.align import align
    from terasu.workflow.day_dose import dose_of_the_day
    from terasu.workflow.improve import improve
    from terasu.workflow.judge import judge_anatomy, judge_dose, judge_image

    case, policy = work.case, work.policy
    with steps("Align"):
        alignment = align(case, work.settings)
        work = replace(work, alignment=alignment)
    try:
        with steps("Improve"):
            improvement = improve(case, alignment, work.settings)
        work = replace(work, improvement=improvement)
        with steps("Dose of the day"):
            dose = dose_of_the_day(case, alignment, improvement, work.settings, steps.advance)
        work = replace(work, dose=dose)
    except TerasuError as error:
        work = work.found([failed(_check_of(work), "The day's image and dose", error.as_text())])
    with steps("Judge"):
        work = work.found(judge_anatomy(policy, case, alignment))
        if work.improvement is not None:
            work = work.found(judge_image(policy, work.improvement))
        if work.dose is not None:
            work = work.found(judge_dose(policy, work.dose))
    return work


def _check_of(work: Work) -> str:
    return "hounsfield" if work.improvement is None else "target_dose"


def _write(out: Path, work: Work, verdict: Verdict, steps: Steps, *, overwrite: bool) -> Result:
    from terasu.report.summary import summary_text
    from terasu.report.verdict_json import verdict_as_json
    from terasu.report.write import write_report
    from terasu.workflow.content import report_content
    from terasu.workflow.deliver import deliver
    from terasu.workflow.outgoing import outgoing_of

    with whole_folder(out, replace=overwrite) as aside:
        with steps("Write DICOM"):
            written = deliver(aside / "dicom", work.case, outgoing_of(work, verdict))
        content = report_content(work, verdict, written, steps.seconds)
        with steps("Write the report"):
            write_report(content, aside)
    return Result(
        folder=out,
        verdict=verdict,
        written=written,
        seconds=dict(steps.seconds),
        summary=summary_text(verdict),
        as_json=verdict_as_json(content),
    )


def _refuse_occupied(out: Path, *, overwrite: bool) -> None:
    """Say so before the work, not after it."""
    refuse_unwritable(out)
    if out.exists() and not overwrite:
        raise OutputError(
            "The output folder is there already.",
            got=str(out),
            expected="a name that is free",
            todo="Choose another --out, or say --overwrite.",
        )
