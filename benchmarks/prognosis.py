"""Survival statistics and whole studies: time and agreement, beside R, lifelines and scikit-survival.

    python benchmarks/prognosis.py [--quick] [--json]

The peers need an environment of their own, named by TERASU_SURVIVAL_PEERS_PYTHON; without it their columns
stay empty:

    python -m venv peers && peers/bin/pip install lifelines scikit-survival
    TERASU_SURVIVAL_PEERS_PYTHON=peers/bin/python python benchmarks/prognosis.py

R's values are those frozen in tests/papers/r_survival. Times are of 358 patients × 744 features of the public
Lung1 table in ``../shared/data`` (or TERASU_SHARED), or of made features where it is missing; the family of
the permutations has all of them, 388 × 797. No peer has max-T: its column is the peer's log-rank test of one
feature times features times permutations. Kernels are compiled before they are timed. The studies are run as
``terasu study`` runs them; those of public cohorts are left out where the cohort is missing.

``--quick`` gives the peers every sixteenth feature, counted sixteenfold, and no elastic net; it leaves out
the glioma study and the large models of Lung1 to oropharynx, and runs 4 noise studies instead of 40.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from _prognosis_cohort import cohort, folds_of
from _prognosis_kernels import ask_peers, equal_to_r, large_c, speed
from _prognosis_resume import resumed
from _prognosis_studies import glioma_grade, lung_to_oropharynx, noise, original_feature
from _table import flags, show


def main() -> int:
    quick, as_json = flags()
    whole = cohort()
    folds = folds_of(whole)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        peers = ask_peers(scratch, whole, folds, quick)
        rows = [
            *equal_to_r(),
            *speed(whole, folds, peers, quick),
            *original_feature(whole),
            *large_c(peers),
            *lung_to_oropharynx(scratch, quick),
            *glioma_grade(scratch, quick),
            *noise(scratch, quick),
            *resumed(scratch),
        ]
    if quick:
        print(
            "quick: no glioma study, no large models in Lung1 to oropharynx, 4 noise studies", file=sys.stderr
        )
    return show(rows, as_json=as_json)


if __name__ == "__main__":
    raise SystemExit(main())
