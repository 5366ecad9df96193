"""`emberflow up` and `emberflow down`: one real stack, and what goes wrong on the way to one."""

import io
import json
import os
import re
import socket
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import psutil
import pytest
from rich.console import Console

from emberflow.cli.doctor import Finding, look_at_stack
from emberflow.cli.environment import join_stack
from emberflow.cli.stack import MARK, Member, Stack, read_stack, stack_file, write_stack
from emberflow.cli.up import Listen, Work, bring_up, password_for, take_down, work_of
from emberflow.errors import EmberflowError, ProjectError

pytestmark = [pytest.mark.xdist_group("stack"), pytest.mark.slow, pytest.mark.long]


@pytest.fixture
def environment(monkeypatch):
    """This process's environment without anything of Prefect's."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    monkeypatch.setattr("os.environ", mine)
    return mine


def a_stack(home, *pids):
    members = tuple(Member(name=name, pid=pid, log=f"{name}.log") for name, pid in zip(("Prefect", "MLflow"), pids, strict=False))
    stack = Stack(mark="mine", prefect="http://127.0.0.1:1", mlflow="http://127.0.0.1:2", pages={}, is_secure=False, versions={}, members=members)
    write_stack(home, stack)
    return stack


@pytest.fixture
def half_a_stack(tmp_path):
    """One member sleeps, the other has ended."""
    sleeper = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], env=os.environ | {MARK: "mine"})
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    a_stack(tmp_path, sleeper.pid, ended.pid)
    yield sleeper
    sleeper.kill()
    sleeper.wait()


def ask(address, body=None, **headers):
    sent = json.dumps(body).encode() if body is not None else None
    request = Request(address, sent, {"Content-Type": "application/json", **headers})  # noqa: S310 - an address of our own
    with urlopen(request, timeout=20) as answer:  # noqa: S310
        return json.load(answer)


def test_a_stack_answers_on_this_machine_alone(stack):
    """Prefect's API with the deployments, MLflow, and no port that another machine could reach."""
    offered = {each["name"] for each in ask(f"{stack.prefect}/api/deployments/filter", {})}
    found = ask(f"{stack.mlflow}/api/2.0/mlflow/experiments/search", {"max_results": 5})
    addresses = {each.laddr.ip for process in stack.processes() for each in process.net_connections() if each.status == psutil.CONN_LISTEN}

    assert "retrain-to-deploy" in offered
    assert [each["name"] for each in found["experiments"]] == ["Default"]
    assert addresses == {"127.0.0.1"}


def test_an_idle_stack_is_small(stack):
    """The sum of each process's share of what it has in memory: below 1.5 GiB."""
    share_bytes = sum(process.memory_full_info().pss for process in stack.processes())

    assert 0 < share_bytes < 1.5 * 2**30


def test_prefects_ui_asks_this_server(stack):
    """By the port it was given."""
    assert ask(f"{stack.prefect}/ui-settings")["api_url"] == f"{stack.prefect}/api"


def test_started_again_it_joins(stack, stack_home, command):
    """The same addresses, whatever ports were asked for, and the same processes."""
    answer = command("up", "--home", str(stack_home), "--prefect-port", "1", "--mlflow-port", "2")

    assert answer.returncode == 0
    assert answer.stdout == (
        "It is running already.\n"
        f"Prefect {stack.prefect}\n"
        f"MLflow  {stack.mlflow}/#/experiments?workflowType=machine_learning\n"
        "end     emberflow down\n"
    )
    assert read_stack(stack_home) == stack


def test_the_doctor_says_where_it_answers(stack, stack_home):
    """And where none was started, how to."""
    assert look_at_stack(stack_home) == Finding("servers", f"Prefect {stack.prefect}, MLflow {stack.mlflow}")
    assert look_at_stack(stack_home / "elsewhere").remedy == "`emberflow up` starts Prefect, MLflow and a worker; a run needs none of them"


def test_a_run_joins_it(stack, stack_home, environment):
    """By Prefect's address and MLflow's; who has chosen a server keeps it."""
    assert join_stack(stack_home) == stack.mlflow
    assert environment["PREFECT_API_URL"] == f"{stack.prefect}/api"

    environment["PREFECT_API_URL"] = "http://prefect.example/api"
    join_stack(stack_home)
    assert environment["PREFECT_API_URL"] == "http://prefect.example/api"


def test_where_none_runs_a_run_joins_none(tmp_path, environment):
    """The embedded server is started then."""
    assert join_stack(tmp_path) is None
    assert "PREFECT_API_URL" not in environment


def test_a_member_that_died_is_named_by_up(tmp_path, half_a_stack, environment):
    """With its log, and what to do."""
    with pytest.raises(EmberflowError) as caught:
        bring_up(tmp_path, Listen(), Work())

    assert str(caught.value) == (
        "of the stack that was started here a part runs no more: MLflow died, its log is MLflow.log."
        " End the rest with `emberflow down`, then start again"
    )


def test_a_member_that_died_is_named_by_the_doctor(tmp_path, half_a_stack):
    """A run can do without it."""
    assert look_at_stack(tmp_path) == Finding(
        "servers", "MLflow died", f"see {tmp_path / 'logs'}, then `emberflow down` and `emberflow up`", is_needed=False
    )


def test_a_member_that_died_is_named_by_down_which_ends_the_rest(tmp_path, half_a_stack, capsys):
    """The data stay."""
    (tmp_path / "mlflow.db").touch()

    take_down(tmp_path)

    assert not psutil.pid_exists(half_a_stack.pid)
    said = capsys.readouterr().out
    assert said == f"MLflow had died already; its log is MLflow.log\nAll is ended; the data are kept in '{tmp_path}'.\n"
    assert not stack_file(tmp_path).exists()
    assert (tmp_path / "mlflow.db").exists()


def test_where_nothing_runs_down_says_so(tmp_path, capsys):
    """Ending what is ended is no mistake."""
    take_down(tmp_path)
    take_down(tmp_path / "nowhere")

    nowhere = tmp_path / "nowhere"
    assert capsys.readouterr().out == f"Nothing runs for '{tmp_path}'.\nNothing runs for '{nowhere}': there is no such folder.\n"


def test_a_stack_that_ended_by_itself_is_cleared_away_before_the_ports_are_tried(tmp_path, environment, taken):
    """A note of processes that are gone does not count as running; here the start fails then, on a port."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    a_stack(tmp_path, ended.pid)

    with pytest.raises(EmberflowError, match=f"port {taken}"):
        bring_up(tmp_path, Listen(prefect_port=taken), Work())


def test_a_server_that_ends_while_it_starts_is_told_with_its_last_words(tmp_path, environment):
    """Here Prefect's data base can't be; MLflow, which had begun, is ended too, and nothing is noted."""
    environment["PREFECT_API_DATABASE_CONNECTION_URL"] = "sqlite+aiosqlite:////proc/nowhere/prefect.db"

    with pytest.raises(EmberflowError, match=rf"Prefect ended while it started; its log, {tmp_path}/logs/prefect.log, ends with:\n.+") as caught:
        bring_up(tmp_path, Listen("127.0.0.1", *free_ports()), Work())

    assert len(str(caught.value).splitlines()) > 1
    assert not stack_file(tmp_path).exists()
    marked = [process for process in psutil.Process().children(recursive=True) if process.status() != psutil.STATUS_ZOMBIE]
    assert marked == []


PROJECT = Path(__file__).parents[2] / "examples" / "watch" / "emberflow.yaml"


def test_a_schedule_is_handed_to_the_worker():
    """With the project that it is for."""
    work = work_of(PROJECT, "0 2 * * *", "Europe/Berlin")

    assert work.words == ("--project", str(PROJECT), "--cron", "0 2 * * *", "--time-zone", "Europe/Berlin")
    assert work_of(None, None, "UTC").words == ()


def test_who_hears_of_what_goes_wrong_is_no_argument_of_the_worker():
    """Everybody on this machine could read it; nor is it in what Python shows of the work."""
    work = work_of(None, None, "UTC", "https://hooks.example.com/secret")

    assert work.alerts == "https://hooks.example.com/secret"
    assert work.words == ()
    assert "secret" not in repr(work)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ((None, "0 2 * * *", "UTC"), "received --cron without --project; expected the project that is to be retrained then"),
        ((PROJECT, "0 2 30 2 *", "UTC"), r"received '0 2 30 2 \*' as cron line: Bad day-of-month; expected fields of a moment that comes"),
        ((PROJECT, "0 2 * * *", "Berlin"), "received 'Berlin' as time zone; .* Did you mean 'Europe/Berlin'"),
        ((PROJECT.with_name("nowhere.yaml"), None, "UTC"), "nowhere.yaml"),
        ((None, None, "UTC", "http://hooks.example.com/secret"), r"received an address that is none, or not safe for alerts \(not shown here"),
    ],
)
def test_work_that_cannot_be_is_refused_before_anything_starts(said, words):
    """In the words of whoever knows."""
    with pytest.raises(ProjectError, match=words):
        work_of(*said)


def free_ports():
    with socket.socket() as one, socket.socket() as other:
        one.bind(("127.0.0.1", 0))
        other.bind(("127.0.0.1", 0))
        return one.getsockname()[1], other.getsockname()[1]


def test_alone_nobody_needs_a_password(tmp_path):
    """Nothing is made."""
    assert password_for(tmp_path, Listen(), Console()) is None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("listen", [Listen(host="0.0.0.0"), Listen(is_secure=True)])  # noqa: S104
def test_a_password_is_shown_once(tmp_path, listen, monkeypatch):
    """When it is made; later only where it is kept."""
    monkeypatch.setattr("emberflow.cli.password.find_spec", lambda name: name)
    output = io.StringIO()
    made = password_for(tmp_path, listen, Console(file=output, width=200))
    kept = password_for(tmp_path, listen, Console(file=output, width=200))

    assert made == kept
    assert output.getvalue() == (
        f"User emberflow, password {made.word}: for both servers, shown only now.\n"
        f"User and password are those of the first start; they are kept in {tmp_path / 'password'}.\n"
    )


@pytest.mark.skipif(find_spec("flask_wtf") is None, reason="the package Flask-WTF is missing: pip install 'emberflow[team]'")
def test_a_secure_stack_lets_nobody_in_without_the_password(tmp_path, command):
    """Neither Prefect nor MLflow; MLflow doesn't answer to another machine's name either, and no log or data base has the password."""
    prefect_port, mlflow_port = map(str, free_ports())
    try:
        answer = command("up", "--home", str(tmp_path), "--prefect-port", prefect_port, "--mlflow-port", mlflow_port, "--secure")
        assert answer.returncode == 0, answer.stderr
        (word,) = re.findall(r"password (\S+):", answer.stdout)
        stack = read_stack(tmp_path)
        pages = {f"{stack.prefect}/api/deployments/filter": {}, f"{stack.mlflow}/api/2.0/mlflow/experiments/search": {"max_results": 1}}
        right, wrong = (f"Basic {b64(f'emberflow:{each}')}" for each in (word, "guess"))
        for page, body in pages.items():
            assert ask(page, body, Authorization=right)
            for headers in ({}, {"Authorization": wrong}):
                with pytest.raises(HTTPError, match="401"):
                    ask(page, body, **headers)
        with pytest.raises(HTTPError, match="403"):
            ask(stack.mlflow, None, Authorization=right, Host="mlflow.example")
        kept = {file.relative_to(tmp_path).as_posix() for file in tmp_path.rglob("*") if file.is_file() and word.encode() in file.read_bytes()}
        assert kept == {"password"}
    finally:
        command("down", "--home", str(tmp_path))
    assert stack.processes() == []


def b64(text):
    import base64

    return base64.b64encode(text.encode()).decode()


def test_the_logs_lie_in_the_home_folder(stack, stack_home):
    """One for each process."""
    assert {"prefect.log", "mlflow.log", "worker.log"} <= {path.name for path in (stack_home / "logs").iterdir()}
    assert {Path(member.log).parent for member in stack.members} == {stack_home / "logs"}
