"""How a cohort is to be measured: one file (TOML) that a study keeps beside its tables."""

from __future__ import annotations

import dataclasses
import difflib
import tomllib
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from terasu.errors import InputError, PolicyError
from terasu.radiomics import filters
from terasu.radiomics.discretise import Bins, FixedBinNumber, FixedBinSize
from terasu.radiomics.filters import Filter
from terasu.radiomics.ibsi import CONFIGURATIONS, Ibsi
from terasu.radiomics.measured import Profile
from terasu.radiomics.perturb import KINDS, Kind, Perturbation, Ranges, perturbations
from terasu.radiomics.prepare import Preparation
from terasu.radiomics.pyradiomics import PyRadiomics
from terasu.radiomics.regrid import Order
from terasu.radiomics.texture import Reach

_STRICT = ConfigDict(extra="forbid", frozen=True)
_HU_BINS, _OTHER_BINS = FixedBinSize(25), FixedBinNumber(32)
FILTERS: dict[str, Callable[..., Filter]] = {
    name: getattr(filters, name)
    for name in ("Mean", "LaplacianOfGaussian", "Laws", "Gabor", "SeparableWavelet", "Simoncelli")
}


class IbsiChoices(BaseModel):
    """Settings of the profile ``ibsi``.

    Attributes:
        configuration: one of the reference configurations A … E, whole; nothing else then counts but filters.
        spacing_zyx_mm: voxels to interpolate to; empty for the image's own, 0 keeps one axis.
        bin_size, bin_number: of the grey levels; if neither, bins of 25 HU, and 32 bins for other units.
        filters: tables with ``kind`` (the filter) and its parameters.
    """

    model_config = _STRICT

    configuration: Literal["A", "B", "C", "D", "E"] | None = None
    spacing_zyx_mm: tuple[float, float, float] | None = (2.0, 2.0, 2.0)
    interpolation: Order = "linear"
    value_range: tuple[float, float] | None = None
    outliers_sigma: float | None = Field(default=None, gt=0)
    bin_size: float | None = Field(default=None, gt=0)
    bin_number: int | None = Field(default=None, gt=0)
    reach: Reach = "volume"
    filters: tuple[dict[str, Any], ...] = ()

    def profile(self, unit: str) -> Ibsi:
        """The profile for an image of this unit."""
        extra = tuple(_filter(one) for one in self.filters)
        if self.configuration is not None:
            return dataclasses.replace(CONFIGURATIONS[self.configuration], filters=extra)
        steps = self.spacing_zyx_mm
        preparation = Preparation(
            None if steps is None else (steps[0] or None, steps[1] or None, steps[2] or None),
            self.interpolation,
            unit == "HU",
            self.value_range,
            self.outliers_sigma,
        )
        curve = None if unit == "HU" else FixedBinNumber(1000)
        return Ibsi(preparation, self._bins(unit), self.reach, curve, extra)

    def _bins(self, unit: str) -> Bins:
        if self.bin_size is not None:
            return FixedBinSize(self.bin_size)
        if self.bin_number is not None:
            return FixedBinNumber(self.bin_number)
        return _HU_BINS if unit == "HU" else _OTHER_BINS


class MrChoices(BaseModel):
    """How routine MR is made comparable before it is measured; ``none`` leaves it as it is."""

    model_config = _STRICT

    normalisation: Literal["z-score", "percentile", "none"] = "z-score"
    scale: float = Field(default=100.0, gt=0)


class PerturbationChoices(BaseModel):
    """How often each region is imaged and drawn again, and how strongly."""

    model_config = _STRICT

    number: int = Field(default=0, ge=0)
    seed: int = Field(default=1, ge=0)
    kinds: tuple[Kind, ...] = KINDS
    noise_scale: float = Field(default=1.0, ge=0)
    shift_voxels: float = Field(default=0.5, ge=0)
    rotation_deg: float = Field(default=10.0, ge=0)
    growth: float = Field(default=0.15, ge=0, lt=1)

    def drawn(self) -> tuple[Perturbation, ...]:
        """The image as it is, then the perturbations."""
        if not self.number:
            return (Perturbation(),)
        ranges = Ranges(self.noise_scale, self.shift_voxels, self.rotation_deg, self.growth)
        return (Perturbation(), *perturbations(self.number, self.seed, self.kinds, ranges=ranges))


class Recipe(BaseModel):
    """Everything that a cohort run can be told.

    Attributes:
        profile: whose features.
        rois: names or patterns (``GTV*``), case ignored; every ROI if empty.
        modalities: CT, CBCT, MR, PT; all if empty.
        same_frame: a contour is measured on every image of its frame of reference, not only on the one that
            it was drawn on.
    """

    model_config = _STRICT

    profile: Literal["pyradiomics", "ibsi"] = "pyradiomics"
    rois: tuple[str, ...] = ()
    modalities: tuple[str, ...] = ()
    same_frame: bool = False
    pyradiomics: PyRadiomics = PyRadiomics()
    ibsi: IbsiChoices = IbsiChoices()
    mr: MrChoices = MrChoices()
    perturbations: PerturbationChoices = PerturbationChoices()

    @field_validator("pyradiomics", mode="before")
    @classmethod
    def _only_its_settings(cls, value: Any) -> Any:
        """A dataclass would pass over a key that it does not know."""
        known = [one.name for one in dataclasses.fields(PyRadiomics)]
        unknown = [name for name in value if name not in known] if isinstance(value, dict) else []
        if unknown:
            raise ValueError(f"{unknown[0]} is no setting" + _nearest(unknown[0], known))
        return value

    def profile_for(self, unit: str) -> Profile:
        """The profile for an image of this unit."""
        return self.pyradiomics if self.profile == "pyradiomics" else self.ibsi.profile(unit)


def read_recipe(path: Path) -> Recipe:
    """A recipe from a TOML file.

    Raises:
        PolicyError: no such file, no TOML, or keys and values that a recipe does not have.
    """
    try:
        return recipe_of(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(
            "The recipe cannot be read.",
            got=f"{path.name}: {error}",
            expected="a TOML file",
            todo="Start from `terasu radiomics recipe`.",
        ) from error


def recipe_of(entries: dict[str, Any]) -> Recipe:
    """A recipe from nested keys; an impossible one is refused by key."""
    try:
        recipe = Recipe.model_validate(entries)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(one) for one in first["loc"])
        hint = _nearest(str(first["loc"][-1]), _keys()) if first["type"] == "extra_forbidden" else ""
        raise PolicyError(
            "The recipe says something impossible.",
            got=f"{where}: {first['msg']}{hint}",
            expected="the keys that `terasu radiomics recipe` prints",
            todo="Correct this key.",
        ) from error
    recipe.profile_for("HU")
    return recipe


def _nearest(key: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(key, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def _keys() -> list[str]:
    return [
        name for part in (Recipe, IbsiChoices, MrChoices, PerturbationChoices) for name in part.model_fields
    ]


def _filter(entry: dict[str, Any]) -> Filter:
    kind = entry.get("kind", "")
    if kind not in FILTERS:
        raise InputError(
            "There is no such filter.",
            got=str(kind) or "no kind",
            expected=", ".join(FILTERS),
            todo='Write kind = "LaplacianOfGaussian", say, and its parameters.',
        )
    rest = {name: tuple(one) if isinstance(one, list) else one for name, one in entry.items()}
    rest.pop("kind")
    try:
        return FILTERS[kind](**rest)
    except TypeError as error:
        raise InputError(
            f"The filter {kind} has other parameters.",
            got=str(error).split("__init__() ")[-1],
            expected="those of its description in the reference of radiomics filters",
            todo="Correct the recipe.",
        ) from error
