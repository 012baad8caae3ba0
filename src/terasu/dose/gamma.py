"""Gamma: how far two doses are apart, in dose and distance at once.

Gamma says where to look, not what it means for the patient: read it beside the DVH, never alone.

Sources: Low et al. 1998, doi 10.1118/1.598248 (the definition); AAPM TG-218, Miften et al. 2018,
doi 10.1002/mp.12810 (criteria, global normalisation, 10 % threshold).
"""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.errors import DoseError, GeometryError
from terasu.patient.cores import cores
from terasu.patient.volume import Volume, finite

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Gamma:
    """Gamma of an evaluated dose against a reference.

    Attributes:
        values: gamma on the reference's grid, NaN where not judged; no value is above ``max_gamma``.
        pass_rate: percentage of the judged voxels with gamma ≤ 1.
        n_judged: voxels at or above the threshold that the evaluated grid covers.
        n_outside: voxels at or above the threshold that it does not cover; nothing is said about them.
        mean: of the judged voxels.
        criteria: as one writes it: ``3 %/2 mm, global (60 Gy), above 10 %``.
    """

    values: Volume
    pass_rate: float
    n_judged: int
    n_outside: int
    mean: float
    criteria: str


def gamma(
    reference: Volume,
    evaluated: Volume,
    *,
    dose_percent: float,
    distance_mm: float,
    local: bool = False,
    threshold_percent: float = 10.0,
    normalisation_gy: float | None = None,
    max_gamma: float = 2.0,
) -> Gamma:
    """Gamma of every reference voxel, against the evaluated dose between its voxels too.

    The evaluated dose is trilinear between its voxels and gamma is its minimum over every place, not over
    steps: a search in steps of a tenth of the distance, as is common, reads about 0.01 higher. Doses of
    one slice are compared within their plane. The grids may differ and lie obliquely to one another.

    Args:
        reference: dose [Gy] that every judged voxel belongs to.
        evaluated: dose [Gy] that is searched.
        dose_percent: of the normalisation, or of the voxel's own reference dose if ``local``.
        distance_mm: distance to agreement.
        local: judge the difference against the voxel's own dose.
        threshold_percent: reference voxels below this part of the normalisation are not judged.
        normalisation_gy: e.g. the prescription; the highest reference dose if left out.
        max_gamma: where the search ends; a larger gamma is stated as this.
    Raises:
        DoseError: criteria that are not positive, values that are no dose, or nothing to judge.
        GeometryError: frames of reference differ.
    Source: Low et al. 1998, equations 4 to 6, doi 10.1118/1.598248
    """
    _refuse_bad_criteria(dose_percent, distance_mm, max_gamma)
    _refuse_bad_doses(reference, evaluated)
    norm_gy = float(reference.values.max()) if normalisation_gy is None else float(normalisation_gy)
    if not norm_gy > 0:
        raise DoseError("Gamma needs a dose to refer to.", got=f"{norm_gy:g} Gy", expected="more than 0 Gy")
    high_enough = (reference.values >= threshold_percent / 100 * norm_gy) & (reference.values > 0)
    judged = np.flatnonzero(high_enough)
    found = _search(
        judged, reference, evaluated, distance_mm, _criteria(dose_percent, norm_gy, local, max_gamma)
    )
    covered = np.isfinite(found)
    n_judged = int(np.count_nonzero(covered))
    if not n_judged:
        _refuse_nothing(len(judged), threshold_percent, norm_gy)
    values = np.full(reference.grid.shape_zyx, np.nan, np.float32)
    values.reshape(-1)[judged] = found
    kind = "local" if local else f"global ({norm_gy:.4g} Gy)"
    return Gamma(
        values=reference.with_values(values, unit="1"),
        pass_rate=100.0 * float(np.count_nonzero(found <= 1)) / n_judged,
        n_judged=n_judged,
        n_outside=len(judged) - n_judged,
        mean=float(found[covered].mean(dtype=np.float64)),
        criteria=f"{dose_percent:g} %/{distance_mm:g} mm, {kind}, above {threshold_percent:g} %",
    )


def _criteria(
    dose_percent: float, norm_gy: float, local: bool, max_gamma: float
) -> tuple[float, float, float]:
    part = dose_percent / 100
    return (0.0, part, float(max_gamma)) if local else (part * norm_gy, 0.0, float(max_gamma))


def _search(
    judged: NDArray[np.int64],
    reference: Volume,
    evaluated: Volume,
    distance_mm: float,
    criteria: tuple[float, float, float],
) -> NDArray[np.float32]:
    from terasu.dose.gamma_search import corner_range, search

    onto = (evaluated.grid.inverse @ reference.grid.affine)[:3].copy()
    dose = np.ascontiguousarray(evaluated.values, dtype=np.float32)
    for axis, size in enumerate(dose.shape):
        if size == 1:  # a plane: the same dose half a voxel before and behind, so leaving it wins nothing
            dose = np.repeat(dose, 2, axis=axis)
            onto[axis, 3] += 0.5
    z, y, x = (float(mm) / distance_mm for mm in evaluated.grid.spacing_zyx_mm)
    neighbours = _neighbours(np.array([z, y, x]), criteria[2])
    doses = np.ascontiguousarray(reference.values, dtype=np.float32), onto, dose
    ranges = corner_range(dose)

    def part(some: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(search(some, *doses, ranges, neighbours, (z, y, x), criteria), np.float32)

    # more parts than cores: voxels that fail take longer, and lie together
    with ThreadPoolExecutor(cores()) as pool:
        return np.concatenate(list(pool.map(part, np.array_split(judged, 8 * cores()))))


def _neighbours(scale: Array, max_gamma: float) -> tuple[NDArray[np.int64], Array]:
    """Cells that a search may reach, the nearest first, with the least squared length to each."""
    reach = [int(np.ceil(max_gamma / s)) + 1 for s in scale]
    cells = np.array(list(itertools.product(*(range(-n, n + 1) for n in reach))), dtype=np.int64)
    nearest = (np.square(np.maximum(np.abs(cells) - 1, 0) * scale)).sum(axis=1)
    # A point lies in the lower corner of its cell where grids agree, so the cells below touch it as well.
    order = np.lexsort((np.abs(cells + 0.5).sum(axis=1), nearest))
    kept = order[nearest[order] < max_gamma**2]
    return cells[kept], np.asarray(nearest[kept], dtype=np.float64)


def _refuse_bad_criteria(dose_percent: float, distance_mm: float, max_gamma: float) -> None:
    if not (dose_percent > 0 and distance_mm > 0 and max_gamma >= 1):
        raise DoseError(
            "These are no gamma criteria.",
            got=f"{dose_percent:g} %, {distance_mm:g} mm, searched to gamma {max_gamma:g}",
            expected="positive percent and mm, and a search to gamma 1 or further",
            todo="Use e.g. dose_percent=3, distance_mm=2.",
        )


def _refuse_bad_doses(reference: Volume, evaluated: Volume) -> None:
    for name, dose in (("reference", reference), ("evaluated", evaluated)):
        if dose.unit != "Gy":
            raise DoseError(f"The {name} is no dose.", got=f"unit {dose.unit}", expected="a Volume in Gy")
        if not finite(dose):
            raise DoseError(f"The {name} dose holds NaN or infinite values.", expected="finite doses")
    uids = reference.grid.frame_of_reference_uid, evaluated.grid.frame_of_reference_uid
    if all(uids) and uids[0] != uids[1]:
        raise GeometryError(
            "The two doses lie in different frames of reference.",
            got=" and ".join(uids),
            expected="one frame of reference",
            todo="Resample the evaluated dose through the registration first.",
        )


def _refuse_nothing(above: int, threshold_percent: float, norm_gy: float) -> None:
    if above:
        raise DoseError(
            "The evaluated dose covers no voxel of the reference that could be judged.",
            got=f"{above} voxels above the threshold, all outside of the evaluated grid",
            expected="two doses that overlap",
            todo="Check that both doses belong to one patient and one frame of reference.",
        )
    raise DoseError(
        "No voxel of the reference dose is high enough to be judged.",
        got=f"threshold {threshold_percent:g} % of {norm_gy:g} Gy",
        expected="a reference dose above the threshold somewhere",
        todo="Check the normalisation, and that the reference is the dose of this plan.",
    )
