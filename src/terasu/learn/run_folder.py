"""What a run directory belongs to: one configuration, one set of data, one version of the code."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from terasu.errors import InputError
from terasu.patient.store import write_whole

RUN_FILE = "run.json"


def claim(folder: Path, identity: Mapping[str, Any]) -> None:
    """Write what this run is, or compare with what was written when it began.

    Args:
        folder: of the run.
        identity: ``configuration``, ``data``, ``split``, ``code``: whatever decides about the result, ready
            for JSON.
    Raises:
        InputError: the folder holds another run, and in what it differs.
    """
    path = folder / RUN_FILE
    told = json.loads(json.dumps(identity))
    if not path.exists():
        text = json.dumps(told, indent=1, ensure_ascii=False)
        write_whole(path, lambda aside: _write(aside, text))
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    differing = sorted(_differences(before, told))
    if differing:
        raise InputError(
            "This run directory belongs to another run.",
            got="; ".join(differing[:6]),
            expected="the same configuration, data, split and code as when the run began",
            todo="Choose another directory, or go back to what this run began with.",
        )


def _differences(before: Any, now: Any, where: str = "") -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        keys = sorted({*before, *now})
        inner = [_differences(before.get(k), now.get(k), f"{where}.{k}".lstrip(".")) for k in keys]
        return [one for some in inner for one in some]
    return [] if before == now else [f"{where}: {_short(now)}, began with {_short(before)}"]


def _short(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) < 60 else text[:57] + "…"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
