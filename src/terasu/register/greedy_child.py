"""One run of Greedy, in a process of its own; see ``greedy.greedy_both_ways``.

``python -m terasu.register.greedy_child FOLDER FIXED MOVING COMMAND`` reads ``FIXED.mha``, ``MOVING.mha`` and
``mask.mha`` and writes the displacement as ``FIXED.npy``.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import SimpleITK as sitk


def main(folder: Path, fixed: str, moving: str, command: str) -> int:
    """Match; the exit code is 1 if Greedy failed, with its reason on standard error."""
    from picsl_greedy import Greedy3D

    names = {"fixed": fixed, "moving": moving, "mask": "mask"}
    images = {role: sitk.ReadImage(str(folder / f"{name}.mha")) for role, name in names.items()}
    engine, told = Greedy3D(), io.StringIO()
    try:
        engine.execute(command, told, told, warp=None, **images)
    except (RuntimeError, ValueError) as error:
        print(str(error).strip(), file=sys.stderr)
        return 1
    np.save(folder / f"{fixed}.npy", sitk.GetArrayFromImage(engine["warp"]).astype(np.float32, copy=False))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), *sys.argv[2:5]))
    except KeyboardInterrupt:
        sys.exit(130)
