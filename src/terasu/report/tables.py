"""Tables as rows of text, the same on screen and on paper."""

from __future__ import annotations

from dataclasses import dataclass

from terasu.report.content import ArmRow, CaseHeader, DoseRow, HuRow, ReportContent, Scan
from terasu.report.numbers import NOTHING, shown, unit_shown


@dataclass(frozen=True)
class Table:
    """Heads and rows of text.

    Attributes:
        heads: one a column.
        rows: cells of text.
        texts: how many columns from the left are words; the others are numbers, set to the right.
        strong: rows that are printed bold.
    """

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    texts: int = 1
    strong: frozenset[int] = frozenset()


def case_facts(case: CaseHeader) -> tuple[tuple[str, str], ...]:
    """Label and value of the header, those that are known."""
    prescription = f"{case.prescription_gy:g}\u00a0Gy" if case.prescription_gy else ""
    if case.prescription_gy and case.fractions:
        each = case.prescription_gy / case.fractions
        prescription += f" in {case.fractions} fractions of {each:.4g}\u00a0Gy"
    facts = (
        ("Patient", case.patient_shown or (f"key {case.patient_key}" if case.patient_key else "")),
        ("Site", case.site),
        ("Target", case.target),
        ("Plan", case.plan_label),
        ("Prescription", prescription),
        ("Planning CT", _scan(case.planning_ct)),
        ("Image of the day", _scan(case.day_image)),
        ("Judged", case.judged_at),
    )
    return tuple((label, value) for label, value in facts if value)


def dose_table(content: ReportContent) -> Table | None:
    """Structure, quantity, plan, every arm, and the leading arm's change; targets first."""
    rows = sorted(content.dose_rows, key=lambda row: not row.is_target)
    if not rows:
        return None
    arms = list(dict.fromkeys(arm for row in rows for arm in row.day))
    led = [arm.name for arm in content.doses.day if arm.name in arms] or arms
    arms = led + [arm for arm in arms if arm not in led]
    heads = ("Structure", "Quantity", "Plan", *arms, "Δ", "Ratio")
    return Table(heads, tuple(_dose_cells(row, arms) for row in rows), texts=2)


def hu_table(rows: tuple[HuRow, ...]) -> Table | None:
    """Mean error and mean absolute error by tissue, one pair of columns an arm."""
    if not rows:
        return None
    arms = list(dict.fromkeys(row.arm for row in rows))
    found = {(row.tissue, row.reference, row.arm): row for row in rows}
    lines = list(dict.fromkeys((row.tissue, row.reference) for row in rows))
    has_several = len({reference for _, reference in lines}) > 1
    cells = tuple(
        (
            f"{tissue} (against {reference})" if has_several else tissue,
            *(_hu_cell(found.get((tissue, reference, arm))) for arm in arms),
        )
        for tissue, reference in lines
    )
    return Table(("Tissue", *arms), cells)


def arms_table(rows: tuple[ArmRow, ...]) -> Table | None:
    """The ways to an image of the day, side by side; columns that nobody filled are left out."""
    if not rows:
        return None
    columns = (
        ("ME [HU]", [shown(row.mean_error_hu, "HU", signed=True) for row in rows]),
        ("MAE [HU]", [shown(row.mae_hu, "HU") for row in rows]),
        ("ME to truth [HU]", [shown(row.true_mean_error_hu, "HU", signed=True) for row in rows]),
        ("MAE to truth [HU]", [shown(row.true_mae_hu, "HU") for row in rows]),
        ("Target mean [Gy]", [shown(row.target_mean_gy, "Gy") for row in rows]),
        ("Target D95% [Gy]", [shown(row.target_d95_gy, "Gy") for row in rows]),
        ("Gamma [%]", [shown(row.gamma_percent, "%") for row in rows]),
    )
    kept = [(head, cells) for head, cells in columns if any(cell != NOTHING for cell in cells)]
    names = [f"{row.name} (delivered)" if row.is_chosen else row.name for row in rows]
    notes = [row.note for row in rows]
    heads = ("Arm", *(head for head, _ in kept), *(("Note",) if any(notes) else ()))
    cells = tuple(
        (names[i], *(cells[i] for _, cells in kept), *((notes[i],) if any(notes) else ()))
        for i in range(len(rows))
    )
    return Table(heads, cells, strong=frozenset(i for i, row in enumerate(rows) if row.is_chosen))


def gamma_table(content: ReportContent) -> Table | None:
    """Pass rate by criterion and arm."""
    results = content.doses.gamma
    if not results:
        return None
    rows = tuple(
        (
            one.criterion,
            one.arm,
            shown(one.pass_percent, "%"),
            NOTHING if one.judged_voxels is None else f"{one.judged_voxels:,}".replace(",", " "),
        )
        for one in results
    )
    return Table(("Criterion", "Evaluated on", "Pass [%]", "Voxels judged"), rows, texts=2)


def _scan(scan: Scan | None) -> str:
    return "" if scan is None else " · ".join(part for part in (scan.date, scan.scanner, scan.detail) if part)


def _dose_cells(row: DoseRow, arms: list[str]) -> tuple[str, ...]:
    day = row.day.get(arms[0]) if arms else None
    unit = unit_shown(row.unit)
    is_known = day is not None and row.plan is not None
    change = (
        shown(day - row.plan, row.unit, signed=True) if day is not None and row.plan is not None else NOTHING
    )
    ratio = f"{day / row.plan:.3f}" if is_known and day is not None and row.plan else NOTHING
    return (
        row.structure,
        f"{row.quantity} [{unit}]" if unit else row.quantity,
        shown(row.plan, row.unit),
        *(shown(row.day.get(arm), row.unit) for arm in arms),
        change,
        ratio,
    )


def _hu_cell(row: HuRow | None) -> str:
    if row is None:
        return NOTHING
    error = shown(row.mean_error_hu, "HU", signed=True)
    return error if row.mae_hu is None else f"{error} ({shown(row.mae_hu, 'HU')})"
