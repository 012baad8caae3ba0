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
    with_covariates(x, centres)


def with_covariates(x: np.ndarray, centres: list[str]) -> None:
    """The same with age and stage, which differ between the centres and act on the features."""
    rng = np.random.default_rng(4)
    age = np.round(rng.normal(60, 8, 24) + 6 * (np.array(centres) == "b"))
    stage = rng.choice(["I", "II", "III"], 24)
    x = x + np.outer(age - 60, rng.normal(0, 0.2, 7)) + np.outer(stage == "III", rng.normal(0, 2, 7))
    table = pd.DataFrame({"centre": centres, "age": age, "stage": stage})
    told = neuroCombat(
        dat=x.T, covars=table, batch_col="centre", categorical_cols=["stage"], continuous_cols=["age"]
    )
    content = {
        "centres": centres,
        "age": age.tolist(),
        "stage": stage.tolist(),
        "before": x.tolist(),
        "after": told["data"].T.tolist(),
    }
    Path(__file__).with_name("covariates.json").write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
