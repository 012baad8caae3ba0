"""Ctrl-C while a compiled kernel runs is a Ctrl-C, not a traceback."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import pytest

from terasu.cli import entry


def leaves(*errors: BaseException) -> Callable[[Sequence[str]], int]:
    """A dispatcher out of which the first error comes, each caused by the next."""
    for error, cause in pairwise(errors):
        error.__cause__ = cause

    def dispatch(_: Sequence[str]) -> int:
        raise errors[0]

    return dispatch


@pytest.mark.parametrize("deep", [1, 2, 3])
def test_a_ctrl_c_out_of_a_kernel_stops_the_command(
    deep: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """CPython makes a SystemError of an interrupt that is set when a compiled call returns."""
    wrapped = [SystemError("returned a result with an exception set") for _ in range(deep)]
    monkeypatch.setattr(entry, "_dispatch", leaves(*wrapped, KeyboardInterrupt()))
    assert entry.main([]) == entry.STOPPED
    assert "Stopped" in capsys.readouterr().err


def test_another_system_error_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "_dispatch", leaves(SystemError("broken"), ValueError("no interrupt")))
    with pytest.raises(SystemError, match="broken"):
        entry.main([])
