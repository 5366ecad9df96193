"""Same in, same out: two cold runs in two homes give the same bytes, and a bundle is built again from what it says of itself."""

import re

import pytest

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.long]


@pytest.fixture(scope="module")
def runs(write_project, command, tmp_path_factory):
    """The project's file, and the homes of two runs in processes of their own, with nothing in common but the machine."""
    path, homes = write_project(), [tmp_path_factory.mktemp("cold") for _ in range(2)]
    for home in homes:
        done = command("run", str(path), "--home", str(home))
        assert done.returncode == 0, done.stdout + done.stderr
    return path, homes


def bundle(home):
    (folder,) = (home / "bundles" / "tiny").iterdir()
    return folder


def test_two_cold_runs_give_the_same_bytes(runs):
    """Every blob of the store, by its digest, and every file of the bundle but for the pages that tell of the run."""
    _, homes = runs
    stores = [{path.relative_to(home).as_posix(): path.read_bytes() for path in (home / "store").rglob("*") if path.is_file()} for home in homes]
    blobs = [{name: data for name, data in store.items() if re.search(r"[0-9a-f]{64}", name)} for store in stores]
    assert blobs[0] == blobs[1]
    assert len(blobs[0]) >= 15

    found = [{p.relative_to(bundle(home)).as_posix(): p.read_bytes() for p in bundle(home).rglob("*") if p.is_file()} for home in homes]
    differing = {name for name in found[0].keys() | found[1].keys() if found[0].get(name) != found[1].get(name)}
    assert differing <= {"manifest.json", "model_card.md", "report.html", "gate.md", "sbom.cdx.json"}
    assert {"tiny.tflite", "firmware/model/tiny.c", "firmware/arduino/tiny.zip", "emberflow.yaml"} <= found[0].keys()


def test_a_bundle_is_built_again_to_the_same_bytes(runs, command):
    """Code 0, every part equal; nothing is left of the home that it was built in."""
    path, homes = runs

    done = command("reproduce", str(bundle(homes[0])), "--project", str(path))

    assert done.returncode == 0, done.stdout + done.stderr
    parts = re.findall(r"^ok  ([\w ]+):", done.stdout, re.MULTILINE)
    assert parts == ["model", "test vectors", "C sources", "other files", "bill of materials", "manifest", "firmware image"]
    assert "Error" not in done.stderr


def test_another_project_or_other_data_stop_it(runs, command):
    """The first before anything is started, the second before anything is trained; with --anyway it goes on and says which part differs."""
    path, homes = runs
    given, said = str(bundle(homes[0])), path.read_text()
    path.write_text(said.replace("epochs: 12", "epochs: 1"))
    other = command("reproduce", given, "--project", str(path))
    assert (1, "") == (other.returncode, other.stdout)
    assert 'project: training is {"epochs": 1, ' in other.stderr
    assert "give --anyway" in other.stderr

    path.write_text(said)
    module = path.with_name("tiny.py")
    module.write_text(module.read_text().replace("samples(3, 120)", "samples(4, 120)"))
    stopped = command("reproduce", given, "--project", str(path))
    assert 1 == stopped.returncode
    assert re.search(r"data: what the project's data are now has the digest \w+, and had \w+; expected the same, or --anyway", stopped.stderr)
    assert "baseline" not in stopped.stdout

    done = command("reproduce", given, "--project", str(path), "--anyway")
    assert 1 == done.returncode
    assert "!!  test vectors: " in done.stdout
    assert re.search(r"emberflow: \d of 7 parts of '.*' came out otherwise; see above", done.stderr)
