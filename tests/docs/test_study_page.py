"""The page of studies names every key, model and step that there is, and its study file can be read."""

from __future__ import annotations

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from terasu.prognosis.models.registry import LABEL, SURVIVAL
from terasu.prognosis.study import study_file
from terasu.prognosis.study.steps.reading import STEPS
from terasu.prognosis.study.study_file import StudyFile
from terasu.workflow.studies.templates import TEMPLATES

PAGE = (Path(__file__).parents[2] / "docs" / "how-to" / "study.md").read_text(encoding="utf-8")
TEXT = re.sub(r"^```.*?^```", "", PAGE, flags=re.M | re.S)
NAMED = set(re.findall(r"[a-z_]+", " ".join(re.findall(r"`([^`]+)`", TEXT))))
PARTS = [
    one for one in vars(study_file).values() if isinstance(one, type) and issubclass(one, study_file.Part)
]
SECTIONS = {"tables", "models", "steps", "endpoint", "clinical", "report"}


@pytest.mark.parametrize("part", PARTS, ids=lambda one: one.__name__)
def test_every_key_is_named(part: type[study_file.Part]) -> None:
    assert set(part.model_fields) - SECTIONS - {"path"} <= NAMED


def test_every_kind_of_model_every_step_with_its_options_and_every_template_is_named() -> None:
    options = {field.name for one in STEPS.values() for field in dataclasses.fields(one)}
    assert {*LABEL, *SURVIVAL, *STEPS, *options, "stability"} <= NAMED
    assert all(f"`{name}`" in PAGE for name in TEMPLATES)


def test_the_study_file_on_the_page_can_be_read() -> None:
    (text,) = re.findall(r"^```toml\n(.*?)^```", PAGE, re.M | re.S)
    assert StudyFile.model_validate(tomllib.loads(text)).permutations.pipeline == 100


@pytest.mark.parametrize(
    ("key", "part"),
    [
        ("repeats", study_file.Resampling),
        ("bootstraps", study_file.Resampling),
        ("pipeline", study_file.Permutations),
        ("family", study_file.Permutations),
        ("test_fraction", study_file.Split),
        ("refits", study_file.Reporting),
    ],
    ids=lambda one: one if isinstance(one, str) else one.__name__,
)
def test_the_defaults_on_the_page_are_those_of_the_file(key: str, part: type[study_file.Part]) -> None:
    (row,) = [line for line in PAGE.splitlines() if line.startswith("|") and f"`{key}`" in line.split("|")[1]]
    keys = re.findall(r"`([a-z_]+)`", row.split("|")[1])
    told = [one.strip() for one in row.split("|")[3].split(",")]
    assert told[keys.index(key)] == str(part.model_fields[key].default)
