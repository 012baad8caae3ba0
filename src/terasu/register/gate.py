"""May the deformation be used, and for which organs? Where it may not, the rigid match is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from terasu.patient.resample import resample
from terasu.patient.structures import Mask, StructureSet
from terasu.patient.volume import Volume
from terasu.register.deformable import DeformableResult
from terasu.register.field import jacobian_determinant, there_and_back_mm
from terasu.register.propagate import ContourChange, contour_changes
from terasu.register.similarity import local_correlation

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GateLimits:
    """Limits of the gate; the clinic's policy sets them.

    Attributes:
        folding_percent: voxels of the field of view with a Jacobian determinant ≤ 0. AAPM TG-132 (doi
            10.1002/mp.12256) wants none; a tenth of a percent is ours, for single voxels.
        inconsistency_median_mm: there and back again, median in the field of view; TG-132: within the largest
            voxel, about 2 to 3 mm.
        inconsistency_95_mm: the same, 95th percentile; ours.
        similarity_gain: local correlation after − before may not fall below this; ours.
        organ_inconsistency_95_mm, organ_folding_percent: inside of one organ; ours.
        organ_similarity_gain: in an organ and 10 mm around it; ours.
        organ_volume_change_percent: magnitude, against the rigid match; ours.
        organ_displacement_95_mm: ours: more than breathing and filling do.
    """

    folding_percent: float = 0.1
    inconsistency_median_mm: float = 3.0
    inconsistency_95_mm: float = 8.0
    similarity_gain: float = 0.0
    organ_inconsistency_95_mm: float = 8.0
    organ_folding_percent: float = 0.1
    organ_similarity_gain: float = 0.0
    organ_volume_change_percent: float = 50.0
    organ_displacement_95_mm: float = 30.0


@dataclass(frozen=True)
class FieldMeasures:
    """The deformation as a whole, in the field of view.

    Attributes:
        folding_percent, jacobian_min: share of voxels with a determinant ≤ 0, and the smallest determinant.
        inconsistency_median_mm, inconsistency_95_mm: |there and back again|.
        similarity_before, similarity_after: mean local correlation with the day, rigid and deformed.
        displacement_median_mm, displacement_95_mm, displacement_max_mm: beside the rigid match.
    """

    folding_percent: float
    jacobian_min: float
    inconsistency_median_mm: float
    inconsistency_95_mm: float
    similarity_before: float
    similarity_after: float
    displacement_median_mm: float
    displacement_95_mm: float
    displacement_max_mm: float

    @property
    def similarity_gain(self) -> float:
        """After − before; positive is better."""
        return self.similarity_after - self.similarity_before


@dataclass(frozen=True)
class OrganMeasures:
    """The deformation in one organ, where the day shows it.

    Attributes:
        change: of its contour against the rigid match.
        folding_percent, inconsistency_95_mm, displacement_95_mm, displacement_max_mm: inside of it.
        similarity_gain: local correlation in and 10 mm around it, after − before.
        accepted: whether the deformed contour is used; the rigid one if not.
        reasons: what was out of its limit, one sentence each.
    """

    change: ContourChange
    folding_percent: float
    inconsistency_95_mm: float
    displacement_95_mm: float
    displacement_max_mm: float
    similarity_gain: float
    accepted: bool
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class GateResult:
    """What the gate says.

    Attributes:
        measures: of the field.
        accepted: whether the deformation may be used at all.
        reasons: what was out of its limit, one sentence each.
        organs: by name, those that the day shows in part.
        structures: on the day's grid, each deformed where accepted and rigid where not.
        origins: name → ``deformed`` or ``rigid``.
        limits: that it was held to.
    """

    measures: FieldMeasures
    accepted: bool
    reasons: tuple[str, ...]
    organs: Mapping[str, OrganMeasures]
    structures: StructureSet
    origins: Mapping[str, str]
    limits: GateLimits


def gate(
    result: DeformableResult,
    *,
    planning: Volume,
    day: Volume,
    rigid_structures: StructureSet,
    deformed_structures: StructureSet,
    view: Mask,
    limits: GateLimits | None = None,
) -> GateResult:
    """Measure a deformation and decide, as a whole and organ by organ.

    Args:
        result: of ``register_deformable``.
        planning, day: the images that were matched [HU].
        rigid_structures, deformed_structures: the planned structures on the day's grid, by ``propagate``
            through ``result.rigid`` and through ``result.deformation``.
        view: field of view on the day's grid.
        limits: from the policy; defaults if None.
    """
    held = limits or GateLimits()
    maps = _Maps.of(result, planning, day)
    measures = _field_measures(maps, result.view)
    reasons = tuple(_beyond(_field_limits(measures, held)))
    organs = {
        change.name: _organ(change, rigid_structures, deformed_structures, maps, held)
        for change in contour_changes(rigid_structures, deformed_structures, view=view)
    }
    origins = {
        name: "deformed" if not reasons and name in organs and organs[name].accepted else "rigid"
        for name in deformed_structures.names
    }
    chosen = {
        name: (deformed_structures if origin == "deformed" else rigid_structures)[name]
        for name, origin in origins.items()
    }
    source = deformed_structures
    kept = StructureSet(source.grid, chosen, source.source_names, source.types)
    return GateResult(measures, not reasons, reasons, organs, kept, origins, held)


@dataclass(frozen=True, eq=False)
class _Maps:
    """Measures voxel by voxel on the working grid; inconsistency is NaN outside of the field of view."""

    result: DeformableResult
    jacobian: NDArray[np.float32]
    inconsistency_mm: Array
    displacement_mm: Array
    before: NDArray[np.float32]
    after: NDArray[np.float32]

    @classmethod
    def of(cls, result: DeformableResult, planning: Volume, day: Volume) -> _Maps:
        inconsistency = np.full(result.view.shape, np.nan)
        inconsistency[result.view] = there_and_back_mm(result.local, result.reverse, result.view)
        before, after = (
            local_correlation(planning, day, through, result.local.grid, result.view)
            for through in (result.rigid, result.deformation)
        )
        length = np.linalg.norm(result.local.displacement_lps_mm, axis=-1).astype(np.float64)
        return cls(result, jacobian_determinant(result.local), inconsistency, length, before, after)


def _field_measures(maps: _Maps, view: Mask) -> FieldMeasures:
    jacobian, inconsistency, length = (
        maps.jacobian[view],
        maps.inconsistency_mm[view],
        maps.displacement_mm[view],
    )
    return FieldMeasures(
        100.0 * float(np.mean(jacobian <= 0)),
        float(jacobian.min()),
        float(np.median(inconsistency)),
        float(np.percentile(inconsistency, 95)),
        float(maps.before[view].mean()),
        float(maps.after[view].mean()),
        float(np.median(length)),
        float(np.percentile(length, 95)),
        float(length.max()),
    )


_Check = tuple[str, float, float, str]


def _field_limits(found: FieldMeasures, limits: GateLimits) -> tuple[_Check, ...]:
    return (
        ("folded voxels", found.folding_percent, limits.folding_percent, "%"),
        ("there and back, median", found.inconsistency_median_mm, limits.inconsistency_median_mm, "mm"),
        ("there and back, 95th percentile", found.inconsistency_95_mm, limits.inconsistency_95_mm, "mm"),
        ("loss of local correlation", -found.similarity_gain, -limits.similarity_gain, ""),
    )


def _beyond(checks: tuple[_Check, ...]) -> list[str]:
    """A sentence for each value above its limit; one that could not be measured is out of it."""
    return [
        f"{what} {value:.3g}{' ' + unit if unit else ''}, at most {limit:.3g}{' ' + unit if unit else ''}"
        for what, value, limit, unit in checks
        if not value <= limit
    ]


def _organ(
    change: ContourChange,
    rigid: StructureSet,
    deformed: StructureSet,
    maps: _Maps,
    limits: GateLimits,
) -> OrganMeasures:
    inside = _on_working_grid(rigid[change.name] | deformed[change.name], rigid, maps)
    around = _grown(inside, maps.result.local.grid.spacing_zyx_mm, 10.0) & maps.result.view
    folding = 100.0 * _mean(maps.jacobian[inside] <= 0)
    inconsistency = _most(maps.inconsistency_mm[inside])
    moved_95 = _most(maps.displacement_mm[inside])
    gain = _mean(maps.after[around] - maps.before[around])
    reasons = _beyond(
        (
            ("folded voxels", folding, limits.organ_folding_percent, "%"),
            ("there and back, 95th percentile", inconsistency, limits.organ_inconsistency_95_mm, "mm"),
            ("loss of local correlation", -gain, -limits.organ_similarity_gain, ""),
            ("volume change", abs(change.volume_change_percent), limits.organ_volume_change_percent, "%"),
            ("displacement, 95th percentile", moved_95, limits.organ_displacement_95_mm, "mm"),
        )
    )
    longest = _most(maps.displacement_mm[inside], 100)
    return OrganMeasures(change, folding, inconsistency, moved_95, longest, gain, not reasons, tuple(reasons))


def _on_working_grid(mask: Mask, structures: StructureSet, maps: _Maps) -> Mask:
    whole = Volume(mask, structures.grid)
    moved: Mask = resample(whole, maps.result.local.grid, interpolation="nearest", outside=0).values
    return moved & maps.result.view


def _grown(mask: Mask, spacing_zyx_mm: tuple[float, float, float], by_mm: float) -> Mask:
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask, sampling=spacing_zyx_mm) <= by_mm)


def _mean(values: NDArray[Any]) -> float:
    """NaN where there is nothing to measure."""
    return float(np.mean(values)) if values.size else float("nan")


def _most(values: NDArray[Any], percent: float = 95.0) -> float:
    """A percentile, NaN where there is nothing to measure."""
    return float(np.percentile(values, percent)) if values.size else float("nan")
