"""The rules of promotion: the file of the house, what is refused, which file counts."""

from pathlib import Path

import pytest

from emberflow.errors import ProjectError
from emberflow.promotion import Rules, find_rules, read_rules
from emberflow.task import RULES, TaskKind

HOUSE = Path(__file__).parents[1]


def written(folder, text):
    path = folder / "promotion.yaml"
    path.write_text(text)
    return path


def test_the_file_of_the_house_says_the_defaults():
    """Every rule stands in it, with the value that holds without the file; and README.md explains each."""
    text = (HOUSE / "mlflow" / "promotion.yaml").read_text()
    page = (HOUSE / "mlflow" / "README.md").read_text()

    assert Rules() == read_rules(HOUSE / "mlflow" / "promotion.yaml")
    assert [name for name in Rules.model_fields if f"\n{name}: " not in text] == []
    assert [name for name in Rules.model_fields if f"`{name}`" not in page] == []


def test_what_is_left_out_is_the_default(tmp_path):
    """Even all of it."""
    assert Rules(allowance=0.03) == read_rules(written(tmp_path, "allowance: 0.03\n"))
    assert Rules() == read_rules(written(tmp_path, "\n"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alowance: 0.03", "alowance: unknown key. Did you mean 'allowance'?"),
        ("confidence: 1.5", "confidence: received 1.5; input should be less than 1"),
        ("smallest_test_set: many", "smallest_test_set: received 'many'; input should be a valid integer"),
        ("allowance: some", "allowance: received 'some' as what may be lost; expected a number in the metric's own unit, a percentage of the value"),
        ("widest_interval: -1", "widest_interval: received -1 as what may be lost; expected a number"),
        ("fits_budget: 1", "fits_budget: received 1; input should be a valid boolean"),
        ("- allowance", "received a list; expected keys such as allowance, confidence, class_recall_drop, smallest_test_set"),
        ("allowance: 1\nallowance: 2", "line 2: the key 'allowance' stands twice; keep one"),
        ("[", "not a YAML file"),
    ],
)
def test_a_wrong_rule_is_told_with_the_file(tmp_path, text, words):
    """As in a project file."""
    with pytest.raises(ProjectError) as told:
        read_rules(written(tmp_path, text))

    assert str(told.value).startswith(f"{tmp_path / 'promotion.yaml'}: {words}")


def test_a_file_that_can_not_be_read_is_told(tmp_path):
    """A folder of that name."""
    (tmp_path / "promotion.yaml").mkdir()

    with pytest.raises(
        ProjectError, match=r"can't read the rules of promotion '.*promotion.yaml': .*; expected a file such as mlflow/promotion.yaml"
    ):
        read_rules(tmp_path / "promotion.yaml")


def test_the_file_beside_the_project_goes_before_that_of_the_house(tmp_path):
    """And without either the defaults hold."""
    house, project = tmp_path / "house", tmp_path / "project"
    (house / "mlflow").mkdir(parents=True)
    project.mkdir()
    assert Rules() == find_rules(project, house, TaskKind.CLASSIFICATION)

    written(house / "mlflow", "allowance: 0.02")
    assert Rules(allowance=0.02) == find_rules(project, house, TaskKind.CLASSIFICATION)

    written(project, "allowance: 0.03")
    assert Rules(allowance=0.03) == find_rules(project, house, TaskKind.CLASSIFICATION)


@pytest.mark.parametrize("kind", TaskKind)
def test_a_bound_on_recall_is_refused_of_a_project_that_tells_no_labels_apart(tmp_path, kind):
    """Whoever wrote it beside the project counts on it; in the file of the house it is of other projects, and passed over."""
    house, project = tmp_path / "house", tmp_path / "project"
    (house / "mlflow").mkdir(parents=True)
    project.mkdir()
    written(house / "mlflow", "class_recall_drop: 0.02")
    assert Rules(class_recall_drop=0.02) == find_rules(project, house, kind)

    written(project, "class_recall_drop: 0.03")
    if RULES[kind].has_labels:
        assert Rules(class_recall_drop=0.03) == find_rules(project, house, kind)
        return
    with pytest.raises(ProjectError, match=f"received class_recall_drop for a {kind} task, which tells no labels apart, .* remove this line"):
        find_rules(project, house, kind)
