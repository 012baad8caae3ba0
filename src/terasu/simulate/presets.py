"""Settings by name, from the table that says how each number was found, or from a file of one's own."""

from __future__ import annotations

import tomllib
from dataclasses import fields
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal

from terasu.errors import InputError
from terasu.simulate import artefacts
from terasu.simulate.artefacts import CbctArtefacts
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.mvct import MvctSettings

Engine = Literal["cbct", "mvct", "fast"]
Settings = ConeBeamSettings | MvctSettings | CbctArtefacts
_KINDS: dict[Engine, type[Settings]] = {"cbct": ConeBeamSettings, "mvct": MvctSettings, "fast": CbctArtefacts}


def preset_names(engine: Engine) -> tuple[str, ...]:
    """Names of the presets of an engine."""
    return tuple(artefacts.PRESETS) if engine == "fast" else tuple(_table()[engine])


def settings_of(engine: Engine, preset: str, changes: Path | None = None) -> Settings:
    """A preset's settings, some of them changed by a TOML file of ``name = value`` lines.

    Args:
        engine: ``cbct``, ``mvct`` or ``fast``.
        preset: one of ``preset_names``.
        changes: file with numbers of one's own.
    Raises:
        InputError: no such preset, an unknown name in the file, or a value that cannot be.
    """
    if preset not in preset_names(engine):
        raise InputError(
            f"There is no preset {preset!r} of the engine {engine}.",
            got=preset,
            expected=", ".join(preset_names(engine)),
            todo="Choose one of these, and change its numbers with --settings.",
        )
    if engine == "fast":
        entries: dict[str, Any] = dict(vars(artefacts.preset(preset)))
    else:
        entries = {name: value for name, value in _table()[engine][preset].items() if name != "source"}
    if changes is not None:
        entries |= _read(changes)
    return _made(_KINDS[engine], entries)


@lru_cache
def _table() -> dict[str, Any]:
    text = files("terasu.simulate").joinpath("presets.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(
            "The settings cannot be read.",
            got=f"{path.name}: {error}",
            expected="TOML with lines such as scatter_to_primary = 0.4",
            todo="Correct the file.",
        ) from error


def _made(kind: type[Settings], entries: dict[str, Any]) -> Settings:
    known = {one.name for one in fields(kind)}
    unknown = sorted(set(entries) - known)
    if unknown:
        raise InputError(
            "The settings hold a name that this engine does not have.",
            got=", ".join(unknown),
            expected=", ".join(sorted(known)),
            todo="Correct the name.",
        )
    if "hu_curve" in entries:
        entries = entries | {"hu_curve": tuple((float(a), float(b)) for a, b in entries["hu_curve"])}
    try:
        return kind(**entries)
    except TypeError as error:
        raise InputError(
            "A setting is not of the kind that is needed.",
            got=str(error),
            expected="numbers for amounts, true or false for switches",
            todo="Correct the file.",
        ) from error
