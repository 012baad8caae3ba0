"""Whoever wants to know how far a study is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Listener(Protocol):
    """A progress bar, a log, nobody."""

    def begin(self, step: str) -> None:
        """A step starts."""

    def advance(self, done: int, total: int) -> None:
        """Part ``done`` of ``total`` of the running step is ready."""

    def end(self, step: str, seconds: float) -> None:
        """A step is ready."""


class Nobody:
    """Listens to nothing."""

    def begin(self, step: str) -> None:
        """Nothing."""

    def advance(self, done: int, total: int) -> None:
        """Nothing."""

    def end(self, step: str, seconds: float) -> None:
        """Nothing."""


@contextmanager
def told(listener: Listener, step: str) -> Iterator[None]:
    """Tell that a step begins and ends."""
    listener.begin(step)
    start = time.perf_counter()
    try:
        yield
    finally:
        listener.end(step, time.perf_counter() - start)
