"""What a dose engine has to know about the linac, in a TOML file that a clinic fits to its own beam."""

from __future__ import annotations

import json
import tomllib
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from terasu.errors import PolicyError

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Fraction = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Table(_Strict):
    """A function given by points: straight lines between them, the end values beyond."""

    at: tuple[NotNegative, ...]
    value: tuple[NotNegative, ...]

    @model_validator(mode="after")
    def _rises(self) -> Table:
        if len(self.at) != len(self.value) or not self.at or any(np.diff(self.at) <= 0):
            raise ValueError("'at' has to rise strictly and to be as long as 'value'")
        return self

    def __call__(self, at: ArrayLike) -> NDArray[np.float64]:
        """The value at some place."""
        return np.asarray(np.interp(np.asarray(at, float), self.at, self.value))


OWN = ("name", "energy_mv", "tpr_20_10", "reference")
"""What a file has to say itself: a default here would pass the generic beam off as somebody's."""
ONE = Table(at=(0.0,), value=(1.0,))


class Reference(_Strict):
    """Where the machine gives a known dose per MU: an open square field on water."""

    ssd_mm: Positive = 1000.0
    depth_mm: Positive = 100.0
    field_mm: Positive = 100.0
    gy_per_mu: Positive = 0.00667


class Provenance(_Strict):
    """Where the numbers come from."""

    source: str = ""
    made_on: str = ""
    made_by: str = ""
    files: dict[str, str] = Field(default_factory=dict)
    residuals_percent: dict[str, float] = Field(default_factory=dict)


class Machine(_Strict):
    """A photon beam of a linac.

    Attributes:
        name: of the beam model; commissioned: True once a clinic has fitted it to its own data.
        tpr_20_10: kernel quality, the TPR20,10 that the pencil kernel's parametrisation is taken at.
        depth_correction: depth [mm water] → factor on the kernel.
        off_axis: radius at the isocentre plane [mm] → fluence relative to the central axis.
        head_scatter: side of the jaws' equivalent square [mm] → in-air output relative to 100 mm.
        source_sigma_mm: blur of the aperture at the isocentre plane along x and y of the collimator.
        extra_focal_fraction, extra_focal_sigma_mm: head scatter that blurs widely.
        leaf_transmission: mean of leaf and interleaf; leaf_gap_mm: dosimetric leaf gap, both tips.
        jaw_transmission: through one jaw pair.
        reference: where Gy per MU is known.
    """

    name: str
    commissioned: bool = False
    energy_mv: Positive = 6.0
    fff: bool = False
    sad_mm: Positive = 1000.0
    tpr_20_10: Annotated[float, Field(ge=0.60, le=0.82)] = 0.675
    depth_correction: Table = ONE
    off_axis: Table = ONE
    head_scatter: Table = ONE
    source_sigma_mm: tuple[NotNegative, NotNegative] = (1.5, 1.5)
    extra_focal_fraction: Fraction = 0.0
    extra_focal_sigma_mm: Positive = 25.0
    leaf_transmission: Fraction = 0.015
    leaf_gap_mm: NotNegative = 1.0
    jaw_transmission: Fraction = 0.0
    largest_field_mm: Annotated[float, Field(gt=0, le=400)] = 400.0
    reference: Reference = Reference()
    provenance: Provenance = Provenance()

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


@lru_cache
def default_machine() -> Machine:
    """A generic 6 MV beam: right for ratios, off by several per cent in absolute dose."""
    text = files("terasu.dose").joinpath("machines/generic_6mv.toml").read_text(encoding="utf-8")
    return _machine_of(text, "generic_6mv.toml")


def read_machine(path: Path | str) -> Machine:
    """A machine from its TOML file.

    Raises:
        PolicyError: the file is missing, not TOML, misspells a field or says something impossible.
    """
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise PolicyError(
            "The machine file cannot be read.",
            got=f"{path.name}: {type(problem).__name__}",
            expected="a TOML file as terasu commission writes it",
            todo="Check the path; terasu commission makes such a file from a clinic's own data.",
        ) from problem
    return _machine_of(text, path.name)


def _machine_of(text: str, name: str) -> Machine:
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as problem:
        raise _impossible(name, str(problem)) from problem
    machine = machine_of(fields, name)
    unsaid = [field for field in OWN if field not in fields]
    if unsaid:
        raise _impossible(name, f"nothing about {', '.join(unsaid)}")
    return machine


def machine_of(fields: dict[str, Any], name: str) -> Machine:
    """A machine from its fields; ``name`` is what the refusal calls it.

    Raises:
        PolicyError: a field is missing, misspelt or says something impossible.
    """
    try:
        return Machine.model_validate(fields)
    except ValidationError as problem:
        first = problem.errors()[0]
        said = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise _impossible(name, said) from problem


def _impossible(name: str, said: str) -> PolicyError:
    return PolicyError(
        "The machine file says something impossible.",
        got=f"{name}: {said}",
        expected="the fields of dose/machines/generic_6mv.toml, nothing else",
        todo="Correct the field, or fit a new file with terasu commission.",
    )


def machine_as_toml(machine: Machine) -> str:
    """The text of a machine file; ``read_machine`` reads back the same machine."""
    return "\n".join(_toml_lines(machine.model_dump(), prefix="")) + "\n"


def _toml_lines(fields: dict[str, object], *, prefix: str) -> list[str]:
    plain = {key: value for key, value in fields.items() if not isinstance(value, dict)}
    lines = [f"{_key(key)} = {_toml(value)}" for key, value in plain.items()]
    for key, value in fields.items():
        if isinstance(value, dict) and value:
            table = f"{prefix}{_key(key)}"
            lines += ["", f"[{table}]", *_toml_lines(value, prefix=f"{table}.")]
    return lines


def _key(key: str) -> str:
    return key if key.replace("_", "").isalnum() and key.isascii() else _quoted(key)


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return _quoted(value) if isinstance(value, str) else repr(value)


def _quoted(text: str) -> str:
    """JSON's escapes are TOML's, but for one control character that JSON leaves as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
