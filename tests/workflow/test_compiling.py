"""After ``terasu doctor --compile`` no kernel is left to compile."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

KERNELS = """
import sys
import numba.core.dispatcher as dispatcher

compiled = []
plain = dispatcher.Dispatcher.compile

def told(self, signature):
    missed = sum(self._cache_misses.values())
    result = plain(self, signature)
    if self.py_func.__module__.startswith("terasu") and sum(self._cache_misses.values()) > missed:
        compiled.append(self.py_func.__name__)
    return result

dispatcher.Dispatcher.compile = told
from pathlib import Path
from terasu.workflow.main_job import run_main_job
from terasu.workflow.phantom_case import PhantomChoices, write_phantom_case
from terasu.workflow.settings import Settings

made = write_phantom_case(Path(sys.argv[1]) / "made", choices=PhantomChoices(small=True))
run_main_job(made.patient, Path(sys.argv[1]) / "result", Settings(truth=made.truth, deformable=False))

from terasu.workflow.radiomics.recipe import recipe_of
from terasu.workflow.radiomics.run import extract

for profile in ("pyradiomics", "ibsi"):
    recipe = recipe_of({"profile": profile, "rois": ["Prostate"], "perturbations": {"number": 1}})
    extract(made.patient, Path(sys.argv[1]) / profile, recipe, workers=1)
print("compiled:", *compiled)
"""


@pytest.mark.slow
def test_main_job_and_radiomics_compile_nothing_afterwards(tmp_path: Path) -> None:
    settings = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "kernels")}
    ahead = [sys.executable, "-c", "from terasu.cli import main; main(['doctor', '--compile'])"]
    subprocess.run(ahead, env=settings, check=True, capture_output=True)
    run = [sys.executable, "-c", KERNELS, str(tmp_path)]
    told = subprocess.run(run, env=settings, check=True, capture_output=True, text=True).stdout
    assert told.splitlines()[-1] == "compiled:"
