"""Compile the numerical kernels ahead of time, so that the first patient does not wait for it."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from terasu.patient.contours import to_contours, to_structures
from terasu.patient.grid import Grid
from terasu.patient.structures import StructureSet
from terasu.patient.volume import Source, Volume


def compile_kernels() -> float:
    """Run every kernel once on a small ball of water; machine code is kept beside the source, or in
    NUMBA_CACHE_DIR.

    Returns:
        Seconds that it took: about a minute on a new machine, 5 where everything is compiled.
    """
    from terasu.dose.dvh import dvh_of, dvh_of_mask
    from terasu.dose.engine import default_engine
    from terasu.dose.gamma import gamma
    from terasu.dose.plan_making import PlanRequest, make_plan
    from terasu.simulate.mvct import mvct_slices

    began = time.perf_counter()
    grid = Grid.from_axes((16, 24, 24), spacing_zyx_mm=(8, 8, 8), origin_lps_mm=(-92, -92, -60))
    away_mm = np.linalg.norm(grid.to_lps_mm(np.moveaxis(np.indices(grid.shape_zyx), 0, -1)), axis=-1)
    water = Volume(np.where(away_mm < 80, 0, -1000).astype(np.float32), grid, "HU", Source("CT"))
    target = StructureSet(grid, {"PTV": away_mm < 25})
    contours = to_contours(target)
    to_structures(contours, grid)
    plan = make_plan(water, target["PTV"], PlanRequest(fields=1, control_points=2, dose_spacing_mm=8.0))
    dose = default_engine().calculate(water, plan, grid)
    dvh_of(dose, contours["PTV"])
    dvh_of_mask(dose, target["PTV"], grid)
    gamma(dose, dose, dose_percent=3, distance_mm=3)
    mvct_slices(water.values[7:8], 8.0)
    _compile_radiomics(grid, away_mm)
    _compile_segment(grid, away_mm)
    _compile_prognosis()
    return time.perf_counter() - began


def _compile_radiomics(grid: Grid, away_mm: NDArray[np.float64]) -> None:
    """Both profiles, a filter and every kind of perturbation, on a ball of noise."""
    from dataclasses import replace

    from terasu.radiomics.filters import LaplacianOfGaussian
    from terasu.radiomics.ibsi import CONFIGURATIONS
    from terasu.radiomics.perturb import perturb, perturbations
    from terasu.radiomics.pyradiomics import PyRadiomics
    from terasu.radiomics.voxel_map import feature_maps

    noise = np.random.default_rng(1).normal(0, 50, grid.shape_zyx)
    image = Volume(np.rint(noise).astype(np.float32), grid, "HU")
    again = perturb(image, away_mm < 60, perturbations(1, 1)[0])
    PyRadiomics().measure(again.image, again.mask)
    feature_maps(image, away_mm < 20, ["original_glcm_Contrast"])
    for name in ("A", "C"):
        replace(CONFIGURATIONS[name], filters=(LaplacianOfGaussian(8.0),)).measure(image, away_mm < 60)


def _compile_segment(grid: Grid, away_mm: NDArray[np.float64]) -> None:
    """Both engines of surface distances, and the added path, on two balls."""
    from terasu.segment.compare import compare

    compare(away_mm < 40, away_mm < 50, grid, organ="ball", engine="mesh")
    compare(away_mm < 40, away_mm < 50, grid, organ="ball", engine="grid")


def _compile_prognosis() -> None:
    """Every statistic and every model with kernels of ours, on noise."""
    from terasu.prognosis.concordance import harrell_c
    from terasu.prognosis.cox_univariable import univariable_cox
    from terasu.prognosis.coxnet import log_partial_likelihoods
    from terasu.prognosis.max_t import max_t
    from terasu.prognosis.models.contract import Labels
    from terasu.prognosis.models.registry import label_model, survival_model
    from terasu.prognosis.survival_data import Survival

    rng = np.random.default_rng(1)
    x = rng.standard_normal((60, 4))
    survival = Survival(rng.uniform(1, 900, len(x)).round(), rng.random(len(x)) < 0.7)
    names = tuple(f"f{i}" for i in range(x.shape[1]))
    univariable_cox(x, survival)
    log_partial_likelihoods(x, survival)
    harrell_c(x[:, 0], survival)
    for statistic in ("median split", "cox score"):
        max_t(x, survival, statistic=statistic, permutations=1, seed=1)
    for model in ("cox", "coxnet", "survival_forest", "survival_boosting"):
        fitted = survival_model(model).fit(x, survival, names, seed=1)
        fitted.survival(x, [365.0])
    codes = (x[:, 0] > 0).astype(np.int64)
    label_model("logistic_lasso").fit(x, Labels(codes, ("low", "high")), names, seed=1)
