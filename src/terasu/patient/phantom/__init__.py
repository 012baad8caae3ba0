"""A made patient: an anthropomorphic male pelvis of analytic shapes, and what a day changes in him."""

from __future__ import annotations

from terasu.patient.phantom.anatomy import Anatomy, Day, day_of
from terasu.patient.phantom.make import (
    Phantom,
    make_phantom,
    phantom_ct,
    phantom_structures,
    planning_grid,
)

__all__ = [
    "Anatomy",
    "Day",
    "Phantom",
    "day_of",
    "make_phantom",
    "phantom_ct",
    "phantom_structures",
    "planning_grid",
]
