"""One retraining of a project at a time, on a real Prefect API."""

import threading
import time

import pytest

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]


@pytest.fixture
def _deployed(monkeypatch):
    """What runs here counts as started by a deployment."""
    monkeypatch.setenv("PREFECT__RUNTIME__DEPLOYMENT__ID", "0b6c8f6a-52e8-4d6c-9a3e-000000000000")


class Runs:
    """Runs that note when they begin and end, and end when they are told to."""

    def __init__(self):
        from flows.turn import in_turn

        self.notes = []
        self.may_end = threading.Event()
        self._run = in_turn(self._note)
        self.threads = []

    def _note(self, config):
        self.notes.append(f"{config.project} begins")
        assert self.may_end.wait(60)
        self.notes.append(f"{config.project} ends")

    def start(self, project):
        """Have a run in a thread of its own."""
        from flows.settings import RunConfig

        thread = threading.Thread(target=self._run, args=(RunConfig(project=str(project)),))
        self.threads.append(thread)
        thread.start()

    def wait_for(self, count):
        """Until there are so many notes."""
        end = time.monotonic() + 60
        while len(self.notes) < count:
            assert time.monotonic() < end, self.notes
            time.sleep(0.05)

    def end(self):
        """Let all runs end, and see them do so."""
        self.may_end.set()
        for thread in self.threads:
            thread.join(60)


@pytest.mark.usefixtures("_deployed")
def test_a_second_retraining_of_a_project_waits(prefect_api, write_project):
    """It begins when the first has ended; a project of another name does not wait."""
    runs = Runs()
    runs.start(one := write_project(name="one"))
    runs.wait_for(1)
    runs.start(one)
    runs.start(other := write_project(name="other"))
    runs.wait_for(2)
    time.sleep(1)
    assert runs.notes == [f"{one} begins", f"{other} begins"]

    runs.end()

    of_one = [note.removeprefix(f"{one} ") for note in runs.notes if note.startswith(f"{one} ")]
    assert of_one == ["begins", "ends", "begins", "ends"]


@pytest.mark.usefixtures("_deployed")
def test_a_run_that_failed_has_given_up_its_turn(prefect_api, write_project):
    """The next one begins at once."""
    from flows.settings import RunConfig
    from flows.turn import in_turn

    def fail(config):
        raise ValueError(config.project)

    path = str(write_project(name="failing"))
    for _ in range(2):
        with pytest.raises(ValueError, match=path):
            in_turn(fail)(RunConfig(project=path))


@pytest.mark.usefixtures("_deployed")
def test_a_project_that_cannot_be_read_waits_for_nobody(tmp_path):
    """The run itself says what is wrong."""
    from flows.settings import RunConfig
    from flows.turn import in_turn

    assert in_turn(lambda config: config.project)(RunConfig(project=str(tmp_path / "nowhere.yaml"))) == str(tmp_path / "nowhere.yaml")


def test_a_run_from_the_shell_does_not_wait(write_project):
    """Somebody sits in front of it."""
    runs = Runs()
    runs.start(path := write_project(name="one"))
    runs.start(path)
    runs.wait_for(2)
    runs.end()

    assert len(runs.notes) == 4
