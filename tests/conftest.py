"""Where the real patients are; tests that need them skip with a reason where they are missing."""

from __future__ import annotations

import os
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings

# The quick run tries the same cases each time, so that red means "this change"; `make check` draws new ones.
settings.register_profile("same-cases", derandomize=True)
settings.load_profile("same-cases")

_SETS = {
    "thorax": ("onkodicom-thorax_ct_rtstruct_rtplan_dvh.tar.xz", "OnkoDICOM-thorax"),
    "pancreas": ("pancreas-cb-001_planct_cbctA_rtstruct.tar.xz", "Pancreas-CT-CB_001"),
    "pelvis003": ("pelvic-ref-003_ct61_rtstruct.tar.xz", "Pelvic-Ref-003"),
    "pelvis005": ("pelvic-ref-005_ct63_rtstruct.tar.xz", "Pelvic-Ref-005"),
}


def shared_folder() -> Path | None:
    """``../shared/data`` beside the checkout, or the folder that TERASU_SHARED names."""
    named = os.environ.get("TERASU_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    return folder if folder.is_dir() else None


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data; skips where it is missing."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("the shared data (../shared/data) is not here")
    return folder


def unpack(name: str) -> Path:
    """The folder of one RT set, unpacked once for this user and kept in the temp directory."""
    folder = shared_folder()
    if folder is None:
        pytest.skip("the shared data (../shared/data) is not here")
    archive_name, inside = _SETS[name]
    archive = folder / "rt_sets" / archive_name
    cache = Path(tempfile.gettempdir()) / f"terasu-test-data-{os.getuid()}"
    cache.mkdir(exist_ok=True)
    target = cache / inside
    if not target.exists():
        with tempfile.TemporaryDirectory(dir=cache) as aside, tarfile.open(archive) as tar:
            tar.extractall(aside, filter="data")
            try:
                (Path(aside) / inside).rename(target)
            except OSError:
                if not target.exists():
                    raise
    return target


@pytest.fixture(scope="session")
def thorax() -> Path:
    """OnkoDICOM thorax: CT, RTSTRUCT, RTPLAN and the planning system's DVH."""
    return unpack("thorax")


@pytest.fixture(scope="session")
def pancreas() -> Path:
    """Planning CT and real CBCT of one patient, contours on both."""
    return unpack("pancreas")


@pytest.fixture(scope="session")
def pelvis003() -> Path:
    """Male pelvic CT with manual, DL and MBS contours."""
    return unpack("pelvis003")


@pytest.fixture(scope="session")
def pelvis005() -> Path:
    """Male pelvic CT with manual, DL and MBS contours."""
    return unpack("pelvis005")
