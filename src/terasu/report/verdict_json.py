"""The verdict for machines: numbers as numbers, levels as words, a schema with a version."""

from __future__ import annotations

import json
import math
from typing import Any

from terasu.report.content import DoseRow, ReportContent
from terasu.safety.verdict import Finding

SCHEMA = "terasu.verdict"
SCHEMA_VERSION = 1


def verdict_as_dict(content: ReportContent) -> dict[str, Any]:
    """The verdict, its findings and what they rest on, ready for JSON."""
    verdict, case, made = content.verdict, content.case, content.provenance
    return {
        "schema": SCHEMA,
        "schema_version": SCHEMA_VERSION,
        "level": verdict.level.name,
        "policy": verdict.policy,
        "released_by": None,
        "case": {
            "label": case.label,
            "patient_key": case.patient_key,
            "plan_label": case.plan_label,
            "prescription_gy": _number(case.prescription_gy),
            "fractions": case.fractions,
            "target": case.target,
            "judged_at": case.judged_at,
        },
        "statements": list(content.statements),
        "missing": dict(content.missing),
        "findings": [finding_as_dict(finding) for finding in verdict.findings],
        "doses": [_dose_row(row) for row in content.dose_rows],
        "gamma": [
            {"criterion": one.criterion, "arm": one.arm, "pass_percent": _number(one.pass_percent)}
            for one in content.doses.gamma
        ],
        "software": made.software,
        "engine": made.engine,
        "machine": made.machine,
        "machine_commissioned": made.commissioned,
        "hashes": dict(made.hashes),
        "written": [{"what": one.what, "uid": one.uid, "file": one.file} for one in made.written],
        "seconds": {step: _number(seconds) for step, seconds in made.seconds.items()},
    }


def verdict_as_json(content: ReportContent) -> str:
    """``verdict_as_dict`` as text; a value that is no number is null, never NaN."""
    return json.dumps(verdict_as_dict(content), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def finding_as_dict(finding: Finding) -> dict[str, Any]:
    """One finding as it stands in ``verdict.json``."""
    value = finding.value if isinstance(finding.value, str) else _number(finding.value)
    return {
        "check": finding.check,
        "subject": finding.subject,
        "measure": finding.measure,
        "value": value,
        "unit": finding.unit,
        "limit": finding.limit,
        "limit_source": finding.limit_source,
        "level": finding.level.name,
        "why": finding.why,
        "todo": finding.todo,
    }


def _dose_row(row: DoseRow) -> dict[str, Any]:
    return {
        "structure": row.structure,
        "quantity": row.quantity,
        "unit": row.unit,
        "plan": _number(row.plan),
        "day": {arm: _number(value) for arm, value in row.day.items()},
    }


def _number(value: float | None) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None
