"""The verdict for machines."""

from __future__ import annotations

import json
from dataclasses import replace

from report.made_content import blocked_content, made_content, made_findings, with_measure
from terasu.report.content import DoseRow
from terasu.report.verdict_json import SCHEMA, SCHEMA_VERSION, verdict_as_json


def test_numbers_are_numbers_and_levels_are_words() -> None:
    found = json.loads(verdict_as_json(made_content()))
    assert (found["schema"], found["schema_version"], found["level"]) == (SCHEMA, SCHEMA_VERSION, "BLOCK")
    assert len(found["findings"]) == len(made_findings())
    worst = next(one for one in found["findings"] if one["measure"].startswith("ΔD95"))
    assert worst["value"] == -6.31
    assert (worst["level"], worst["unit"], worst["subject"]) == ("BLOCK", "%", "PTV")
    assert found["machine_commissioned"] is False
    assert found["released_by"] is None, "the software releases nothing"


def test_what_is_no_number_is_null() -> None:
    content = with_measure(blocked_content(), value=float("nan"))
    content = replace(content, dose_rows=(DoseRow("PTV", "D95%", "Gy", None, {"raw": float("inf")}),))
    text = verdict_as_json(content)
    found = json.loads(text, parse_constant=lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert found["findings"][0]["value"] is None
    assert found["doses"][0]["day"] == {"raw": None}


def test_the_shown_patient_stays_out_of_the_file() -> None:
    content = made_content()
    content = replace(content, case=replace(content.case, patient_shown="Somebody Known"))
    assert "Somebody" not in verdict_as_json(content)
