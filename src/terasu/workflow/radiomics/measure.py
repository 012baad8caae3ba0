"""One region of one case, as it is and perturbed: rows of the table, or a row that says why not."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from terasu.dicom.image import read_image
from terasu.dicom.rtstruct import missing_slices, read_structures
from terasu.errors import InputError, TerasuError
from terasu.patient.contours import to_structures
from terasu.patient.structures import ContourSet
from terasu.patient.volume import Volume
from terasu.patient.volume_file import read_mask_file, read_volume_file
from terasu.radiomics.measured import (
    EXTRACTOR,
    Measured,
    Profile,
    hash_of_image,
    hash_of_mask,
    settings_of,
)
from terasu.radiomics.mr_normalise import normalise
from terasu.radiomics.perturb import Perturbation, perturb
from terasu.radiomics.wavelets import AXIS_ORDER
from terasu.workflow.radiomics.columns import Row
from terasu.workflow.radiomics.recipe import MrChoices, Recipe
from terasu.workflow.radiomics.regions import Drawing, ImageFiles, LeftOut, Region, told

Mask = NDArray[np.bool_]
MEASURED, FAILED, LEFT_OUT = "measured", "failed", "left out"


@dataclass(frozen=True, eq=False)
class Loaded:
    """An image as it will be measured, and what was done to it."""

    volume: Volume
    sha256: str
    normalisation: str
    notes: tuple[str, ...]


def measure_region(region: Region, recipe: Recipe, perturbations: Sequence[Perturbation]) -> list[Row]:
    """One row a perturbation; whatever goes wrong stands in ``reason``."""
    try:
        loaded = load_image(region.image, recipe.mr)
        mask, notes = mask_on(region.drawn, loaded.volume)
    except TerasuError as error:
        return [_failed(region, one, told(error)) for one in perturbations]
    profile = recipe.profile_for(loaded.volume.unit if region.image.unit == "HU" else "1")
    shared = _provenance(region, loaded, mask, profile, notes)
    return [_row(region, loaded.volume, mask, profile, one, shared) for one in perturbations]


def row_left_out(one: LeftOut) -> Row:
    """The row of something that was not measured at all."""
    return {
        "case": one.case,
        "modality": one.modality,
        "sequence": one.sequence,
        "roi": one.roi,
        "asked": one.asked or one.roi,
        "status": LEFT_OUT,
        "reason": one.reason,
        "perturbation": 0,
    }


def _row(region: Region, image: Volume, mask: Mask, profile: Profile, how: Perturbation, shared: Row) -> Row:
    try:
        done = perturb(image, mask, how)
        found = profile.measure(done.image, done.mask)
    except TerasuError as error:
        return shared | _failed(region, how, told(error))
    except Exception as error:
        return shared | _failed(region, how, f"unexpected, please report: {type(error).__name__}: {error}")
    return shared | done.row | _found(found) | found.values


def _found(found: Measured) -> Row:
    by_reason: dict[str, list[str]] = {}
    for name, reason in found.reasons.items():
        by_reason.setdefault(reason, []).append(name)
    return {
        "status": MEASURED,
        "reason": "; ".join(f"{', '.join(names)}: {reason}" for reason, names in by_reason.items()),
        "cautions": "; ".join(found.cautions),
        "grid_shape_zyx": _numbers(found.shape_zyx),
        "grid_spacing_zyx_mm": _numbers(found.spacing_zyx_mm),
        "grid_origin_lps_mm": _numbers(found.origin_lps_mm),
        "bins": json.dumps({name: asdict(levels) for name, levels in found.levels.items()}),
        **{f"voxels_{step}": count for step, count in found.voxels.items()},
    }


def _provenance(region: Region, loaded: Loaded, mask: Mask, profile: Profile, notes: Sequence[str]) -> Row:
    source = loaded.volume.source
    return {
        **_keys(region),
        "notes": "; ".join((*loaded.notes, *notes)),
        "profile": profile.name,
        "extractor": EXTRACTOR,
        "subband_axis_order": AXIS_ORDER,
        "settings": settings_of(profile),
        "image_sha256": loaded.sha256,
        "mask_sha256": hash_of_mask(mask, loaded.volume),
        "series_instance_uid": region.image.series_uid,
        "structure_set_uid": region.drawn.structure_set_uid,
        "sop_instance_uids": " ".join(source.sop_instance_uids),
        "unit": loaded.volume.unit,
        "normalisation": loaded.normalisation,
    }


def _keys(region: Region) -> Row:
    return {
        "case": region.case,
        "modality": region.image.modality,
        "sequence": region.image.sequence,
        "roi": region.drawn.roi,
        "asked": region.asked,
        "fraction": region.fraction,
        "day": region.day,
    }


def _failed(region: Region, how: Perturbation, reason: str) -> Row:
    return {**_keys(region), **how.as_row(), "status": FAILED, "reason": reason}


@lru_cache(maxsize=1)
def load_image(image: ImageFiles, mr: MrChoices) -> Loaded:
    """The image as it is measured; the last one is kept, since the next task is often on it."""
    notes: tuple[str, ...] = ()
    if image.is_dicom:
        read = read_image(image.paths)
        volume, notes = read.volume, read.notes
    else:
        volume = read_volume_file(image.paths[0], unit=image.unit)
        if image.unit == "HU":
            volume = _whole_hu(volume)
    digest = hash_of_image(volume)
    if image.modality != "MR" or mr.normalisation == "none":
        return Loaded(volume, digest, "", notes)
    done = normalise(volume, mr.normalisation, scale=mr.scale)
    return Loaded(done.image, digest, json.dumps(done.done), notes)


def _whole_hu(volume: Volume) -> Volume:
    """HU are whole numbers; a file that was written through floating point is a little off them."""
    rounded = np.rint(volume.values)
    off = np.nan_to_num(np.abs(volume.values - rounded)).max(initial=0)
    return volume.with_values(rounded) if 0 < off < 1e-2 else volume


def mask_on(drawn: Drawing, volume: Volume) -> tuple[Mask, tuple[str, ...]]:
    """The region on the image's grid, and notes.

    Raises:
        GeometryError: another frame of reference or grid.
        InputError: no such ROI or label, or a region without a voxel.
    """
    if not drawn.structure_set_uid:
        return read_mask_file(drawn.path, volume.grid, label=drawn.label), ()
    contours = _contours(drawn.path)
    mask = to_structures(contours, volume.grid, {drawn.roi: "region"})["region"]
    if not mask.any():
        raise InputError(
            "The contour encloses the centre of no voxel of this image.",
            got=_where(drawn, volume),
            expected="a contour that lies in the image",
            todo="Check that image and structure set belong together; terasu inspect FOLDER lists both.",
        )
    return mask, (*missing_slices(contours, volume), *_outside(drawn, volume))


@lru_cache(maxsize=2)
def _contours(path: Path) -> ContourSet:
    return read_structures(path)


def _points(drawn: Drawing) -> NDArray[np.float64]:
    return np.concatenate(_contours(drawn.path)[drawn.roi].contours_lps_mm)


def _where(drawn: Drawing, volume: Volume) -> str:
    points, corners = _points(drawn), volume.grid.corners_lps_mm()
    spans = (f"{a:.0f}…{b:.0f}" for a, b in zip(points.min(axis=0), points.max(axis=0), strict=True))
    here = (f"{a:.0f}…{b:.0f}" for a, b in zip(corners.min(axis=0), corners.max(axis=0), strict=True))
    return f"contour x, y, z {', '.join(spans)} mm; image {', '.join(here)} mm"


def _outside(drawn: Drawing, volume: Volume) -> tuple[str, ...]:
    """A contour that leaves the image: what is measured is only the part inside."""
    index = volume.grid.to_index_kji(_points(drawn))
    shape = np.asarray(volume.grid.shape_zyx)
    beyond = ((index < -0.5 - 1e-3) | (index > shape - 0.5 + 1e-3)).any(axis=1)
    if not beyond.any():
        return ()
    share = 100 * float(beyond.mean())
    return (f"{share:.0f} % of the contour's points lie outside of the image: only the part inside counts",)


def _numbers(values: Sequence[float]) -> str:
    return " ".join(f"{one:.10g}" for one in values)
