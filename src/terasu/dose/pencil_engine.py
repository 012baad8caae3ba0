"""The house's beams for ``ReferencedEngine``: pencil beams, a few lanes side by side."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, SimpleQueue
from threading import Event

import numpy as np
from numpy.typing import NDArray

from terasu import __version__
from terasu.dose.fluence import fluence_map
from terasu.dose.kernel import kernel_on
from terasu.dose.pencil_beam import PencilBeam
from terasu.dose.referenced import ReferencedEngine, Scene
from terasu.patient.cores import cores

_LANES = 4


def pencil_engine(*, within_deg: float = 0.5) -> ReferencedEngine:
    """The engine of the house.

    Args:
        within_deg: gantry angles this close are calculated as one.
    """
    return ReferencedEngine(f"terasu pencil beam {__version__}", pencil_beams, within_deg=within_deg)


def pencil_beams(scene: Scene, tell: Callable[[], None]) -> NDArray[np.float32]:
    """See ``referenced.SumOfBeams``."""
    rows_mm, _, columns_mm = scene.lattice.spacing_zyx_mm
    kernel = kernel_on(scene.machine, round(rows_mm, 4), round(columns_mm, 4))
    isocentre, sad_mm = scene.isocentre_lps_mm, scene.machine.sad_mm
    lanes = [
        PencilBeam(scene.lattice, scene.density, isocentre, sad_mm, kernel, scene.wanted)
        for _ in range(min(_LANES, len(scene.groups)))
    ]
    _fill(lanes, scene, tell)
    return np.asarray(np.maximum(sum(lane.total() for lane in lanes), 0), np.float32)


def _fill(lanes: list[PencilBeam], scene: Scene, tell: Callable[[], None]) -> None:
    """Calculate the groups, each lane its own in order, lanes side by side.

    The number of lanes does not depend on the processor, so the sums' last bits do not either.
    """
    finished = SimpleQueue[int]()

    def run(n: int) -> None:
        for group in scene.groups[n :: len(lanes)]:
            if stopped.is_set():
                return
            lanes[n].add(fluence_map(group.segments, scene.machine), group.gantry_deg)
            finished.put(n)

    stopped = Event()
    with ThreadPoolExecutor(max_workers=min(cores(), len(lanes))) as pool:
        running = [pool.submit(run, n) for n in range(len(lanes))]
        try:
            _report(running, finished, len(scene.groups), tell)
        finally:
            stopped.set()


def _report(
    running: list[Future[None]], finished: SimpleQueue[int], total: int, tell: Callable[[], None]
) -> None:
    """Tell of every group as it ends, and raise what a lane raised."""
    for _ in range(total):
        while True:
            try:
                finished.get(timeout=0.2)
                break
            except Empty:
                for lane in running:
                    if lane.done():
                        lane.result()
        tell()
