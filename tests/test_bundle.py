"""Bundles: written whole or not at all, and every changed, missing or extra file is told."""

import json
import runpy
from dataclasses import replace
from pathlib import Path

import pytest

from emberflow.artifact import Artifact, Kind, digest
from emberflow.bundle import Manifest, add_to_bundle, read_manifest, shipped_program, verify_files, write_bundle
from emberflow.errors import BundleError
from emberflow.firmware.folder import Build
from emberflow.firmware.vectors import TestVectors
from emberflow.record import Record
from emberflow.standardization import Standardization
from emberflow.target import TargetKind

SHARED = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
MODEL = b"TFL3 any bytes do for a model that nobody runs"
IN_SRC = [
    "src/labels.h",
    "src/model_data.c",
    "src/model_data.h",
    "src/postprocess.c",
    "src/postprocess.h",
    "src/preprocess.c",
    "src/preprocess.h",
    "src/standardization.h",
    "src/test_vectors.c",
    "src/test_vectors.h",
]
FOR_TFLM = [
    "model_card.md",
    "sbom.cdx.json",
    "smart_watch.tflite",
    *IN_SRC,
    "tflm/CMakeLists.txt",
    "tflm/README.md",
    "tflm/application.h",
    "tflm/main.cc",
]
FOR_LINUX = ["linux/main.py", "linux/test_vectors.npz", "model_card.md", "sbom.cdx.json", "smart_watch.tflite", *IN_SRC]


@pytest.fixture
def record() -> Record:
    """The smart-watch run, whose champion int8 is MODEL, with windows of 5 samples."""
    given: Record = SHARED["RECORD"]
    model = Artifact(sha256=digest(MODEL), size_bytes=len(MODEL), kind=Kind.TFLITE)
    variants = tuple(one.model_copy(update={"model": model} if one.recipe == "int8" else {}) for one in given.variants)
    splits = given.splits.model_copy(update={"standardization": Standardization(mean=(0.5,) * 6, std=(2.0,) * 6)})
    return given.model_copy(update={"variants": variants, "splits": splits})


@pytest.fixture
def vectors() -> TestVectors:
    """Three windows of 5 samples and 6 channels; raw 0.5 is the mean, so that every code is the zero point."""
    return SHARED["VECTORS"]


def on_linux(record: Record) -> Record:
    return record.model_copy(update={"target": record.target.model_copy(update={"kind": TargetKind.LINUX})})


def tree(directory: Path) -> dict[str, bytes]:
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def test_a_bundle_for_a_microcontroller(record: Record, vectors: TestVectors, tmp_path: Path):
    manifest = write_bundle(tmp_path / "bundle", record, MODEL, vectors)

    files = tree(tmp_path / "bundle")
    assert sorted(files) == sorted([*FOR_TFLM, "manifest.json"])
    assert files["smart_watch.tflite"] == MODEL
    assert b"#define SMART_WATCH_ARENA_BYTES 12304u" in files["src/model_data.h"]
    assert sorted(manifest.files) == sorted(FOR_TFLM)


def test_the_project_comes_along(record: Record, vectors: TestVectors, tmp_path: Path):
    """As it was run, and the manifest vouches for it."""
    manifest = write_bundle(tmp_path / "bundle", record.model_copy(update={"project_file": "name: smart-watch\n"}), MODEL, vectors)

    assert manifest.files["emberflow.yaml"].size_bytes == len("name: smart-watch\n")
    assert (tmp_path / "bundle/emberflow.yaml").read_text() == "name: smart-watch\n"


def test_a_bundle_with_a_compiled_champion(record: Record, vectors: TestVectors, tmp_path: Path):
    """The firmware folder comes along, and the manifest vouches for it."""
    header = b"#define SMART_WATCH_ARENA_BYTES 4096\n"
    build = Build({"smart_watch.h": header, "smart_watch.c": b"", "smart_watch_kernels.h": b""})

    manifest = write_bundle(tmp_path / "bundle", record, MODEL, vectors, build=build)

    assert set(FOR_TFLM) < manifest.files.keys()
    assert header == (tmp_path / "bundle/firmware/model/smart_watch.h").read_bytes()
    (tmp_path / "bundle/firmware/model/smart_watch.c").write_bytes(b"int x;")
    with pytest.raises(BundleError, match=r"\(changed: firmware/model/smart_watch\.c\)"):
        verify_files(tmp_path / "bundle")


def test_the_self_test_is_in_the_manifest(record: Record, vectors: TestVectors, tmp_path: Path):
    """With the device that it was run for; the program is read back from the files."""
    given = SHARED["with_firmware"]()
    test = given.variant("int8").firmware.on_chip.self_test
    variants = tuple(one.model_copy(update={"firmware": given.variant(one.recipe).firmware}) for one in record.variants)
    build = Build({"smart_watch.h": b"#define SMART_WATCH_ARENA_BYTES 4096\n", "smart_watch.c": b"", "smart_watch_kernels.h": b""})

    manifest = write_bundle(tmp_path / "bundle", record.model_copy(update={"variants": variants}), MODEL, vectors, build=build)

    assert (test, record.target) == (manifest.self_test, manifest.device)
    assert (0, 16) == (manifest.metrics["self_test_failures"], manifest.metrics["self_test_samples"])
    assert 3 == shipped_program(tmp_path / "bundle", manifest).tests


def test_a_bundle_without_firmware_has_no_program(record: Record, vectors: TestVectors, tmp_path: Path):
    """No C was compiled."""
    assert shipped_program(tmp_path / "bundle", write_bundle(tmp_path / "bundle", record, MODEL, vectors)) is None


def test_a_bundle_for_linux(record: Record, vectors: TestVectors, tmp_path: Path):
    manifest = write_bundle(tmp_path / "bundle", on_linux(record), MODEL, vectors)

    assert sorted(tree(tmp_path / "bundle")) == sorted([*FOR_LINUX, "manifest.json"])
    assert sorted(manifest.files) == sorted(FOR_LINUX)


def test_the_report_is_copied_when_given(record: Record, vectors: TestVectors, tmp_path: Path):
    (tmp_path / "written-elsewhere.html").write_text("<p>report</p>")

    manifest = write_bundle(tmp_path / "bundle", record, MODEL, vectors, tmp_path / "written-elsewhere.html")

    assert (tmp_path / "bundle" / "report.html").read_text() == "<p>report</p>"
    assert manifest.files["report.html"].size_bytes == 13


def test_the_manifest_tells_where_the_model_comes_from(record: Record, vectors: TestVectors, tmp_path: Path):
    """The figures are those of int8 in the record; 46 bytes are MODEL."""
    manifest = write_bundle(tmp_path / "bundle", record, MODEL, vectors)

    assert (manifest.project, manifest.recipe, manifest.target, manifest.metric) == ("smart-watch", "int8", "stm32f405", "accuracy")
    assert manifest.model == Artifact(sha256=digest(MODEL), size_bytes=46, kind=Kind.TFLITE)
    assert manifest.model_file == "smart_watch.tflite"
    assert manifest.provenance == record.provenance
    assert manifest.metrics == {
        "accuracy": 0.818,
        "macro_f1": 0.814,
        "accuracy_drop": -0.007,
        "file_bytes": 27_096,
        "compressed_bytes": 21_902,
        "flash_bytes": 76_152,
        "ram_bytes": 12_304,
        "macs": 1_104_320,
        "host_latency_us": 33.0,
    }


def test_the_manifest_is_json_in_the_order_of_its_keys(record: Record, vectors: TestVectors, tmp_path: Path):
    written = write_bundle(tmp_path / "bundle", record, MODEL, vectors)

    text = (tmp_path / "bundle" / "manifest.json").read_text()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True) + "\n"
    assert json.loads(text)["schema_version"] == 1
    assert read_manifest(tmp_path / "bundle") == written


def test_the_same_run_gives_the_same_bytes(record: Record, vectors: TestVectors, tmp_path: Path):
    for kind, given in {"tflm": record, "linux": on_linux(record)}.items():
        for name in ("once", "again"):
            write_bundle(tmp_path / f"{kind}-{name}", given, MODEL, vectors)

        assert tree(tmp_path / f"{kind}-once") == tree(tmp_path / f"{kind}-again")


def test_a_newer_bundle_replaces_an_older_one(record: Record, vectors: TestVectors, tmp_path: Path):
    """Nothing of the old one stays, and nothing lies beside the new one."""
    (tmp_path / "report.html").write_text("old")
    write_bundle(tmp_path / "bundle", record, MODEL, vectors, tmp_path / "report.html")
    (tmp_path / "report.html").unlink()

    write_bundle(tmp_path / "bundle", on_linux(record), MODEL, vectors)

    assert sorted(tree(tmp_path / "bundle")) == sorted([*FOR_LINUX, "manifest.json"])
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


@pytest.mark.parametrize("place", ["new", "new/and/deep", "empty"])
def test_a_bundle_may_be_written_where_nothing_is(record: Record, vectors: TestVectors, tmp_path: Path, place: str):
    (tmp_path / "empty").mkdir()

    write_bundle(tmp_path / place, record, MODEL, vectors)

    assert isinstance(verify_files(tmp_path / place), Manifest)


def test_other_contents_are_not_replaced(record: Record, vectors: TestVectors, tmp_path: Path):
    (tmp_path / "thesis.tex").write_text("years of work")

    with pytest.raises(BundleError, match="which exists and is no bundle; expected a new or empty directory, because it would be replaced"):
        write_bundle(tmp_path, record, MODEL, vectors)
    with pytest.raises(BundleError, match=r"thesis\.tex, which exists and is no bundle"):
        write_bundle(tmp_path / "thesis.tex", record, MODEL, vectors)

    assert tree(tmp_path) == {"thesis.tex": b"years of work"}


def test_a_place_that_can_not_be_written_is_told(record: Record, vectors: TestVectors, tmp_path: Path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(BundleError, match=r"file/bundle, which can't be written \(Not a directory\); expected a place with room"):
        write_bundle(tmp_path / "file" / "bundle", record, MODEL, vectors)


def test_the_older_bundle_stays_when_the_newer_can_not_take_its_place(
    record: Record, vectors: TestVectors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The last rename fails, as it does when a disk vanishes: the old bundle is back, whole, and nothing lies about."""
    write_bundle(tmp_path / "bundle", record, MODEL, vectors)
    before = tree(tmp_path / "bundle")
    rename = Path.rename

    def fail_on_new(source: Path, target: Path) -> Path:
        if source.name.endswith(".new"):
            raise OSError(5, "Input/output error")
        return rename(source, target)

    monkeypatch.setattr(Path, "rename", fail_on_new)
    with pytest.raises(BundleError, match="Input/output error"):
        write_bundle(tmp_path / "bundle", on_linux(record), MODEL, vectors)

    assert tree(tmp_path / "bundle") == before
    assert [path.name for path in tmp_path.iterdir()] == ["bundle"]


def test_a_run_without_a_champion_gives_no_bundle(record: Record, vectors: TestVectors, tmp_path: Path):
    without = record.model_copy(update={"choice": SHARED["nothing_fits"]().choice})

    with pytest.raises(BundleError, match=r"a run without a champion \(None of the 14 variants fits.*expected a chosen variant: widen the budget"):
        write_bundle(tmp_path / "bundle", without, MODEL, vectors)
    assert list(tmp_path.iterdir()) == []


def test_other_bytes_than_the_champion_give_no_bundle(record: Record, vectors: TestVectors, tmp_path: Path):
    expected = f"as int8; expected {digest(MODEL)}: give the bytes that were measured"

    with pytest.raises(BundleError, match=expected):
        write_bundle(tmp_path / "bundle", record, b"another model", vectors)
    assert list(tmp_path.iterdir()) == []


def test_a_report_that_is_not_there_gives_no_bundle(record: Record, vectors: TestVectors, tmp_path: Path):
    with pytest.raises(BundleError, match=r"report\.html, which can't be read \(No such file or directory\)"):
        write_bundle(tmp_path / "bundle", record, MODEL, vectors, tmp_path / "report.html")
    assert list(tmp_path.iterdir()) == []


def test_vectors_of_another_model_give_no_bundle(record: Record, vectors: TestVectors, tmp_path: Path):
    with pytest.raises(BundleError, match="received 3 outputs for 7 labels"):
        write_bundle(tmp_path / "bundle", record, MODEL, replace(vectors, outputs=vectors.outputs[:, :3]))
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_verifies(record: Record, vectors: TestVectors, tmp_path: Path):
    written = write_bundle(tmp_path / "bundle", record, MODEL, vectors)

    assert verify_files(tmp_path / "bundle") == written


def test_every_fault_is_named(record: Record, vectors: TestVectors, tmp_path: Path):
    directory = tmp_path / "bundle"
    write_bundle(directory, record, MODEL, vectors)
    (directory / "smart_watch.tflite").write_bytes(MODEL.replace(b"TFL3", b"TFL4"))
    (directory / "src" / "labels.h").unlink()
    (directory / "src" / "labels.hpp").touch()

    with pytest.raises(
        BundleError, match=r"\(changed: smart_watch\.tflite; missing: src/labels\.h; extra: src/labels\.hpp\); expected every file as it was written"
    ):
        verify_files(directory)


@pytest.mark.parametrize("name", FOR_TFLM)
def test_a_flipped_bit_in_any_file_is_found(record: Record, vectors: TestVectors, tmp_path: Path, name: str):
    write_bundle(tmp_path / "bundle", record, MODEL, vectors)
    path = tmp_path / "bundle" / name
    data = path.read_bytes()
    path.write_bytes(bytes([data[0] ^ 1]) + data[1:])

    with pytest.raises(BundleError, match=rf"\(changed: {name}\)"):
        verify_files(tmp_path / "bundle")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"manifest\.json, which is not JSON .*: write the bundle again"),
        ("[]", r"manifest\.json of schema version None; expected 1: read it with the Emberflow that wrote it"),
        ('{"schema_version": 2}', "of schema version 2; expected 1"),
        ('{"schema_version": 1}', "which is not a bundle's manifest: 9 validation errors"),
    ],
)
def test_a_manifest_that_is_none_is_refused(tmp_path: Path, text: str, message: str):
    (tmp_path / "manifest.json").write_text(text)

    with pytest.raises(BundleError, match=message):
        read_manifest(tmp_path)


def test_a_directory_without_a_manifest_is_no_bundle(tmp_path: Path):
    with pytest.raises(BundleError, match=r"manifest\.json, which can't be read \(No such file or directory\); expected a file of a bundle"):
        verify_files(tmp_path)


def test_a_file_may_be_added_and_is_vouched_for(tmp_path: Path, record: Record, vectors: TestVectors) -> None:
    """The gate's report comes when the bundle is there already; adding it again replaces it."""
    before = write_bundle(tmp_path / "b", record, MODEL, vectors)

    add_to_bundle(tmp_path / "b", {"gate.md": b"kept"})
    after = add_to_bundle(tmp_path / "b", {"gate.md": b"promoted"})

    assert verify_files(tmp_path / "b") == after
    assert set(after.files) - set(before.files) == {"gate.md"}
    assert (tmp_path / "b" / "gate.md").read_bytes() == b"promoted"


def test_nothing_is_added_to_a_bundle_that_was_altered(tmp_path: Path, record: Record, vectors: TestVectors) -> None:
    """Else the new manifest would vouch for the altered file."""
    write_bundle(tmp_path / "b", record, MODEL, vectors)
    (tmp_path / "b" / "model_card.md").write_text("other words")

    with pytest.raises(BundleError, match=r"changed: model_card\.md"):
        add_to_bundle(tmp_path / "b", {"gate.md": b"kept"})
