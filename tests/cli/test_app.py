"""The commands as a user gives them: what is answered, with which exit code, and on which of the two outputs."""

import ast
import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from emberflow.cli import main
from emberflow.cli.app import app
from emberflow.runs import write_record

WATCH = Path(__file__).parents[2] / "examples" / "watch" / "emberflow.yaml"
COMMANDS = ("run", "report", "recipes", "targets", "compile", "convert", "verify", "rollback", "key", "doctor")


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("NO_COLOR", "1")


def invoke(*words):
    return CliRunner().invoke(app, list(words))


def emberflow(*words):
    """The command as it is installed, in a process of its own."""
    command = [str(Path(sys.executable).with_name("emberflow")), *words]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    return answer.returncode, answer.stdout, answer.stderr


def test_help_lists_the_commands():
    """And the line to begin with."""
    answer = invoke("--help")

    assert answer.exit_code == 0
    assert all(f" {command} " in answer.output for command in COMMANDS)
    assert "emberflow run examples/watch/emberflow.yaml" in answer.output


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_has_help(command):
    """With -h as with --help."""
    answer = invoke(command, "-h")

    assert answer.exit_code == 0
    assert f"Usage: root {command}" in answer.output
    assert invoke(command, "--help").output == answer.output


@pytest.mark.parametrize("command", ["init", "inspect", "convert"])
def test_what_takes_a_model_takes_trust_by_a_name_for_its_risk(command):
    """And the classes of the user's own, which need it."""
    words = " ".join(invoke(command, "-h").output.replace("│", " ").split())

    assert "--trust-model-code <bool> let the model run whatever code its file holds, with your rights; only if you trust whoever made it" in words
    assert "--custom-objects <str> with --trust-model-code: module:function that gives your own classes" in words


@pytest.mark.parametrize(
    "words", [("init", "new", "--model", "m.keras"), ("inspect", "m.keras"), ("convert", "m.keras", "--format", "int8", "--out", "m")]
)
def test_custom_objects_without_trust_are_refused(words):
    """Before the model is looked for."""
    answer = invoke(*words, "--custom-objects", "a:b")

    assert "received custom_objects 'a:b' without trust; your classes are given whatever the file says" in str(answer.exception)


def test_the_help_of_run_says_how_it_ends():
    """A script or a CI job asks by exit code."""
    assert "Ends with 0; with 1 when no variant fits or a stage failed; with 2 when the project file is wrong." in invoke("run", "-h").output


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["recipes"], "prune<percent>"),
        (["recipes", "qat-int8"], "qat-int8: "),
        (["targets"], "stm32f405"),
        (["targets", "rp2040"], "flash_bytes"),
    ],
)
def test_what_is_asked_is_answered_on_the_standard_output(words, part):
    """Exit code 0."""
    answer = invoke(*words)

    assert (answer.exit_code, answer.stderr) == (0, "")
    assert part in answer.stdout


def test_a_pair_of_keys_is_made_once(tmp_path):
    """Where both lie is said; the private one is never overwritten."""
    answer = invoke("key", str(tmp_path / "my.key"))

    assert f"private  {tmp_path / 'my.key'}  (keep it;" in answer.stdout
    assert f"public   {tmp_path / 'my.key.pub'}" in answer.stdout
    assert "File exists" in str(invoke("key", str(tmp_path / "my.key")).exception)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["recipes", "prune70-qat-in8"], "emberflow: received 'prune70-qat-in8': 'in8' is not a number format;"),
        (["recipes", "qat-float16"], "emberflow: received 'qat-float16'"),
        (["targets", "stm32f40"], "emberflow: received 'stm32f40' as a target; expected one of "),
        (["report", "--home", "nowhere"], "emberflow: no finished run under 'nowhere'; start one with `emberflow run examples/watch/emberflow.yaml`"),
        (["report", "watch", "--home", "nowhere"], "emberflow: no run of 'watch' under 'nowhere'; known are none."),
    ],
)
def test_what_the_user_got_wrong_is_told_without_a_trace_and_ends_with_2(words, told, monkeypatch, capsys):
    """On the error output; nothing on the other."""
    monkeypatch.setattr(sys, "argv", ["emberflow", *words])

    with pytest.raises(SystemExit) as caught:
        main()

    printed = capsys.readouterr()
    assert caught.value.code == 2
    assert printed.out == ""
    assert printed.err.startswith(f"\n{told}")
    assert printed.err.count("\n") == 2  # an empty line before, the end of the line after


def test_what_failed_of_another_cause_ends_with_1(tmp_path, monkeypatch, capsys):
    """Here the home folder can't be made, which no project file is to blame for; found before Prefect is started."""
    (tmp_path / "file").touch()
    home = tmp_path / "file" / "home"
    monkeypatch.setattr(sys, "argv", ["emberflow", "run", str(WATCH), "--home", str(home)])

    with pytest.raises(SystemExit) as caught:
        main()

    assert caught.value.code == 1
    assert capsys.readouterr().err == f"\nemberflow: can't make the folder '{home}': Not a directory; give --home a folder that you may write to\n"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ("recipes: [int8]", "prune50-int8, qat-int8 can be carried out: a SavedModel is a graph without layers, which can't be pruned, clustered or"),
        ("signature: clasify", "it offers classify(signal: float32 (any, 12)) -> scores: float32 (any, 3); raw("),
        ("baseline: reader/", "'reader' holds the operator ReadFile in signature 'peep'"),
        ("baseline: missing/", "as a SavedModel; expected a directory, and there is none"),
    ],
)
def test_what_a_baseline_doesn_t_allow_is_told_before_prefect_is_started(changes, told, saved_models, monkeypatch, capsys):
    """Which takes ten seconds; the first asks for recipes that a SavedModel doesn't allow, in place of the project's."""
    said = {"name": "a", "baseline": "classifier/", "signature": "classify", "data": "a:b", "target": "stm32f405", "recipes": "all"}
    said |= dict([changes.split(": ")])
    if "reader" in changes:
        said.pop("signature")
    path = saved_models / "emberflow.yaml"
    path.write_text("\n".join(f"{key}: {value}" for key, value in said.items()))
    monkeypatch.setattr(sys, "argv", ["emberflow", "run", str(path), "--recipes", "prune50-int8,qat-int8", "--home", str(saved_models / "home")])

    with pytest.raises(SystemExit):
        main()

    assert told in capsys.readouterr().err
    assert not (saved_models / "home").exists()


@pytest.mark.parametrize("words", [["nonsense"], ["recipes", "--nonsense"], ["run"], ["targets", "a", "b"]])
def test_what_is_no_command_ends_with_2_and_points_to_the_help(words):
    """As other commands do."""
    answer = invoke(*words)

    assert answer.exit_code == 2
    assert "-h' for help" in answer.stderr


def test_the_installed_command_answers():
    """On the standard output, with 0."""
    assert emberflow("recipes", "int8") == (0, "int8: full integer, int8 in and out\n", "")


def test_the_installed_command_tells_an_unknown_target_on_the_error_output():
    """With a hint, no trace, and 2."""
    code, out, err = emberflow("targets", "stm32f40")

    assert (code, out) == (2, "")
    assert err.startswith("\nemberflow: received 'stm32f40' as a target; expected one of ")
    assert err.endswith("Did you mean 'stm32f405'?\n")


@pytest.mark.parametrize(
    "words", [["--help"], ["recipes"], ["recipes", "prune70-int8"], ["targets"], ["targets", "stm32f405"], ["report", "--home", "HOME"]]
)
def test_what_only_tells_imports_nothing_slow(words, home_of_a_run):
    """TensorFlow takes 10 s to import, MLflow 4, Prefect 2: these commands answer at once."""
    assert [] == slow_imports(*(str(home_of_a_run) if word == "HOME" else word for word in words))


def test_a_tflite_is_inspected_without_tensorflow(models, tmp_path):
    """Its page is drawn with matplotlib; nothing else of what is slow is needed. With --json, not even that."""
    (tmp_path / "small.tflite").write_bytes(models.small_tflite())
    words = ("inspect", str(tmp_path / "small.tflite"))

    assert ["matplotlib"] == slow_imports(*words, "--out", str(tmp_path / "page.html"))
    assert [] == slow_imports(*words, "--json")


@pytest.fixture
def home_of_a_run(tmp_path):
    """A home folder with the record of one run."""
    write_record(tmp_path, runpy.run_path(str(Path(__file__).parents[1] / "a_record.py"))["RECORD"])
    return tmp_path


def slow_imports(*words):
    """What of the slow packages is imported when the command line is called with `words`."""
    code = (
        "import atexit, sys; from emberflow.cli import main;"
        "atexit.register(lambda: print('SLOW', sorted({'tensorflow', 'mlflow', 'prefect', 'matplotlib', 'sklearn'} & set(sys.modules)))); main()"
    )
    answer = subprocess.run([sys.executable, "-c", code, *words], env=os.environ, capture_output=True, text=True, check=True)
    return ast.literal_eval(answer.stdout.splitlines()[-1].removeprefix("SLOW "))
