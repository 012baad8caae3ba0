"""Prepared cases made of numbers: a bright disc in air, for tests of training."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from terasu.learn.prepared import Facts, PreparedCase, write_case


def facts(number: int, *, modality: str = "CT") -> Facts:
    return Facts(f"case-{number:03d}", f"patient{number:03d}", modality, (0, 0, 0), (3.0, 2.0, 2.0), {}, {})


def disc(size: int, *, radius: float = 0.7) -> np.ndarray:
    at = np.linspace(-1, 1, size)
    return at[:, None] ** 2 + at[None, :] ** 2 < radius**2


def write_made(
    folder: Path, number: int, *, shape: tuple[int, int, int] = (4, 32, 32), off_hu: float = 0.0, **more: str
) -> PreparedCase:
    """Tissue with texture on a disc; ``image`` is the truth plus ``off_hu`` and noise."""
    chance = np.random.default_rng(number)
    body = np.broadcast_to(disc(shape[1]), shape)
    truth = np.where(body, 40 + 120 * chance.standard_normal(shape), -1000)
    truth[:, shape[1] // 2 - 3 : shape[1] // 2 + 3, 12:18] = 900
    image = np.where(
        body, truth + off_hu + 30 * chance.standard_normal(shape), -990 + 60 * chance.random(shape)
    )
    arrays = {"image": image, "truth": truth, "body": body.astype(np.uint8)}
    return write_case(
        folder / f"case-{number:03d}", facts(number, modality=more.get("modality", "CT")), arrays
    )
