"""Outcome from features: survival and grade, with what may be concluded."""
