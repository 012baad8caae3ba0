"""Trained improvements: each model one file, all behind one contract."""
