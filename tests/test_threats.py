"""What docs/threat-model.md says is tried, is there; and what no single module can be held to."""

import ast
import json
import re
import runpy
from pathlib import Path

import pytest

from emberflow.adapters import tracking_notes
from emberflow.adapters.tracking_figures import csv
from emberflow.cli.show import places
from emberflow.errors import ProjectError
from emberflow.model_card import render_model_card
from emberflow.project import parse_project
from emberflow.runs import last_record
from emberflow.table import markdown

ROOT = Path(__file__).parents[1]
SHARED = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
RECORD = SHARED["RECORD"]
EVIL = "<script>alert(1)</script> [x](javascript:alert(1)) ![i](http://e/x.png) `evil` |\n# =1+1"
UNESCAPED = re.compile(r"(?<!\\)(<script|\[x|!\[i|`evil)")


def test_every_attack_of_the_threat_model_has_its_test():
    """By file and name."""
    named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", (ROOT / "docs" / "threat-model.md").read_text(encoding="utf-8"))

    assert len(named) >= 25
    missing = [f"{file}::{name}" for file, name in named if not (ROOT / file).is_file() or (name and f"def {name}(" not in (ROOT / file).read_text())]
    assert [] == missing


def calls(path):
    """Every call in a file, as it is written, with its keywords."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}


def dangers(path):
    """What in a file starts a shell, or runs what a file or a text says."""
    wild = {"eval", "exec", "os.system", "os.popen", "pickle.load", "pickle.loads", "marshal.loads", "yaml.unsafe_load", "yaml.full_load", "input"}
    for name, keywords in calls(path):
        if name in wild or "shell" in keywords or (name == "yaml.load" and "_Loader" not in str(keywords)):
            yield f"{path.name}: {name}"


def test_nothing_of_ours_starts_a_shell_or_runs_text():
    """So a name, a path, an address or a cron line is an argument, and never a command."""
    files = [path for room in ("src", "tasks", "flows", "deployments") for path in (ROOT / room).rglob("*.py")]

    assert len(files) > 200
    assert [] == [danger for path in files for danger in dangers(path)]


@pytest.mark.parametrize(
    "line", ["subprocess.run('ls', shell=True)", "os.system('ls')", "eval('1')", "yaml.load(x, Loader=yaml.Loader)", "pickle.loads(x)"]
)
def test_the_search_for_shells_complains(line, tmp_path):
    """Of five ways."""
    (tmp_path / "a.py").write_text(line)

    assert 1 == len(list(dangers(tmp_path / "a.py")))


@pytest.mark.parametrize("name", ["../x", "a/b", ".", "..", "-rf", "a b", "a\nb", "$(id)", "<script>", "=1+1", "[x](y)", "é", "A", "a" * 41])
def test_a_project_name_is_a_plain_word(name):
    """It names folders, C symbols, MLflow's experiment and Prefect's artifacts."""
    with pytest.raises(ProjectError, match=r"name: received"):
        parse_project(json.dumps({"name": name, "baseline": "w:build", "data": "w:load", "target": "stm32f405"}))


def test_a_report_of_another_folder_is_not_asked_for(tmp_path):
    """A name leads to a folder only where there is one of it."""
    (tmp_path / "runs" / "watch").mkdir(parents=True)
    (tmp_path / "other" / "run").mkdir(parents=True)
    (tmp_path / "other" / "run" / "record.json").write_text("{}")

    with pytest.raises(ProjectError, match=r"no run of '\.\./other' under"):
        last_record(tmp_path, "../other")


def hostile():
    """The record with EVIL in every note, reason, unit and label that Markdown shows."""
    variant = RECORD.variant("int8")
    reasons = tuple(reason.model_copy(update={"message": EVIL, "advice": EVIL}) for reason in RECORD.variant("dynamic").verdict.reasons)
    micro = variant.evaluation.micro.model_copy(update={"runs": False, "reason": EVIL})
    variant = variant.model_copy(
        update={
            "notes": (EVIL,),
            "verdict": variant.verdict.model_copy(update={"fits": False, "reasons": reasons, "notes": (EVIL,)}),
            "evaluation": variant.evaluation.model_copy(update={"micro": micro}),
        }
    )
    splits = RECORD.splits.model_copy(update={"labels": (EVIL,) * 7, "warnings": (EVIL,), "target_unit": EVIL})
    choice = RECORD.choice.model_copy(update={"explanation": EVIL})
    return RECORD.model_copy(update={"variants": (variant, *RECORD.variants[:2]), "splits": splits, "choice": choice}), variant


def test_markdown_for_mlflow_and_prefect_shows_strangers_words_as_words():
    """Descriptions of runs, the table, the model card: no tag, no link, no picture, no code."""
    record, variant = hostile()
    texts = {
        "note of the variant": tracking_notes.of_variant(variant, "stm32f405", record.measure),
        "note of the run": tracking_notes.of_run(record, "page"),
        "table": markdown(record),
        "model card": render_model_card(record, variant),
    }

    assert {} == {name: found for name, text in texts.items() if (found := UNESCAPED.findall(text.replace("&lt;", "")))}
    assert all("alert(1)" in text for text in texts.values())


def test_no_cell_of_the_csv_is_a_formula():
    """What a spreadsheet would compute: cells that begin with = + - @ and are no numbers."""
    record, _ = hostile()
    cells = [cell for line in csv(record).splitlines() for cell in line.split(",")]

    assert len(cells) > 60
    assert [] == [cell for cell in cells if re.match(r"[=+@\t-]", cell) and not re.fullmatch(r"-?[0-9.e+-]+", cell)]


def test_a_command_to_copy_is_quoted(tmp_path):
    """A home folder called `$(id) x` in the line that opens MLflow's pages."""
    home = tmp_path / "$(id) x"
    home.mkdir()
    (home / "mlflow.db").touch()
    provenance = RECORD.provenance.model_copy(update={"mlflow_run_id": "1", "mlflow_experiment_id": "1"})

    told = places(RECORD.model_copy(update={"provenance": provenance}), home)["MLflow"]

    assert f"--backend-store-uri 'sqlite:///{home / 'mlflow.db'}'" in told
