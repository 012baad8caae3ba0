"""The main job on the real patient (--quick: on the small made one), and its figures beside their bars.

    python benchmarks/main_job.py [--quick] [--json]

The real patient is looked for in ../shared/data/rt_sets, or where TERASU_SHARED points. The time counts
from the last slice read to the report written, as the job's own steps measure it; memory is that of the
whole process, which runs alone.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from _table import Row, flags, median_seconds, show

CHILD = """
import json, resource, sys
from pathlib import Path
from terasu.workflow.examples import example_case
from terasu.workflow.main_job import run_main_job
from terasu.workflow.phantom_case import PhantomChoices, write_phantom_case
from terasu.workflow.settings import Settings

archive, out = sys.argv[1], Path(sys.argv[2])
if archive:
    with example_case("pancreas", Path(archive), tell=lambda line: None) as (folder, settings):
        result = run_main_job(folder, out, settings)
else:
    made = write_phantom_case(out.parent / "made", choices=PhantomChoices(small=True))
    result = run_main_job(made.patient, out, Settings(truth=made.truth))
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
print(json.dumps({"seconds": result.seconds, "peak_gb": peak, "verdict": json.loads(result.as_json)}))
"""
HELP = [sys.executable, "-c", "import sys; from terasu.cli import main; sys.exit(main(['--help']))"]
FOUND = ("Mean HU error, soft", "Spread of target mean dose", "Gamma pass rate", "Residual shift")


def shared_archive() -> Path | None:
    """The archive of the real patient, None where the shared data is missing."""
    base = Path(os.environ.get("TERASU_SHARED", Path(__file__).parents[2] / "shared" / "data"))
    found = sorted(base.glob("rt_sets/pancreas-cb-001*.tar.xz"))
    return found[0] if found else None


def run_case(archive: Path | None) -> dict[str, Any]:
    """Seconds by step, peak memory [GB] and verdict of one run in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        words = [sys.executable, "-c", CHILD, str(archive or ""), str(Path(folder) / "result")]
        told = subprocess.run(words, check=True, capture_output=True, text=True)
        found: dict[str, Any] = json.loads(told.stdout)
        return found


def main() -> int:
    quick, as_json = flags()
    archive = None if quick else shared_archive()
    what = "real patient" if archive else "small made patient"
    found = run_case(archive)
    seconds, peak_gb = found["seconds"], found["peak_gb"]
    after_reading = sum(value for step, value in seconds.items() if step != "Find and read")
    help_s = median_seconds(lambda: subprocess.run(HELP, check=True, stdout=subprocess.DEVNULL), runs=7)
    rows = [
        Row(f"last slice read → report, {what}", after_reading, "s", bar="≤ 120", holds=after_reading <= 120),
        Row("peak memory", peak_gb, "GB", bar="≤ 4", holds=peak_gb <= 4),
        Row("terasu --help", help_s, "s", bar="≤ 0.5", holds=help_s <= 0.5),
        *(Row(f"  step: {step}", value, "s") for step, value in seconds.items()),
        *(
            Row(f"  found: {one['measure']}", one["value"], one["unit"])
            for one in found["verdict"]["findings"]
            if one["measure"].startswith(FOUND) and isinstance(one["value"], int | float)
        ),
    ]
    return show(rows, as_json=as_json)


if __name__ == "__main__":
    raise SystemExit(main())
