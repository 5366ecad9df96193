"""`emberflow gc`: what it says, what it asks the registry, and what it refuses."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from emberflow.adapters.registry import Registry
from emberflow.adapters.store import Store
from emberflow.adapters.sweep import Freed, Heap, Keep
from emberflow.adapters.tracking import Status, Tracker
from emberflow.artifact import Kind
from emberflow.cli.app import app
from emberflow.cli.collect import collect, tell
from emberflow.errors import ProjectError
from emberflow.version import Entry
from tests.adapters.a_network import network
from tests.adapters.a_registry import RECIPE, log, origin

NOTHING = Heap(number=0, size_bytes=0)


def run(home, name, content):
    """A run that puts one blob."""
    store = Store(home / "store", f"watch/{name}")
    with store.using(), store.workplace() as folder:
        (folder / "out").write_bytes(content)
        return store.put(folder / "out", Kind.ARRAY)


def contents(home):
    return sorted(blob.read_bytes() for blob in Store(home / "store").blobs())


def test_what_went_and_what_stayed_is_said_in_two_lines(capsys):
    """With what each heap takes, and where what was set aside lies."""
    freed = Freed(
        runs=("1", "2"),
        blobs=Heap(number=1200, size_bytes=3 * 1024**2),
        unfinished=1,
        results=40,
        kept=Heap(number=1, size_bytes=1024),
        kept_runs=1,
        altered=NOTHING,
    )

    tell(freed, dry_run=False)
    tell(freed.model_copy(update={"altered": Heap(number=2, size_bytes=2048)}), dry_run=True)

    kept = "kept   1 KiB: 1 blob of 1 run; reports, bundles and MLflow are never touched"
    freed_line = "freed  3 MiB: 1,200 blobs that only 2 older runs used, 40 cached results, 1 unfinished folder of killed runs"
    aside = "altered 2 KiB: 2 blobs in store/altered, for a look; delete them by hand"
    assert [freed_line, kept, f"would be {freed_line}", kept, aside] == capsys.readouterr().out.splitlines()


def test_without_a_store_it_says_what_it_expected(tmp_path):
    """A wrong folder is told, not swept."""
    with pytest.raises(ProjectError) as caught:
        collect(tmp_path / "none", Keep(), None, dry_run=False)

    assert str(caught.value) == f"there is no store in '{tmp_path / 'none'}'; expected the folder of earlier runs, as --home"


def test_nothing_goes_when_nobody_knows_what_serves(tmp_path):
    """The runs logged to a server; without its address the champion's data could go."""
    run(tmp_path, "1", b"old")
    run(tmp_path, "2", b"new")

    with pytest.raises(ProjectError) as caught:
        collect(tmp_path, Keep(newest=1), None, dry_run=False)

    assert str(caught.value) == (
        f"there is no MLflow in '{tmp_path}', and so it isn't known which versions serve; give the server that runs log to, as --mlflow"
    )
    assert [b"new", b"old"] == contents(tmp_path)


@pytest.mark.slow
def test_what_the_champion_was_made_of_is_kept(tmp_path):
    """A real registry: the first of three runs made the version that serves; through the command as it is typed."""
    registry = Registry(Tracker.local(tmp_path), "watch")
    for name in "123":
        run(tmp_path, name, name.encode())
    model = network(4)
    ids, _, model_id = log(registry.tracker, model)
    registry.tracker._client.log(ids.run_id, _tag("1"))
    registry.tracker.finish(ids, Status.FINISHED)
    entry = Entry(recipe=RECIPE, origin=origin(model), flow_run="f1", experiment_id=ids.experiment_id, mlflow_run=ids.run_id)
    registry.promote(registry.register(entry, model_id, {}).number, None)

    done = CliRunner().invoke(app, ["gc", "--keep", "1", "--home", str(tmp_path)])

    assert 0 == done.exit_code, done.output
    assert [b"1", b"3"] == contents(Path(tmp_path))
    assert done.output.startswith("freed  1 B: 1 blob that only 1 older run used, 0 cached results, 0 unfinished folders of killed runs\n")


def _tag(run_id):
    from emberflow.adapters.tracking_figures import Figures

    return Figures(tags={"emberflow.run_id": run_id})
