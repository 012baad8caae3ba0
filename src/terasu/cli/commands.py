"""The commands. Each loads what it needs when it is called, so that `terasu --help` is quick."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

from terasu import __version__
from terasu.cli.contour_commands import contours
from terasu.cli.data_size_commands import data_size
from terasu.cli.model_commands import model
from terasu.cli.radiomics_commands import radiomics
from terasu.cli.simulate_commands import simulate
from terasu.cli.study_commands import study

if TYPE_CHECKING:
    from terasu.workflow.examples import Tell
    from terasu.workflow.main_job import Result
    from terasu.workflow.settings import Settings

app = App(
    name="terasu",
    version=__version__,
    help="From the day's CBCT to a verdict: PASS, REVIEW or BLOCK, with reasons. Not a medical device.",
    suppress_keyboard_interrupt=False,
)
app.command(contours)
app.command(model)
app.command(radiomics)
app.command(simulate)
app.command(study)
study.command(data_size, name="datasize")


@Parameter(name="*")
@dataclass(frozen=True)
class Choices:
    """What may be chosen about a run.

    Parameters
    ----------
    policy: Path
        Limits to judge by (TOML); `terasu policy` prints the built-in ones.
    machine: Path
        Machine model (TOML); `terasu commission` makes one. The built-in one is generic and uncommissioned.
    density: Path
        HU to density table of your scanner.
    planning: str
        Series Instance UID of the planning CT, or its ending, if the choice is not clear.
    daily: str
        Series Instance UID of the day's image, or its ending.
    structures: str
        SOP Instance UID of the structure set, or its ending.
    plan: str
        SOP Instance UID of the plan, or its ending.
    target: str
        ROI to judge as target where the plan names none.
    set_up: str
        `recorded`: the patient lies where frame of reference or registration object says; `matched`: as if
        the couch had been moved to the rigid match.
    make_plan: bool
        Make a plan for demonstration if the folder holds none.
    margin: float
        The made plan's target is the named ROI grown by this much [mm]; negative shrinks it.
    prescription: float
        Of a made plan [Gy].
    fractions: int
        Of a made plan.
    improvement: str
        Arm that is delivered: raw, hu_calibration, histogram_matching, shading_correction,
        density_override, virtual_ct.
    deformable: bool
        Try a deformable registration.
    dose_grid: float
        Spacing of the dose grid [mm].
    truth: Path
        Folder with the true CT of a made patient's day.
    show_patient: bool
        Show the patient's ID in the report instead of a key.
    """

    policy: Path | None = None
    machine: Path | None = None
    density: Path | None = None
    planning: str | None = None
    daily: str | None = None
    structures: str | None = None
    plan: str | None = None
    target: str | None = None
    set_up: Literal["recorded", "matched"] = "recorded"
    make_plan: bool = False
    margin: float = 0.0
    prescription: float = 60.0
    fractions: int = 20
    improvement: str = "shading_correction"
    deformable: bool = True
    dose_grid: float = 3.0
    truth: Path | None = None
    show_patient: bool = False

    def as_settings(self) -> Settings:
        """The workflow's own words for these choices."""
        from terasu.workflow.settings import Settings

        return Settings(
            policy=self.policy,
            machine=self.machine,
            density=self.density,
            planning_series=self.planning,
            daily_series=self.daily,
            structure_set=self.structures,
            plan=self.plan,
            target=self.target,
            set_up=self.set_up,
            made_plan=self.make_plan,
            made_target_margin_mm=self.margin,
            prescription_gy=self.prescription,
            fractions=self.fractions,
            improvement=self.improvement,
            deformable=self.deformable,
            dose_spacing_mm=self.dose_grid,
            truth=self.truth,
            show_patient=self.show_patient,
        )


_JSON = Annotated[bool, Parameter(name="--json", negative="")]
_OVERWRITE = Annotated[bool, Parameter(name="--overwrite", negative="")]


@app.command
def run(
    folder: Path,
    *,
    out: Path,
    choices: Choices | None = None,
    overwrite: _OVERWRITE = False,
    as_json: _JSON = False,
) -> int:
    """Judge one case: planning CT, RTSTRUCT, RTPLAN and the day's CBCT in, a verdict with its reasons out.

    Parameters
    ----------
    folder
        Everything of one patient, any names, nested as you like.
    out
        Folder that the report and the DICOM objects appear in, whole or not at all.
    overwrite
        Replace that folder if it is there.
    as_json
        Print the verdict as JSON and nothing else.
    """
    from terasu.cli.entry import BLOCKED, OK

    settings = (choices or Choices()).as_settings()
    result = _run(folder, out, settings, overwrite=overwrite, quiet=as_json)
    _show_result(result, as_json=as_json)
    return BLOCKED if result.level == "BLOCK" else OK


@app.command
def demo(*, out: Path = Path("terasu-demo"), overwrite: _OVERWRITE = False, as_json: _JSON = False) -> int:
    """Make the built-in patient and judge his day.

    Parameters
    ----------
    out
        Folder for the patient (`case`) and the result (`result`).
    overwrite
        Replace that folder if it is there.
    as_json
        Print the verdict as JSON and nothing else.
    """
    from terasu.workflow.phantom_case import write_phantom_case

    _tell_progress(as_json)("Making the built-in patient and his day …")
    made = write_phantom_case(out / "case", overwrite=overwrite)
    settings = replace(Choices().as_settings(), truth=made.truth)
    result = _run(made.patient, out / "result", settings, overwrite=overwrite, quiet=as_json)
    _show_result(result, as_json=as_json)
    return 0


@Parameter(name="*")
@dataclass(frozen=True)
class Knobs:
    """What the made patient is like, and what the day changes in him.

    Parameters
    ----------
    seed: int
        Of everything that chance decides.
    size: float
        Of the whole patient, 1 for hips of 38 cm.
    fat: float
        Subcutaneous fat at the hips on the day of planning [mm].
    bladder: float
        Bladder on the day of planning [cm³].
    gas: float
        Rectal gas on the day of planning [cm³].
    prostate: float
        Prostate [cm³].
    hip: str
        Side of a metal hip: L or R.
    fiducials: bool
        Three gold seeds in the prostate.
    day_bladder: float
        Bladder on the day of treatment [cm³].
    day_gas: float
        Rectal gas on the day of treatment [cm³].
    day_rotation: float
        Roll on the day of treatment [degree].
    day_shift: tuple[float, float, float]
        Shift of the patient on the day of treatment, LPS [mm].
    day_weight_loss: float
        Subcutaneous fat lost since planning [mm].
    cbct: str
        Artefacts of the day's CBCT: mild, varian_like or severe.
    own_frame: bool
        The CBCT gets a frame of reference of its own, and a registration object joins the two.
    """

    seed: int = 1
    size: float = 1.0
    fat: float = 26.0
    bladder: float = 190.0
    gas: float = 6.0
    prostate: float = 42.0
    hip: Literal["", "L", "R"] = ""
    fiducials: bool = False
    day_bladder: float = 110.0
    day_gas: float = 22.0
    day_rotation: float = 1.5
    day_shift: Annotated[tuple[float, float, float], Parameter(negative="")] = (0.0, 0.0, 0.0)
    day_weight_loss: float = 4.0
    cbct: Literal["mild", "varian_like", "severe"] = "varian_like"
    own_frame: bool = False


@app.command
def phantom(
    out: Path, *, knobs: Knobs | None = None, small: bool = False, overwrite: _OVERWRITE = False
) -> int:
    """Make a patient: an anthropomorphic male pelvis with a plan, and a day with its CBCT and its truth.

    Parameters
    ----------
    out
        Folder that appears whole: `patient` is the input of the main job, `truth` is what nobody would have.
    small
        Coarse images, for tests.
    overwrite
        Replace that folder if it is there.
    """
    from terasu.patient.phantom import Anatomy, Day
    from terasu.simulate.artefacts import preset
    from terasu.workflow.phantom_case import PhantomChoices, write_phantom_case

    asked = knobs or Knobs()
    anatomy = Anatomy(
        seed=asked.seed,
        size=asked.size,
        fat_mm=asked.fat,
        bladder_cc=asked.bladder,
        rectal_gas_cc=asked.gas,
        prostate_cc=asked.prostate,
        hip_prosthesis=asked.hip,
        fiducials=asked.fiducials,
    )
    day = Day(
        bladder_cc=asked.day_bladder,
        rectal_gas_cc=asked.day_gas,
        rotation_deg=asked.day_rotation,
        shift_lps_mm=asked.day_shift,
        weight_loss_mm=asked.day_weight_loss,
    )
    choices = PhantomChoices(small=small, artefacts=preset(asked.cbct), own_frame=asked.own_frame)
    made = write_phantom_case(out, anatomy, day, choices, overwrite=overwrite)
    print(f"{made.patient}: planning CT, RTSTRUCT, RTPLAN, RTDOSE and the day's CBCT")
    print(f"{made.truth}: the day's true CT and structures")
    return 0


@app.command
def example(
    name: str = "pancreas",
    *,
    from_folder: Annotated[Path | None, Parameter(name="--from")] = None,
    out: Path = Path("terasu-example"),
    overwrite: _OVERWRITE = False,
    as_json: _JSON = False,
) -> int:
    """Judge a public, real patient; the plan is made by Terasu, since the data set has none.

    Parameters
    ----------
    name
        `pancreas`: TCIA Pancreatic-CT-CBCT-SEG, doi 10.7937/TCIA.ESHQ-4D90, CC BY 4.0.
    from_folder
        A local copy (folder or .tar.xz); without it the case is fetched from TCIA and kept.
    out
        Folder that the result appears in.
    overwrite
        Replace that folder if it is there.
    as_json
        Print the verdict as JSON and nothing else.
    """
    from terasu.workflow.examples import example_case

    with example_case(name, from_folder, tell=_tell_progress(as_json)) as (folder, settings):
        result = _run(folder, out, settings, overwrite=overwrite, quiet=as_json)
    _show_result(result, as_json=as_json)
    return 0


@app.command
def inspect(folder: Path, *, as_json: _JSON = False) -> int:
    """Say what is in a folder, what would be taken for what, and why.

    Parameters
    ----------
    folder
        Any folder with DICOM files in it.
    as_json
        Print JSON and nothing else.
    """
    from terasu.workflow.inspection import inspect_folder, inspection_lines

    found = inspect_folder(folder)
    print(json.dumps(found, indent=1, ensure_ascii=False) if as_json else "\n".join(inspection_lines(found)))
    return 0


@app.command
def doctor(
    *, as_json: _JSON = False, compiling: Annotated[bool, Parameter("--compile", negative="")] = False
) -> int:
    """Say what is installed, what is missing, and what this machine has.

    Parameters
    ----------
    as_json
        Print JSON and nothing else.
    compiling
        Compile the numerical kernels first, so that the first patient does not wait for it.
    """
    from terasu.cli.entry import ERROR, OK
    from terasu.workflow.doctor import as_rows, examine

    if compiling:
        from terasu.workflow.compiling import compile_kernels

        compile_kernels()
    parts = examine()
    if as_json:
        print(json.dumps(as_rows(parts), indent=1))
    else:
        for part in parts:
            print(
                f"{part.state:<8}{part.name:<14}{part.detail}"
                + (f"\n{'':22}{part.todo}" if part.todo else "")
            )
    return ERROR if any(part.needed and part.state == "missing" for part in parts) else OK


@app.command
def commission(
    *,
    depth_doses: Path,
    output_factors: Path,
    name: str,
    out: Path,
    profile: Path | None = None,
    start: Path | None = None,
    gy_per_mu: float | None = None,
    source: str = "",
) -> int:
    """Fit a machine file to your own beam, for run --machine.

    Parameters
    ----------
    depth_doses
        CSV with field_mm, ssd_mm, depth_mm, dose_percent.
    output_factors
        CSV with field_mm, factor; 1 at the reference field.
    name
        Of the beam, as the report will call it.
    out
        Machine file (TOML) to write.
    profile
        CSV with off_axis_mm, ratio across the largest field.
    start
        Machine file to start from; the built-in one if left out.
    gy_per_mu
        At the reference depth, field and SSD; the start's if left out.
    source
        Who measured, when, with what.
    """
    from datetime import date

    from terasu.dose.beam_data import read_beam_data
    from terasu.dose.commission import commission as fit
    from terasu.dose.machine import default_machine, machine_as_toml, read_machine
    from terasu.patient.store import write_whole

    begin = default_machine() if start is None else read_machine(start)
    reference = begin.reference
    if gy_per_mu is not None:
        reference = reference.model_copy(update={"gy_per_mu": gy_per_mu})
    fitted = fit(
        read_beam_data(depth_doses, output_factors, profile),
        begin,
        name=name,
        reference=reference,
        made_on=date.today().isoformat(),
        source=source,
    )
    text = machine_as_toml(fitted)

    def write(path: Path) -> None:
        path.write_text(text, encoding="utf-8")

    write_whole(out, write)
    print(f"{name}: kernel quality TPR20,10 {fitted.tpr_20_10:.3f}; written to {out}")
    for what, percent in fitted.provenance.residuals_percent.items():
        print(f"  largest misfit, {what}: {percent:.2f} %")
    return 0


@app.command
def policy() -> int:
    """Print the built-in policy, to be copied and edited."""
    from terasu.safety.policy import default_policy_text

    print(default_policy_text(), end="")
    return 0


def _run(folder: Path, out: Path, settings: Settings, *, overwrite: bool, quiet: bool) -> Result:
    from terasu.cli.progress import Bar
    from terasu.workflow.main_job import USUAL_SECONDS, run_main_job

    with Bar(USUAL_SECONDS, quiet=quiet) as bar:
        return run_main_job(folder, out, settings, overwrite=overwrite, listener=bar)


def _show_result(result: Result, *, as_json: bool) -> None:
    if as_json:
        print(result.as_json)
        return
    print(result.summary)
    print(f"\nReport: {result.folder / 'report.html'}")


def _tell_progress(quiet: bool) -> Tell:
    import sys

    def tell(line: str) -> None:
        if not quiet:
            print(line, file=sys.stderr, flush=True)

    return tell
