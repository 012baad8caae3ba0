"""`terasu model`: from images to a trained model with its card, and from that to an improved image."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

model = App(name="model", help="Models of image improvement: prepare, train, apply, card.")


@model.command
def prepare(
    images: Path,
    *,
    out: Path,
    modality: Literal["CT", "CBCT", "MVCT"] = "CT",
    simulation: Annotated[Literal["none", "mvct", "fast"], Parameter(name="--simulate")] = "none",
    half: Literal["all", "first", "second"] = "all",
    seed: int = 0,
) -> int:
    """Make prepared cases of all images in a folder; patients are named by salted hashes.

    Parameters
    ----------
    images
        Folder of DICOM, of volume files (one folder a patient), or of OpenKBP patients (npz).
    out
        Folder of the prepared cases. Folders that lie side by side share one secret salt, so that a patient
        has one key in all of them.
    modality
        What the images are.
    simulation
        Make a low-quality image of each CT and keep the CT as its truth: `mvct`, or a `fast` cone-beam image.
    half
        Half of the patients, for two sides that share nobody.
    seed
        Of the simulation.
    """
    from terasu.cli.progress import Bar
    from terasu.steps import Steps
    from terasu.workflow.training.prepare import prepare as prepare_cases

    with Bar({"prepare": 60.0}) as bar, Steps(bar)("prepare"):
        found = prepare_cases(
            images, out, modality=modality, simulation=simulation, half=half, seed=seed, listener=bar
        )
    patients = len({one.facts.patient_key for one in found.cases})
    print(f"{len(found.cases)} cases of {patients} patients in {out}")
    for one in found.left_out:
        print(f"left out: {one}")
    return 0


@model.command
def train(
    configuration: Path,
    *,
    source: Path,
    target: Path | None = None,
    out: Path,
    validation: float = 0.15,
    device: Literal["cpu", "cuda"] = "cpu",
) -> int:
    """Train one model; a run that was stopped goes on where it was, with the same result.

    Parameters
    ----------
    configuration
        Model and training (TOML); `model = "cyclegan_ct"` is enough to begin with.
    source
        Prepared cases of the images to be improved.
    target
        Prepared cases of the wanted kind; a model of pairs takes the truth of the source instead.
    out
        Folder of the run: losses, previews, checkpoint, in the end weights and card.
    validation
        Share of the patients that is not trained on, for the last calibration and the figures of the card.
    device
        Where to train.
    """
    from terasu.cli.progress import Bar
    from terasu.enhance.models.configuration import read_configuration
    from terasu.learn.prepared import read_cases
    from terasu.workflow.training.train import train_model

    told = read_configuration(configuration)
    targets = read_cases(target) if target else ()
    with Bar({"training": 95.0, "validation": 5.0}) as bar:
        card = train_model(
            told, read_cases(source), targets, out, validation=validation, device=device, listener=bar
        )
    print(f"{card.model}, {card.steps} steps, weights {card.weights_sha256[:16]}: {out}")
    for name, value in card.measured.items():
        print(f"  {name}: {value:.1f}")
    for one in (card.not_for, *card.cautions):
        print(f"  {one}")
    return 0


@model.command
def progress(run: Path, *, out: Path | None = None) -> int:
    """Draw a training as it stands, finished or not: loss curves and the last previews.

    Parameters
    ----------
    run
        Folder that the training was given as --out.
    out
        HTML file to write; progress.html in the folder of the run if left out.
    """
    from terasu.report.training import PAGE, read_training, write_training_page

    print(f"page: {write_training_page(read_training(run), out or run / PAGE)}")
    return 0


@model.command
def apply(
    trained: Path,
    image: Path,
    *,
    out: Path,
    device: Literal["cpu", "cuda"] = "cpu",
    overwrite: Annotated[bool, Parameter(negative="")] = False,
) -> int:
    """Improve one image with a trained model; only the patient inside of the field of view changes.

    Parameters
    ----------
    trained
        Folder with weights.safetensors and card.json.
    image
        Folder with one CT series, or a volume file.
    out
        Folder of the DICOM series to write, or name of the volume file.
    device
        Where to calculate.
    overwrite
        Replace a series that is there already.
    """
    from terasu.cli.progress import Bar
    from terasu.workflow.training.apply import apply_model

    usual = {"read": 5.0, "outline": 5.0, "improve": 60.0, "write": 5.0}
    with Bar(usual) as bar:
        made = apply_model(trained, image, out, device=device, overwrite=overwrite, listener=bar)
    print(f"improved: {made.out}, {100 * made.changed_share:.1f} % of the voxels may have changed")
    for one in made.cautions:
        print(f"  {one}")
    return 0


@model.command
def card(trained: Path, *, as_json: Annotated[bool, Parameter(name="--json", negative="")] = False) -> int:
    """Print the card of a trained model: trained on what, measured how, and for what it is not.

    Parameters
    ----------
    trained
        Folder with card.json.
    as_json
        Print JSON and nothing else.
    """
    import json
    from dataclasses import asdict

    from terasu.learn.card import as_markdown, read_card

    found = read_card(trained)
    print(json.dumps(asdict(found), indent=1, ensure_ascii=False) if as_json else as_markdown(found))
    return 0
