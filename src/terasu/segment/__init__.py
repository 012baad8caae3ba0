"""Organs on an image, and how well two drawings agree."""
