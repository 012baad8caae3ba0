"""Lets a benchmark import what the tests check with, so that both look at the same thing."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))
