"""Does the dose of the day still do what the plan promised, and can the number be trusted?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from terasu.safety.policy import Policy, Words, failed, judge
from terasu.safety.verdict import Finding


@dataclass(frozen=True)
class DoseChange:
    """One structure's dose, day − plan, in percent of the prescription."""

    name: str
    d95_percent: float
    mean_percent: float
    near_max_percent: float


def dose_bracket(
    policy: Policy, target_mean_gy: Mapping[str, float], prescription_gy: float
) -> list[Finding]:
    """Independent densities must agree on the target's mean dose.

    Args:
        target_mean_gy: arm (improved, density override, virtual CT) → mean dose of the target [Gy].
        prescription_gy: what the spread is a percentage of.
    """
    if len(target_mean_gy) < 2 or prescription_gy <= 0:
        return [failed("dose_bracket", "Dose bracket", "Fewer than two independent densities gave a dose.")]
    spread = 100 * (max(target_mean_gy.values()) - min(target_mean_gy.values())) / prescription_gy
    told = ", ".join(f"{arm} {gy:.2f} Gy" for arm, gy in target_mean_gy.items())
    words = Words(
        "Spread of target mean dose over independent densities",
        f"{told}.",
        "The densities contradict one another: do not read any of these doses.",
    )
    return [judge(policy, "dose_bracket", "dose_bracket_percent", spread, words)]


def target_dose(policy: Policy, changes: Sequence[DoseChange]) -> list[Finding]:
    """Near-minimum and mean of every target, day − plan."""
    if not changes:
        return [failed("target_dose", "Target dose", "There is no target with a dose.")]
    todo = "Look at the DVH and at where the target is cold; consider a new set-up or a new plan."
    findings = []
    for one in changes:
        d95 = Words("ΔD95%, day − plan", f"D95% changed by {one.d95_percent:+.1f} %.", todo, one.name)
        mean = Words("ΔDmean, day − plan", f"The mean changed by {one.mean_percent:+.1f} %.", todo, one.name)
        findings += [
            judge(policy, "target_dose", "target_d95_change_percent", one.d95_percent, d95),
            judge(policy, "target_dose", "target_mean_change_percent", one.mean_percent, mean),
        ]
    return findings


def oar_dose(policy: Policy, changes: Sequence[DoseChange]) -> list[Finding]:
    """Mean and near-maximum of every organ at risk, day − plan; only more dose is judged."""
    if not changes:
        return [failed("oar_dose", "Dose to organs at risk", "There is no organ at risk with a dose.")]
    todo = "Compare with the organ's constraint, over all fractions."
    findings = []
    for one in changes:
        mean = Words("ΔDmean, day − plan", f"The mean changed by {one.mean_percent:+.1f} %.", todo, one.name)
        near = Words("ΔD2%, day − plan", f"D2% changed by {one.near_max_percent:+.1f} %.", todo, one.name)
        findings += [
            judge(policy, "oar_dose", "oar_mean_change_percent", one.mean_percent, mean),
            judge(policy, "oar_dose", "oar_near_max_change_percent", one.near_max_percent, near),
        ]
    return findings


def gamma_against_plan(policy: Policy, pass_percent: float, criterion: str) -> list[Finding]:
    """Gamma of the day's dose against the plan; it never stands without the DVH."""
    words = Words(
        f"Gamma pass rate, day against plan, {criterion}",
        f"{pass_percent:.1f} % of the judged voxels pass.",
        "See in the dose difference where it fails, and in the DVH whether that matters.",
    )
    return [judge(policy, "gamma", "gamma_pass_percent", pass_percent, words)]


def engine_agrees(
    policy: Policy, difference_percent: float | None, covered_percent: float, *, target: str
) -> list[Finding]:
    """Our engine on the planning CT against the planning system's own dose of the same plan.

    Args:
        difference_percent: mean target dose, ours − theirs, percent of theirs; None if not comparable.
        covered_percent: share of the target inside of the planned dose's grid.
    """
    if difference_percent is None or covered_percent < 99.9:
        why = f"The planned dose covers {covered_percent:.1f} % of the target, so it cannot be compared."
        return [failed("target_dose", "Planned dose of the planning system", why, subject=target)]
    words = Words(
        "Dmean, this engine − planning system, same plan on the planning CT",
        f"This engine reads {difference_percent:+.1f} % against the planning system.",
        "Commission the machine file (terasu commission); until then read ratios only.",
        target,
    )
    return [judge(policy, "target_dose", "engine_difference_percent", abs(difference_percent), words)]


def dose_is_founded(
    policy: Policy, *, through_fill_percent: float, lung_path_percent: float
) -> list[Finding]:
    """How much of the beams' path the day's image has really seen, and whether it leads through lung."""
    fill = Words(
        "Path to the target through filled voxels",
        f"{through_fill_percent:.0f} % of the beams' path to the target runs through tissue that was not "
        "imaged today and stands in from the planning CT.",
        "Take the dose as a statement about the part that was imaged.",
    )
    lung = Words(
        "Path to the target through lung",
        f"{lung_path_percent:.0f} % of the beams' path to the target runs through lung, where this engine "
        "reads 3 to 4 % high.",
        "Read ratios, not doses, and take lung plans to a Monte Carlo or collapsed-cone engine.",
    )
    return [
        judge(policy, "target_dose", "dose_through_fill_percent", through_fill_percent, fill),
        judge(policy, "target_dose", "lung_path_percent", lung_path_percent, lung),
    ]
