"""Contours from any system, held against the policy before anyone trusts them."""
