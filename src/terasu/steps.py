"""The steps of a long job, timed, and told to whoever listens."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol


class Listener(Protocol):
    """Somebody who wants to know how far the job is (a progress bar, a log, nobody)."""

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


@dataclass
class Steps:
    """Times the steps of one job.

    Attributes:
        listener: who is told.
        seconds: step → wall time [s], in the order of the job.
    """

    listener: Listener = field(default_factory=Nobody)
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, step: str) -> Iterator[None]:
        """Time one step; it counts also if it fails."""
        self.listener.begin(step)
        start = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[step] = self.seconds.get(step, 0.0) + time.perf_counter() - start
            self.listener.end(step, self.seconds[step])

    def advance(self, done: int, total: int) -> None:
        """Pass on how far the running step is."""
        self.listener.advance(done, total)

    @property
    def total_seconds(self) -> float:
        """All steps together [s]."""
        return sum(self.seconds.values())
