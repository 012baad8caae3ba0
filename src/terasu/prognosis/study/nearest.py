"""Words that are not known, beside the known word that is nearest."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from terasu.errors import InputError


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word most like this one, or nothing."""
    words = list(known)
    lowered = {one.lower(): one for one in words}
    found = difflib.get_close_matches(word.lower(), list(lowered), n=1, cutoff=0.5)
    return lowered[found[0]] if found else ""


def listed(words: Iterable[object], most: int = 5) -> str:
    """The first few words, and how many there are beyond."""
    found = [str(one) for one in words]
    more = f" and {len(found) - most} more" if len(found) > most else ""
    return ", ".join(found[:most]) + more


def unknown(what: str, word: str, known: Iterable[str]) -> InputError:
    """The refusal of a word, with what was probably meant."""
    words = sorted(known)
    meant = nearest(word, words)
    return InputError(
        what,
        got=word,
        expected=listed(words, 30) or "nothing",
        todo=f"Did you mean {meant!r}?" if meant else "",
    )
