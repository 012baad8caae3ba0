"""ComBat by neuroCombat 0.2.12 (MIT) on numbers drawn by seed; run it to write values.json."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pandas as pd
from neuroCombat import neuroCombat


def main() -> None:
    """Draw, harmonise, write."""
    rng = np.random.default_rng(3)
    centres = ["a"] * 9 + ["b"] * 8 + ["c"] * 7
    x = rng.normal(size=(24, 7)) * np.array([1, 2, 0.5, 3, 1, 1, 10]) + rng.normal(size=7) * 5
    x[9:17] *= 1.4
    x[17:] += 2
    told = neuroCombat(dat=x.T, covars=pd.DataFrame({"centre": centres}), batch_col="centre")
    content = {"centres": centres, "before": x.tolist(), "after": told["data"].T.tolist()}
    Path(__file__).with_name("values.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
