"""`terasu simulate`: low-quality images made from a CT, with the truth kept."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from terasu.simulate.presets import Engine

simulate = App(
    name="simulate", help="Images as poor as a treatment machine's, made from a CT; the truth is kept."
)

_JSON = Annotated[bool, Parameter(name="--json", negative="")]
_OVERWRITE = Annotated[bool, Parameter(name="--overwrite", negative="")]


@Parameter(name="*")
@dataclass(frozen=True)
class Wanted:
    """Which CT, and what is different from the preset.

    Parameters
    ----------
    series: str
        Series Instance UID of the CT, or its ending, if the folder holds several.
    settings: Path
        TOML with numbers of one's own, such as `scatter_to_primary = 0.4`; the rest is the preset's.
    seed: int
        Of the noise; equal seeds give equal pixels.
    """

    series: str | None = None
    settings: Path | None = None
    seed: int = 0


@simulate.command
def cbct(
    source: Path,
    *,
    out: Path,
    preset: str = "half_fan",
    wanted: Wanted | None = None,
    overwrite: _OVERWRITE = False,
    as_json: _JSON = False,
) -> int:
    """A kV cone-beam CT through projections and FDK: scatter, beam hardening, photons, motion, couch.

    Needs RTK: pip install 'terasu[cbct]'.

    Parameters
    ----------
    source
        Folder of DICOM with a CT, or a NIfTI, NRRD or MetaImage file in HU.
    out
        Folder for image, truth (both DICOM, one grid), seen.nii.gz and simulation.json.
    preset
        half_fan, full_fan, ideal, or pancreas_full_fan (fitted to a real abdominal scan).
    overwrite
        Replace that folder if it is there.
    as_json
        Print simulation.json and nothing else.
    """
    return _simulate("cbct", source, out, preset, wanted, overwrite=overwrite, as_json=as_json)


@simulate.command
def mvct(
    source: Path,
    *,
    out: Path,
    preset: str = "coarse",
    wanted: Wanted | None = None,
    overwrite: _OVERWRITE = False,
    as_json: _JSON = False,
) -> int:
    """A megavoltage CT: electron density, few photons of 1 MeV, thick slices of 0.76 mm pixels.

    Parameters
    ----------
    source
        Folder of DICOM with a CT, or a NIfTI, NRRD or MetaImage file in HU.
    out
        Folder for image, truth (both DICOM, one grid), seen.nii.gz and simulation.json.
    preset
        coarse, normal or fine: slices of 6, 4 or 2 mm.
    overwrite
        Replace that folder if it is there.
    as_json
        Print simulation.json and nothing else.
    """
    return _simulate("mvct", source, out, preset, wanted, overwrite=overwrite, as_json=as_json)


@simulate.command
def fast(
    source: Path,
    *,
    out: Path,
    preset: str = "varian_like",
    wanted: Wanted | None = None,
    overwrite: _OVERWRITE = False,
    as_json: _JSON = False,
) -> int:
    """A cone-beam CT in seconds, its errors put into the image: for tests and augmentation.

    Parameters
    ----------
    source
        Folder of DICOM with a CT, or a NIfTI, NRRD or MetaImage file in HU.
    out
        Folder for image, truth (both DICOM, one grid), seen.nii.gz and simulation.json.
    preset
        mild, varian_like or severe.
    overwrite
        Replace that folder if it is there.
    as_json
        Print simulation.json and nothing else.
    """
    return _simulate("fast", source, out, preset, wanted, overwrite=overwrite, as_json=as_json)


@simulate.command
def compare(
    real: Path,
    *,
    ct: Path,
    out: Path,
    preset: str = "full_fan",
    settings: Path | None = None,
    fit: Annotated[bool, Parameter(name="--fit", negative="")] = False,
    seed: int = 0,
    overwrite: _OVERWRITE = False,
) -> int:
    """A real cone-beam CT beside one simulated from the same patient's CT, as a page with numbers.

    Parameters
    ----------
    real
        Folder or file of the real scan.
    ct
        Folder or file of the CT, in the scan's space.
    out
        Folder for beside.html, its pictures, numbers.json and settings.toml.
    preset
        Settings to start from, as of `terasu simulate cbct`.
    settings
        TOML with numbers of one's own.
    fit
        Find the scatter, truncation, calibration and photons that make the simulation read as the scan.
    seed
        Of the noise.
    overwrite
        Replace that folder if it is there.
    """
    from terasu.workflow.simulate_compare import compare_with_real

    done = compare_with_real(
        real, ct, out, preset=preset, changes=settings, fit=fit, seed=seed, overwrite=overwrite
    )
    print(f"{'':<50}{'real':>10}{'simulated':>12}")
    for name, (first, second) in done.numbers.items():
        print(f"{name:<50}{first:>10.1f}{second:>12.1f}")
    print(f"Page: {done.folder / 'beside.html'}")
    return 0


def _simulate(
    engine: Engine,
    source: Path,
    out: Path,
    preset: str,
    wanted: Wanted | None,
    *,
    overwrite: bool,
    as_json: bool,
) -> int:
    from terasu.workflow.simulate import simulate_series

    asked = wanted or Wanted()
    made = simulate_series(
        source,
        out,
        engine,
        preset,
        changes=asked.settings,
        seed=asked.seed,
        series=asked.series,
        overwrite=overwrite,
    )
    print(json.dumps(made.card, indent=1, ensure_ascii=False) if as_json else _told(made.folder, made.card))
    return 0


def _told(folder: Path, card: dict[str, Any]) -> str:
    z, y, x = card["grid"]["shape_zyx"]
    step_z, step_y, step_x = card["grid"]["spacing_zyx_mm"]
    lines = [
        f"{folder / 'image'}: {card['engine']}, preset {card['preset']}, seed {card['seed']}",
        f"  {z} slices of {y} × {x}, {step_z:g} × {step_y:g} × {step_x:g} mm",
        f"{folder / 'truth'}: the true CT on the same grid",
        f"{folder / 'simulation.json'}: every setting",
    ]
    return "\n".join(lines)
