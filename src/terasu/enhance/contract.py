"""What every image improvement promises, classical or learned.

The contract suite (tests/contracts/test_enhancers.py) runs over all of them: the result lies on the day's
grid, is finite, says what it filled, leaves the input untouched, and refuses what it cannot work on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from terasu import __version__
from terasu.errors import EnhanceError
from terasu.patient.grid import require_same_grid
from terasu.patient.structures import Mask
from terasu.patient.volume import Volume, finite


@dataclass(frozen=True, eq=False)
class Context:
    """What is known beside the day's image; everything on the day's grid.

    Attributes:
        matched: planning CT, laid on the day by the rigid match [HU].
        body: patient on the day: what the planning CT says outside of the field of view.
        view: field of view: True where the machine has seen.
        deformed: planning CT bent to the day [HU], None where no deformation passed its gate.
    """

    matched: Volume
    body: Mask
    view: Mask
    deformed: Volume | None = None

    @property
    def inside(self) -> Mask:
        """Patient that was seen."""
        return self.body & self.view


@dataclass(frozen=True, eq=False)
class Enhanced:
    """An improved image and what it rests on.

    Attributes:
        volume: HU, float32, on the day's grid; its source says what made it.
        filled: True where the value does not come from the day's image.
        card: what was fitted: name → number or short text.
        notes: one sentence each, for the report.
    """

    volume: Volume
    filled: Mask
    card: Mapping[str, float | str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Enhancer(Protocol):
    """One way to make a better image of the day."""

    @property
    def name(self) -> str:
        """One word, as the command line and the report call it."""
        ...

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Improve one image.

        Args:
            cbct: the day's image [HU], untouched.
            context: see ``Context``.
        Raises:
            EnhanceError: no CT, not finite, nothing seen, or another grid than the context's.
        """
        ...


def require_fit(cbct: Volume, context: Context) -> None:
    """Refuse what no improvement can work on; see ``Enhancer.apply``."""
    if cbct.unit != "HU" or cbct.source.modality not in ("", "CT"):
        raise EnhanceError(
            "Only CT-like images in HU can be improved.",
            got=f"{cbct.source.modality or 'unknown modality'} in {cbct.unit}",
            expected="a CBCT or MVCT in HU",
            todo="Choose the day's image with --daily.",
        )
    if not finite(cbct):
        raise EnhanceError("The day's image holds values that are not finite.", expected="numbers everywhere")
    require_same_grid(cbct.grid, context.matched.grid, first_name="cbct", second_name="planning_ct")
    if np.count_nonzero(context.inside) < 1000:
        raise EnhanceError(
            "Next to nothing of the patient lies inside of the field of view.",
            got=f"{np.count_nonzero(context.inside)} voxels",
            expected="a patient, registered to his planning CT",
            todo="Look at the registration and at the day's image.",
        )
    if float(np.ptp(cbct.values[context.inside])) < 1.0:
        raise EnhanceError(
            "The day's image is one constant value inside of the patient.", expected="an image"
        )


def composed(
    cbct: Volume,
    values: NDArray[np.floating],
    context: Context,
    *,
    name: str,
    card: Mapping[str, float | str],
    notes: tuple[str, ...] = (),
) -> Enhanced:
    """Put improved values into the field of view and the matched planning CT around it.

    Args:
        values: (z, y, x) HU; only those inside of the field of view are used.
    """
    filled = ~context.view
    whole = np.where(filled, context.matched.values, values).astype(np.float32)
    made_by = f"Terasu {__version__} {name}"
    volume = Volume(whole, cbct.grid, "HU", cbct.with_values(whole, made_by=made_by).source)
    return Enhanced(volume, filled, dict(card), notes)
