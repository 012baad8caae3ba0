"""Tables as rows of text."""

from __future__ import annotations

from dataclasses import replace

from report.made_content import blocked_content, made_content
from terasu.report.content import ArmRow, CaseHeader, DoseRow, HuRow
from terasu.report.tables import arms_table, case_facts, dose_table, gamma_table, hu_table, other_doses_table


def test_the_leading_arm_stands_beside_the_plan_with_its_change() -> None:
    table = dose_table(made_content())
    assert table is not None
    assert table.heads == ("Structure", "Quantity", "Plan", "improved", "Δ", "Ratio", "raw")
    assert table.rows[1] == ("PTV", "D95% [Gy]", "57.80", "54.20", "−3.60", "0.938", "52.84")
    assert all(len(row) == len(table.heads) for row in table.rows)
    assert other_doses_table(made_content()) is None


def test_many_arms_have_a_table_of_their_own() -> None:
    row = DoseRow(
        "PTV", "Dmean", "Gy", 60.0, {"raw": 58.0, "improved": 59.0, "virtual_ct": 59.5, "true": 59.1}
    )
    content = replace(made_content(), dose_rows=(row,))
    first, others = dose_table(content), other_doses_table(content)
    assert first is not None
    assert others is not None
    assert first.heads == ("Structure", "Quantity", "Plan", "improved", "Δ", "Ratio")
    assert others.heads == ("Structure", "Quantity", "Plan", "raw", "virtual CT", "true")
    assert others.rows == (("PTV", "Dmean [Gy]", "60.00", "58.00", "59.50", "59.10"),)


def test_targets_come_first() -> None:
    rows = (
        DoseRow("Rectum", "Dmean", "Gy", 20.0, {}),
        DoseRow("PTV", "Dmean", "Gy", 60.0, {}, is_target=True),
    )
    table = dose_table(replace(blocked_content(), dose_rows=rows))
    assert table is not None
    assert [row[0] for row in table.rows] == ["PTV", "Rectum"]
    assert table.rows[0] == ("PTV", "Dmean [Gy]", "60.00", "–", "–")


def test_what_cannot_be_divided_has_no_ratio() -> None:
    rows = (
        DoseRow("A", "V50Gy", "%", 0.0, {"x": 1.0}),
        DoseRow("B", "V50Gy", "%", None, {"x": 1.0}),
        DoseRow("C", "V50Gy", "%", 2.0, {"x": float("nan")}),
        DoseRow("D", "V50Gy", "%", 2.0, {}),
    )
    table = dose_table(replace(blocked_content(), dose_rows=rows))
    assert table is not None
    assert [row[-1] for row in table.rows] == ["–"] * 4
    assert [row[-2] for row in table.rows] == ["+1.0", "–", "–", "–"]


def test_hu_rows_name_their_reference_where_there_is_more_than_one() -> None:
    rows = (HuRow("fat", "hu_calibration", -12.4, 20.0), HuRow("fat", "hu_calibration", 3.0, None, "true CT"))
    table = hu_table(rows)
    assert table is not None
    assert table.heads == ("Tissue", "HU calibration")
    assert table.rows[0] == ("fat (against registered planning CT)", "−12 (20)")
    assert table.rows[1] == ("fat (against true CT)", "+3")


def test_columns_that_nobody_filled_are_left_out() -> None:
    table = arms_table((ArmRow("raw", mae_hu=80.0), ArmRow("virtual", is_chosen=True)))
    assert table is not None
    assert table.heads == ("Arm", "MAE [HU]")
    assert table.rows == (("raw", "80"), ("virtual (delivered)", "–"))
    assert table.strong == {1}


def test_gamma_counts_are_grouped() -> None:
    table = gamma_table(made_content())
    assert table is not None
    assert table.rows[0] == ("3 %/2 mm, global, above 10 %", "improved", "96.4", "41 210")


def test_the_header_shows_a_key_and_not_a_patient() -> None:
    facts = dict(case_facts(CaseHeader(patient_key="3f9a", prescription_gy=60.0, fractions=20)))
    assert facts == {"Patient": "key 3f9a", "Prescription": "60\u00a0Gy in 20 fractions of 3\u00a0Gy"}
    assert dict(case_facts(CaseHeader(patient_key="3f9a", patient_shown="0815")))["Patient"] == "0815"


def test_an_empty_case_has_no_tables() -> None:
    content = blocked_content()
    assert dose_table(content) is None
    assert gamma_table(content) is None
    assert hu_table(()) is None
    assert arms_table(()) is None
