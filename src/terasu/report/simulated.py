"""The page that puts a real scan and a simulated one side by side."""

from __future__ import annotations

import base64
import html
import io
import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from terasu.report.curves import as_svg, quiet
from terasu.report.style import drawing
from terasu.simulate.beside import Beside, Curve

_STYLES = {"real": ("#16202a", "-"), "simulated": ("#c4391d", "-"), "planning CT": ("#0a62a8", ":")}
_WIDTH_HU = 600.0
_STYLE = """body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;padding:0 1rem}
figure{margin:1.5rem 0}img,svg{max-width:100%;height:auto}figcaption{color:#4a5763}
table{border-collapse:collapse}td,th{padding:.2rem .8rem;border-bottom:1px solid #d9dfe4;text-align:right}
td:first-child,th:first-child{text-align:left}pre{background:#f4f6f8;padding:.8rem;overflow:auto}"""


def write_beside(found: Beside, card: Mapping[str, object], folder: Path) -> None:
    """Write ``beside.html``, ``slices.png``, four SVG and ``numbers.json`` into a folder that is there.

    Args:
        found: what is compared.
        card: settings and seed of the simulation.
        folder: to write into.
    """
    with drawing():
        slices = _slices(found)
        curves = _curves(found)
    (folder / "slices.png").write_bytes(slices)
    for name, (_, picture) in curves.items():
        (folder / f"{name}.svg").write_bytes(picture)
    numbers = {name: {"real": a, "simulated": b} for name, (a, b) in found.numbers.items()}
    text = json.dumps({"numbers": numbers, "simulation": card}, indent=1, ensure_ascii=False)
    (folder / "numbers.json").write_text(text, encoding="utf-8")
    (folder / "beside.html").write_text(_page(found, card, slices, curves), encoding="utf-8")


def _curves(found: Beside) -> dict[str, tuple[str, bytes]]:
    """File name → title and picture."""
    drawn = {}
    for title, lines in found.profiles.items():
        picture = as_svg(partial(_draw, lines=lines, along="mm from the axis", up="HU"))
        drawn["profile_" + title.replace(" ", "_")] = (f"Profile through the middle, {title}", picture)
    shares = partial(_draw, lines=found.histograms, along="HU", up="share of the body's voxels")
    drawn["histogram"] = ("Histogram inside of the body and of the field of view", as_svg(shares))
    power = partial(_draw, lines=found.noise_power, along="frequency [1/mm]", up="noise power [HU² mm²]")
    drawn["noise_power"] = ("Noise power in soft tissue: differences of neighbouring slices", as_svg(power))
    return drawn


def _draw(axes: Axes, lines: Mapping[str, Curve], along: str, up: str) -> None:
    for name, (x, y) in lines.items():
        colour, style = _STYLES[name]
        axes.plot(x, y, color=colour, linestyle=style, linewidth=1.3, label=name)
    axes.set(xlabel=along, ylabel=up)
    quiet(axes)
    if any(len(x) for x, _ in lines.values()):
        axes.legend(frameon=False, fontsize=8)


def _slices(found: Beside) -> bytes:
    """Axial and coronal slices; each image at its own soft tissue's level, the same width."""
    named = {"real": found.real, "simulated": found.simulated, "planning CT": found.truth}
    soft = found.seen & (np.abs(found.truth.values - 50) < 80)
    slices, rows, _ = found.real.grid.shape_zyx
    z_mm, y_mm, x_mm = found.real.grid.spacing_zyx_mm
    figure = Figure(figsize=(9.6, 6.2))
    for column, (name, image) in enumerate(named.items()):
        level = float(np.median(image.values[soft])) if soft.any() else 0.0
        low, high = level - _WIDTH_HU / 2, level + _WIDTH_HU / 2
        planes = (
            (image.values[slices // 2], y_mm / x_mm),
            (image.values[::-1, rows // 2], z_mm / x_mm),
        )
        for row, (plane, aspect) in enumerate(planes):
            axes = figure.add_axes((0.01 + column * 0.33, 0.34 if row == 0 else 0.01, 0.32, 0.6 - row * 0.29))
            axes.imshow(plane, cmap="gray", vmin=low, vmax=high, aspect=aspect, interpolation="nearest")
            axes.set_axis_off()
            if row == 0:
                axes.set_title(f"{name}, level {level:.0f} HU, width {_WIDTH_HU:.0f}", fontsize=9)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=130)
    return stream.getvalue()


def _page(
    found: Beside, card: Mapping[str, object], slices: bytes, curves: Mapping[str, tuple[str, bytes]]
) -> str:
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td><td>{a:.1f}</td><td>{b:.1f}</td></tr>"
        for name, (a, b) in found.numbers.items()
    )
    figures = "".join(
        f"<figure>{_inline(picture)}<figcaption>{html.escape(title)}</figcaption></figure>"
        for title, picture in curves.values()
    )
    image = base64.b64encode(slices).decode("ascii")
    settings = html.escape(json.dumps(card, indent=1, ensure_ascii=False))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Real and simulated</title>'
        f"<style>{_STYLE}</style><h1>A real scan and a simulated one</h1>"
        f"<p>The same patient; errors are against the registered planning CT. Organs have moved between the "
        f"two real scans and cannot have moved in the simulation.</p>"
        f'<figure><img alt="axial and coronal slices" src="data:image/png;base64,{image}">'
        f"<figcaption>Middle slices, axial and coronal</figcaption></figure>"
        f"<table><tr><th>in the field of view</th><th>real</th><th>simulated</th></tr>{rows}</table>"
        f"{figures}<h2>Settings</h2><pre>{settings}</pre></html>"
    )


def _inline(svg: bytes) -> str:
    text = svg.decode("utf-8")
    return text[text.index("<svg") :]
