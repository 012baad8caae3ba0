"""What a new process needs for the 851 features of one case: ``python _radiomics_process.py IMAGE MASK``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from terasu.patient.volume_file import read_mask_file, read_volume_file
from terasu.radiomics.pyradiomics import PyRadiomics

image = read_volume_file(Path(sys.argv[1]))
found = PyRadiomics().features(image, read_mask_file(Path(sys.argv[2]), image.grid))
# ru_maxrss would begin with what the parent process had
status = Path("/proc/self/status").read_text()
peak = int(status.split("VmHWM:")[1].split()[0]) / 1024
print(json.dumps({"features": len(found), "peak_mb": peak}))
