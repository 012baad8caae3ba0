"""`terasu study datasize`: how many images a model needs."""

from __future__ import annotations

from pathlib import Path


def data_size(plan: Path, *, out: Path, devices: str = "", places: int = 1) -> int:
    """Train models with more and more images, measure them on patients kept apart, and draw the figure.

    A study that was stopped goes on where it was; trainings that are done stay.

    Parameters
    ----------
    plan
        The study (TOML): source, target, test, sizes, seeds, and a configuration for each arm.
    out
        Folder of trainings, results.csv and figures.
    devices
        GPUs by number, such as 0,1,2,3; each trains one model at a time. On the CPU if left out.
    places
        Trainings side by side on the CPU.
    """
    from terasu.cli.progress import Bar
    from terasu.workflow.data_size.run import FIGURES, run_data_size

    named = tuple(one.strip() for one in devices.split(",") if one.strip())
    with Bar({"trainings": 600.0, "figure": 20.0}) as bar:
        found = run_data_size(plan, out, devices=named, places=places, listener=bar)
    for key, curve in found.curves.items():
        raw = f", the image that came in {found.beside[key]:.3g}" if key in found.beside else ""
        print(f"{FIGURES[key][2]}{raw}")
        for one in curve:
            limits = f"({one.lower:.3g} to {one.upper:.3g})"
            print(f"  {one.model:<20}{one.slices:>6} slices  {one.value:.3g} {limits}")
        print("\n".join(f"  {line}" for line in found.told[key]))
    print(f"figures and results.csv: {found.folder}")
    return 0
