"""Intraclass correlation of the example that the literature is held to, and Lin's concordance beside R's.

Source: Shrout and Fleiss 1979, doi 10.1037/0033-2909.86.2.420, tables 2 to 4: six targets, four judges.
Intervals to more digits are R's: psych 2.2.9, ICC(x, lmer = FALSE). Concordance: epiR 2.0.57, epi.ccc(a, b,
ci = "z-transform"), of the 17 peak flow rates of Bland and Altman 1986, doi 10.1016/S0140-6736(86)90837-8.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from terasu.radiomics.concordance_correlation import concordance_correlation
from terasu.radiomics.reliability import intraclass_correlation

JUDGES = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], dtype=float
)
TWO_RATERS = np.array(  # two judges of another scale, one value changed
    [[-4.7, -16.6], [-9.8, -18.3], [-6.4, -7.25], [-8.1, -18.3], [-3.0, -11.5], [-9.8, -16.6]]
)
WRIGHT = (494, 395, 516, 434, 476, 557, 413, 442, 650, 433, 417, 656, 267, 478, 178, 423, 427)
MINI = (512, 430, 520, 428, 500, 600, 364, 380, 658, 445, 432, 626, 260, 477, 259, 350, 451)


def test_the_papers_values() -> None:
    consistent = intraclass_correlation(JUDGES).iloc[0]
    agreeing = intraclass_correlation(JUDGES, model="agreement").iloc[0]
    assert round(consistent["icc"], 2) == 0.71  # ICC(3,1), table 4
    assert round(agreeing["icc"], 2) == 0.29  # ICC(2,1)
    assert round(consistent["f_value"], 2) == 11.03
    assert consistent["subjects"] == 6 and consistent["raters"] == 4


@pytest.mark.parametrize(
    ("values", "model", "icc", "low", "high"),
    [
        (JUDGES, "consistency", 0.714840714840715, 0.342464765033925, 0.945858259955360),
        (JUDGES, "agreement", 0.289763779527559, 0.018786513374712, 0.761084369648953),
        (TWO_RATERS, "consistency", 0.469763365468887, -0.4410522622081449, 0.903888025846333),
        (TWO_RATERS, "agreement", 0.150519516989610, -0.0878403215273832, 0.671582264858442),
    ],
)
def test_intervals_of_r(values, model, icc, low, high) -> None:
    found = intraclass_correlation(values, model=model).iloc[0]
    assert (found["icc"], found["ci_low"], found["ci_high"]) == pytest.approx((icc, low, high), rel=1e-10)


def test_mcgraw_and_wong_say_the_same_by_anova() -> None:
    """ICC(C,1) from mean squares written out by hand: 11.24 between targets, 1.02 of error."""
    n, k = JUDGES.shape
    between = k * np.var(JUDGES.mean(axis=1), ddof=1)
    rest = JUDGES - JUDGES.mean(axis=1, keepdims=True) - JUDGES.mean(axis=0) + JUDGES.mean()
    error = np.square(rest).sum() / ((n - 1) * (k - 1))
    assert (round(between, 2), round(error, 2)) == (11.24, 1.02)
    found = intraclass_correlation(JUDGES).iloc[0]["icc"]
    assert found == pytest.approx((between - error) / (between + (k - 1) * error), rel=1e-12)


def test_concordance_of_two_peak_flow_meters() -> None:
    tables = (pd.DataFrame({"pefr": np.array(one, float)}) for one in (WRIGHT, MINI))
    found = concordance_correlation(*tables).iloc[0]
    assert found["ccc"] == pytest.approx(0.942742431427484, rel=1e-12)
    assert found["ci_low"] == pytest.approx(0.85049187316856, rel=1e-10)
    assert found["ci_high"] == pytest.approx(0.978726279170122, rel=1e-10)
    assert found["pearson"] == pytest.approx(0.943279446890946, rel=1e-12)
    assert found["scale_shift"] == pytest.approx(0.972509121336188, rel=1e-12)
    assert abs(found["location_shift"]) == pytest.approx(0.0190302500915971, rel=1e-9)
    assert found["bias"] == pytest.approx(2.11764705882353, rel=1e-9)  # mini − Wright; R gives Wright − mini
    half = 38.76512987360738 * 1.96
    assert found["limit_high"] - found["bias"] == pytest.approx(half, rel=1e-9)
