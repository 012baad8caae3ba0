"""Which machine file a delivery is calculated with."""

from __future__ import annotations

from terasu.dose.generic_beams import generic_machine
from terasu.dose.machine import Machine, default_machine, read_machine
from terasu.patient.delivery import Delivery
from terasu.workflow.settings import Settings


def machine_for(delivery: Delivery | None, settings: Settings) -> Machine:
    """The clinic's own file, or the built-in generic beam of the plan's energy.

    Raises:
        PolicyError: the file says something impossible.
    """
    if settings.machine is not None:
        return read_machine(settings.machine)
    if delivery is None or not delivery.beams:
        return default_machine()
    return generic_machine(delivery.beams[0].energy_mv, fff=delivery.beams[0].fff)
