"""One whole report, written once for all that look at it."""

from __future__ import annotations

import pytest

from report.made_content import made_content
from terasu.report.write import ReportFiles, write_report


@pytest.fixture(scope="session")
def whole_report(tmp_path_factory: pytest.TempPathFactory) -> ReportFiles:
    """The report of the made case."""
    return write_report(made_content(), tmp_path_factory.mktemp("report"))
