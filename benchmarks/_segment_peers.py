"""What other libraries say about the pairs of masks that segment.py hands over.

Runs in the peers' own environment (no Terasu in it): ``python _segment_peers.py FOLDER`` reads ``pairs.npz``
(``NAME/reference``, ``NAME/test``, ``NAME/spacing``) and writes ``peers.json``: peer → pair → measures, and
the seconds of the pair that is timed.
"""

from __future__ import annotations

import json
import sys
import time
import types
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Measure = Callable[[Any, Any, tuple[float, ...]], dict[str, float]]
TIMED = "128"


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    held = np.load(folder / "pairs.npz")
    names = sorted({name.split("/")[0] for name in held.files})
    found: dict[str, Any] = {}
    for peer, prepare in PEERS.items():
        try:
            measure = prepare()
        except ImportError:
            continue
        found[peer] = {name: _asked(measure, held, name) for name in names}
    (folder / "peers.json").write_text(json.dumps(found))


def _asked(measure: Measure, held: Any, name: str) -> dict[str, float]:
    pair = held[f"{name}/reference"], held[f"{name}/test"], tuple(held[f"{name}/spacing"].tolist())
    values = measure(*pair)
    if name == TIMED:
        times = []
        for _ in range(3):
            start = time.perf_counter()
            measure(*pair)
            times.append(time.perf_counter() - start)
        values["seconds"] = sorted(times)[1]
    return values


def _surface_distance() -> Measure:
    from scipy import ndimage

    setattr(np, "Inf", np.inf)  # noqa: B010  names that the peer still uses
    ndimage.filters = types.SimpleNamespace(correlate=ndimage.correlate)
    ndimage.morphology = types.SimpleNamespace(distance_transform_edt=ndimage.distance_transform_edt)
    import surface_distance as peer

    def measure(reference: Any, test: Any, spacing: tuple[float, ...]) -> dict[str, float]:
        found = peer.compute_surface_distances(reference, test, spacing)
        return {
            "hausdorff": float(peer.compute_robust_hausdorff(found, 100)),
            "hausdorff 95": float(peer.compute_robust_hausdorff(found, 95)),
            "mean": float(np.mean(peer.compute_average_surface_distance(found))),
            "surface dice 1": float(peer.compute_surface_dice_at_tolerance(found, 1)),
            "surface dice 3": float(peer.compute_surface_dice_at_tolerance(found, 3)),
        }

    return measure


def _monai() -> Measure:
    import torch
    from monai import metrics

    def measure(reference: Any, test: Any, spacing: tuple[float, ...]) -> dict[str, float]:
        y, x = (torch.from_numpy(mask)[None, None] for mask in (reference, test))
        asked = {"include_background": True, "spacing": list(spacing)}
        near = [metrics.compute_surface_dice(x, y, [mm], use_subvoxels=True, **asked).item() for mm in (1, 3)]
        return {
            "hausdorff": metrics.compute_hausdorff_distance(x, y, **asked).item(),
            "hausdorff 95": metrics.compute_hausdorff_distance(x, y, percentile=95, **asked).item(),
            "mean": metrics.compute_average_surface_distance(x, y, symmetric=True, **asked).item(),
            "surface dice 1": near[0],
            "surface dice 3": near[1],
        }

    return measure


def _medpy() -> Measure:
    from medpy.metric import binary

    def measure(reference: Any, test: Any, spacing: tuple[float, ...]) -> dict[str, float]:
        return {
            "hausdorff": float(binary.hd(test, reference, spacing)),
            "hausdorff 95": float(binary.hd95(test, reference, spacing)),
            "mean": float(binary.assd(test, reference, spacing)),
        }

    return measure


def _seg_metrics() -> Measure:
    import seg_metrics.seg_metrics as peer

    def measure(reference: Any, test: Any, spacing: tuple[float, ...]) -> dict[str, float]:
        found = peer.write_metrics(
            labels=[1],
            gdth_img=reference.astype(np.uint8),
            pred_img=test.astype(np.uint8),
            spacing=list(spacing),
            metrics=["hd", "hd95", "msd"],
        )
        row = found[0] if isinstance(found, list) else found
        names = {"hausdorff": "hd", "hausdorff 95": "hd95", "mean": "msd"}
        return {ours: float(np.ravel(row[its])[0]) for ours, its in names.items()}

    return measure


PEERS: dict[str, Callable[[], Measure]] = {
    "surface-distance": _surface_distance,
    "MONAI": _monai,
    "medpy": _medpy,
    "seg-metrics": _seg_metrics,
}

if __name__ == "__main__":
    main(Path(sys.argv[1]))
