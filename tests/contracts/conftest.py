"""Every dose engine, for the contracts that all of them fulfil."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from terasu.dose import pydosert_engine
from terasu.dose.engine import DoseEngine
from terasu.dose.pencil_engine import pencil_engine
from terasu.errors import MissingPartError


@pytest.fixture(
    scope="module", params=[pencil_engine, pydosert_engine.pydosert_engine], ids=["house", "pydosert"]
)
def engine(request: pytest.FixtureRequest) -> Iterator[DoseEngine]:
    """torch on one thread: its threads wait without rest, and tests side by side pay for it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pydosert_engine, "cores", lambda: 1)
        try:
            made = request.param()
        except MissingPartError as missing:
            pytest.skip(missing.what)
        yield made
