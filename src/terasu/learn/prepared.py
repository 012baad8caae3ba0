"""A prepared case: a folder with arrays that are read where they lie, and `case.json` about them.

Training reads only these, never DICOM. Nothing in them names a patient.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.patient.store import whole_folder

CASE_FILE = "case.json"
KINDS: Mapping[str, str] = {
    "image": "int16",
    "truth": "int16",
    "body": "uint8",
    "seen": "uint8",
    "labels": "uint8",
}
"""Array → type on disk: HU of the image and of its truth, patient, field of view, organs by number."""


@dataclass(frozen=True)
class Facts:
    """What `case.json` says.

    Attributes:
        case: name of the case, made here.
        patient_key: salted hash of the patient; the same for all cases of one patient.
        modality: ``CT``, ``CBCT``, ``MVCT``, ``MR``.
        shape_zyx, spacing_zyx_mm: of every array.
        sha256: array → hash of its values.
        labels: number → organ name, where there are labels.
        made_of: one line about the origin (a public data set, a simulation and its settings).
    """

    case: str
    patient_key: str
    modality: str
    shape_zyx: tuple[int, int, int]
    spacing_zyx_mm: tuple[float, float, float]
    sha256: Mapping[str, str]
    labels: Mapping[str, str]
    made_of: str = ""


@dataclass(frozen=True, eq=False)
class PreparedCase:
    """A prepared case on disk."""

    folder: Path
    facts: Facts

    def array(self, name: str) -> NDArray[Any]:
        """(z, y, x), mapped from disk and not to be written to.

        Raises:
            InputError: the case has no such array, or its file has another size or type.
        """
        if name not in self.facts.sha256:
            raise InputError(
                f"The prepared case {self.facts.case} has no array named {name}.",
                got=", ".join(sorted(self.facts.sha256)),
                expected=name,
                todo="Prepare it again with what this model needs.",
            )
        return _mapped(self.folder / f"{name}.npy", self.facts)

    @property
    def hash(self) -> str:
        """One hash over all arrays."""
        return hashlib.sha256("".join(sorted(self.facts.sha256.values())).encode()).hexdigest()


def patient_key(patient_id: str, salt: str) -> str:
    """A key that tells patients apart and does not lead back to them without the salt.

    Args:
        patient_id: as the clinic knows it; never stored.
        salt: a secret of whoever prepares; the same for all cases that will meet in one split.
    """
    return hashlib.sha256(f"{salt}\0{patient_id}".encode()).hexdigest()[:16]


def write_case(folder: Path, facts: Facts, arrays: Mapping[str, NDArray[Any]]) -> PreparedCase:
    """Write a case, whole or not at all; hashes and shape are taken from the arrays.

    Args:
        folder: must not be there yet.
        facts: ``shape_zyx`` and ``sha256`` are filled in here.
        arrays: name in ``KINDS`` → (z, y, x) of one shape; HU are rounded to whole numbers.
    Raises:
        InputError: NaN, other names, different shapes, HU that int16 cannot hold.
    """
    stored = {name: _as_stored(name, values) for name, values in arrays.items()}
    shapes = {values.shape for values in stored.values()}
    if len(shapes) != 1 or "image" not in stored or len(next(iter(shapes))) != 3:
        raise InputError(
            "The arrays of a case do not fit together.",
            got=", ".join(f"{name} {values.shape}" for name, values in stored.items()),
            expected="an image (z, y, x), and others of the same shape",
        )
    z, y, x = next(iter(shapes))
    whole = replace(facts, shape_zyx=(z, y, x), sha256={n: _hash(v) for n, v in stored.items()})
    with whole_folder(folder) as aside:
        for name, values in stored.items():
            np.save(aside / f"{name}.npy", values)
        (aside / CASE_FILE).write_text(json.dumps(asdict(whole), indent=1), encoding="utf-8")
    return PreparedCase(folder, whole)


def read_case(folder: Path, *, verify: bool = False) -> PreparedCase:
    """Open a prepared case.

    Args:
        verify: read every array and compare its hash.
    Raises:
        InputError: no prepared case, or one that was changed.
    """
    try:
        content = json.loads((folder / CASE_FILE).read_text(encoding="utf-8"))
        content["shape_zyx"] = tuple(content["shape_zyx"])
        content["spacing_zyx_mm"] = tuple(content["spacing_zyx_mm"])
        case = PreparedCase(folder, Facts(**content))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise InputError(
            "This is no prepared case.",
            got=f"{folder.name}: {error}",
            expected=f"a folder with {CASE_FILE} and image.npy",
            todo="Make it with terasu model prepare.",
        ) from error
    if verify:
        changed = [name for name, told in case.facts.sha256.items() if _hash(case.array(name)) != told]
        if changed:
            raise InputError(
                f"The prepared case {case.facts.case} was changed after it was made.",
                got=f"other values in {', '.join(changed)}",
                expected="the values that were hashed",
                todo="Prepare it again.",
            )
    return case


def read_cases(folder: Path) -> tuple[PreparedCase, ...]:
    """All prepared cases of a folder, by name.

    Raises:
        InputError: there is none.
    """
    found = sorted(path.parent for path in folder.glob(f"*/{CASE_FILE}") if path.parent.name[0] != ".")
    if not found:
        raise InputError(
            "There are no prepared cases here.",
            got=folder.name,
            expected=f"folders with a {CASE_FILE}",
            todo="Make them with terasu model prepare.",
        )
    return tuple(read_case(one) for one in found)


def data_hash(cases: Iterable[PreparedCase]) -> str:
    """One hash over the values of all cases, whatever their order."""
    return hashlib.sha256("".join(sorted(one.hash for one in cases)).encode()).hexdigest()


def _as_stored(name: str, values: NDArray[Any]) -> NDArray[Any]:
    if name not in KINDS:
        raise InputError(f"A case has no array named {name}.", got=name, expected=", ".join(KINDS))
    if not np.isfinite(values).all():
        raise InputError(
            f"The array {name} holds values that are no numbers.",
            got=f"{int(np.count_nonzero(~np.isfinite(values)))} voxels NaN or infinite",
            expected="a finite number in every voxel",
        )
    kind = np.dtype(KINDS[name])
    whole = np.rint(values) if np.issubdtype(values.dtype, np.floating) else values
    limits = np.iinfo(kind)
    if whole.min() < limits.min or whole.max() > limits.max:
        raise InputError(
            f"The array {name} does not fit into {kind}.",
            got=f"{whole.min():g} to {whole.max():g}",
            expected=f"{limits.min} to {limits.max}",
        )
    return np.ascontiguousarray(whole.astype(kind))


def _mapped(path: Path, facts: Facts) -> NDArray[Any]:
    try:
        values: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise InputError(f"An array of case {facts.case} cannot be read.", got=path.name) from error
    if values.shape != facts.shape_zyx or values.dtype != KINDS[path.stem]:
        raise InputError(
            f"An array of case {facts.case} is not what {CASE_FILE} says.",
            got=f"{path.name}: {values.dtype} {values.shape}",
            expected=f"{KINDS[path.stem]} {facts.shape_zyx}",
            todo="Prepare it again.",
        )
    return values


def _hash(values: NDArray[Any]) -> str:
    return hashlib.sha256(np.ascontiguousarray(values).tobytes()).hexdigest()
