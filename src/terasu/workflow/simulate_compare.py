"""A real cone-beam CT beside one simulated from the same patient's CT; fitted to it if asked for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from terasu.enhance.field_of_view import find_field_of_view
from terasu.errors import InputError
from terasu.patient.store import whole_folder
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume
from terasu.simulate.beside import beside
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.presets import settings_of
from terasu.simulate.thick_slices import averaged_onto
from terasu.workflow.simulate import read_ct

_TRIED_PHOTONS = (5e4, 1e6)


@dataclass(frozen=True)
class Compared:
    """What was written and found.

    Attributes:
        folder: with ``beside.html``, its pictures, ``numbers.json`` and ``settings.toml``.
        numbers: name with unit → (real, simulated).
    """

    folder: Path
    numbers: Mapping[str, tuple[float, float]]


def compare_with_real(
    real: Path,
    ct: Path,
    out: Path,
    *,
    preset: str = "full_fan",
    changes: Path | None = None,
    fit: bool = False,
    evaluations: int = 90,
    seed: int = 0,
    overwrite: bool = False,
) -> Compared:
    """Simulate a patient's scan from his registered CT and put it beside the real one.

    Args:
        real: folder or file of the real scan.
        ct: folder or file of the CT, in the scan's space (one frame of reference, or already registered).
        out: folder that appears, whole or not at all.
        preset, changes: settings to start from.
        fit: find scatter, truncation, calibration and photons that make the simulation read as the scan.
        evaluations: most simulations of the fit.
        seed: of the noise.
        overwrite: whether ``out`` may be there already.
    Raises:
        InputError: not one CT in a folder, or the two do not overlap.
        MissingPartError: RTK is not installed.
    """
    from terasu.report.simulated import write_beside
    from terasu.simulate.cone_beam import simulate_cone_beam

    settings = settings_of("cbct", preset, changes)
    assert isinstance(settings, ConeBeamSettings)
    with whole_folder(out, replace=overwrite) as aside:
        scan, seen = _cropped(read_ct(real))
        true_ct = _in_space_of(read_ct(ct), scan)
        if fit:
            settings = _fitted(true_ct, scan, seen, settings, evaluations, seed)
        case = simulate_cone_beam(true_ct, settings, seed=seed, grid=scan.grid)
        found = beside(scan, case.image, case.truth, seen & case.seen)
        write_beside(found, case.card(), aside)
        (aside / "settings.toml").write_text(_as_toml(settings), encoding="utf-8")
    return Compared(out, found.numbers)


def _cropped(scan: Volume) -> tuple[Volume, Mask]:
    """The box around what the scan has seen: its middle is the isocentre."""
    view = find_field_of_view(scan).mask
    place = np.argwhere(view)
    low, high = place.min(axis=0), place.max(axis=0) + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    a, b, c = (int(n) for n in low)
    d, e, f = (int(n) for n in high)
    return scan.crop((a, b, c), (d, e, f)), view[box]


def _in_space_of(ct: Volume, scan: Volume) -> Volume:
    """The CT said to lie in the scan's frame; refused if it does not even touch it."""
    moved = Volume(ct.values, ct.grid.in_frame(scan.grid.frame_of_reference_uid), ct.unit, ct.source)
    if not moved.grid.contains(scan.grid.centre_lps_mm[None])[0]:
        raise InputError(
            "The CT does not reach the middle of the real scan.",
            got=f"CT {ct.grid.describe()}; scan {scan.grid.describe()}",
            expected="a CT of the same patient, registered to the scan",
            todo="Register it first.",
        )
    return moved


def _fitted(
    true_ct: Volume, scan: Volume, seen: Mask, start: ConeBeamSettings, evaluations: int, seed: int
) -> ConeBeamSettings:
    """HU by medians first, photons by the noise that is left."""
    from terasu.simulate.calibrate import fit_cone_beam, fit_photons
    from terasu.simulate.cone_beam import calibrated_hu, field_of_view, primary_of, reading_of
    from terasu.simulate.cone_object import object_of

    settings = fit_cone_beam(true_ct, scan, seen, start, evaluations=evaluations).settings
    primary = primary_of(object_of(true_ct, scan.grid.centre_lps_mm, settings), settings)
    truth = averaged_onto(true_ct, scan.grid).values
    soft = seen & field_of_view(scan.grid, settings) & (truth >= -20) & (truth < 150)
    made = {}
    for photons in _TRIED_PHOTONS:
        trial = replace(settings, photons_per_mm2=photons)
        hu = calibrated_hu(reading_of(primary, scan.grid, trial, seed=seed), trial)
        made[photons] = Volume(hu, scan.grid)
    return replace(settings, photons_per_mm2=fit_photons(made, scan, soft))


def _as_toml(settings: ConeBeamSettings) -> str:
    """``name = value`` lines that --settings reads again."""
    return "".join(f"{name} = {_toml(value)}\n" for name, value in asdict(settings).items())


def _toml(value: object) -> str:
    return json.dumps(value) if isinstance(value, (str, bool)) else repr(value)
