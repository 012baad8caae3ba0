"""A trained model as an arm beside the classical ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from terasu.enhance.contract import Card, Context, Enhanced, finish, require_fit
from terasu.enhance.models.apply import improve
from terasu.enhance.models.trained import TrainedModel
from terasu.patient.volume import Volume


@dataclass(frozen=True, eq=False)
class ModelArm:
    """Fulfils ``terasu.enhance.contract.Enhancer``; beyond the field of view the planning CT fills."""

    model: TrainedModel

    @property
    def name(self) -> str:
        """The model's name, the key of the arm."""
        return f"model_{self.model.card.model}"

    @property
    def version(self) -> str:
        """The first half of the hash of its weights: it changes whenever the result does."""
        return self.model.card.weights_sha256[:32]

    def apply(self, cbct: Volume, context: Context) -> Enhanced:
        """Improve the patient inside of the field of view.

        Raises:
            EnhanceError: the image is not one that the model was trained for.
            GeometryError: the context lies on another grid.
        """
        require_fit(cbct, context)
        made = improve(cbct, self.model, np.asarray(context.view & context.body))
        card = self.model.card
        facts: Card = {"weights_sha256": card.weights_sha256, "steps": float(card.steps), "code": card.code}
        return finish(self, cbct, made[context.view], context, facts, (card.not_for, *card.cautions))
