"""The templates by name, and a folder made of one of them: study.toml beside the tables that it reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from terasu.errors import InputError, OutputError
from terasu.patient.store import refuse_unwritable, whole_folder
from terasu.workflow.studies.made_cohort import write_made_tables
from terasu.workflow.studies.public_cohorts import GLIOMA, LUNG, write_glioma_tables, write_lung_tables

STUDY = "study.toml"


@dataclass(frozen=True)
class Template:
    """One study that is ready.

    Attributes:
        name: as the command line and the file call it.
        title: one line about it.
        needs: file of ``--data`` that it is made from; empty for a made cohort.
        write: makes the tables of this file in a folder.
    """

    name: str
    title: str
    needs: str
    write: Callable[[Path, Path], None]


def _made(source: Path, folder: Path) -> None:
    del source
    write_made_tables(folder)


TEMPLATES = {
    one.name: one
    for one in (
        Template(
            "lung-sbrt",
            "overall survival of lung cancer from 797 CT features (Lung1, public)",
            LUNG,
            write_lung_tables,
        ),
        Template(
            "oesophagus-cbct",
            "survival from the change over daily CBCT (a made cohort, no patients: none is public)",
            "",
            _made,
        ),
        Template(
            "glioma-grade",
            "grade 3 against 4 from contrast-enhanced T1 and T2 (TCGA, public)",
            GLIOMA,
            write_glioma_tables,
        ),
    )
}


def template_of(name: str) -> Template:
    """The template of that name.

    Raises:
        InputError: there is none; lists those that there are.
    """
    if name not in TEMPLATES:
        raise InputError(
            "There is no template of that name.",
            got=name,
            expected=", ".join(TEMPLATES),
            todo="terasu study template, without a name, lists them.",
        )
    return TEMPLATES[name]


def text_of(template: Template) -> str:
    """The study file with its comments."""
    return (files("terasu.workflow.studies") / f"{template.name}.toml").read_text(encoding="utf-8")


def write_template(name: str, data: Path | None, out: Path) -> tuple[Path, bool]:
    """Make the folder of a template: tables and study.toml, whole or not at all.

    Args:
        data: folder of the public cohorts, or the one above it; not looked at for a made cohort.
        out: the folder to make. One that holds this very template already is kept as it is.
    Returns:
        The study file, and whether it is new.
    Raises:
        InputError: no such template, no such cohort, or a cohort that is not what was published.
        OutputError: ``out`` holds something else, or the disk refuses.
    """
    template = template_of(name)
    if (out / STUDY).is_file() and (out / STUDY).read_text(encoding="utf-8") == text_of(template):
        return out / STUDY, False
    if out.exists():
        raise OutputError(
            "The folder is there already and does not hold this template as it comes.",
            got=str(out),
            expected="a name that is free",
            todo="Choose another --out; a study.toml that was edited is run with terasu study lock and fit.",
        )
    refuse_unwritable(out)
    source = _source(template, data)
    with whole_folder(out) as aside:
        template.write(source, aside)
        (aside / STUDY).write_text(text_of(template), encoding="utf-8")
    return out / STUDY, True


def _source(template: Template, data: Path | None) -> Path:
    if not template.needs:
        return Path()
    for folder in () if data is None else (data, data / "cohorts"):
        if (folder / template.needs).is_file():
            return folder / template.needs
    raise InputError(
        f"The template {template.name} is made from a table that is not here.",
        got="no --data" if data is None else f"{data} without {template.needs}",
        expected=f"--data FOLDER with {template.needs}",
        todo="docs/how-to/study.md says where the cohorts come from.",
    )
