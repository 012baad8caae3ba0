"""From a CT to a simulated low-quality series, the truth beside it, and a page of what was done."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from terasu.dicom.find import Series, index_folder
from terasu.dicom.image import read_image
from terasu.dicom.write_image import MadeBy, write_ct_series
from terasu.errors import InputError
from terasu.patient.store import whole_folder
from terasu.patient.volume import Source, Volume
from terasu.patient.volume_file import is_volume_file, read_volume_file, write_volume_file
from terasu.simulate.artefacts import CbctArtefacts
from terasu.simulate.case import SimulatedCase
from terasu.simulate.cone_settings import ConeBeamSettings
from terasu.simulate.fast import simulate_fast
from terasu.simulate.mvct import MvctSettings, simulate_mvct
from terasu.simulate.presets import Engine, Settings, settings_of

_WORDS = {"cbct": "cone-beam CT", "mvct": "megavoltage CT", "fast": "cone-beam CT, in the image"}


@dataclass(frozen=True)
class Simulated:
    """What was written.

    Attributes:
        folder: with ``image/`` and ``truth/`` (DICOM on one grid), ``seen.nii.gz`` and ``simulation.json``.
        card: what simulation.json says.
    """

    folder: Path
    card: dict[str, object]


def simulate_series(
    source: Path,
    out: Path,
    engine: Engine,
    preset: str,
    *,
    changes: Path | None = None,
    seed: int = 0,
    series: str | None = None,
    overwrite: bool = False,
) -> Simulated:
    """Degrade one CT and write image and truth, whole or not at all.

    Args:
        source: folder of DICOM, or a NIfTI, NRRD or MetaImage file in HU.
        out: folder that appears.
        engine, preset: which machine.
        changes: TOML with settings of one's own.
        seed: of noise; the UIDs are new in each run.
        series: Series Instance UID of the CT, or its ending, if there are several.
        overwrite: whether ``out`` may be there already.
    Raises:
        InputError: no CT, several of them, or one that is not usable.
        OutputError: the folder is there already, or the disk refuses.
    """
    settings = settings_of(engine, preset, changes)
    with whole_folder(out, replace=overwrite) as aside:
        ct = read_ct(source, series)
        case = simulated(ct, settings, seed=seed)
        card = case.card() | {"preset": preset, "truth": f"the CT given, {ct.grid.describe()}, resampled"}
        _write(case, aside, like=ct.source)
        text = json.dumps(card, indent=1, ensure_ascii=False)
        (aside / "simulation.json").write_text(text, encoding="utf-8")
    return Simulated(out, card)


def simulated(ct: Volume, settings: Settings, *, seed: int) -> SimulatedCase:
    """The engine that these settings belong to, run."""
    if isinstance(settings, MvctSettings):
        return simulate_mvct(ct, settings, seed=seed)
    if isinstance(settings, CbctArtefacts):
        return simulate_fast(ct, settings, seed=seed)
    return _cone_beam(ct, settings, seed)


def read_ct(source: Path, series: str | None = None) -> Volume:
    """One CT from a folder of DICOM or from a volume file.

    Raises:
        InputError: no CT there, or several and none named.
    """
    if source.is_file() and is_volume_file(source):
        return read_volume_file(source)
    found = [one for one in index_folder(source).of_modality("CT") if _is_named(one, series)]
    if len(found) != 1:
        raise InputError(
            "There is no CT series here." if not found else "There are several CT series here.",
            got="; ".join(f"…{one.uid[-12:]}: {one.describe()}" for one in found) or "none that fits",
            expected="one CT series",
            todo="Name it with --series (its Series Instance UID, or the ending)."
            if found
            else "Check the folder with terasu inspect.",
        )
    return read_image(found[0]).volume


def _is_named(series: Series, ending: str | None) -> bool:
    return ending is None or series.uid.endswith(ending)


def _cone_beam(ct: Volume, settings: ConeBeamSettings, seed: int) -> SimulatedCase:
    from terasu.simulate.cone_beam import simulate_cone_beam

    return simulate_cone_beam(ct, settings, seed=seed)


def _write(case: SimulatedCase, folder: Path, *, like: Source) -> None:
    """Both series in one frame of reference, and the field of view."""
    derived = like if like.sop_instance_uids else ()
    write_ct_series(
        case.image,
        folder / "image",
        like=like,
        series_description=f"Simulated {_WORDS[case.engine]}",
        made_by=MadeBy(f"simulated {_WORDS[case.engine]}"),
        derived_from=derived,
        series_number=91,
    )
    write_ct_series(
        case.truth,
        folder / "truth",
        like=like,
        series_description="True CT on the simulated grid",
        made_by=MadeBy("resampling", synthetic=False, derivation_code=("113085", "Spatial resampling")),
        derived_from=derived,
        series_number=92,
    )
    seen = Volume(case.seen.astype("uint8"), case.image.grid, "1")
    write_volume_file(seen, folder / "seen.nii.gz")
