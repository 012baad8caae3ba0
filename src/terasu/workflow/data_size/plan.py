"""What a data-size study tries, read from TOML."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from terasu.enhance.models.configuration import Configuration
from terasu.errors import InputError
from terasu.learn.prepared import PreparedCase, read_cases
from terasu.learn.split import Split, require_apart, split_by_patient


class DataSizeFile(BaseModel):
    """The file.

    Attributes:
        source: folder of prepared cases with their truth, relative to the file.
        target: folder of prepared cases of the wanted kind, of other patients.
        test: share of the source's patients that nobody trains on; all results are measured on them.
        sizes: numbers of slices of each side; seeds: of weights, subset and noise.
        arms: name → configuration; ``seed`` and ``images.slices`` are the study's.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: str
    target: str
    test: float = Field(default=0.2, gt=0, lt=1)
    sizes: tuple[int, ...] = Field(min_length=1)
    seeds: tuple[int, ...] = Field(default=(0, 1, 2), min_length=1)
    arms: dict[str, Configuration] = Field(min_length=1)

    @model_validator(mode="after")
    def _fits(self) -> DataSizeFile:
        if min(self.sizes) < 1 or len(set(self.sizes)) < len(self.sizes):
            raise ValueError("sizes: numbers of slices, each once")
        if min(self.seeds) < 0 or len(set(self.seeds)) < len(self.seeds):
            raise ValueError("seeds: 0 or more, each once")
        odd = [name for name in self.arms if not name.replace("-", "").replace("_", "").isalnum()]
        if odd:
            raise ValueError(f"arms: letters, digits, - and _ make a name, not {odd[0]!r}")
        return self


@dataclass(frozen=True)
class Training:
    """One training of the study."""

    arm: str
    slices: int
    seed: int

    @property
    def name(self) -> str:
        """Of its folder and its job."""
        return f"{self.arm}-{self.slices:05d}-{self.seed:02d}"


@dataclass(frozen=True, eq=False)
class DataSizePlan:
    """The file with its cases.

    Attributes:
        sources, targets: that may be trained on; tests: patients of the source side kept apart.
    """

    says: DataSizeFile
    path: Path
    sources: tuple[PreparedCase, ...]
    targets: tuple[PreparedCase, ...]
    tests: tuple[PreparedCase, ...]

    @property
    def trainings(self) -> tuple[Training, ...]:
        """All of them, the smallest first, so that a study that is stopped has whole sizes."""
        return tuple(
            Training(arm, size, seed)
            for size in sorted(self.says.sizes)
            for seed in self.says.seeds
            for arm in self.says.arms
        )

    def configuration(self, one: Training) -> Configuration:
        """Of one training."""
        arm = self.says.arms[one.arm]
        images = arm.images.model_copy(update={"slices": one.slices})
        extractor = arm.feature_extractor and str((self.path.parent / arm.feature_extractor).resolve())
        return arm.model_copy(update={"seed": one.seed, "images": images, "feature_extractor": extractor})


def read_plan(path: Path) -> DataSizePlan:
    """Read a study and its cases.

    Raises:
        InputError: no such file, a key or value that means nothing, cases without truth, a patient on both
            sides.
    """
    says = _read(path)
    sources, targets = (read_cases(path.parent / folder) for folder in (says.source, says.target))
    bare = [one.facts.case for one in sources if "truth" not in one.facts.sha256]
    if bare:
        raise InputError(
            "A source case has no truth to be measured against.",
            got=bare[0],
            expected="cases that were prepared with --simulate",
            todo="Prepare the source side again, or name its folder under source.",
        )
    sides = {"source": [one.facts.patient_key for one in sources]}
    require_apart({**sides, "target": [one.facts.patient_key for one in targets]})
    split: Split = split_by_patient(sides["source"], validation=0.0, test=says.test)
    kept = split.cases("training", sources), targets, split.cases("test", sources)
    return DataSizePlan(says, path, *kept)


def _read(path: Path) -> DataSizeFile:
    try:
        content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        return DataSizeFile.model_validate(content)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "The study cannot be read.",
            got=f"{path.name}: {error}",
            expected="a TOML file",
            todo="Begin with the example in the documentation.",
        ) from error
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InputError(
            "The study says something that means nothing.",
            got="; ".join(wrong[:5]),
            expected="source, target, sizes, seeds, test and one arm or more",
            todo="Correct these keys.",
        ) from error
