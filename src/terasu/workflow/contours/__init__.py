"""Contours compared, checked, and followed from a first drawing to the corrected one."""
