"""What every improvement of the day's image is given, what it returns, and what it refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from terasu import __version__
from terasu.errors import EnhanceError
from terasu.patient.grid import require_same_grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume

AIR_HU = -1000.0
Card = Mapping[str, float | str | tuple[float, ...]]


@dataclass(frozen=True, eq=False)
class Context:
    """What is known beside the CBCT; everything lies on the CBCT's grid.

    Attributes:
        planning: planning CT [HU] through the rigid match.
        deformed: planning CT [HU] through the deformation, None where its gate refused it.
        view: True where the CBCT was measured; a dark rim where it cuts the patient counts as not measured.
        body: the day's patient: as the CBCT shows him in the field of view, as planned beyond it.
        reach: True where the planning CT has a value.
    """

    planning: Volume
    deformed: Volume | None
    view: Mask
    body: Mask
    reach: Mask


@dataclass(frozen=True, eq=False)
class Enhanced:
    """An improved image and what was done to it.

    Attributes:
        volume: [HU], float32, on the CBCT's grid; ``source.made_by`` names the arm.
        filled: True where the CBCT was not measured (truncation), so that the value is not its own.
        card: what was fitted, numbers by name.
        notes: one sentence each, for the report.
    """

    volume: Volume
    filled: Mask
    card: Card
    notes: tuple[str, ...] = ()


class Enhancer(Protocol):
    """An improvement: one method, no state between calls, the same answer every time."""

    @property
    def name(self) -> str:
        """One word with underscores, the key of the arm."""

    @property
    def version(self) -> str:
        """Changes whenever the result does."""

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Improve one CBCT.

        Raises:
            EnhanceError: the image is no CBCT in HU, or the arm cannot work on it.
            GeometryError: the context lies on another grid.
        """


def require_fit(cbct: Volume, context: Context) -> None:
    """Raise unless this CBCT and context can be improved at all.

    Raises:
        EnhanceError: wrong modality or unit, a value that is no number, an empty field of view, all air.
        GeometryError: the context lies on another grid.
    """
    require_same_grid(
        cbct.grid, context.planning.grid, first_name="CBCT", second_name="registered planning CT"
    )
    if cbct.unit != "HU" or cbct.source.modality not in ("", "CT"):
        raise EnhanceError(
            "Only a CT or CBCT in HU can be improved.",
            got=f"{cbct.source.modality or 'unknown modality'} in {cbct.unit}",
            expected="modality CT in HU",
        )
    for name, volume in (("CBCT", cbct), ("registered planning CT", context.planning)):
        if not np.isfinite(volume.values).all():
            raise EnhanceError(
                f"The {name} holds values that are no numbers.",
                got=f"{np.count_nonzero(~np.isfinite(volume.values))} of {volume.values.size} voxels",
                expected="a finite HU in every voxel",
                todo="Export the series again.",
            )
    seen = context.view & context.body
    if np.count_nonzero(cbct.values[seen] > -700) < 1000:
        raise EnhanceError(
            "There is no patient in the CBCT's field of view.",
            got=f"{np.count_nonzero(seen)} voxels of patient in view, nearly all air",
            expected="tissue in HU",
            todo="Look at the series, its rescale slope and its field of view.",
        )


def finish(
    arm: Enhancer,
    cbct: Volume,
    seen_hu: NDArray[np.floating],
    context: Context,
    card: Card,
    notes: tuple[str, ...] = (),
    *,
    beyond: Volume | None = None,
) -> Enhanced:
    """Put measured and filled values together.

    Args:
        arm: who made it.
        cbct: the image that came in.
        seen_hu: (n,) values of the voxels in ``context.view``, in their order.
        context: where the fill comes from.
        card, notes: of the arm.
        beyond: what fills the truncation; the rigid planning CT if None.
    """
    values = (beyond or context.planning).values.astype(np.float32)
    values[context.view] = seen_hu
    np.maximum(values, AIR_HU, out=values)
    filled = ~context.view
    unknown = np.count_nonzero(filled & ~context.reach)
    if unknown:
        notes = (
            *notes,
            f"{100 * unknown / filled.size:.1f} % of the voxels lie beyond both images and are air.",
        )
    made_by = f"terasu {__version__} {arm.name} {arm.version}"
    return Enhanced(cbct.with_values(values, made_by=made_by), filled, card, notes)
