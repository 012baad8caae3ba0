"""RT Structure Sets: what clinics write is read, what is wrong is said, what we write is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset

from made_rt import FRAME, changed, contours, image, square
from terasu.dicom.rtstruct import missing_slices, read_structures, write_structures
from terasu.errors import DicomError, GeometryError, OutputError
from terasu.patient.structures import ContourSet, Roi


@pytest.fixture
def written(tmp_path: Path) -> Path:
    path = tmp_path / "rs.dcm"
    write_structures(contours(), image(), path, label="Made", description="Made contours")
    return path


def test_what_is_written_reads_back(written: Path) -> None:
    read = read_structures(written)
    assert read.names == ("PTV_4140", "Bladder", "Rectum")
    assert [len(roi.contours_lps_mm) for roi in read] == [3, 1, 0]
    for ours, theirs in zip(contours(), read, strict=True):
        for a, b in zip(ours.contours_lps_mm, theirs.contours_lps_mm, strict=True):
            np.testing.assert_allclose(b, a, atol=1e-9)
        assert (theirs.colour_rgb, theirs.interpreted_type) == (ours.colour_rgb, ours.interpreted_type)
    assert read.frame_of_reference_uid == FRAME
    assert read.referenced_series_uid == image().source.series_instance_uid
    assert set(read.referenced_sop_uids) == set(image().source.sop_instance_uids)
    assert read.notes == ("ROI 'Rectum' has no contours.",)


def test_it_is_unapproved_automatic_and_names_the_slice_of_each_contour(written: Path) -> None:
    data = pydicom.dcmread(written)
    assert data.ApprovalStatus == "UNAPPROVED"
    roi = data.StructureSetROISequence[0]
    assert roi.ROIGenerationAlgorithm == "AUTOMATIC"
    assert roi.ROIGenerationDescription.startswith("Terasu")
    uids = [
        c.ContourImageSequence[0].ReferencedSOPInstanceUID for c in data.ROIContourSequence[0].ContourSequence
    ]
    source = image().source
    assert uids == [source.sop_instance_uids[0], source.sop_instance_uids[1], source.sop_instance_uids[1]]


def test_a_contour_beside_its_slice_refers_to_the_nearest_and_one_outside_to_none(tmp_path: Path) -> None:
    crossing = square(-37.0) + np.array([[0, 0, -2.0], [0, 0, 2.0], [0, 0, 2.0], [0, 0, -2.0]])
    rois = [Roi("A", 1, (square(-38.3), square(-20.0), crossing))]
    write_structures(rois, image(), tmp_path / "rs.dcm", label="x")
    items = pydicom.dcmread(tmp_path / "rs.dcm").ROIContourSequence[0].ContourSequence
    (nearest,) = items[0].ContourImageSequence
    assert nearest.ReferencedSOPInstanceUID == image().source.sop_instance_uids[1]
    assert "ContourImageSequence" not in items[1] and "ContourImageSequence" not in items[2]


def test_no_coordinate_is_longer_than_16_characters(tmp_path: Path) -> None:
    third = Roi("Third", 1, (square(-40.0 / 3, 100 / 3) * 1.000000001,))
    write_structures([third], image(), tmp_path / "rs.dcm", label="x")
    raw = pydicom.dcmread(tmp_path / "rs.dcm").ROIContourSequence[0].ContourSequence[0]
    assert max(len(part) for part in raw.get_item("ContourData").value.split(b"\\")) <= 16


def test_a_contour_of_more_than_64_kib_stays_a_decimal_string(tmp_path: Path) -> None:
    angle = np.linspace(0, 2 * np.pi, 5000, endpoint=False)
    circle = np.stack([70 * np.cos(angle), 70 * np.sin(angle), np.full(5000, -37.0)], axis=1)
    write_structures([Roi("Body", 1, (circle,))], image(), tmp_path / "rs.dcm", label="x")
    np.testing.assert_allclose(
        read_structures(tmp_path / "rs.dcm")["Body"].contours_lps_mm[0], circle, atol=1e-9
    )


def test_a_long_name_is_cut_only_where_the_standard_needs_it(tmp_path: Path) -> None:
    name = "FemoralHead (Left) after rotation"
    write_structures(
        [Roi(name, 1, (square(-40),), "ROSE")], image(), tmp_path / "rs.dcm", label="A long label, too"
    )
    data = pydicom.dcmread(tmp_path / "rs.dcm")
    assert data.StructureSetROISequence[0].ROIName == name
    assert data.RTROIObservationsSequence[0].ROIObservationLabel == "FemoralHead (Lef"
    assert data.RTROIObservationsSequence[0].RTROIInterpretedType == ""
    assert len(data.StructureSetLabel) <= 16


def test_a_seed_makes_the_uids_reproducible_and_nothing_else_does(tmp_path: Path) -> None:
    def uid(name: str, seed: str) -> tuple[str, ...]:
        return write_structures(contours(), image(), tmp_path / name, label="x", seed=seed).sop_instance_uids

    assert uid("a", "phantom") == uid("b", "phantom")
    assert uid("c", "") != uid("d", "")


def test_contours_of_another_frame_are_not_written_on_this_image(tmp_path: Path) -> None:
    stray = ContourSet(contours().rois, "1.2.3")
    with pytest.raises(GeometryError, match="different frames"):
        write_structures(stray, image(), tmp_path / "rs.dcm", label="x")
    assert not (tmp_path / "rs.dcm").exists()


@pytest.mark.parametrize("rois", [(), (Roi("", 1, ()),), (Roi("A", 1, (square(np.nan),)),)])
def test_what_cannot_be_written_leaves_no_file(tmp_path: Path, rois: tuple[Roi, ...]) -> None:
    with pytest.raises(OutputError):
        write_structures(rois, image(), tmp_path / "rs.dcm", label="x")
    assert list(tmp_path.iterdir()) == []


def first_contour(data: Dataset) -> Dataset:
    return data.ROIContourSequence[0].ContourSequence[0]


def with_contour(keyword: str, value: object) -> Callable[[Dataset], None]:
    return lambda data: setattr(first_contour(data), keyword, value)


LEFT_OUT = [
    (with_contour("ContourGeometricType", "POINT"), "POINT is not a closed planar contour"),
    (with_contour("ContourGeometricType", "OPEN_PLANAR"), "OPEN_PLANAR is not a closed planar contour"),
    (with_contour("ContourData", ["0", "0", "1", "5", "5", "1"]), "fewer than three points"),
    (with_contour("ContourData", ["0", "0", "1", "5", "5", "1", "0", "0", "1"]), "fewer than three points"),
    (with_contour("ContourData", ["0", "0", "1", "5"]), "not triples"),
    (with_contour("ContourData", None), "fewer than three points"),
    (
        with_contour("ContourData", ["0", "0", "0", "9", "0", "0", "9", "9", "3", "0", "9", "0"]),
        "leaves its plane",
    ),
    (with_contour("ContourData", ["0", "0", "0", "9e9", "0", "0", "9", "9", "0"]), "beyond 10 m"),
]


@pytest.mark.parametrize(("change", "reason"), LEFT_OUT)
def test_a_contour_that_encloses_nothing_is_left_out_and_said(
    written: Path, change: Callable[[Dataset], None], reason: str
) -> None:
    read = read_structures(changed(written, change))
    assert len(read["PTV_4140"].contours_lps_mm) == 2
    assert any("PTV_4140" in note and "1 contour left out" in note and reason in note for note in read.notes)


def test_a_coordinate_that_is_no_number_leaves_the_contour_out(written: Path) -> None:
    def spoil(data: Dataset) -> None:
        item = first_contour(data)
        del item.ContourData
        item.add_new("ContourData", "LO", ["0", "0", "1", "nan", "5", "1", "5", "9", "1"])

    read = read_structures(changed(written, spoil))
    assert len(read["PTV_4140"].contours_lps_mm) == 2
    assert any("no number" in note for note in read.notes)


def test_a_repeated_last_point_and_a_tilted_plane_are_fine(tmp_path: Path) -> None:
    tilted = square(0.0) @ np.array([[1, 0, 0.0], [0, 0.8, 0.6], [0, -0.6, 0.8]]).T
    closed = np.vstack([tilted, tilted[:1]])
    write_structures([Roi("Tilted", 1, (closed,))], image(), tmp_path / "rs.dcm", label="x")
    read = read_structures(tmp_path / "rs.dcm")
    np.testing.assert_allclose(read["Tilted"].contours_lps_mm[0], tilted, atol=1e-9)
    assert read.notes == ()


def test_duplicate_names_are_kept_and_said(written: Path) -> None:
    def rename(data: Dataset) -> None:
        data.StructureSetROISequence[1].ROIName = "PTV_4140"

    read = read_structures(changed(written, rename))
    assert read.names.count("PTV_4140") == 2
    assert any("occurs 2 times" in note for note in read.notes)


@pytest.mark.parametrize("keep", ["top", "sequence", "roi", "none"])
def test_the_frame_of_reference_is_taken_from_wherever_it_stands(written: Path, keep: str) -> None:
    def thin_out(data: Dataset) -> None:
        if keep != "top":
            del data.FrameOfReferenceUID
        if keep != "sequence":
            del data.ReferencedFrameOfReferenceSequence
        if keep != "roi":
            for roi in data.StructureSetROISequence:
                del roi.ReferencedFrameOfReferenceUID

    read = read_structures(changed(written, thin_out))
    assert read.frame_of_reference_uid == ("" if keep == "none" else FRAME)
    assert any("no frame of reference" in note for note in read.notes) == (keep == "none")


def test_an_roi_of_another_frame_keeps_its_name_and_loses_its_contours(written: Path) -> None:
    def move(data: Dataset) -> None:
        data.StructureSetROISequence[1].ReferencedFrameOfReferenceUID = "1.2.3"

    read = read_structures(changed(written, move))
    assert read.frame_of_reference_uid == FRAME
    assert read["Bladder"].contours_lps_mm == ()
    assert any("another frame of reference" in note for note in read.notes)


def stray_number(data: Dataset) -> None:
    data.ROIContourSequence[0].ReferencedROINumber = 99


def drawn_twice(data: Dataset) -> None:
    data.ROIContourSequence[0].ReferencedROINumber = 2


def described_twice(data: Dataset) -> None:
    data.StructureSetROISequence[0].ROINumber = 2


def no_number(data: Dataset) -> None:
    del data.StructureSetROISequence[0].ROINumber


def no_rois(data: Dataset) -> None:
    del data.StructureSetROISequence


@pytest.mark.parametrize("change", [stray_number, drawn_twice, described_twice, no_number, no_rois])
def test_sequences_that_contradict_one_another_are_refused(
    written: Path, change: Callable[[Dataset], None]
) -> None:
    with pytest.raises(DicomError) as refusal:
        read_structures(changed(written, change))
    assert refusal.value.got and refusal.value.expected and refusal.value.todo
    assert "Made^Patient" not in str(refusal.value) and "MADE-1" not in str(refusal.value)


def test_a_file_of_another_kind_is_refused(written: Path, tmp_path: Path) -> None:
    other = changed(written, lambda data: setattr(data, "SOPClassUID", "1.2.840.10008.5.1.4.1.1.2"))
    with pytest.raises(DicomError, match="not a RTSTRUCT"):
        read_structures(other)
    with pytest.raises(DicomError, match="no RTSTRUCT file of this name"):
        read_structures(tmp_path / "nothing.dcm")
    (tmp_path / "text.dcm").write_text("no DICOM at all, but long enough to have been something " * 9)
    with pytest.raises(DicomError):
        read_structures(tmp_path / "text.dcm")


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9, 0.99])
def test_a_file_that_was_cut_off_is_refused(written: Path, share: float) -> None:
    whole = written.read_bytes()
    written.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DicomError):
        read_structures(written)


def test_a_structure_set_may_refer_to_slices_that_are_not_here(written: Path) -> None:
    read = read_structures(written)
    assert missing_slices(read, image()) == ()
    assert missing_slices(read, image(4)) == (
        "2 of the 6 images that the structure set refers to are not in this series.",
    )


def test_the_thorax_set_without_reference_sequence(thorax: Path) -> None:
    read = read_structures(thorax / "20191031-215249_m.dcm")
    assert read.names[5:8] == ("GTVp", "CTVp", "PTV4140")
    assert read.frame_of_reference_uid.endswith("8700000919")
    assert len(read["LUNGS"].contours_lps_mm) == 106
    assert [read[name].interpreted_type for name in ("GTVp", "PTV4140")] == ["GTV", "PTV"]
    assert read.notes == ()


def test_the_pancreas_sets_without_a_frame_at_top_level(pancreas: Path) -> None:
    planned = read_structures(pancreas / "RTSTRUCT_planCT" / "1-1.dcm")
    daily = read_structures(pancreas / "RTSTRUCT_CB02" / "1-1.dcm")
    assert planned.frame_of_reference_uid == daily.frame_of_reference_uid != ""
    assert "Stomach_duo_planCT" in planned.names and "Stomach_duo_CBCT" in daily.names
    assert planned.referenced_series_uid != daily.referenced_series_uid
    assert len(planned.referenced_sop_uids) == 134


def test_the_pelvic_sets_with_italian_names(pelvis003: Path, pelvis005: Path) -> None:
    for folder, names in ((pelvis003, {"vescica", "RettoAno"}), (pelvis005, {"Prostata", "FemoreSinistro"})):
        read = read_structures(next(folder.glob("RS*.dcm")))
        assert names <= set(read.names) and len(read.rois) == 16
        assert all(roi.contours_lps_mm for roi in read)
        assert len(read.referenced_sop_uids) > 130  # of which the cropped series has about 60


def test_a_real_set_survives_our_writer_point_by_point(pelvis003: Path, tmp_path: Path) -> None:
    original = read_structures(next(pelvis003.glob("RS*.dcm")))
    on = image()
    same_frame = type(on)(on.values, on.grid.in_frame(original.frame_of_reference_uid), "HU", on.source)
    write_structures(original, same_frame, tmp_path / "rs.dcm", label="copy")
    for ours, theirs in zip(original, read_structures(tmp_path / "rs.dcm"), strict=True):
        assert ours.name == theirs.name
        for a, b in zip(ours.contours_lps_mm, theirs.contours_lps_mm, strict=True):
            np.testing.assert_allclose(b, a, atol=1e-9)
