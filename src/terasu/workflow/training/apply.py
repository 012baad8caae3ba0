"""A trained model on a DICOM folder or a volume file; the improved image in the same form."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from terasu import __version__
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.write_image import MadeBy, write_ct_series
from terasu.enhance.body import find_body
from terasu.enhance.field_of_view import find_field_of_view
from terasu.enhance.models.apply import improve
from terasu.enhance.models.refusals import refuse_unfit
from terasu.enhance.models.trained import TrainedModel, load_trained
from terasu.errors import InputError
from terasu.patient.store import refuse_unwritable
from terasu.patient.volume import Volume
from terasu.patient.volume_file import (
    is_volume_file,
    read_volume_file,
    refuse_other_ending,
    write_volume_file,
)
from terasu.steps import Listener, Nobody, Steps

STEPS = ("read", "outline", "improve", "write")


@dataclass(frozen=True, eq=False)
class Improved:
    """What was made: the image, where it lies, how much of it was changed, and what its card says."""

    volume: Volume
    out: Path
    changed_share: float
    cautions: tuple[str, ...]


def apply_model(
    model_folder: Path,
    image_path: Path,
    out: Path,
    *,
    device: str = "cpu",
    overwrite: bool = False,
    listener: Listener | None = None,
) -> Improved:
    """Improve one image; only the patient inside of the field of view changes.

    Args:
        model_folder: of a finished training.
        image_path: a folder with one CT series, or a volume file.
        out: folder of the DICOM series, or name of the volume file.
        device: ``cpu`` or ``cuda``.
        overwrite: whether a DICOM series of that name may be there already.
    Raises:
        InputError: no model, no image, or several series.
        EnhanceError: an image that the model must not be applied to. Nothing is written then.
        OutputError: the disk refuses.
    """
    import torch

    steps = Steps(listener or Nobody())
    refuse_unwritable(out)
    with steps("read"):
        model = load_trained(model_folder, torch.device(device))
        image = _read(image_path)
        refuse_unfit(image, model)
        if is_volume_file(image_path):
            refuse_other_ending(out)
    with steps("outline"):
        view = find_field_of_view(image).mask
        where = np.asarray(view & find_body(image, view=view))
    with steps("improve"):
        made = improve(image, model, where, listener=steps.listener)
    improved = image.with_values(made, made_by=f"terasu {__version__} {model.card.model}")
    with steps("write"):
        _write(improved, image, image_path, out, model, overwrite=overwrite)
    return Improved(improved, out, float(where.mean()), (model.card.not_for, *model.card.cautions))


def _read(path: Path) -> Volume:
    if is_volume_file(path):
        return read_volume_file(path)
    images = [one for one in index_folder(path).series if one.first.rows and one.n_images > 1]
    if len(images) != 1:
        raise InputError(
            "It is not clear which series is to be improved.",
            got=f"{len(images)} image series in {path.name}",
            expected="a folder with one CT series",
            todo="Give a folder with this series alone.",
        )
    return read_image(images[0]).volume


def _write(
    improved: Volume, image: Volume, image_path: Path, out: Path, model: TrainedModel, *, overwrite: bool
) -> None:
    if is_volume_file(image_path):
        write_volume_file(improved, out)
        return
    made_by = MadeBy(model.card.model, model.card.code, model_sha256=model.card.weights_sha256)
    write_ct_series(
        improved,
        out,
        like=image.source,
        series_description=f"Terasu {model.card.model}: improved, not for clinical use",
        made_by=made_by,
        derived_from=(image.source,),
        replace=overwrite,
    )
