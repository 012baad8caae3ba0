"""The limits that a case is held to: a versioned file that a clinic edits.

Every limit names its source; where no standard sets one, the source begins with ``ours`` and says why.
"""

from __future__ import annotations

import hashlib
import math
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from terasu.errors import PolicyError
from terasu.safety.verdict import Finding, Level


class Limit(BaseModel):
    """One limit: what is reviewed and what is blocked.

    A value beyond ``review_above`` (or below ``review_below``) asks for a look; beyond ``block_*`` it blocks.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    unit: str
    source: str = Field(min_length=3)
    review_above: float | None = None
    block_above: float | None = None
    review_below: float | None = None
    block_below: float | None = None

    @model_validator(mode="after")
    def _can_be_met(self) -> Limit:
        bounds = (self.review_above, self.block_above, self.review_below, self.block_below)
        if all(bound is None for bound in bounds):
            raise ValueError(
                "a limit needs at least one of review_above, block_above, review_below, block_below"
            )
        if None not in bounds[:2] and self.review_above > self.block_above:  # type: ignore[operator]
            raise ValueError("review_above lies beyond block_above: nothing could ever be reviewed")
        if None not in bounds[2:] and self.review_below < self.block_below:  # type: ignore[operator]
            raise ValueError("review_below lies beyond block_below: nothing could ever be reviewed")
        return self

    def level_of(self, value: float) -> Level:
        """PASS, REVIEW or BLOCK for one value; a value that is no number blocks."""
        if not math.isfinite(value):
            return Level.BLOCK
        if _beyond(value, self.block_above, self.block_below):
            return Level.BLOCK
        return Level.REVIEW if _beyond(value, self.review_above, self.review_below) else Level.PASS

    def as_text(self) -> str:
        """The limit as read: ``REVIEW above 2, BLOCK above 5``."""
        words = (
            ("REVIEW above", self.review_above),
            ("BLOCK above", self.block_above),
            ("REVIEW below", self.review_below),
            ("BLOCK below", self.block_below),
        )
        return ", ".join(f"{word} {bound:g}" for word, bound in words if bound is not None)


class Policy(BaseModel):
    """A clinic's limits.

    Attributes:
        name, version: as the clinic calls it; both stand in every report.
        required: checks that must have spoken; one that is silent blocks the case.
        limits: limit by name, as the checks ask for them.
        sha256: of the file's bytes, so that a report can be held to the limits of its day.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1)
    version: str = Field(min_length=1)
    required: tuple[str, ...] = ()
    limits: dict[str, Limit]
    sha256: str = ""

    @property
    def label(self) -> str:
        """Name, version and the first characters of the file's hash."""
        return f"{self.name} {self.version} ({self.sha256[:8]})"

    def __getitem__(self, name: str) -> Limit:
        if name not in self.limits:
            raise PolicyError(
                f"The policy sets no limit named {name!r}.",
                got=", ".join(sorted(self.limits)),
                expected=name,
                todo="Add the limit to your policy file, or start from `terasu policy > policy.toml`.",
            )
        return self.limits[name]


@dataclass(frozen=True)
class Words:
    """What a finding says beside its number.

    Attributes:
        measure: what was measured, in the field's words.
        why: what the value means here.
        todo: what to do if it is not PASS.
        subject: structure, image or file.
    """

    measure: str
    why: str
    todo: str = ""
    subject: str = ""


def judge(policy: Policy, check: str, limit_name: str, value: float, words: Words) -> Finding:
    """Hold one number against one limit of the policy.

    Raises:
        PolicyError: the policy has no limit of that name.
    """
    limit = policy[limit_name]
    level = limit.level_of(value)
    measured = float(value) if math.isfinite(value) else None
    return Finding(
        check=check,
        measure=words.measure,
        value=measured,
        limit=limit.as_text(),
        unit=limit.unit,
        limit_source=limit.source,
        level=level,
        why=words.why if measured is not None else f"It could not be measured (the result was {value}).",
        todo=words.todo if level > Level.PASS else "",
        subject=words.subject,
    )


def stated(
    check: str, level: Level, words: Words, *, value: str, limit: str, source: str = "ours"
) -> Finding:
    """A finding that rests on a fact, not on a number."""
    todo = words.todo if level > Level.PASS else ""
    return Finding(check, words.measure, value, limit, "", source, level, words.why, todo, words.subject)


def failed(check: str, measure: str, reason: str, *, subject: str = "") -> Finding:
    """A step that did not end in a result: it blocks, with the reason, and is never a missing line."""
    return Finding(
        check=check,
        measure=measure,
        value=None,
        limit="must be measurable",
        unit="",
        limit_source="ours: what cannot be measured cannot be released",
        level=Level.BLOCK,
        why=reason,
        todo="Remove the cause and run the case again; do not use its images or doses.",
        subject=subject,
    )


def silent_checks(policy: Policy, findings: list[Finding]) -> list[Finding]:
    """A BLOCK for every check that the policy requires and that said nothing."""
    spoken = {finding.check for finding in findings}
    return [
        failed(check, f"Check {check!r}", "The policy requires this check and it said nothing.")
        for check in policy.required
        if check not in spoken
    ]


def default_policy_text() -> str:
    """The policy file that comes with Terasu."""
    return (files("terasu.safety") / "policy.toml").read_text(encoding="utf-8")


def read_policy(path: Path | None = None) -> Policy:
    """Read a policy file (TOML), or the default one.

    Raises:
        PolicyError: not readable, not TOML, or limits that cannot be met.
    """
    name = "the built-in policy" if path is None else str(path)
    try:
        text = default_policy_text() if path is None else path.read_text(encoding="utf-8")
        table = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise PolicyError(
            f"The policy file cannot be read: {name}.",
            got=str(error),
            expected="a TOML file",
            todo="Start from `terasu policy > policy.toml`.",
        ) from error
    try:
        return Policy.model_validate(table | {"sha256": hashlib.sha256(text.encode()).hexdigest()})
    except ValidationError as error:
        raise PolicyError(
            f"The policy file says something impossible: {name}.",
            got="; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5]),
            expected="name, version, and limits with unit, source and at least one bound",
            todo="Mend these lines; `terasu policy` prints a file that is valid.",
        ) from error


def _beyond(value: float, above: float | None, below: float | None) -> bool:
    return (above is not None and value > above) or (below is not None and value < below)
