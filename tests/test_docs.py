"""The documentation says what is so: its examples run, its reference is generated, its links lead somewhere."""

import os
import re
from pathlib import Path

import pytest

from emberflow import project as project_module
from emberflow.budget import Budget
from emberflow.compiler.lower import LOWERINGS
from emberflow.dataset import Preparation, Sampling, prepare
from emberflow.entry import call
from emberflow.gate import decide, unchanged
from emberflow.project import ArrayFiles, DataFiles, Project, parse_project
from emberflow.promotion import Rules
from emberflow.training import FineTuning, Training
from emberflow.wishes import LayerWish
from tests.compiler.ledger import refused_section, tflm_section
from tests.test_gate import candidate, contest

ROOT = Path(__file__).parent.parent
PAGES = sorted(
    [
        ROOT / "README.md",
        ROOT / "mlflow" / "README.md",
        ROOT / "deployments" / "README.md",
        ROOT / "benchmarks" / "README.md",
        *(ROOT / "docs").rglob("*.md"),
    ]
)
REFERENCE = ROOT / "docs" / "reference" / "project-file.md"
SECTIONS = {
    "": Project,
    "training": Training,
    "fine_tuning": FineTuning,
    "budget": Budget,
    "data": DataFiles,
    "data.sampling": Sampling,
    "data.train": ArrayFiles,
    "layers": LayerWish,
}


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", path.read_text(), re.DOTALL)


def reference():
    """The page that docs/reference/project-file.md must be; EMBERFLOW_WRITE_REFERENCE=1 writes it."""
    lines = ["# The project file", "", "Generated from `src/emberflow/project.py`; a test keeps it true.", ""]
    for name, model in SECTIONS.items():
        lines += [
            f"## `{name}`" if name else "## Top level",
            "",
            model.__doc__.splitlines()[0],
            "",
            "| key | default | meaning |",
            "| --- | --- | --- |",
        ]
        for key, field in model.model_fields.items():
            default = "required" if field.is_required() else _default(field)
            lines.append(f"| `{key}` | {default} | {(field.description or '').replace('|', chr(92) + '|')} |")
        lines.append("")
    return "\n".join(lines)


def _default(field):
    value = field.get_default(call_default_factory=True)
    if isinstance(value, tuple) and value:
        return "the set `all`"
    return (
        f"`{value}`" if isinstance(value, str | int | float | bool) else "see below" if value is not None and not isinstance(value, tuple) else "none"
    )


def test_the_reference_is_what_the_code_says():
    """Write it anew with EMBERFLOW_WRITE_REFERENCE=1 pytest tests/test_docs.py."""
    if os.environ.get("EMBERFLOW_WRITE_REFERENCE"):
        REFERENCE.write_text(reference())

    assert reference() == REFERENCE.read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    """Relative ones; nothing else is checked without a network."""
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)#][^)]*)\)", page.read_text()) if "://" not in link]

    assert [] == [link for link in links if not (page.parent / link).exists()]


def test_the_projects_in_the_documentation_are_projects():
    """Every YAML block with a name is parsed; the README's is the example's own file."""
    found = [block for page in PAGES for block in blocks(page, "yaml") if block.lstrip().startswith("name:")]

    assert len(found) >= 2
    assert all(parse_project(block).recipes for block in found)


def test_the_readme_shows_the_example_as_it_is():
    """Keys and values; comments may differ."""
    (shown,) = blocks(ROOT / "README.md", "yaml")

    assert parse_project((ROOT / "examples" / "watch" / "emberflow.yaml").read_text()) == parse_project(shown)


def test_the_tutorials_data_are_good(tmp_path):
    """Its function returns a Dataset that passes every check, without a warning."""
    (source,) = blocks(ROOT / "docs" / "tutorial.md", "python")
    (tmp_path / "gesture.py").write_text(source)

    made = prepare(call("gesture:load", tmp_path), Preparation(calibration_samples=32))

    assert {"train": 384, "validation": 96, "test": 192, "calibration": 32, "vectors": 128} == {name: len(x) for name, (x, _) in made.parts.items()}
    assert () == made.warnings


def test_the_data_files_of_the_how_to_are_accepted():
    """Its block stands in a project's data."""
    (block,) = blocks(ROOT / "docs" / "how-to" / "use-files.md", "yaml")

    assert isinstance(parse_project(f"name: a\nbaseline: a:b\ntarget: stm32f405\n{block}").data, DataFiles)


def test_the_docstring_of_the_project_module_shows_a_project():
    """Its example is run by doctest in tests/test_project.py; here it must be there."""
    assert "name: watch" in (project_module.__doc__ or "")


OPERATORS = ROOT / "docs" / "reference" / "operators.md"
CORES = "M0+, M3, M4, M7, M33"


def operator_table(path):
    """The lines of the table of operators in a page."""
    compiled, *_ = path.read_text().split("\n## Refused\n")
    return re.findall(r"^\| (?:operator|---|`[A-Z0-9_]+`) \|.*$", compiled, re.MULTILINE)


def operator_rows():
    """Operator, models, vectors, vectors on cores, cores, differing bytes."""
    return [[cell.strip("` ").replace(",", "") for cell in line.strip("|").split(" | ")] for line in operator_table(OPERATORS)[2:]]


def readme_table():
    """What the README must say of the operators: the page's table, and its sums."""
    rows = operator_rows()
    models, vectors, on_cores, differing = (sum(int(row[column]) for row in rows) for column in (1, 2, 3, 5))
    told = (
        f"{len(rows)} operators in {models:,} forms, {vectors:,} vectors on this machine and {on_cores:,} on emulated cores"
        f" (Cortex-{CORES}), {differing:,} bytes that differ from TensorFlow Lite for Microcontrollers"
    )
    return "\n".join(["<details>", f"<summary>{told}</summary>", "", *operator_table(OPERATORS), "", "</details>"])


def test_the_page_of_operators_names_those_that_are_compiled():
    """`pytest tests/compiler --ledger docs/reference/operators.md` writes it anew."""
    rows = operator_rows()

    assert sorted(LOWERINGS) == [name for name, *_ in rows]
    assert {"0"} == {differing for *_, differing in rows}
    assert {CORES.replace(",", "")} == {cores for *_, cores, _ in rows}
    assert all(int(row[3]) > 0 for row in rows)


def test_the_page_of_operators_says_what_is_refused():
    """In the compiler's own words, and in TFLM's."""
    assert OPERATORS.read_text().endswith(refused_section() + tflm_section())


def test_the_readme_has_the_table_of_the_page_of_operators():
    """Write it anew with EMBERFLOW_WRITE_REFERENCE=1 pytest tests/test_docs.py."""
    readme = (ROOT / "README.md").read_text()
    if os.environ.get("EMBERFLOW_WRITE_REFERENCE"):
        readme = re.sub(r"<details>.*?</details>", lambda _: readme_table(), readme, count=1, flags=re.DOTALL)
        (ROOT / "README.md").write_text(readme)

    assert [readme_table()] == re.findall(r"<details>.*?</details>", readme, re.DOTALL)


WEEK = ROOT / "docs" / "a-week-in-the-life.md"


def test_the_commands_of_the_week_are_commands_with_those_options():
    """tests/flows/test_a_week.py, which takes minutes, types them."""
    from typer.main import get_command

    from emberflow.cli.app import app

    known = get_command(app).commands
    typed = re.findall(r"^\$ emberflow (.*)$", WEEK.read_text(), re.MULTILINE)

    assert {"key", "up", "rollback", "verify", "down"} == {line.split()[0] for line in typed}
    for line in typed:
        options = {option for each in known[line.split()[0]].params for option in each.opts}
        assert set(re.findall(r"--[a-z-]+", line)) <= options, line


def test_the_sentences_of_the_week_are_those_of_the_gate():
    """Each day's, as the gate words it; figures differ."""
    text = WEEK.read_text()
    first = decide(candidate(champion=None), None, Rules()).sentence.replace("version 8", "version 1").replace("stm32f405", "stm32f103")
    kept = decide(candidate(champion=1), contest(0.021), Rules()).sentence.replace("version 8", "version 2")
    better = decide(candidate(champion=1), contest(-0.003), Rules()).sentence.replace("version 8", "version 3")

    for sentence in (first, unchanged(1, 1, "the champion").sentence, kept, better):
        assert re.search(re.sub(r"0\\\.[0-9]+", r"0\\.[0-9]+", re.escape(sentence)).replace("a\\ gain", "a\\ (gain|loss)"), text), sentence


def test_every_promise_of_reliability_names_a_test_that_there_is():
    """By file and function."""
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", (ROOT / "docs" / "reliability.md").read_text())

    assert len(named) > 20
    assert [f"{file}::{test}" for file, test in named if f"def {test}(" not in (ROOT / file).read_text()] == []
