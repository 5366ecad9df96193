"""The package stages: a report with its plots, and a bundle whose test vectors are the answers of the target's own runtime."""

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from emberflow.artifact import Kind, describe
from emberflow.bundle import verify_files
from emberflow.compiler import compile_model
from emberflow.errors import BundleError
from emberflow.evaluate import litert
from emberflow.record import Record
from emberflow.stages.compile import write_sources
from emberflow.stages.package import Champion, package, write_report
from emberflow.target import TargetKind
from emberflow.variant import Firmware

pytestmark = pytest.mark.xdist_group("tensorflow")
SHARED = runpy.run_path(str(Path(__file__).parents[1] / "a_record.py"))
VECTORS = ("vectors-x.npy", "vectors-y.npy")


@pytest.fixture(scope="module")
def record(bench: Any, facts: Any, tflite: Path, evaluation: Any) -> Record:
    """The hand-made record, its champion int8 being what the stages made of the tiny project."""
    given: Record = SHARED["RECORD"]
    changes = {"model": describe(tflite, Kind.TFLITE), "evaluation": evaluation}
    variants = tuple(one.model_copy(update=changes if one.recipe == "int8" else {}) for one in given.variants)
    splits = {"labels": facts.labels, "input_shape": facts.input_shape, "standardization": facts.standardization, "sampling": facts.sampling}
    return given.model_copy(update={"variants": variants, "splits": given.splits.model_copy(update=splits)})


def test_the_report_is_one_page_and_its_plot_a_file(tmp_path: Path) -> None:
    """The plot once as PNG, once as text to be put into a page."""
    lines: list[str] = []
    write_report(SHARED["RECORD"], tmp_path / "new", lines.append)

    assert (tmp_path / "new" / "report.html").read_text().lstrip().lower().startswith("<!doctype html>")
    assert (tmp_path / "new" / "plots" / "pareto.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "new" / "plots" / "pareto.uri").read_text().startswith("data:image/png;base64,iVBOR")
    assert lines == [str(tmp_path / "new" / "report.html")]


def test_a_run_without_variants_has_a_report_and_no_plot(tmp_path: Path) -> None:
    """There is nothing to draw."""
    given = SHARED["nothing_fits"]()
    choice = given.choice.model_copy(update={"nearest": None, "pareto": ()})
    write_report(given.model_copy(update={"variants": (), "choice": choice}), tmp_path, lambda _: None)

    assert (tmp_path / "report.html").is_file()
    assert list((tmp_path / "plots").iterdir()) == []


def test_the_bundle_is_whole_and_its_vectors_are_standardized(bench: Any, facts: Any, record: Record, tmp_path: Path) -> None:
    """The firmware is given raw samples; the answers beside them are those to standardized ones."""
    (tmp_path / "report.html").write_text("a report")
    given = record.model_copy(update={"target": record.target.model_copy(update={"kind": TargetKind.LINUX})})
    package(
        given,
        Champion(model=bench["prune50.tflite"]),
        tuple(bench[name] for name in VECTORS),
        tmp_path / "report.html",
        tmp_path / "bundle",
        lambda _: None,
    )

    assert verify_files(tmp_path / "bundle").recipe == "int8"
    assert (tmp_path / "bundle" / "report.html").read_text() == "a report"
    vectors = np.load(tmp_path / "bundle" / "linux" / "test_vectors.npz")
    x = facts.standardization.apply(vectors["raw"])
    assert np.array_equal(vectors["outputs"], litert.run(bench["prune50.tflite"].read_bytes(), x).reshape(len(x), -1))


def test_a_model_that_was_not_measured_is_refused(bench: Any, record: Record, baseline: Any, tmp_path: Path) -> None:
    """Its digest is not the champion's."""
    (tmp_path / "report.html").write_text("a report")
    other = tmp_path / "other.tflite"
    other.write_bytes(bench["prune50.tflite"].read_bytes() + b"\0")

    with pytest.raises(BundleError, match=r"received a model with SHA-256 .* as int8; expected"):
        package(record, Champion(model=other), tuple(bench[name] for name in VECTORS), tmp_path / "report.html", tmp_path / "bundle", lambda _: None)

    assert not (tmp_path / "bundle").exists()


def test_the_bundle_has_the_firmware_of_a_compiled_champion(bench: Any, record: Record, tmp_path: Path) -> None:
    """Its sources under the project's name, and what was measured of them."""
    (tmp_path / "report.html").write_text("a report")
    champion = record.variant("int8")
    firmware = Firmware(sources=SHARED["blob"]("sources"), on_chip=SHARED["on_chip"]())
    given = record.model_copy(update={"variants": (champion.model_copy(update={"firmware": firmware}),)})
    write_sources(compile_model(bench["prune50.tflite"].read_bytes(), "smart-watch").files, tmp_path / "sources.zip")

    files = Champion(model=bench["prune50.tflite"], sources=tmp_path / "sources.zip")
    package(given, files, tuple(bench[name] for name in VECTORS), tmp_path / "report.html", tmp_path / "bundle", lambda _: None)

    assert "firmware/model/smart_watch.c" in verify_files(tmp_path / "bundle").files
    assert "zig (ziglang of unknown version)" in (tmp_path / "bundle" / "firmware" / "README.md").read_text()
