"""Features of a region of interest, after the Image Biomarker Standardisation Initiative (IBSI).

Source: Zwanenburg et al. 2020, doi 10.1148/radiol.2020191145, and the reference manual, arXiv 1612.07003.
"""
