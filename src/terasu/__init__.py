"""Terasu: from the day's CBCT to a verdict, for radiation therapy. Importing it does nothing."""

__version__ = "0.1.0"
