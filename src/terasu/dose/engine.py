"""What every dose engine promises, and what it must refuse before it calculates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike

from terasu.dose.density import DensityTable, require_hu
from terasu.dose.machine import Machine
from terasu.dose.segments import require_supported
from terasu.errors import DoseError, UnsupportedPlanError
from terasu.patient.delivery import Delivery
from terasu.patient.grid import Grid
from terasu.patient.volume import Volume

Progress = Callable[[int, int], None]
"""Called with (beams' gantry angles done, all of them)."""


class DoseEngine(Protocol):
    """Dose of a delivery on any CT-like image.

    The contract (tests/contracts/test_dose_engines.py): linear in MU; IEC 61217 geometry; moving
    patient, isocentre and grid together changes nothing; the same input gives the same dose to the
    last bit; air outside the image; nothing that is not in the image (no couch).
    """

    @property
    def name(self) -> str:
        """Name and version, for provenance."""
        ...

    def calculate(
        self,
        image_hu: Volume,
        delivery: Delivery,
        onto: Grid,
        *,
        machine: Machine | None = None,
        density: DensityTable | None = None,
        must_cover_lps_mm: ArrayLike | None = None,
        progress: Progress | None = None,
    ) -> Volume:
        """Absorbed dose of all fractions.

        Args:
            image_hu: HU, any grid; outside of it is air.
            delivery: photon beams without couch rotation, patient head first supine.
            onto: grid of the dose, in the image's frame of reference.
            machine: the generic beam if left out.
            density: the generic 120 kV table if left out.
            must_cover_lps_mm: points (n, 3) that the dose grid has to reach, e.g. the target's box.
            progress: told after every gantry angle.
        Returns:
            Dose [Gy] float32 on ``onto``, all fractions, 0 in the air around the patient.
        Raises:
            UnsupportedPlanError: a beam, couch angle or position that cannot be calculated.
            DoseError: an image that is no HU, or a grid that does not cover isocentre and points.
        """
        ...


def default_engine() -> DoseEngine:
    """The engine of the house."""
    from terasu.dose.pencil_engine import pencil_engine

    return pencil_engine()


def require_calculable(
    image_hu: Volume,
    delivery: Delivery,
    onto: Grid,
    machine: Machine,
    must_cover_lps_mm: ArrayLike | None,
) -> None:
    """Refuse what no engine may calculate; see ``DoseEngine.calculate``."""
    require_supported(delivery)
    require_machine(delivery, machine)
    require_hu(image_hu)
    _require_frames(image_hu.grid, delivery, onto)
    isocentres = np.concatenate([beam.isocentre_lps_mm for beam in delivery.beams])
    _require_inside(onto, isocentres, "dose grid", "isocentre")
    _require_inside(image_hu.grid, isocentres, "image", "isocentre")
    if must_cover_lps_mm is not None:
        _require_inside(onto, np.asarray(must_cover_lps_mm, float).reshape(-1, 3), "dose grid", "target")


def require_machine(delivery: Delivery, machine: Machine) -> None:
    """Refuse beams that the machine model is not made for.

    Raises:
        UnsupportedPlanError: no beam at all, another energy, or a flattening-filter-free beam on a
            flattened model (or the other way round).
    """
    if not delivery.beams:
        raise UnsupportedPlanError(
            "The delivery has no treatment beam.",
            expected="at least one photon beam with MU",
            todo="Check that the plan is not a set-up plan.",
        )
    for beam in delivery.beams:
        if abs(beam.energy_mv - machine.energy_mv) > 0.01 or beam.fff != machine.fff:
            raise UnsupportedPlanError(
                f"Beam {beam.number} is not the beam that the machine file describes.",
                got=f"{beam.energy_mv:g} MV{' FFF' if beam.fff else ''}",
                expected=f"{machine.energy_mv:g} MV{' FFF' if machine.fff else ''} ({machine.name})",
                todo="Pass the machine file of this energy; terasu commission makes one.",
            )
        if abs(beam.sad_mm - machine.sad_mm) > 1.0:
            raise UnsupportedPlanError(
                f"Beam {beam.number} has another source–axis distance than the machine file.",
                got=f"{beam.sad_mm:g} mm",
                expected=f"{machine.sad_mm:g} mm",
            )


def _require_frames(image: Grid, delivery: Delivery, onto: Grid) -> None:
    known = {
        "image": image.frame_of_reference_uid,
        "plan": delivery.frame_of_reference_uid,
        "dose grid": onto.frame_of_reference_uid,
    }
    if len({uid for uid in known.values() if uid}) > 1:
        raise DoseError(
            "Image, plan and dose grid do not share a frame of reference.",
            got=", ".join(f"{name} {uid or 'unknown'}" for name, uid in known.items()),
            expected="one frame of reference",
            todo="Register and resample the image into the plan's frame first.",
        )


def _require_inside(grid: Grid, points_lps_mm: np.ndarray, grid_name: str, what: str) -> None:
    inside = grid.contains(points_lps_mm)
    if not inside.all():
        first = points_lps_mm[np.argmin(inside)]
        raise DoseError(
            f"The {grid_name} does not reach the {what}.",
            got=f"({first[0]:.1f}, {first[1]:.1f}, {first[2]:.1f}) mm LPS lies outside",
            expected=f"every point of the {what} inside of the {grid_name}",
            todo="Choose a larger dose grid." if grid_name == "dose grid" else "Use an image that shows it.",
        )
