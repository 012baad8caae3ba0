"""Which class was called for whom: accuracy, sensitivity and specificity with their limits.

Source of the limits: Wilson 1927, doi 10.1080/01621459.1927.10502953
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import norm

from terasu.errors import InputError
from terasu.prognosis.kaplan_meier import Estimate
from terasu.prognosis.survival_data import Labels


@dataclass(frozen=True, eq=False)
class Confusion:
    """Calls by class.

    Attributes:
        table: (classes, classes) patients; rows: true class, columns: class called.
        accuracy: share of right calls.
        balanced_accuracy: mean sensitivity of the classes.
        sensitivity, specificity: one a class, each against all others.
    """

    classes: tuple[str, ...]
    table: Labels
    accuracy: Estimate
    balanced_accuracy: float
    sensitivity: tuple[Estimate, ...]
    specificity: tuple[Estimate, ...]


def confusion(true: ArrayLike, called: ArrayLike, classes: tuple[str, ...], level: float = 0.95) -> Confusion:
    """Count calls.

    Args:
        true, called: (n,) position in ``classes``, from 0.
    Raises:
        InputError: other codes or lengths, or a class without a patient.
    """
    k = len(classes)
    codes = [np.asarray(one) for one in (true, called)]
    if codes[0].shape != codes[1].shape or not all(np.isin(one, np.arange(k)).all() for one in codes):
        raise InputError(
            "True classes and calls do not fit together.",
            got=f"{codes[0].shape} and {codes[1].shape}",
            expected=f"codes from 0 to {k - 1} for every patient",
        )
    table = np.bincount(codes[0].astype(np.int64) * k + codes[1].astype(np.int64), minlength=k * k)
    table = table.reshape(k, k)
    size, right, said = table.sum(axis=1), np.diag(table), table.sum(axis=0)
    if (size == 0).any():
        raise InputError("A class has no patient.", got=classes[int(np.argmin(size))])
    total = int(table.sum())
    quiet = total - size - (said - right)  # of the others, not called this class
    sensitivity = tuple(wilson(int(a), int(b), level) for a, b in zip(right, size, strict=True))
    specificity = tuple(wilson(int(a), total - int(b), level) for a, b in zip(quiet, size, strict=True))
    return Confusion(
        classes,
        table.astype(np.int64),
        wilson(int(right.sum()), total, level),
        float(np.mean(right / size)),
        sensitivity,
        specificity,
    )


def wilson(hits: int, patients: int, level: float = 0.95) -> Estimate:
    """A share with its confidence limits."""
    if not 0 <= hits <= patients or patients == 0:
        raise InputError("This is no share of patients.", got=f"{hits} of {patients}")
    z = float(norm.ppf(0.5 + level / 2))
    share, scale = hits / patients, 1 + z**2 / patients
    centre = (share + z**2 / (2 * patients)) / scale
    reach = z / scale * float(np.sqrt(share * (1 - share) / patients + z**2 / (4 * patients**2)))
    low = 0.0 if hits == 0 else centre - reach
    high = 1.0 if hits == patients else centre + reach
    return Estimate(share, low, high, level)
