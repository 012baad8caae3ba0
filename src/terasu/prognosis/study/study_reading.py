"""Read a study file; every line that is wrong is named, with what was probably meant."""

from __future__ import annotations

import hashlib
import tomllib
import typing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from terasu.errors import InputError
from terasu.prognosis.study.nearest import nearest
from terasu.prognosis.study.study_file import StudyFile


@dataclass(frozen=True)
class Study:
    """A study file, where it lies, and the SHA-256 of its bytes."""

    says: StudyFile
    path: Path
    sha256: str

    def file(self, relative: str) -> Path:
        """A path that the study file names."""
        return (self.path.parent / relative).resolve()

    @property
    def files(self) -> tuple[str, ...]:
        """Every table and sheet that it names, as it names them, each once."""
        sources = [self.says, *([self.says.external] if self.says.external else [])]
        paths = [sheet.path for source in sources for sheet in (*source.tables, source.clinical)]
        steps = [*self.says.steps, *(one for model in self.says.models for one in model.steps or ())]
        paths += [str(one["table"]) for one in steps if "table" in one]
        return tuple(dict.fromkeys(paths))


def read_study(path: Path) -> Study:
    """Read and check a study file; the tables are not opened.

    Raises:
        InputError: not there, not TOML, an unknown key, a missing one, a value that cannot be.
    """
    try:
        content = path.read_bytes()
        table = tomllib.loads(content.decode("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise InputError(
            f"The study file cannot be read: {path.name}.", got=str(error), expected="a TOML file in UTF-8"
        ) from error
    try:
        says = StudyFile.model_validate(table)
    except ValidationError as error:
        raise InputError(
            f"The study file says something impossible: {path.name}.",
            got="; ".join(_line(one) for one in error.errors()[:8]),
            expected="the keys of a study file",
            todo="Mend these keys; the documentation of `terasu study` has an example.",
        ) from error
    return Study(says, path.resolve(), hashlib.sha256(content).hexdigest())


def _line(error: Any) -> str:
    place = tuple(error["loc"])
    where = ".".join(str(one) for one in place)
    if error["type"] != "extra_forbidden":
        return f"{where or 'the file'}: {error['msg'].removeprefix('Value error, ')}"
    known = _keys_at(place[:-1])
    meant = nearest(str(place[-1]), known)
    return f"{where}: not known" + (f"; did you mean {meant!r}?" if meant else f" among {', '.join(known)}")


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    """Keys of the part of the file that a location leads to."""
    here: type[BaseModel] = StudyFile
    for key in place:
        if isinstance(key, str) and key in here.model_fields:
            here = _part_of(here.model_fields[key].annotation) or here
    return list(here.model_fields)


def _part_of(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (_part_of(one) for one in typing.get_args(annotation))
    return next((one for one in found if one), None)
