"""The report in a real browser: wide and narrow, without errors, overflow or a blank page."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from report.made_content import made_content
from report.made_results import made_survival_results
from terasu.prognosis.study.results import read_results
from terasu.report.study.write import write_study_report
from terasu.report.write import write_report

_WIDTHS = (1400, 420)
# Loads the report in frames of the two widths and says how wide its content has become.
_RULER = """<!DOCTYPE html><body>{frames}<script>
onload = () => {{
  const frames = [...document.querySelectorAll("iframe")];
  const wide = f => f.contentDocument.documentElement.scrollWidth;
  document.title = frames.map(f => `${{f.width}}:${{wide(f)}}`).join(" ");
}};
</script></body>"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(made_content(), tmp_path_factory.mktemp("browser")).html


@pytest.fixture(scope="module")
def study_page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("browser-study")
    return write_study_report(read_results(made_survival_results(folder)), folder).html


@pytest.mark.parametrize("which", ["page", "study_page"])
def test_nothing_overflows_and_the_console_is_silent(
    which: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    shown: Path = request.getfixturevalue(which)
    frames = "".join(
        f'<iframe src="{shown.as_uri()}" width="{width}" height="900"></iframe>' for width in _WIDTHS
    )
    ruler = tmp_path / "ruler.html"
    ruler.write_text(_RULER.format(frames=frames), encoding="utf-8")
    found = _chromium(tmp_path, "--allow-file-access-from-files", "--dump-dom", ruler.as_uri())
    assert "CONSOLE" not in found.stderr, re.findall(r".*CONSOLE.*", found.stderr)
    measured = re.search(r"<title>(.*?)</title>", found.stdout)
    assert measured is not None
    widths = dict(pair.split(":") for pair in measured.group(1).split())
    for width in _WIDTHS:
        assert 0 < int(widths[str(width)]) <= width + 4, "the page is wider than its window"


def test_the_page_is_drawn_with_the_verdict_on_top(page: Path, tmp_path: Path) -> None:
    shot = tmp_path / "shot.png"
    _chromium(tmp_path, "--window-size=1400,3000", "--hide-scrollbars", f"--screenshot={shot}", page.as_uri())
    with Image.open(shot) as image:
        pixels = np.asarray(image.convert("RGB")).astype(int)
    assert pixels.shape[1] == 1400
    top, below = pixels[:300], pixels[800:]
    is_red = (top[..., 0] > 140) & (top[..., 1] < 60) & (top[..., 2] < 70)
    assert is_red.sum() > 5_000, "BLOCK is written large, in its colour"
    assert (below.max(axis=-1) < 10).mean() > 0.05, "slices are drawn"


def _chromium(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        pytest.skip("no Chromium here")
    settings = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--enable-logging=stderr",
        "--virtual-time-budget=8000",
        f"--user-data-dir={folder / 'profile'}",
    )
    return subprocess.run(
        [program, *settings, *arguments], capture_output=True, text=True, timeout=120, check=True
    )
