"""What may be concluded, in plain words, by rules on the numbers; never more than they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from scipy.stats import norm

from terasu.prognosis.study.events_per_variable import EventsPerVariable
from terasu.prognosis.study.gain import Gain
from terasu.prognosis.study.pairs import Interval

Standing = Literal["no evidence", "no gain", "not tested", "evidence"]
_LEVEL = 0.05
_OPTIMISTIC = 0.15
_LEAST_PERMUTATIONS = 19  # with fewer, no p can be 0.05


@dataclass(frozen=True)
class Evidence:
    """The numbers that a conclusion rests on.

    Attributes:
        measure: C-index or AUC.
        model: the best candidate by its nested value.
        tried: candidates that were compared.
        gains: over each baseline; best_baseline: the one with the highest nested value.
        null_p: of the whole study on permuted outcomes; None if it was not run.
        family_p: smallest adjusted p of the family; None if it was not tested.
        unfitted: baselines that could not be fitted, with the reason.
        test: on the test set; None before it is opened.
        test_gain: over the best baseline there.
        openings: of the test set.
    """

    measure: str
    model: str
    tried: int
    apparent: float
    nested: Interval
    gains: Sequence[Gain]
    best_baseline: str
    null_p: float | None
    permutations: int
    family_p: float | None
    leaks: Sequence[str]
    lives_on: EventsPerVariable | None
    unfitted: Sequence[str] = ()
    test: Interval | None = None
    test_gain: Interval | None = None
    openings: int = 0


@dataclass(frozen=True)
class Conclusion:
    """One sentence, where it stands, and what must be said beside it."""

    standing: Standing
    sentence: str
    cautions: tuple[str, ...]


def conclude(of: Evidence | None, reasons: Sequence[str] = ()) -> Conclusion:
    """The strongest sentence that no number contradicts.

    Args:
        of: None where no candidate could be fitted; ``reasons``: why.
    """
    if of is None:
        sentence = "No candidate could be fitted; nothing can be concluded."
        return Conclusion("no evidence", sentence, tuple(reasons))
    against = _against(of)
    if against:
        reached = f"{of.model} reaches {_told(of)}, {against}"
        sentence = f"There is no evidence that the features tell the outcome: {reached}."
        return Conclusion("no evidence", sentence, _cautions(of))
    weak = _no_gain(of)
    if weak:
        sentence = f"{of.model} tells the outcome better than chance ({_told(of)}), but {weak}."
        return Conclusion("no gain", sentence, _cautions(of))
    over = f" and more than {of.best_baseline} does" if of.best_baseline else ""
    if of.test is None:
        sentence = (
            f"In patients of this cohort whom it had not seen, {of.model} tells the outcome better than "
            f"chance{over} ({_told(of)}); whether it does so elsewhere has not been tested."
        )
        return Conclusion("not tested", sentence, _cautions(of))
    sentence = (
        f"{of.model} tells the outcome better than chance{over}, also in the test set ({_told(of)}); "
        "this does not show that treating by it helps anybody."
    )
    return Conclusion("evidence", sentence, _cautions(of))


def _told(of: Evidence) -> str:
    nested = f"{of.measure} {_interval(of.nested)}"
    return nested if of.test is None else f"{nested} nested, {_interval(of.test)} in the test set"


def _against(of: Evidence) -> str:
    """Why it is not better than chance, or nothing."""
    if of.nested.lower <= 0.5:
        return "which may be chance (0.5 lies within the limits)"
    if not _has_null(of) and lower_of_best(of.nested, of.tried) <= 0.5:
        return f"which may be chance, for it is the best of {of.tried}"
    if _has_null(of) and of.null_p is not None and of.null_p > _LEVEL:
        return f"and the same search on permuted outcomes does as well with p = {of.null_p:.2g}"
    if of.test is not None and of.test.lower <= 0.5:
        return "which the test set does not confirm"
    if of.leaks:
        return "but the leak detector has struck"
    return ""


def _no_gain(of: Evidence) -> str:
    """Why it adds nothing to what is known anyway, or nothing."""
    best = next((one for one in of.gains if one.over == of.best_baseline), None)
    if best is not None and lower_of_best(best.difference, of.tried) <= 0:
        gained = (
            f"{best.difference.value:+.3f} ({best.difference.lower:+.3f} to {best.difference.upper:+.3f})"
        )
        return f"not shown to be better than {of.best_baseline} (gain {gained})"
    if of.test_gain is not None and of.test_gain.lower <= 0:
        gained = _signed(of.test_gain)
        return f"in the test set not shown to be better than {of.best_baseline} (gain {gained})"
    return ""


def _has_null(of: Evidence) -> bool:
    return of.null_p is not None and of.permutations >= _LEAST_PERMUTATIONS


def lower_of_best(of: Interval, tried: int) -> float:
    """The lower 95 % limit after choosing the best of several (Bonferroni, normal in the lower tail)."""
    share = float(norm.isf(_LEVEL / 2 / max(tried, 1)) / norm.isf(_LEVEL / 2))
    return of.value - share * (of.value - of.lower)


def _cautions(of: Evidence) -> tuple[str, ...]:
    found = []
    if of.apparent - of.nested.value > _OPTIMISTIC:
        found.append(
            f"On its own training patients it reaches {of.apparent:.3f}: that number means nothing here."
        )
    if of.null_p is None:
        found.append("The study was not repeated on permuted outcomes; chance is judged by the limits alone.")
    elif of.permutations < _LEAST_PERMUTATIONS:
        found.append(f"{of.permutations} permutations are too few for any p to be 0.05; they were not used.")
    elif of.permutations < 99:
        least = 1 / (of.permutations + 1)
        found.append(f"Only {of.permutations} permutations: p cannot be below {least:.2g}.")
    if of.family_p is not None and of.family_p > _LEVEL:
        found.append(f"No single feature stands out of its family (smallest adjusted p = {of.family_p:.2g}).")
    if of.tried > 1:
        found.append(f"It is the best of {of.tried} candidates; choosing it has made its value look better.")
    if of.lives_on is not None and of.lives_on.verdict != "enough":
        found.append(
            f"It has {of.lives_on.per_variable:.2g} events for each of the {of.lives_on.variables} variables"
            " that it uses (10 are wanted)."
        )
    if not of.best_baseline:
        found.append("There is no baseline: what volume or stage alone would reach is not known.")
    found += [f"It was not held against a baseline that could not be fitted: {one}." for one in of.unfitted]
    if of.openings > 1:
        found.append(f"The test set was opened {of.openings} times; it is a test no longer.")
    found += [f"Leak: {name} does not reach 0.5 on permuted outcomes." for name in of.leaks]
    return tuple(found)


def _signed(of: Interval) -> str:
    return f"{of.value:+.3f}, {of.lower:+.3f} to {of.upper:+.3f}"


def _interval(of: Interval) -> str:
    return f"{of.value:.3f} ({of.lower:.3f} to {of.upper:.3f})"
