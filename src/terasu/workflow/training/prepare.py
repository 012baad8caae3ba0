"""From images to prepared cases; what cannot be used is left out with its reason."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from terasu.enhance.body import find_body
from terasu.enhance.field_of_view import find_field_of_view
from terasu.errors import InputError, TerasuError
from terasu.learn.prepared import Facts, PreparedCase, patient_key, write_case
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume
from terasu.simulate.fast import simulate_fast
from terasu.simulate.mvct import mvct_slices
from terasu.steps import Listener, Nobody
from terasu.workflow.training.sources import Found, find_images

Simulation = Literal["none", "mvct", "fast"]
Half = Literal["all", "first", "second"]
SALT_FILE = ".salt"
_MADE_MODALITY = {"mvct": "MVCT", "fast": "CBCT"}


@dataclass(frozen=True, eq=False)
class Prepared:
    """What was written, and what was left out: origin and reason."""

    cases: tuple[PreparedCase, ...]
    left_out: tuple[str, ...]


def prepare(
    folder: Path,
    out: Path,
    *,
    modality: str = "CT",
    simulation: Simulation = "none",
    half: Half = "all",
    seed: int = 0,
    listener: Listener | None = None,
) -> Prepared:
    """Prepare every image of a folder.

    Args:
        folder: see ``find_images``.
        out: folder of the prepared cases; it may hold others already. Beside it a file ``.salt`` is made,
            and all folders beside it share it, so that a patient has one key in all of them.
        modality: what the images are: CT, CBCT or MVCT.
        simulation: make a low-quality image of each CT and keep the CT as its truth.
        half: of the patients, the same wherever they are prepared: for two sides that share nobody.
        seed: of the simulation.
    Raises:
        InputError: no images, nothing that could be prepared, or a simulation of what is no CT.
        OutputError: the disk refuses.
    """
    listener = listener or Nobody()
    if simulation != "none" and modality != "CT":
        raise InputError(
            "Only a CT can be made into a low-quality image with its truth.",
            got=f"modality {modality} with a simulation",
            expected="modality CT",
            todo="Leave --modality or --simulate out.",
        )
    salt = _salt(out.parent)
    images = [one for one in find_images(folder) if half in ("all", _half(one.patient))]
    chosen = [(patient_key(one.patient, salt), one) for one in images]
    cases, left_out = [], []
    for number, (key, one) in enumerate(chosen, start=1):
        name = f"case-{key[:8]}-{sum(other == key for other, _ in chosen[:number]):02d}"
        try:
            cases.append(_prepared(one, out / name, key, modality, simulation, seed))
        except TerasuError as error:
            left_out.append(f"{name} ({one.origin}): {error.what} {error.got}")
        listener.advance(number, len(chosen))
    _refuse_nothing(cases, left_out)
    return Prepared(tuple(cases), tuple(left_out))


def _prepared(
    found: Found, folder: Path, key: str, modality: str, simulation: Simulation, seed: int
) -> PreparedCase:
    image, outline = found.read()
    if simulation != "none":
        return _simulated(image, outline, folder, found.origin, key, simulation, seed)
    view = find_field_of_view(image).mask if modality != "CT" else np.ones(image.values.shape, bool)
    body = find_body(image, view=view) if outline is None else outline
    facts = _facts(folder, key, modality, image, found.origin)
    return write_case(folder, facts, {"image": image.values, "body": body, "seen": view})


def _simulated(
    truth: Volume,
    outline: Mask | None,
    folder: Path,
    origin: str,
    key: str,
    simulation: Simulation,
    seed: int,
) -> PreparedCase:
    body = find_body(truth) if outline is None else outline
    own = int(hashlib.sha256(f"{seed}\0{key}".encode()).hexdigest()[:8], 16)
    if simulation == "mvct":
        values = mvct_slices(truth.values, truth.grid.spacing_zyx_mm[1], seed=own)
        seen, engine = np.ones(values.shape, bool), "mvct_slices"
    else:
        made = simulate_fast(truth, seed=own)
        values, seen, engine = made.image.values, made.seen, "simulate_fast"
        truth = made.truth
    facts = _facts(folder, key, _MADE_MODALITY[simulation], truth, f"{origin}; {engine}, seed {own}")
    arrays = {"image": values, "truth": truth.values, "body": body, "seen": seen}
    return write_case(folder, facts, arrays)


def _facts(folder: Path, key: str, modality: str, image: Volume, origin: str) -> Facts:
    return Facts(folder.name, key, modality, (0, 0, 0), image.grid.spacing_zyx_mm, {}, {}, origin)


def _salt(folder: Path) -> str:
    """The secret of this place, made once, readable for its owner alone."""
    path = folder / SALT_FILE
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(16))
    return path.read_text(encoding="ascii").strip()


def _half(patient: str) -> Half:
    """By a hash without salt, so that others get the same halves; one bit leads back to nobody."""
    return "first" if hashlib.sha256(patient.encode()).digest()[0] % 2 == 0 else "second"


def _refuse_nothing(cases: Sequence[PreparedCase], left_out: Sequence[str]) -> None:
    if not cases:
        raise InputError(
            "Nothing could be prepared.",
            got="; ".join(left_out[:3]) or "no patient in this half",
            expected="at least one image",
            todo="Mend what is named, or give other images.",
        )
