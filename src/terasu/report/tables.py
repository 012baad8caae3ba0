"""Tables as rows of text, the same on screen and on paper."""

from __future__ import annotations

import math
from dataclasses import dataclass

from terasu.report.content import ArmRow, CaseHeader, DoseRow, HuRow, ReportContent, Scan
from terasu.report.numbers import NOTHING, as_words, shown, unit_shown

_MOST_ARMS = 3


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
    """Structure, quantity, plan, the leading arm and its change, and a few other arms; targets first."""
    rows, arms = _dose_rows(content), _dose_arms(content)
    if not rows:
        return None
    beside = arms[1:] if len(arms) <= _MOST_ARMS else []
    heads = ("Structure", "Quantity", "Plan", *map(as_words, arms[:1]), "Δ", "Ratio", *map(as_words, beside))
    cells = ((*_dose_cells(row, arms[0] if arms else ""), *_day_cells(row, beside)) for row in rows)
    return Table(heads, tuple(cells), texts=2)


def other_doses_table(content: ReportContent) -> Table | None:
    """The same quantities for the other arms, where they are too many for the first table; else None."""
    rows, arms = _dose_rows(content), _dose_arms(content)
    if not rows or len(arms) <= _MOST_ARMS:
        return None
    heads = ("Structure", "Quantity", "Plan", *map(as_words, arms[1:]))
    return Table(heads, tuple((*_what(row), *_day_cells(row, arms[1:])) for row in rows), texts=2)


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
    return Table(("Tissue", *map(as_words, arms)), cells)


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
    names = [as_words(row.name) + (" (delivered)" if row.is_chosen else "") for row in rows]
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
            as_words(one.arm),
            shown(one.pass_percent, "%"),
            NOTHING if one.judged_voxels is None else f"{one.judged_voxels:,}".replace(",", " "),
        )
        for one in results
    )
    return Table(("Criterion", "Evaluated on", "Pass [%]", "Voxels judged"), rows, texts=2)


def _scan(scan: Scan | None) -> str:
    return "" if scan is None else " · ".join(part for part in (scan.date, scan.scanner, scan.detail) if part)


def _dose_rows(content: ReportContent) -> list[DoseRow]:
    return sorted(content.dose_rows, key=lambda row: not row.is_target)


def _dose_arms(content: ReportContent) -> list[str]:
    """Every arm that the rows speak of, those with a dose first, in their order."""
    arms = list(dict.fromkeys(arm for row in content.dose_rows for arm in row.day))
    led = [arm.name for arm in content.doses.day if arm.name in arms]
    return led + [arm for arm in arms if arm not in led]


def _what(row: DoseRow) -> tuple[str, str, str]:
    unit = unit_shown(row.unit)
    quantity = f"{row.quantity} [{unit}]" if unit else row.quantity
    return row.structure, quantity, shown(row.plan, row.unit)


def _day_cells(row: DoseRow, arms: list[str]) -> tuple[str, ...]:
    return tuple(shown(row.day.get(arm), row.unit) for arm in arms)


def _dose_cells(row: DoseRow, arm: str) -> tuple[str, ...]:
    day = row.day.get(arm)
    if not arm:
        return (*_what(row), NOTHING, NOTHING)
    if day is None or row.plan is None:
        return (*_what(row), shown(day, row.unit), NOTHING, NOTHING)
    ratio = f"{day / row.plan:.3f}" if row.plan and math.isfinite(day / row.plan) else NOTHING
    return (*_what(row), shown(day, row.unit), shown(day - row.plan, row.unit, signed=True), ratio)


def _hu_cell(row: HuRow | None) -> str:
    if row is None:
        return NOTHING
    error = shown(row.mean_error_hu, "HU", signed=True)
    return error if row.mae_hu is None else f"{error} ({shown(row.mae_hu, 'HU')})"
