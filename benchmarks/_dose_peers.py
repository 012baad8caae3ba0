"""What PyMedPhys and dicompyler-core make of the jobs that dose_compare.py hands over.

Runs in the peers' own environment (no Terasu in it): ``python _dose_peers.py FOLDER`` reads the jobs
``gamma-*.npz`` and ``dvh-*.npz`` and writes ``NAME.out.npz`` beside each: what was found, and the seconds.
"""

from __future__ import annotations

import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

SCALING_GY = 1e-6


def main(folder: Path) -> None:
    warnings.simplefilter("ignore")
    jobs = [path for path in sorted(folder.glob("*.npz")) if not path.name.endswith(".out.npz")]
    for path in jobs:
        work = _gamma if path.name.startswith("gamma") else _dvh
        np.savez(path.with_suffix(".out.npz"), **work(np.load(path)))


def _gamma(job: Any) -> dict[str, Any]:
    """PyMedPhys, as it comes, searched as far as ours."""
    import pymedphys

    axes = tuple(np.arange(n) * mm for n, mm in zip(job["reference"].shape, job["spacing_mm"], strict=True))
    start = time.perf_counter()
    found = pymedphys.gamma(
        axes,
        job["reference"],
        axes,
        job["evaluated"],
        float(job["percent"]),
        float(job["mm"]),
        lower_percent_dose_cutoff=10,
        interp_fraction=int(job["steps"]),
        max_gamma=2,
        quiet=True,
    )
    return {"gamma": found.astype(np.float32), "seconds": time.perf_counter() - start}


def _dvh(job: Any) -> dict[str, Any]:
    """dicompyler-core, as it comes."""
    from dicompylercore import dvhcalc

    structures, dose = _structures(job), _dose(job)
    start = time.perf_counter()
    found = dvhcalc.get_dvh(structures, dose, 1)
    seconds = time.perf_counter() - start
    doses = [found.dose_constraint(float(percent)).value for percent in job["percents"]]
    return {"d_gy": np.array(doses, float), "volume_cc": found.volume, "seconds": seconds}


def _structures(job: Any) -> Dataset:
    roi, observed, drawn = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName = 1, "shape"
    observed.ReferencedROINumber, observed.RTROIInterpretedType = 1, "ORGAN"
    drawn.ReferencedROINumber, drawn.ROIDisplayColor, contours = 1, [255, 0, 0], []
    for begin, end in zip(job["first_point"][:-1], job["first_point"][1:], strict=True):
        contour = Dataset()
        contour.ContourGeometricType, contour.NumberOfContourPoints = "CLOSED_PLANAR", int(end - begin)
        contour.ContourData = [f"{value:.6g}" for value in job["points"][begin:end].ravel()]
        contours.append(contour)
    drawn.ContourSequence = Sequence(contours)
    data = Dataset()
    data.file_meta = _meta("1.2.840.10008.5.1.4.1.1.481.3")
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.3"
    data.SOPInstanceUID = "1.2.3.1"
    data.Modality = "RTSTRUCT"
    data.StructureSetROISequence = Sequence([roi])
    data.RTROIObservationsSequence = Sequence([observed])
    data.ROIContourSequence = Sequence([drawn])
    return data


def _dose(job: Any) -> Dataset:
    stored = np.round(job["dose"] / SCALING_GY).astype(np.uint32)
    step, origin = float(job["step_mm"]), job["origin_mm"]
    data = Dataset()
    data.file_meta = _meta("1.2.840.10008.5.1.4.1.1.481.2")
    data.is_little_endian, data.is_implicit_VR = True, False
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.481.2"
    data.SOPInstanceUID = "1.2.3.2"
    data.Modality = "RTDOSE"
    data.NumberOfFrames, data.Rows, data.Columns = stored.shape
    data.PixelSpacing = [step, step]
    data.ImagePositionPatient = [float(value) for value in origin]
    data.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    data.GridFrameOffsetVector = [step * n for n in range(len(stored))]
    data.BitsAllocated, data.BitsStored, data.HighBit = 32, 32, 31
    data.PixelRepresentation, data.SamplesPerPixel, data.PhotometricInterpretation = 0, 1, "MONOCHROME2"
    data.DoseGridScaling, data.DoseUnits, data.DoseSummationType = SCALING_GY, "GY", "PLAN"
    data.PixelData = stored.tobytes()
    return data


def _meta(sop_class: str) -> FileMetaDataset:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = sop_class, "1.2.3.4"
    meta.TransferSyntaxUID, meta.ImplementationClassUID = ExplicitVRLittleEndian, "1.2.3.5"
    return meta


if __name__ == "__main__":
    main(Path(sys.argv[1]))
