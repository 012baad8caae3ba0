"""Radiomics: the standard's values, PyRadiomics' values, determinism, time and memory, beside PyRadiomics.

    python benchmarks/radiomics.py [--quick] [--json]

PyRadiomics needs an environment of its own, named by TERASU_PYRADIOMICS_PYTHON; without it its columns stay
empty:

    python -m venv peer && peer/bin/pip install pyradiomics-cuda==1.0.4
    TERASU_PYRADIOMICS_PYTHON=peer/bin/python python benchmarks/radiomics.py

Everything is read from ``../shared/data`` (or TERASU_SHARED). Times are of images in memory on one thread,
after a first call. ``--quick`` leaves the cohort out.
"""

from __future__ import annotations

import csv
import hashlib
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

import _tests_path  # noqa: F401  before what lies beside the tests
from _table import Row, flags, median_seconds, show
from ibsi_1_checks import Check, ct_configuration, digital_phantom
from ibsi_2_checks import MAPS, VALUES, map_differences, value_checks
from radiomics_cases import ct_phantom, pyradiomics_case
from terasu.dicom.find import index_folder
from terasu.dicom.image import read_image
from terasu.dicom.rtstruct import read_structures
from terasu.patient.contours import to_structures
from terasu.radiomics.dictionary import dictionary
from terasu.radiomics.pyradiomics import PyRadiomics
from terasu.radiomics.pyradiomics_names import CLASSES
from terasu.radiomics.voxel_map import feature_maps
from terasu.workflow.radiomics.recipe import recipe_of
from terasu.workflow.radiomics.run import extract

ORACLE = Path(__file__).parents[1] / "tests" / "papers" / "pyradiomics_oracle" / "values.csv"
PEER = "PyRadiomics"
COUNTS = {"A": 346, "B": 346, "C": 210, "D": 210, "E": 210}
SEEN = {"lung1": 0.10, "brain1": None, "CT phantom": 0.50}
RUNS = 5


def main() -> int:
    if "--one" in sys.argv:
        return _one_process(sys.argv[sys.argv.index("--one") + 1])
    quick, as_json = flags()
    data = _shared()
    rows = [
        *_standard(data),
        *_filters(data),
        *_parity(data),
        *_masks(data),
        *_determinism(data),
        *_speed(data),
        *_voxel_maps(data),
        *_processes(data),
    ]
    if not quick:
        rows += _cohort(data)
    return show(rows, as_json=as_json)


def _shared() -> Path:
    named = os.environ.get("TERASU_SHARED")
    folder = Path(named) if named else Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        raise SystemExit(f"The data of this benchmark are not here: {folder}")
    return folder


def _case(name: str, data: Path) -> Any:
    return ct_phantom(data) if name == "CT phantom" else pyradiomics_case(name, data)


def _files(name: str, data: Path) -> tuple[list[str], list[str]]:
    """Image and mask for the peer, and how it has to read them."""
    if name == "CT phantom":
        folder = data / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "nifti"
        return [str(folder / "image" / "phantom.nii.gz"), str(folder / "mask" / "mask.nii.gz")], ["--round"]
    folder = data / "pyradiomics_cases"
    return [str(folder / f"{name}_{what}.nrrd") for what in ("image", "label")], []


def _ask_peer(name: str, data: Path, *words: str) -> dict[str, Any] | None:
    python = os.environ.get("TERASU_PYRADIOMICS_PYTHON")
    if not python:
        return None
    paths, more = _files(name, data)
    script = str(Path(__file__).parent / "_radiomics_peers.py")
    done = subprocess.run(
        [python, "-P", script, *paths, *more, *words], capture_output=True, text=True, check=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _standard(data: Path) -> Iterator[Row]:
    checks = digital_phantom(data)
    yield _held("IBSI-1 digital phantom, values in tolerance", checks, 482)
    for name, n in COUNTS.items():
        checks = ct_configuration(data, name)
        features = [one for one in checks if not one.is_diagnostic]
        peer = _peer_in_c(data, features) if name == "C" else None
        yield _held(f"IBSI-1 CT phantom, configuration {name}", features, n, peer)
        yield _held("  its diagnostics", [one for one in checks if one.is_diagnostic], 60)


def _held(figure: str, checks: list[Check], n: int, peer: tuple[int, int] | None = None) -> Row:
    ours = sum(one.holds for one in checks)
    name = "" if peer is None else f"{PEER}, of the {peer[1]} that it has"
    held = ours == n == len(checks)
    return Row(figure, ours, f"of {n}", None if peer is None else peer[0], name, f"{n}", held)


def _peer_in_c(data: Path, checks: list[Check]) -> tuple[int, int] | None:
    """How many values of PyRadiomics with its own preprocessing are in tolerance, and of how many."""
    answer = _ask_peer("CT phantom", data, "--configuration-c")
    if answer is None:
        return None
    named = {one.ibsi: one.column for one in dictionary(PyRadiomics(images=("original",))) if one.ibsi}
    held = there = 0
    for check in checks:
        short = check.tag.removesuffix("_3D_avg").removesuffix("_3D")
        if short in named and not check.tag.endswith("_comb"):
            value = answer["values"][named[short]]
            there += 1
            held += Check(check.tag, check.family, value, check.wanted, check.tolerance).holds
    return held, there


def _filters(data: Path) -> Iterator[Row]:
    maps, values = list(map_differences(data)), list(value_checks(data))
    good = sum(holds for _, _, holds in values)
    yield Row("IBSI-2 feature values in tolerance", good, "of 323", None, "", "323", good == 323)
    good = sum(difference <= 1 for _, difference in maps)
    yield Row("IBSI-2 response maps within 1 % of the range", good, "of 33", None, "", "33", good == 33)
    for name in dict.fromkeys(MAPS.values()):
        ours = [difference for test, difference in maps if MAPS[test.split(".")[0]] == name]
        held = [holds for test, _, holds in values if VALUES[test.split(".")[0]] == name]
        figure = f"  {name}: maps {sum(one <= 1 for one in ours)} of {len(ours)}"
        figure += f", values {sum(held)} of {len(held)}; worst map"
        yield Row(figure, max(ours), "% of the range")


def _parity(data: Path) -> Iterator[Row]:
    with ORACLE.open() as file:
        table = list(csv.DictReader(file))
    for name in SEEN:
        found = PyRadiomics().features(*_case(name, data))
        column = name.lower().replace(" ", "_")
        wanted = {row["feature"]: float(row[column]) for row in table}
        apart = {one: _apart(found[one], value) for one, value in wanted.items()}
        largest = max(value for one, value in apart.items() if not one.endswith("MCC"))
        yield Row(
            f"{name}, 851 features: largest difference",
            largest,
            "relative",
            None,
            "",
            "1e-9",
            largest <= 1e-9,
        )
        mcc = max(abs(found[one] - wanted[one]) for one in wanted if one.endswith("MCC"))
        yield Row("  of MCC", mcc, "absolute", None, "", "1e-6", mcc <= 1e-6)


def _apart(ours: float, theirs: float) -> float:
    return abs(ours - theirs) / abs(theirs) if abs(theirs) > 1e-12 else abs(ours - theirs)


def _masks(data: Path) -> Iterator[Row]:
    for figure, folder, roi, wanted in _drawn(data):
        index = index_folder(folder)
        volume = read_image(index.of_modality("CT")[0]).volume
        contours = read_structures(index.headers("RTSTRUCT")[0].path)
        voxels = int(to_structures(contours, volume.grid, [roi])[roi].sum())
        yield Row(f"{figure}: voxels of {roi}", voxels, "", None, "", f"{wanted}", voxels == wanted)


def _drawn(data: Path) -> Iterator[tuple[str, Path, str, int]]:
    yield "CT phantom", data / "ibsi" / "ibsi_1_ct_radiomics_phantom" / "dicom", "GTV-1", 125_256
    with tempfile.TemporaryDirectory() as aside:
        yield "STS_001", _sarcomas(data, Path(aside)) / "STS_001" / "CT", "GTV_Mass_CT", 117_145


def _sarcomas(data: Path, aside: Path) -> Path:
    with tarfile.open(data / "ibsi" / "sts" / "sts_001_002_003_008_ct_mrt1_rtstruct.tar.xz") as tar:
        tar.extractall(aside, filter="data")
    return next(one.parent for one in sorted(aside.rglob("STS_001")))


def _determinism(data: Path) -> Iterator[Row]:
    """Hashes of 5 runs on 1 and on 2 threads, each in a process of its own."""
    told: Counter[str] = Counter()
    for threads in (1, 2):
        told.update(_in_process("hashes", data, _threads(threads))["hashes"])
    yield Row(
        "lung1, 9 images: different results of 5 runs × {1, 2} threads",
        len(told),
        "",
        None,
        "",
        "1",
        len(told) == 1,
    )


def _speed(data: Path) -> Iterator[Row]:
    seconds = _in_process("seconds", data, _threads(1))["seconds"]
    for name, bar in SEEN.items():
        ours = seconds[name]
        limit = "" if bar is None else f"<= {bar:.2f}"
        holds = None if bar is None else ours <= bar
        for words, note in ((), PEER), (("--cropped",), f"{PEER}, cropped before"):
            answer = _ask_peer(name, data, *words)
            peer = None if answer is None else answer["seconds"]
            yield Row(
                f"{name}, 851 features",
                ours,
                "s",
                peer,
                note if answer else f"{note} not asked",
                limit,
                holds,
            )


def _voxel_maps(data: Path) -> Iterator[Row]:
    """All maps of one class, by voxel of the region, on one thread."""
    seconds = _in_process("maps", data, _threads(1))["milliseconds"]
    peer = _ask_peer("lung1", data, "--glcm-maps")
    for family, ours in seconds.items():
        figure = f"lung1, maps of the {len(CLASSES[family])} features of {family}, radius 1"
        if family == "glcm":
            theirs = None if peer is None else 1000 * peer["seconds"] / peer["values"]["voxels"]
            yield Row(figure, ours, "ms a voxel", theirs, PEER if peer else "", "<= 0.1", ours <= 0.1)
        else:
            yield Row(figure, ours, "ms a voxel")


def _processes(data: Path) -> Iterator[Row]:
    """What a whole process needs: from files to 851 features of lung1, all that it imports included."""
    script = str(Path(__file__).parent / "_radiomics_process.py")
    paths, _ = _files("lung1", data)
    start = time.perf_counter()
    done = subprocess.run([sys.executable, script, *paths], capture_output=True, text=True, check=True)
    seconds = time.perf_counter() - start
    yield Row("a new process, lung1 from its files", seconds, "s", None, "", "< 3", seconds < 3)
    peer = _ask_peer("lung1", data)
    theirs = None if peer is None else peer["peak_mb"] / 1000
    ours = json.loads(done.stdout)["peak_mb"] / 1000
    yield Row("  its peak memory", ours, "GB", theirs, PEER if peer else "", "<= 0.5", ours <= 0.5)


def _in_process(what: str, data: Path, environment: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, __file__, "--one", what],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"TERASU_SHARED": str(data)} | environment,
    )
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _threads(n: int) -> dict[str, str]:
    return dict.fromkeys(("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), str(n))


def _one_process(what: str) -> int:
    """Answers ``_in_process``."""
    data = _shared()
    if what == "seconds":
        print(json.dumps({"seconds": {name: _seconds(*_case(name, data)) for name in SEEN}}))
    elif what == "maps":
        print(json.dumps({"milliseconds": dict(_map_times(data))}))
    else:
        image, mask = pyradiomics_case("lung1", data)
        found = [np.array(list(PyRadiomics().features(image, mask).values())) for _ in range(RUNS)]
        print(json.dumps({"hashes": [hashlib.sha256(one.tobytes()).hexdigest() for one in found]}))
    return 0


def _map_times(data: Path) -> Iterator[tuple[str, float]]:
    image, mask = pyradiomics_case("lung1", data)
    for family, features in CLASSES.items():
        names = [f"original_{family}_{one}" for one in features]
        seconds = median_seconds(lambda names=names: feature_maps(image, mask, names), runs=3)
        yield family, 1000 * seconds / np.count_nonzero(mask)


def _seconds(image: Any, mask: Any) -> float:
    return median_seconds(lambda: PyRadiomics().features(image, mask), runs=7)


def _cohort(data: Path) -> Iterator[Row]:
    recipe = recipe_of({"rois": ["GTV*"], "perturbations": {"number": 30}})
    with tempfile.TemporaryDirectory() as aside:
        folder = _sarcomas(data, Path(aside) / "in")
        start = time.perf_counter()
        done = extract(folder, Path(aside) / "out", recipe, workers=2)
        seconds = time.perf_counter() - start
    figure = f"cohort: 4 sarcomas × (CT, T1), 30 perturbations each, {done.measured} rows, 2 cores"
    yield Row(figure, seconds, "s", None, "", "<= 180", seconds <= 180 and done.measured == 248)


if __name__ == "__main__":
    raise SystemExit(main())
