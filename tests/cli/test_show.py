"""What `report`, `recipes` and `targets` print: the run's table, its words and its places; the grammar; each value's source."""

import io
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from rich.console import Console

from emberflow.cli.show import places, show_last, show_recipes, show_record, show_targets
from emberflow.errors import ProjectError, RecipeError, TargetError
from emberflow.gate import unchanged
from emberflow.recipe import ALL, NAMED_SETS, Format
from emberflow.runs import write_decision, write_record
from emberflow.target import load_targets

MADE = runpy.run_path(str(Path(__file__).parents[1] / "a_record.py"))
RECORD, NOTHING_FITS = MADE["RECORD"], MADE["nothing_fits"]()
RUN = "smart-watch/20260412-083107-kqzt"


@pytest.fixture(autouse=True)
def _wide(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")


def shown(record, home, width=80):
    output = io.StringIO()
    show_record(record, home, Console(file=output, width=width))
    return output.getvalue()


def in_mlflow(record):
    ids = {"mlflow_run_id": "0123", "mlflow_experiment_id": "7"}
    return record.model_copy(update={"provenance": record.provenance.model_copy(update=ids)})


def with_mlflow(home):
    home.mkdir(parents=True)
    (home / "mlflow.db").touch()
    return home


def test_a_run_is_shown_as_table_words_and_places(tmp_path):
    """In this order; every recipe has its line, and the champion its star."""
    text = shown(RECORD, tmp_path)
    lines = text.splitlines()

    for variant in RECORD.variants:
        assert any(variant.recipe in line.split() for line in lines)
    assert any("★" in line and "int8" in line for line in lines)
    assert " ".join(text.split()).count(RECORD.choice.explanation) == 1
    assert lines[-2:] == [f"report  {tmp_path}/runs/{RUN}/report.html", f"bundle  {tmp_path}/bundles/{RUN}"]


def test_what_the_gate_decided_stands_between_words_and_places(tmp_path):
    """One sentence."""
    write_decision(write_record(tmp_path, RECORD).parent, unchanged(7, 7, "the champion"))

    lines = shown(RECORD, tmp_path).splitlines()

    assert ["", "nothing new: version 7, the champion, has the same model, data and code", ""] == lines[-5:-2]


def test_a_file_gets_the_whole_table_and_words_of_a_readable_width(tmp_path):
    """A terminal of 80 columns would lose columns; a log file need not. Sentences are broken at 80, or 100 where it is wider."""
    narrow, wide = (shown(RECORD, tmp_path, width=width).splitlines() for width in (80, 160))

    for lines, broken_at in ((narrow, 80), (wide, 100)):
        heading = next(line for line in lines if "recipe " in line)
        words = next(line for line in lines if line.startswith("int8 is the most accurate"))
        assert {"recipe", "accuracy", "drop", "µs", "equals", "verdict"} <= set(heading.split())
        assert broken_at - 20 < len(words.rstrip()) <= broken_at


def test_where_nothing_fits_there_is_no_bundle(tmp_path):
    """The words name the variant that came nearest."""
    text = shown(NOTHING_FITS, tmp_path)

    assert "None of the 14 variants fits. int8 misses by the least: 10,616 B of flash." in text
    assert list(places(NOTHING_FITS, tmp_path)) == ["report"]


def test_a_local_mlflow_is_named_with_the_command_that_opens_its_pages(tmp_path):
    """The experiment's page, in the classic view: MLflow 3 opens in another one."""
    home = with_mlflow(tmp_path / "home")
    command, page = places(in_mlflow(RECORD), home)["MLflow"].split("\n")

    assert command.endswith(f" server --workers 1 --backend-store-uri sqlite:///{home}/mlflow.db")
    assert page == "        then open http://127.0.0.1:5000/#/experiments/7/runs?workflowType=machine_learning"


def test_that_command_can_be_copied_from_a_folder_with_a_space_in_its_name(tmp_path):
    """It is one word to a shell, and begins with the job execution switched off."""
    home = with_mlflow(tmp_path / "my runs")
    command = places(in_mlflow(RECORD), home)["MLflow"].split("\n")[0]

    setting, program, *_, address = shlex.split(command)
    assert setting == "MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false"
    assert Path(program).name == "mlflow"
    assert Path(program).exists()
    assert address == f"sqlite:///{home}/mlflow.db"


@pytest.mark.parametrize(("record", "has_file"), [(RECORD, True), (in_mlflow(RECORD), False)])
def test_an_mlflow_elsewhere_is_not_offered(tmp_path, record, has_file):
    """No run in MLflow, or none in the home folder: a server has pages of its own."""
    home = with_mlflow(tmp_path / "home") if has_file else tmp_path

    assert "MLflow" not in places(record, home)


def test_the_last_run_is_shown_again(tmp_path, capsys):
    """From its record."""
    write_record(tmp_path, RECORD)

    show_last(None, tmp_path)
    last = capsys.readouterr().out
    show_last("smart-watch", tmp_path)

    assert f"runs/{RUN}/report.html" in last
    assert capsys.readouterr().out == last


def test_without_a_run_the_way_to_one_is_told(tmp_path):
    """No folder is made by asking."""
    with pytest.raises(ProjectError) as caught:
        show_last(None, tmp_path / "home")

    assert str(caught.value) == f"no finished run under '{tmp_path / 'home'}'; start one with `emberflow run examples/watch/emberflow.yaml`"
    assert not (tmp_path / "home").exists()


def test_a_project_that_never_ran_is_told_with_those_that_did(tmp_path):
    """And with the one that was meant."""
    write_record(tmp_path, RECORD)

    with pytest.raises(ProjectError) as caught:
        show_last("smartwatch", tmp_path)

    assert str(caught.value) == f"no run of 'smartwatch' under '{tmp_path}'; known are smart-watch. Did you mean 'smart-watch'?"


def test_the_grammar_of_recipes_lists_every_step_format_and_set(capsys):
    """And each recipe of the default set with its meaning."""
    show_recipes(None)

    printed = capsys.readouterr().out
    first = [line.split()[0] for line in printed.splitlines() if line.strip()]
    assert {"prune<percent>", "prune<percent>x<n>", "prune<m>of<n>", "cluster<n>", "qat"} <= set(first)
    assert set(map(str, Format)) <= set(first)
    assert set(map(str, ALL)) <= set(first)
    assert f"Named sets: {', '.join(NAMED_SETS)}." in printed


def test_a_recipe_is_explained(capsys):
    """One sentence, step by step."""
    show_recipes("prune70-int8")

    assert capsys.readouterr().out == ("prune70-int8: the smallest 70 % of each layer's weights become zero; then full integer, int8 in and out\n")


def test_an_unknown_recipe_is_told(capsys):
    """With the form that was meant; nothing is printed."""
    with pytest.raises(RecipeError, match=r"received 'prune70-in8'.*Did you mean 'int8'\?"):
        show_recipes("prune70-in8")

    assert capsys.readouterr().out == ""


def test_all_targets_are_listed(capsys):
    """One line each, with core, clock and memory."""
    show_targets(None)

    lines = capsys.readouterr().out.splitlines()
    for name in load_targets():
        assert any(line.startswith(f"{name} ") for line in lines)
    [line] = [line for line in lines if line.startswith("stm32f103 ")]
    # STM32F103RB: 72 MHz, 128 KiB of flash, 20 KiB of RAM
    assert line.split()[-6:] == ["72", "MHz", "128", "KiB", "20", "KiB"]


@pytest.mark.parametrize("name", load_targets())
def test_a_target_is_shown_with_the_source_of_each_value(name, capsys):
    """Of every value that its file gives a source for, among those shown."""
    show_targets(name)

    target = load_targets()[name]
    printed = " ".join(capsys.readouterr().out.split())
    assert target.title in printed
    assert f"flash_bytes {target.flash_bytes:,} " in printed
    for key in ("core", "clock_hz", "flash_bytes"):
        assert " ".join(target.sources[key].split())[:20] in printed


def test_the_sources_of_one_target(capsys):
    """Read against ST's own header once, by hand: FLASH_END is 0x080FFFFF, so 1,048,576 B from 0x08000000."""
    show_targets("stm32f405")

    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "flash_bytes 1,048,576 ST DS8626 Rev 12, p. 15, table 2: 1024 Kbytes; CMSIS header stm32f405xx.h, FLASH_BASE and FLASH_END" in lines
    assert any(line.startswith("region ccm 0x10000000, 64 KiB CMSIS header stm32f405xx.h") for line in lines)
    assert "formats float32, int8, uint8, int16x8" in lines


def test_an_unknown_target_is_told():
    """With all that are known and the one that was meant."""
    with pytest.raises(TargetError, match=r"received 'stm32f40' as a target; expected one of .*stm32f405.* Did you mean 'stm32f405'\?"):
        show_targets("stm32f40")


def test_showing_imports_nothing_that_computes():
    """`emberflow report` is for looking, and answers at once."""
    code = "import emberflow.cli.show, sys; print(sorted({'tensorflow', 'mlflow', 'prefect', 'matplotlib', 'sklearn'} & set(sys.modules)))"

    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
