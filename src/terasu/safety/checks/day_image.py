"""Is the day's image what it has to be: grid, field of view, truncation, scale of HU, date?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from terasu.patient.grid import Grid
from terasu.patient.structures import Mask
from terasu.safety.policy import Policy, Words, judge
from terasu.safety.verdict import Finding

CHECK = "input"


@dataclass(frozen=True)
class Coverage:
    """How much of what matters was imaged.

    Attributes:
        target_outside_percent: of the target's volume, outside of the field of view.
        target_missing_mm: how far the target reaches beyond the first or last slice (0 if it does not).
        body_truncated_percent: of the patient's volume on the day's slices, outside of the field of view.
    """

    target_outside_percent: float
    target_missing_mm: float
    body_truncated_percent: float


def coverage(*, target: Mask, target_grid: Grid, view: Mask, body: Mask, day_grid: Grid) -> Coverage:
    """Measure what the day's image covers.

    Args:
        target: (z, y, x) on ``target_grid`` (the planning CT's), placed in the day's frame.
        view: field of view on ``day_grid``, True where the machine has seen.
        body: whole body on ``day_grid``, taken from the registered planning CT.
    """
    points = target_grid.to_lps_mm(np.argwhere(target))
    index = np.rint(day_grid.to_index_kji(points)).astype(int)
    shape = np.asarray(day_grid.shape_zyx)
    inside = np.all((index >= 0) & (index < shape), axis=1)
    seen = np.zeros(len(index), bool)
    seen[inside] = view[tuple(index[inside].T)]
    fractional_k = day_grid.to_index_kji(points)[:, 0]
    beyond = np.maximum(-0.5 - fractional_k, fractional_k - (shape[0] - 0.5)).max(initial=-np.inf)
    return Coverage(
        target_outside_percent=100.0 * float(1 - seen.mean()) if len(seen) else float("nan"),
        target_missing_mm=max(0.0, float(beyond)) * day_grid.spacing_zyx_mm[0],
        body_truncated_percent=100.0 * float(np.mean(~view[body])) if body.any() else float("nan"),
    )


def covered(policy: Policy, measured: Coverage, *, target_name: str) -> list[Finding]:
    """Hold the coverage of the day's image against the policy."""
    return [
        judge(
            policy,
            CHECK,
            "target_outside_view_percent",
            measured.target_outside_percent,
            Words(
                "Target outside of the day's field of view",
                f"{measured.target_outside_percent:.1f} % of the target was not imaged today.",
                "Image again with a larger field of view, or judge the target's edge by other means.",
                target_name,
            ),
        ),
        judge(
            policy,
            CHECK,
            "target_missing_slices_mm",
            measured.target_missing_mm,
            Words(
                "Target beyond the day's slices",
                f"The target reaches {measured.target_missing_mm:.1f} mm beyond the first or last slice.",
                "Image again with more length.",
                target_name,
            ),
        ),
        judge(
            policy,
            CHECK,
            "body_truncated_percent",
            measured.body_truncated_percent,
            Words(
                "Patient outside of the day's field of view",
                f"{measured.body_truncated_percent:.0f} % of the patient was cut by the field of view "
                "and is filled from the planning CT; a change out there is not seen.",
                "Look at the outline on the planning CT and at the set-up: has the patient lost weight?",
            ),
        ),
    ]


def grid_is_fit(policy: Policy, grid: Grid) -> list[Finding]:
    """Voxels are small enough to draw and to calculate on."""
    largest = max(grid.spacing_zyx_mm)
    words = Words(
        "Largest voxel spacing of the day's image",
        f"The voxels measure {' × '.join(f'{mm:.2f}' for mm in grid.spacing_zyx_mm)} mm.",
        "Reconstruct the day's image with thinner slices.",
    )
    return [judge(policy, CHECK, "voxel_spacing_mm", largest, words)]


def scale_is_hu(policy: Policy, values_hu: NDArray[np.floating], inside: Mask) -> list[Finding]:
    """The histogram inside the patient peaks where soft tissue may be.

    Args:
        values_hu: the raw image, (z, y, x).
        inside: patient and field of view.
    """
    chosen = values_hu[inside]
    chosen = chosen[(chosen > -800) & (chosen < 3000)]
    peak = float("nan")
    if chosen.size:
        counts, edges = np.histogram(chosen, bins=np.arange(-800, 3001, 20))
        smooth = np.convolve(counts, np.ones(5) / 5, mode="same")
        peak = float(edges[int(np.argmax(smooth))] + 10)
    words = Words(
        "Soft-tissue peak of the raw histogram",
        f"The raw image's largest peak inside the patient lies at {peak:.0f} HU.",
        "Check the scanner's calibration; raw values must not be used for dose.",
    )
    return [judge(policy, CHECK, "soft_tissue_peak_hu", peak, words)]


def dates_fit(policy: Policy, days: float | None) -> list[Finding]:
    """The day's image was taken after planning and not too long after it; silent where dates are missing."""
    if days is None:
        return []
    words = Words(
        "Time from planning CT to the day's image",
        f"The day's image was taken {days:.0f} days after the planning CT.",
        "Ask whether the planning CT is still the right one.",
    )
    return [judge(policy, CHECK, "days_since_planning", days, words)]
