"""What rt-utils and dcmrtstruct2nii make of the jobs that contours.py hands over.

Runs in the peers' own environment (no Terasu in it): ``python _contour_peers.py FOLDER`` reads
``FOLDER/jobs.json`` and writes ``FOLDER/peers.json``. Only drawing is timed: series and contours are in
memory before.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import rt_utils.rtstruct_builder
import SimpleITK as sitk
from dcmrtstruct2nii.adapters.convert.rtstructcontour2mask import DcmPatientCoords2Mask
from dcmrtstruct2nii.adapters.input.contours.rtstructinputadapter import RtStructInputAdapter
from dcmrtstruct2nii.adapters.input.image.dcminputadapter import DcmInputAdapter
from rt_utils import RTStructBuilder

RUNS = 3
rt_utils.rtstruct_builder.warnings = warnings  # 1.2.7 forgets to import what it warns with
Draw = Callable[[str], Any]


def main(work: Path) -> None:
    found: dict[str, dict[str, Any]] = {"rt-utils": {}, "dcmrtstruct2nii": {}}
    for job in json.loads((work / "jobs.json").read_text()):
        for peer, prepare in (("rt-utils", _rt_utils), ("dcmrtstruct2nii", _dcmrtstruct2nii)):
            try:
                found[peer][job["name"]] = _measure(prepare(job, work), job, work, peer)
            except Exception as error:  # a peer that fails is a result, too
                found[peer][job["name"]] = {"failed": f"{type(error).__name__}: {error}"}
        if job["masks"] and "failed" not in found["rt-utils"][job["name"]]:
            found["rt-utils"][job["name"]]["written"] = _written(job, work)
    (work / "peers.json").write_text(json.dumps(found))


def _measure(draw: Draw, job: dict[str, Any], work: Path, peer: str) -> dict[str, Any]:
    """Seconds for all ROIs, volumes [cm³], and the first ROI's mask (z, y, x) in a file."""
    drawn = {name: draw(name) for name in job["rois"]}
    masks = {
        name: (sitk.GetArrayFromImage(one) if isinstance(one, sitk.Image) else one) > 0
        for name, one in drawn.items()
    }
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        for name in job["rois"]:
            draw(name)
        times.append(time.perf_counter() - start)
    path = work / f"{peer} {job['name'].replace('/', '-')}.npy"
    np.save(path, masks[job["rois"][0]])
    volumes = {name: float(mask.sum()) * job["voxel_cc"] for name, mask in masks.items()}
    return {"seconds": statistics.median(times), "volumes_cc": volumes, "mask": str(path)}


def _rt_utils(job: dict[str, Any], work: Path) -> Draw:
    rtstruct = RTStructBuilder.create_from(job["images"], _complete(job, work), warn_only=True)
    up = _is_ascending(rtstruct.series_data)

    def draw(name: str) -> Any:
        mask = np.moveaxis(rtstruct.get_roi_mask_by_name(name), -1, 0)  # (y, x, z) to (z, y, x)
        return mask if up else mask[::-1]

    return draw


def _complete(job: dict[str, Any], work: Path) -> str:
    """rt-utils needs a sequence that some structure sets lack."""
    data = pydicom.dcmread(job["rtstruct"], force=True)
    if "ReferencedFrameOfReferenceSequence" in data:
        return str(job["rtstruct"])
    frame = pydicom.Dataset()
    frame.FrameOfReferenceUID = data.StructureSetROISequence[0].ReferencedFrameOfReferenceUID
    data.ReferencedFrameOfReferenceSequence = pydicom.Sequence([frame])
    path = work / f"{job['name']} completed.dcm"
    data.save_as(path)
    return str(path)


def _is_ascending(series: Any) -> bool:
    """True if the slices run along row × column, as ours and SimpleITK's do."""
    first, last = series[0], series[-1]
    normal = np.cross(first.ImageOrientationPatient[:3], first.ImageOrientationPatient[3:])
    return bool(np.dot(normal, np.subtract(last.ImagePositionPatient, first.ImagePositionPatient)) > 0)


def _dcmrtstruct2nii(job: dict[str, Any], work: Path) -> Draw:  # noqa: ARG001
    contours = {
        one["name"]: one["sequence"]
        for one in RtStructInputAdapter().ingest(job["rtstruct"])
        if "sequence" in one
    }
    image = DcmInputAdapter().ingest(job["images"])
    converter = DcmPatientCoords2Mask()
    return lambda name: converter.convert(contours[name], image, 0, 1)


def _written(job: dict[str, Any], work: Path) -> str:
    """The masks as RTSTRUCT by rt-utils."""
    rtstruct = RTStructBuilder.create_new(job["images"])
    up = _is_ascending(rtstruct.series_data)
    with np.load(job["masks"]) as masks:
        for name in masks.files:
            mask = masks[name] if up else masks[name][::-1]
            rtstruct.add_roi(mask=np.ascontiguousarray(np.moveaxis(mask, 0, -1)), name=name)
    path = work / f"{job['name']} by rt-utils.dcm"
    rtstruct.save(str(path))
    return str(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
