"""Every choice about a model and its training, read from TOML; what is not said has the paper's value."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from terasu.errors import InputError


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Images(_Part):
    """What is drawn from prepared cases.

    Attributes:
        size_px: side of a sample.
        neighbours: slices seen on either side of the middle one (``unet`` only).
        slices: how many slices of each side are trained on; all if None.
    """

    size_px: int = Field(default=256, ge=16, le=1024, multiple_of=4)
    neighbours: int = Field(default=0, ge=0, le=8)
    slices: int | None = Field(default=None, ge=1)


class Network(_Part):
    """How large the networks are.

    Attributes:
        base, blocks: of the residual generator.
        judge_base, judge_strided: of the patch discriminator.
        widths: channels of the U-Net's levels, finest first.
    """

    base: int = Field(default=64, ge=2)
    blocks: int = Field(default=9, ge=1)
    judge_base: int = Field(default=64, ge=2)
    judge_strided: int = Field(default=3, ge=1, le=5)
    widths: tuple[int, ...] = (32, 64, 128, 256)


class Training(_Part):
    """How long and how fast.

    Attributes:
        steps: updates.
        batch: samples of each side in a step.
        learning_rate: of Adam (0.5, 0.999).
        decay_from: share of the steps after which the rate falls linearly to 0.
        mean_decay: of the running mean of the weights.
        pool: images that the discriminator remembers.
    """

    steps: int = Field(default=100_000, ge=1)
    batch: int = Field(default=1, ge=1)
    learning_rate: float = Field(default=2e-4, gt=0)
    decay_from: float = Field(default=0.5, ge=0, le=1)
    mean_decay: float = Field(default=0.999, ge=0, lt=1)
    pool: int = Field(default=50, ge=0)
    checkpoint_every: int = Field(default=500, ge=1)
    log_every: int = Field(default=10, ge=1)
    preview_every: int = Field(default=500, ge=1)
    mixed_precision: bool = True
    compiled: bool = False


class Change(_Part):
    """Augmentation; see ``terasu.learn.augment``."""

    shift: float = Field(default=0.0, ge=0, le=0.5)
    rotation_deg: float = Field(default=0.0, ge=0, le=180)
    scale: float = Field(default=0.0, ge=0, le=0.5)
    noise_hu: float = Field(default=0.0, ge=0)


class Configuration(_Part):
    """A model and its training.

    Attributes:
        model: name in the registry.
        seed: of weights, samples and noise.
        terms: loss term → weight, where it is not the model's own; 0 switches a term off.
        latent_noise: standard deviation of noise between encoder and decoder while training.
        feature_extractor: TorchScript file of the perceptual term; without it that term is off.
    """

    model: str
    seed: int = 0
    images: Images = Images()
    network: Network = Network()
    training: Training = Training()
    augmentation: Change = Change()
    terms: dict[str, float] = Field(default_factory=dict)
    latent_noise: float = Field(default=0.0, ge=0)
    feature_extractor: str | None = None


def read_configuration(path: Path) -> Configuration:
    """A configuration file.

    Raises:
        InputError: missing, no TOML, or a key or value that means nothing.
    """
    try:
        return as_configuration(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(
            "The configuration cannot be read.",
            got=f"{path.name}: {error}",
            expected="a TOML file",
            todo='Begin with a file that holds model = "cyclegan_ct".',
        ) from error


def as_configuration(content: dict[str, Any]) -> Configuration:
    """A configuration from a dictionary.

    Raises:
        InputError: a key or value that means nothing.
    """
    try:
        return Configuration.model_validate(content)
    except ValidationError as error:
        wrong = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise InputError(
            "The configuration says something that means nothing.",
            got="; ".join(wrong[:5]),
            expected="keys and values of the configuration of a model",
            todo="Correct these keys; what is left out has its usual value.",
        ) from error
