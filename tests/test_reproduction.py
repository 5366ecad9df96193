"""Two builds of one bundle: what differs before, and which file differs first, and where, afterwards."""

import json
import runpy
from pathlib import Path

import numpy as np
import pytest

from emberflow import fingerprint, surroundings
from emberflow.artifact import Artifact, Kind, digest
from emberflow.bundle import add_to_bundle, write_bundle
from emberflow.errors import BundleError
from emberflow.project import parse_project, render_project
from emberflow.reproduction import compare, first_difference, obstacles, read_given

SHARED = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
MODEL = b"TFL3 any bytes do\0 for a model that nobody runs"
PROJECT = parse_project("{name: smart-watch, baseline: 'w:build', data: 'w:load', target: stm32f405, recipes: [int8], budget: {flash: 96 KiB}}")
EQUAL = {"model", "test vectors", "C sources", "other files", "bill of materials", "manifest"}


@pytest.fixture
def write(tmp_path):
    """A function that writes the bundle of a run with some of its provenance changed."""

    def make(name, project=PROJECT, model=MODEL, latency=33.0, **changed):
        given = SHARED["RECORD"]
        here = {"versions": surroundings.versions(), "processor": surroundings.processor(), "code_digest": fingerprint.of_house()}
        provenance = given.provenance.model_copy(update={"project_digest": project.digest, **here, **changed})
        artifact = Artifact(sha256=digest(model), size_bytes=len(model), kind=Kind.TFLITE)
        champion = given.variant("int8")
        champion = champion.model_copy(update={"model": artifact, "latency": champion.latency.model_copy(update={"median_us": latency})})
        variants = tuple(champion if one.recipe == "int8" else one for one in given.variants)
        record = given.model_copy(update={"variants": variants, "provenance": provenance, "project_file": render_project(project)})
        write_bundle(tmp_path / name, record, model, SHARED["VECTORS"])
        return tmp_path / name

    return make


def told(findings):
    """What differs, by group."""
    return {finding.differs.split(":")[0]: finding.differs for finding in findings if finding.differs}


def test_two_runs_of_the_same_are_equal(write):
    """At other times, with other ids and another latency of this machine; the gate's page is in one alone."""
    one = write("one")
    other = write("other", latency=99.0, run_id="20260413-000000-aaaa", started="2026-04-13T00:00:00Z", mlflow_run_id="7")
    add_to_bundle(one, {"gate.md": b"promoted"})

    findings = compare(one, other)

    assert {} == told(findings)
    assert EQUAL == {finding.what.split(":")[0] for finding in findings}


def test_what_differs_is_told_by_group(write):
    """The model from a byte on, the manifest by its key, and sources that hold the model; the first of several, and how many more."""
    other = bytearray(MODEL)
    other[20] ^= 1

    found = told(compare(write("one"), write("other", model=bytes(other))))

    assert {"model", "C sources", "bill of materials", "manifest"} == found.keys()
    assert f"model: smart_watch.tflite differs from byte 20 on ({len(MODEL)} B and {len(MODEL)} B)" == found["model"]
    assert found["C sources"].startswith("C sources: src/model_data.c differs in line ")
    assert found["manifest"].startswith(f'manifest: model.sha256 is "{digest(bytes(other))}", was "{digest(MODEL)}"')


def test_a_file_in_one_alone_is_told(write):
    """Whichever it is."""
    one, other = write("one"), write("other")
    add_to_bundle(one, {"src/more.h": b""})
    add_to_bundle(other, {"notes.txt": b""})

    found = told(compare(one, other))

    assert {
        "C sources": "C sources: src/more.h is in the given bundle alone",
        "other files": "other files: notes.txt is in the new one alone",
    } == found


@pytest.mark.parametrize(
    ("one", "other", "difference"),
    [
        (b"a\nb\n", b"a\nb\n", ""),
        (b"a\nb\n", b"a\nc\n", "f differs in line 2: 'b' is now 'c'"),
        (b"a\n", b"a\nb\n", "f differs in line 2: 'its end' is now 'b'"),
        (b"\0ab", b"\0ac", "f differs from byte 2 on (3 B and 3 B)"),
        (b"\0a", b"\0", "f differs from byte 1 on (2 B and 1 B)"),
    ],
)
def test_the_first_difference(one, other, difference):
    """By line, or by byte."""
    assert difference == first_difference("f", one, other)


def test_nothing_stands_in_the_way_of_the_same(write):
    """The same project, here and now."""
    assert [] == list(obstacles(read_given(write("one")), PROJECT))


def test_what_is_another_now_is_named(write):
    """Keys of the project, our code, versions, the kind of processor."""
    changed = parse_project(render_project(PROJECT).replace("96", "64").replace("98304", "65536") + "training: {seed: 2}\n")
    versions = surroundings.versions() | {"numpy": "1.0", "jax": "0.9"}
    given = read_given(write("one", code_digest=digest(b""), versions=versions, processor="pdp11"))

    found = list(obstacles(given, changed))

    assert [line.split(":")[0] for line in found] == ["project", "project", "code", "version", "version", "processor"]
    assert found[0].startswith('project: training is {"epochs": 24')
    assert found[1].startswith('project: budget is {"flash": 65536')
    assert "version: jax is not there, was 0.9" == found[3]
    assert f"version: numpy is {np.__version__}, was 1.0" == found[4]
    assert f"processor: this one is {surroundings.processor()}, that one was pdp11" == found[5]


def test_a_bundle_without_its_project_is_refused(write):
    """One of an earlier Emberflow, one whose project was replaced, and one that says nothing readable."""
    folder = write("one")
    add_to_bundle(folder, {"emberflow.yaml": b"name: 7"})
    with pytest.raises(BundleError, match=r"emberflow\.yaml, which this Emberflow can't read: name: received 7"):
        read_given(folder)

    add_to_bundle(folder, {"emberflow.yaml": render_project(PROJECT).replace("int8", "uint8").encode()})
    with pytest.raises(BundleError, match=r"which isn't the project that its manifest names; reproduce it with the Emberflow that wrote it"):
        read_given(folder)

    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["emberflow.yaml"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "emberflow.yaml").unlink()
    with pytest.raises(BundleError, match=r"a bundle without emberflow\.yaml; expected one of this version"):
        read_given(folder)
