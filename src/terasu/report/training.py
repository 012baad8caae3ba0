"""A training as it stands: loss curves and the last previews, in one HTML file that asks for nothing else."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from numpy.typing import NDArray

from terasu.errors import InputError
from terasu.learn.log import PREVIEWS, read_losses
from terasu.patient.store import write_whole
from terasu.report.curves import as_svg, quiet
from terasu.report.slices import encoded
from terasu.report.style import drawable, drawing

PAGE = "progress.html"
_WINDOW_HU = (-400.0, 600.0)
_SMOOTH = 0.02
_SHOWN = 4
_HUES = ("#0a62a8", "#c4391d", "#00795a", "#8a6d00", "#5b4bb5", "#00737f", "#7b8792")
_STYLE = """
body { margin: 0; padding: 20px; font: 15px/1.5 "DejaVu Sans", Verdana, sans-serif; }
body { color: #16202a; background: #f4f6f8; }
section { background: #fff; border: 1px solid #d9dfe4; border-radius: 6px; padding: 18px 22px; }
section { margin: 0 0 16px; }
h1 { font-size: 22px; margin: 0 0 12px; } h2 { font-size: 16px; margin: 0 0 8px; }
.curves { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); gap: 18px; }
.curves img { width: 100%; height: auto; }
.panels { display: grid; grid-template-columns: repeat(auto-fit, minmax(140px, 1fr)); gap: 8px; }
.panels img { width: 100%; image-rendering: pixelated; }
figure { margin: 0; } figcaption { font-size: 12.5px; color: #4a5763; }
"""


@dataclass(frozen=True, eq=False)
class TrainingState:
    """What a run has written so far.

    Attributes:
        losses: rows ``step, term, …``.
        step: of the panels; panels: name → (n, y, x) HU; empty before the first preview.
    """

    name: str
    losses: Sequence[Mapping[str, float]]
    step: int
    panels: Mapping[str, NDArray[Any]]


def read_training(run: Path) -> TrainingState:
    """Read losses and the last preview of a run, whether it still trains or not.

    Raises:
        InputError: nothing was trained here.
    """
    losses = read_losses(run)
    if not losses:
        raise InputError(
            "No training has written its losses here yet.",
            got=run.name,
            expected="the folder of a run, with losses.csv",
            todo="Name the folder that terasu model train was given as --out.",
        )
    previews = sorted((run / PREVIEWS).glob("step-*.npz"))
    if not previews:
        return TrainingState(run.name, losses, 0, {})
    with np.load(previews[-1]) as kept:
        return TrainingState(run.name, losses, int(previews[-1].stem.split("-")[1]), dict(kept))


def write_training_page(state: TrainingState, path: Path) -> Path:
    """Write the page.

    Raises:
        OutputError: the disk refuses.
    """
    with drawing():
        text = _page(state)
    write_whole(path, lambda aside: _write(aside, text))
    return path


def draw_losses(axes: Axes, losses: Sequence[Mapping[str, float]], turn: str) -> None:
    """Terms of one turn against the step, both directions together, smoothed; logarithmic."""
    steps = np.array([row["step"] for row in losses])
    for number, (term, names) in enumerate(_terms(losses[0], turn).items()):
        values = np.sum([[row[name] for row in losses] for name in names], axis=0)
        hue, style = _HUES[number % len(_HUES)], ("-", "--")[number // len(_HUES) % 2]
        axes.plot(steps, smoothed(values), color=hue, linestyle=style, linewidth=1.4, label=drawable(term))
    axes.set(xlabel="Step", ylabel="Weighted loss", yscale="log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.yaxis.set_minor_formatter(NullFormatter())
    quiet(axes)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=7.5)


def _terms(row: Mapping[str, float], turn: str) -> dict[str, list[str]]:
    """Term → its columns; what is done to the source and to the target is one term."""
    found: dict[str, list[str]] = {}
    for name in row:
        before, _, term = name.partition(".")
        if before == turn:
            found.setdefault(term.removesuffix("_source").removesuffix("_target"), []).append(name)
    return found


def smoothed(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Running mean over a fiftieth of the rows, without a delay at the beginning."""
    width = max(1, round(_SMOOTH * len(values)))
    sums = np.cumsum(np.concatenate(([0.0], values)))
    first = np.maximum(np.arange(1, len(values) + 1) - width, 0)
    last = np.arange(1, len(values) + 1)
    return np.asarray((sums[last] - sums[first]) / (last - first))


def _page(state: TrainingState) -> str:
    turns = list(dict.fromkeys(name.split(".")[0] for name in state.losses[0] if "." in name))
    curves = "".join(_curve(state, turn) for turn in turns)
    at = int(state.losses[-1]["step"])
    panels = "".join(_panel(name, values) for name, values in state.panels.items())
    shown = f"<section><h2>Preview of step {state.step}</h2>{panels}</section>" if panels else ""
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<title>{escape(state.name)} · training</title><style>{_STYLE}</style></head><body>"
        f"<h1>{escape(state.name)}: step {at}</h1>"
        f'<section class="curves">{curves}</section>{shown}</body></html>'
    )


def _curve(state: TrainingState, turn: str) -> str:
    svg = as_svg(
        lambda axes: draw_losses(axes, state.losses, turn),
        size_in=(7.0, 4.0),
        margins_in=(0.75, 0.5, 1.4, 0.15),
    )
    data = base64.b64encode(svg).decode()
    alt = escape(f"Losses of the {turn} by step")
    head = escape(turn)
    return f'<figure><h2>{head}</h2><img src="data:image/svg+xml;base64,{data}" alt="{alt}"></figure>'


def _panel(name: str, values: NDArray[Any]) -> str:
    """The first few images of one kind."""
    low, high = _WINDOW_HU
    grey = np.clip((values[:_SHOWN] - low) / (high - low), 0, 1)
    images = "".join(
        f'<figure><img src="{_uri(np.asarray(np.rint(255 * one), np.uint8))}" '
        f'alt="{escape(name)} {number}"></figure>'
        for number, one in enumerate(grey, start=1)
    )
    return f'<figcaption>{escape(name)}</figcaption><div class="panels">{images}</div>'


def _uri(pixels: NDArray[np.uint8]) -> str:
    media, data = encoded(np.repeat(pixels[..., None], 3, axis=-1))
    return f"data:{media};base64,{base64.b64encode(data).decode()}"


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
