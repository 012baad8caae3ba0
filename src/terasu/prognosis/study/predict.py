"""New patients: risk, survival or class with limits; who lies outside of what was seen is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.prognosis.study.final import FinalModel, read_model, with_limits
from terasu.prognosis.study.out_of_fold import groups, places
from terasu.prognosis.study.sheets import numbers, read_sheet, refuse_twice, require_columns
from terasu.prognosis.study.study_file import Sheet

_MOST_MISSING = 0.5  # of the features that the model uses


def predict_patients(model_path: Path, table: Path) -> pd.DataFrame:
    """Apply a saved model to the rows of a table.

    Args:
        table: CSV or Parquet with one row a patient: id, features (with the study's prefixes), clinical
            columns and the centre, as far as the model needs them.
    Returns:
        One row a patient, the id as index. ``refused`` True: the patient lies outside of what the model has
        seen, nothing is predicted, ``why`` says what. Otherwise ``risk`` (share of training patients with a
        lower score), ``group`` (0: lowest), and for each horizon ``survival_D_days`` (or ``probability_C``
        of each class) with ``_lower`` and ``_upper``, 95 % limits of the model, not of one patient's fate.
    Raises:
        InputError: the model or the table cannot be read, a column is missing.
    """
    model = read_model(model_path)
    frame = read_sheet(table, Sheet(path=table.name), model.patient_id)
    refuse_twice(frame, model.patient_id, table.name)
    features = list(model.pipeline.features)
    asked = [*model.pipeline.asked, *([model.centre] if model.centre else [])]
    require_columns(frame, (*features, *asked), table.name)
    values = numbers(frame, features, table.name) if features else frame[[]]
    ready = pd.concat([values, frame[list(dict.fromkeys(asked))]], axis=1).reset_index(drop=True)
    if model.centre:
        ready[model.centre] = ready[model.centre].astype(str).str.strip()
    found = predict(model, ready)
    found.index = pd.Index(frame[model.patient_id], name=model.patient_id)
    return found


def predict(model: FinalModel, table: pd.DataFrame) -> pd.DataFrame:
    """The same for a table in memory."""
    centres = table[model.centre].to_numpy(str) if model.centre else None
    at = [slice(i, i + 1) for i in range(len(table))]
    judged = [_whether(model, table.iloc[i], None if centres is None else centres[i]) for i in at]
    refused = np.array([one[0] for one in judged], np.bool_)
    found = pd.DataFrame({"refused": refused, "why": [one[1] for one in judged]})
    fine = np.flatnonzero(~refused)
    inside, where = table.iloc[fine], None if centres is None else centres[fine]
    risk = np.full(len(table), np.nan)
    if len(fine):
        risk[fine] = places(model.pipeline.score(inside, where), model.training_scores)
    found["risk"] = risk
    group = pd.Series(groups(np.nan_to_num(risk), model.cut_point), dtype="Int64")
    found["group"] = group.mask(pd.Series(refused))
    for name, columns in _chances(model, inside, where).items():
        column = np.full(len(table), np.nan)
        column[fine] = columns
        found[name] = column
    return found


def _whether(model: FinalModel, row: pd.DataFrame, centre: NDArray[Any] | None) -> tuple[bool, str]:
    """Whether one patient must be refused, and what is to be said."""
    used = [name for name in model.pipeline.features if name in set(model.seen.names)] or list(
        model.pipeline.features
    )
    missing = int(row[used].isna().sum(axis=1).iloc[0]) if used else 0
    if used and missing > _MOST_MISSING * len(used):
        return True, f"{missing} of {len(used)} features that the model uses are missing"
    try:
        columns = model.pipeline.columns(row, centre)
    except InputError as error:
        return True, f"{error.what} {error.got}".strip()
    refused, why = model.seen.judge(columns)[0]
    words = [why] if why else []
    words += [f"{missing} missing features were filled in"] if missing else []
    words += list(model.pipeline.cautions(centre))
    words += [f"a new word in {name}" for name in model.pipeline.strangers(row)]
    return refused, "; ".join(words)


def _chances(model: FinalModel, table: pd.DataFrame, centres: NDArray[Any] | None) -> dict[str, Any]:
    if not len(table):
        return {}
    if model.pipeline.classes:
        names = [f"probability_{one}" for one in model.pipeline.classes]
        value = model.pipeline.probability(table, centres)
        again = [one.pipeline.probability(table, centres) for one in model.refits]
    else:
        names = [f"survival_{one:g}_days" for one in model.horizons_days]
        times = np.minimum(np.array(model.horizons_days), model.follow_up_days)
        if not names:
            return {}
        value = model.pipeline.survival(table, centres, times)
        again = [
            one.pipeline.survival(table, centres, np.minimum(times, one.follow_up_days))
            for one in model.refits
        ]
    low, high = with_limits(value, np.array(again) if again else np.empty((0, *value.shape)))
    found: dict[str, Any] = {}
    for k, name in enumerate(names):
        found |= {name: value[:, k], f"{name}_lower": low[:, k], f"{name}_upper": high[:, k]}
    return found
