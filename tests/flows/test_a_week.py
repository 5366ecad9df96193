"""The page docs/a-week-in-the-life.md, lived through: a stack of its own, the digits example, and what is read on each day.

EMBERFLOW_WRITE_WEEK=1 puts what was read into the page, and starts the stack on its usual ports. Else the page must say the same, but for figures.
"""

import json
import os
import re
import shutil
import socket
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.error import HTTPError

import pytest

from emberflow.cli.stack import read_stack
from tests.flows.test_started_by_a_click import Api

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.slow, pytest.mark.longest, pytest.mark.timeout(3000)]

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "a-week-in-the-life.md"
BLOCK = re.compile(r"```(?:console|markdown) (\w+)\n(.*?)```", re.DOTALL)
DAMAGE = "    eights = np.flatnonzero(y[:1197] == 8)\n    y = y.copy()\n    y[eights[::2]] = 3\n"
AFTER = "  # (1797, 8, 8, 1)\n"
RECIPES = "recipes: [float32, int8, prune70-int8, cluster16-int8, prune70-cluster16-int8, qat-int8]"
STATES = ("COMPLETED", "FAILED", "CRASHED", "PAUSED")


class Week:
    """The folder that somebody works in, and the stack that runs there."""

    def __init__(self, folder, command):
        self.folder, self._command, self.said = folder, command, {}
        shutil.copytree(ROOT / "examples" / "digits", folder / "digits", ignore=shutil.ignore_patterns("__pycache__"))
        self.project, self.module = folder / "digits" / "emberflow.yaml", folder / "digits" / "digits.py"

    def type(self, name, *words, hidden=()):
        """A command and what it prints, kept under `name`; `hidden` words are not shown."""
        answer = self._command(*words, *hidden, cwd=self.folder)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        shown = " ".join(f"'{word}'" if "*" in word else word for word in words)
        self.keep(name, f"$ emberflow {shown}\n{answer.stdout}")

    def keep(self, name, text):
        """What was read, without where it was."""
        self.said[name] = self.said.get(name, "") + text.replace(f"{self.folder}/", "").replace(str(self.folder), ".").rstrip() + "\n"

    def edit(self, path, before, after):
        """A change of a file, which must have been as expected."""
        text = path.read_text()
        assert before in text
        path.write_text(text.replace(before, after))

    @property
    def api(self):
        """The stack's."""
        return Api(read_stack(self.folder / ".emberflow"))

    def click(self, **config):
        """A run of retrain-to-deploy that was started in the UI, once it ended or asks."""
        run = self.api.start("retrain-to-deploy", config)
        self.api.wait_for(run, STATES, 600)
        return run

    def answer(self, run, **said):
        """What a person fills into the form of a run that asks; on a busy machine Prefect's data base may be locked just then."""
        for _ in range(10):
            try:
                return self.api.prefect(f"flow_runs/{run}/resume", {"run_input": said})
            except HTTPError as error:
                if error.code != 503:
                    raise
                time.sleep(2)
        raise AssertionError("Prefect's data base stayed locked")

    def sentence(self, run):
        """The line on the run's page, under Logs, that says what became of its champion; a run's last lines arrive there some seconds after its end."""
        wanted = {"logs": {"flow_run_id": {"any_": [run]}}, "sort": "TIMESTAMP_DESC", "limit": 200}
        end = time.monotonic() + 60
        while True:
            lines = [line for each in self.api.prefect("logs/filter", wanted) for line in each["message"].splitlines()]
            if found := [line for line in lines if re.match(r"(promoted|kept|rejected|nothing new)", line)]:
                (sentence,) = found
                return sentence
            assert time.monotonic() < end, lines
            time.sleep(0.5)


@pytest.fixture(scope="module")
def week(command, tmp_path_factory):
    lived = Week(tmp_path_factory.mktemp("week"), command)
    try:
        live(lived)
    finally:
        if read_stack(lived.folder / ".emberflow"):
            command("down", cwd=lived.folder)
    return lived


def live(week):
    """From Monday to Friday."""
    monday(week)
    tuesday(week)
    wednesday(week)
    thursday(week)
    friday(week)


def monday(week):
    week.type("key", "key", "my.key")
    week.edit(week.project, RECIPES, "recipes: [int8, prune70-int8]\npublish: ../firmware\nsigning_key: ../my.key")
    soon = datetime.now(UTC) + timedelta(minutes=3)
    ports = () if os.environ.get("EMBERFLOW_WRITE_WEEK") else free_ports()
    cron = f"{soon.minute} {soon.hour} * * *"
    week.type("up", "up", "--project", "digits/emberflow.yaml", "--cron", cron, "--time-zone", "UTC", hidden=ports)
    run = week.api.wait_for_run_of("retrain-to-deploy", "digits/emberflow.yaml", 400, sort="EXPECTED_START_TIME_ASC")  # tomorrow's is there too
    state = week.api.wait_for(run, STATES, 900)
    assert state["type"] == "COMPLETED", state
    found = week.api.prefect(f"flow_runs/{run}")
    week.keep("scheduled", f"{found['name']}  {state['name']} after {found['total_run_time']:.0f} s, started by the schedule\n{week.sentence(run)}")


def tuesday(week):
    run = week.click()
    week.keep("unchanged", f"{week.sentence(run)}\n({week.api.prefect(f'flow_runs/{run}')['total_run_time']:.0f} s)")


def wednesday(week):
    week.edit(week.module, AFTER, AFTER + DAMAGE)
    run = week.click()
    week.keep("refused", week.sentence(run))
    (gate,) = [path for path in (week.folder / ".emberflow" / "runs").rglob("gate.md") if "kept version" in path.read_text()]
    week.keep("gate", gate.read_text())
    week.edit(week.module, DAMAGE, "")


def thursday(week):
    week.edit(week.project, "epochs: 20", "epochs: 40")
    run = week.click(approval="ask")
    state = week.api.state(run)
    assert state["type"] == "PAUSED", state
    week.keep("asked", f"{week.api.prefect(f'flow_runs/{run}')['name']}  {state['name']}\n")
    week.answer(run, answer="promote", comment="ran on the bench for an hour")
    assert week.api.wait_for(run, ("COMPLETED", "FAILED", "CRASHED"), 300)["type"] == "COMPLETED"
    week.keep("approved", week.sentence(run))
    week.keep("index", told(week))


def friday(week):
    week.type("rollback", "rollback", "digits/emberflow.yaml")
    week.keep("back", told(week))
    week.type("verify", "verify", "firmware/versions/1", "--key", "my.key.pub")
    week.type("down", "down")


def told(week):
    """What a device in the field, which polls the index, is told."""
    index = json.loads((week.folder / "firmware" / "index.json").read_text())["index"]
    lines = [f'"champion": {index["champion"]}', *(f'"path": "{each["path"]}", "recipe": "{each["recipe"]}"' for each in index["versions"])]
    return "\n".join(lines)


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return "--prefect-port", str(one.getsockname()[1]), "--mlflow-port", str(other.getsockname()[1])


def plain(text):
    """Without what differs from week to week: figures, digests, hosts' speed."""
    return re.sub(r"[0-9][0-9.,:]*", "N", re.sub(r"\b[0-9a-f]{12,}\b", "H", text))


def test_the_week_went_as_the_page_says(week):
    """Every block, but for figures."""
    if os.environ.get("EMBERFLOW_WRITE_WEEK"):
        text = PAGE.read_text()
        PAGE.write_text(BLOCK.sub(lambda found: f"{found[0].splitlines()[0]}\n{week.said[found[1]]}```", text))
    page = dict(BLOCK.findall(PAGE.read_text()))

    assert {name: plain(text) for name, text in week.said.items()} == {name: plain(text) for name, text in page.items()}


def test_each_day_ended_as_it_is_told(week):
    """The sentences that the days are about."""
    said = week.said

    assert "promoted version 1: it is the first, and fits stm32f103" in said["scheduled"]
    assert "nothing new: version 1, the champion, has the same model, data and code" in said["unchanged"]
    assert said["refused"].startswith("kept version 1: version 2 loses ")
    assert said["approved"].startswith("promoted version 3: accuracy ")
    assert "(approved: ran on the bench for an hour)" in said["approved"]
    assert '"champion": 3' in said["index"]
    assert "rolled back to version 1: version 3 is the previous one now" in said["rollback"]
    assert '"champion": 1' in said["back"]
