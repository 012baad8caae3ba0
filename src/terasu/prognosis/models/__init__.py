"""Candidate models behind one contract: fitted on training rows, kept as plain JSON, applied to anybody."""
