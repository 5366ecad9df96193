"""The project file: what it may say, and what is said of what it may not."""

import doctest
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emberflow.project
from emberflow.errors import ProjectError, RecipeError
from emberflow.project import ArrayFiles, DataFiles, Project, expand_recipes, parse_project, read_project
from emberflow.recipe import ALL, NAMED_SETS, Format, Recipe

LEAST = {"name": "watch", "baseline": "watch:build", "data": "watch:load", "target": "stm32f405"}
FILES = "train: a.npz, validation: b.npz, test: c.npz"
SETS = "expected a list of recipes, or one of the sets all, formats"
FORMATS = "expected a recipe that ends in one of float32, float16, dynamic, int8, uint8, int16x8."
SIZE = "expected a number of bytes, or a number with B, KiB, MiB or GiB such as '64 KiB'"
ENTRY = "string should match pattern '^[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*$'"
BASELINE = "expected module:function, a path that ends in .keras, .h5, .tflite, or the directory of a SavedModel, with a / at its end"
QUOTES = "expected text, a number, a list or a mapping: put it in quotes"
ACURACY = (
    "metric: received 'acuracy' as a metric of a classification task; expected one of accuracy, macro_f1, roc_auc, or module:function."
    " Did you mean 'accuracy'?"
)


def text(*lines: str, **changed: str | None) -> str:
    """The least a project file must say, with keys changed, or left out where None, and lines added."""
    said = {**LEAST, **changed}
    return "\n".join([*(f"{key}: {value}" for key, value in said.items() if value is not None), *lines])


def refuse(said: str) -> str:
    with pytest.raises(ProjectError) as raised:
        parse_project(said)
    return str(raised.value)


def test_docstring_example_runs():
    """It is what a newcomer copies."""
    result = doctest.testmod(emberflow.project)

    assert (result.failed, result.attempted) == (0, 3)


def test_the_least_a_project_says():
    """Four keys; the rest has defaults."""
    project = parse_project(text())

    assert project.recipes == ALL
    assert (project.training.epochs, project.fine_tuning.epochs, project.calibration_samples) == (24, 5, 200)
    assert (project.metric, project.standardize, project.budget.flash) == ("accuracy", True, None)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("name", "lower-case letters, digits, - and _; names files, C symbols and the MLflow experiment"),
        ("baseline", "module:function that builds a Keras model, or the path of a .keras, .h5 or .tflite file or of a SavedModel directory"),
        ("data", "module:function that returns a Dataset; or train, validation and test as .npz or .npy files, and labels"),
        ("target", "a device that `emberflow targets` lists, or the path of a .toml that describes one"),
    ],
)
def test_a_missing_key_is_told_with_what_it_is_for(key, expected):
    """Each of the four."""

    assert f"{key}: missing; expected {expected}" == refuse(text(**{key: None}))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        # unknown keys, at any depth
        ("reciped: all", "reciped: unknown key. Did you mean 'recipes'?"),
        ("fine_tunning: {epochs: 2}", "fine_tunning: unknown key. Did you mean 'fine_tuning'?"),
        ("zebra: 1", "zebra: unknown key."),
        ("1: 2", "1: unknown key."),
        ("training: {epoch: 3}", "training.epoch: unknown key. Did you mean 'epochs'?"),
        ("fine_tuning: {learnin_rate: 3}", "fine_tuning.learnin_rate: unknown key. Did you mean 'learning_rate'?"),
        ("budget: {flsh: 1}", "budget.flsh: unknown key. Did you mean 'flash'?"),
        # recipes
        ("recipes: al", f"recipes: received 'al' as recipes; {SETS}. Did you mean 'all'?"),
        ("recipes: []", f"recipes: received [] as recipes; {SETS}"),
        ("recipes: 3", f"recipes: received 3 as recipes; {SETS}"),
        ("recipes:", f"recipes: received None as recipes; {SETS}"),
        ("recipes: {int8: 1}", f"recipes: received {{'int8': 1}} as recipes; {SETS}"),
        ("recipes: ''", "recipes: received '' as a recipe; expected a name such as 'prune70-int8'"),
        ("recipes: [8]", "recipes: received 8 as a recipe; expected a name such as 'prune70-int8'"),
        ("recipes: [int8, int9]", f"recipes: received 'int9': 'int9' is not a number format; {FORMATS} Did you mean 'int8'?"),
        ("recipes: [int8, float32, int8]", "recipes: received int8 more than once; expected each recipe once"),
        ("recipes: [prune70-int8, prune070-int8]", "recipes: received prune70-int8 more than once; expected each recipe once"),
        # numbers out of range, and what is no number
        ("training: {epochs: 0}", "training.epochs: received 0; input should be greater than or equal to 1"),
        ("training: {epochs: '3'}", "training.epochs: received '3'; input should be a valid integer"),
        ("training: {epochs: 3.0}", "training.epochs: received 3.0; input should be a valid integer"),
        ("training: {epochs: yes}", "training.epochs: received True; input should be a valid integer"),
        ("training: {batch_size: 65537}", "training.batch_size: received 65537; input should be less than or equal to 65536"),
        ("training: {seed: -1}", "training.seed: received -1; input should be greater than or equal to 0"),
        ("training: {learning_rate: 0}", "training.learning_rate: received 0; input should be greater than 0"),
        ("training: {learning_rate: .inf}", "training.learning_rate: received inf; input should be a finite number"),
        ("training: {augment: augment}", f"training.augment: received 'augment'; {ENTRY}"),
        ("training: 3", "training: received 3; input should be an object"),
        ("fine_tuning: {epochs: 10001}", "fine_tuning.epochs: received 10001; input should be less than or equal to 10000"),
        ("calibration_samples: 0", "calibration_samples: received 0; input should be greater than or equal to 1"),
        ("standardize: 'yes'", "standardize: received 'yes'; input should be a valid boolean"),
        # budgets
        ("budget: {flash: 64 KB}", f"budget.flash: received '64 KB' as a size; {SIZE}"),
        ("budget: {ram: yes}", f"budget.ram: received True as a size; {SIZE}"),
        ("budget: {ram: 9999999999999999 GiB}", f"budget.ram: received '9999999999999999 GiB' as a size; {SIZE}"),
        ("budget: {flash: -1}", "budget.flash: received -1; input should be greater than or equal to 0"),
        ("budget: {accuracy_drop: 2}", "budget.accuracy_drop: received 2; expected at most 1, for accuracy lies below that"),
        # choices
        ("metric: acuracy", ACURACY),
        ("task: regresion", "task: received 'regresion'; input should be 'classification', 'binary', 'multi_label', 'regression' or 'anomaly'"),
        # YAML's surprises
        ("name: again", "line 5: the key 'name' stands twice; keep one"),
        ("training:\n  epochs: 1\n  epochs: 2", "line 7: the key 'epochs' stands twice; keep one"),
        ("zebra: 2026-01-01", f"received 2026-01-01, which YAML reads as a date; {QUOTES}"),
        ("zebra: !!set {a}", f"received {{'a'}}, which YAML reads as a set; {QUOTES}"),
    ],
)
def test_a_refusal_names_its_key(line, message):
    """One line: where, what was received, what was expected."""

    assert message == refuse(text(line))


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "Watch"}, "name: received 'Watch'; string should match pattern '^[a-z][a-z0-9_-]{0,39}$'"),
        ({"name": "3"}, "name: received 3; input should be a valid string"),
        ({"name": "a/b"}, "name: received 'a/b'; string should match pattern '^[a-z][a-z0-9_-]{0,39}$'"),
        ({"name": "w" * 41}, f"name: received '{'w' * 41}'; string should match pattern '^[a-z][a-z0-9_-]{{0,39}}$'"),
        ({"target": "3"}, "target: received 3; input should be a valid string"),
        ({"baseline": "model"}, f"baseline: received 'model'; {BASELINE}"),
        ({"baseline": "model.pkl"}, f"baseline: received 'model.pkl'; {BASELINE}"),
        ({"baseline": "a:b:c"}, f"baseline: received 'a:b:c'; {BASELINE}"),
        ({"baseline": "models/a:build"}, f"baseline: received 'models/a:build'; {BASELINE}"),
        ({"baseline": "''"}, "baseline: received ''; string should have at least 1 character"),
        ({"data": "load"}, f"data: received 'load'; {ENTRY}"),
        ({"data": "3"}, "data: received 3; input should be a valid string"),
        ({"data": f"{{{FILES}}}"}, "data.labels: received none; expected the name of each class, at least two"),
        ({"data": f"{{{FILES}, labels: [a]}}"}, "data.labels: received a; expected the name of each class, at least two"),
        ({"data": f"{{{FILES}, labels: [a, b], calibraton: d.npz}}"}, "data.calibraton: unknown key. Did you mean 'calibration'?"),
        ({"data": f"{{{FILES}, labels: [a, b], calibration: d.npy}}"}, "data.calibration: received 'd.npy'; string should match pattern '\\.npz$'"),
        (
            {"data": f"{{{FILES}, labels: [a, b], calibration: {{x: d.npy}}}}"},
            "data.calibration.y: missing; expected labels, as positions in `labels`, or as the task has them",
        ),
        (
            {"data": f"{{{FILES}, labels: [a, b], calibration: {{x: d.npy, y: e.npy, grop: f.npy}}}}"},
            "data.calibration.grop: unknown key. Did you mean 'group'?",
        ),
        ({"data": f"{{{FILES}, labels: [a, b], sampling: {{rate: 50}}}}"}, "data.sampling.rate: unknown key. Did you mean 'rate_hz'?"),
        (
            {"data": f"{{{FILES}, labels: [a, b], sampling: {{rate_hz: 0}}}}"},
            "data.sampling.rate_hz: received 0; input should be greater than 0",
        ),
    ],
)
def test_a_refused_value_of_the_four_names_its_key(changed, message):
    """Once, though data and its parts may be either text or a mapping."""

    assert message == refuse(text(**changed))


def test_all_mistakes_are_told_at_once():
    """One line a key."""

    expected = ["name: received 3; input should be a valid string", "training.epochs: received 0; input should be greater than or equal to 1"]
    assert expected == refuse(text("training: {epochs: 0}", name="3")).splitlines()


@pytest.mark.parametrize(
    ("said", "kind"),
    [("", "NoneType"), ("# nothing yet", "NoneType"), ("- a", "list"), ("watch", "str"), ("3", "int")],
)
def test_a_file_without_keys_is_refused(said, kind):
    """An empty one too."""

    assert f"received a {kind}; expected keys such as name, baseline, data, target" == refuse(said)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("a: [", "expected the node content, but found '<stream end>'"),
        ("a: b: c", "mapping values are not allowed here"),
        ("\t a: 1", "found character '\\t' that cannot start any token"),
        ("a: *b", "found undefined alias 'b'"),
        ("? [a]\n: 1", "found unhashable key"),
        ("a: !!python/object/apply:os.getcwd []", "could not determine a constructor for the tag"),
        ("a: \0", "special characters are not allowed"),
        ("[" * 3000, "maximum recursion depth exceeded"),
    ],
)
def test_what_is_not_yaml_is_refused_on_one_line(said, told):
    """With the parser's own words; no tag runs code."""
    message = refuse(said)

    assert message.startswith("not a YAML file: ")
    assert told in message
    assert len(message.splitlines()) == 1


def test_a_list_that_holds_itself_is_refused():
    """YAML's anchors can write one."""

    expected = "holds a key that isn't text, or a list or mapping that holds itself: Circular reference detected"
    assert expected == refuse(text("zebra: &a [*a]"))


@settings(deadline=None)
@given(st.text() | st.text(alphabet=":-[]{}&*!|>'\"#, \n\tab1e.<"))
def test_any_text_is_a_project_or_refused(said):
    """Nothing but ProjectError."""
    with pytest.raises(ProjectError):
        parse_project(said)


@pytest.mark.parametrize("rate", ["1e-3", "1.0e-3", "1E-3", "0.001"])
def test_a_learning_rate_may_be_written_with_an_exponent(rate):
    """YAML 1.1 takes 1e-3 for text."""

    assert parse_project(text(f"training: {{learning_rate: {rate}}}")).training.learning_rate == 0.001


def test_a_merge_key_merges():
    """It may stand beside other keys, which win."""
    project = parse_project(text("training: &t {epochs: 3, learning_rate: 0.1}", "fine_tuning: {<<: *t, epochs: 4}"))

    assert (project.fine_tuning.epochs, project.fine_tuning.learning_rate) == (4, 0.1)


def test_data_as_files():
    """A part is an archive, or one file an array."""
    project = parse_project(text(data=f"{{{FILES}, calibration: {{x: d.npy, y: e.npy}}, labels: [still, moving], sampling: {{rate_hz: 50}}}}"))

    assert isinstance(project.data, DataFiles)
    assert (project.data.train, project.data.calibration) == ("a.npz", ArrayFiles(x="d.npy", y="e.npy"))
    assert (project.data.labels, project.data.sampling.rate_hz) == (("still", "moving"), 50)


@pytest.mark.parametrize(
    ("baseline", "builds"), [("watch:build", True), ("pkg.models:build", True), ("model.keras", False), ("models/best.h5", False)]
)
def test_a_baseline_is_built_or_brought(baseline, builds):
    """By a function, or as a file."""

    assert builds == parse_project(text(baseline=baseline)).builds_baseline


@pytest.mark.parametrize(("recipes", "needs"), [("float32, float16, dynamic", False), ("float32, int16x8", True), ("all", True)])
def test_integer_recipes_need_calibration(recipes, needs):
    """One of them is enough."""

    assert needs == parse_project(text(f"recipes: {recipes}")).needs_calibration


@pytest.mark.parametrize(
    ("value", "names"),
    [
        ("int8", ["int8"]),
        ("int8, prune70-int8", ["int8", "prune70-int8"]),
        (("int8", "float32"), ["int8", "float32"]),
        ([Recipe((), Format.INT8), "float32"], ["int8", "float32"]),
        ("formats", [str(recipe) for recipe in NAMED_SETS["formats"]]),
        ("all", [str(recipe) for recipe in ALL]),
    ],
)
def test_recipes_are_a_set_a_line_or_a_list(value, names):
    """In the order in which they are named."""

    assert names == [str(recipe) for recipe in expand_recipes(value)]


@settings(deadline=None)
@given(st.lists(st.sampled_from(ALL), min_size=1, unique=True))
def test_distinct_recipes_read_back_from_one_line(recipes):
    """As the command line has them; a set's name is never taken for a recipe."""

    assert tuple(recipes) == expand_recipes(",".join(map(str, recipes)))


@settings(deadline=None)
@given(st.text())
def test_any_line_is_recipes_or_refused(line):
    """Nothing but RecipeError."""
    try:
        found = expand_recipes(line)
    except RecipeError:
        return

    assert len(found) == len(set(found)) > 0


def test_a_project_survives_json():
    """As Prefect's form and the workers pass it."""
    project = parse_project(text("recipes: [prune70-qat-int8]", "budget: {flash: 64 KiB}", data=f"{{{FILES}, labels: [a, b]}}"))

    assert project == Project.model_validate_json(project.model_dump_json())
    assert project == Project.model_validate(project.model_dump())


def test_digest_is_of_what_is_said_not_of_how():
    """Order, comments and spelled-out defaults don't count; a value does."""
    project = parse_project(text())

    assert project.digest == parse_project("# mine\n" + "\n".join(reversed(text("metric: accuracy", "recipes: all").splitlines()))).digest
    assert project.digest != parse_project(text("training: {epochs: 25}")).digest


def test_a_file_is_read(tmp_path):
    """UTF-8."""
    path = tmp_path / "emberflow.yaml"
    path.write_text(text(data=f"{{{FILES}, labels: [größer, kleiner]}}"), encoding="utf-8")

    assert read_project(path).data.labels == ("größer", "kleiner")


def test_a_refusal_of_a_file_starts_with_its_path(tmp_path):
    """Several projects may be read at once."""
    path = tmp_path / "emberflow.yaml"
    path.write_text(text("reciped: all"), encoding="utf-8")

    with pytest.raises(ProjectError) as raised:
        read_project(path)
    assert f"{path}: reciped: unknown key. Did you mean 'recipes'?" == str(raised.value)


@pytest.mark.parametrize("made", ["nothing", "folder", "latin-1"])
def test_a_file_that_can_not_be_read_is_told(made, tmp_path):
    """Absent, a folder, or not UTF-8."""
    path = tmp_path / "emberflow.yaml"
    if made == "folder":
        path.mkdir()
    if made == "latin-1":
        path.write_bytes(b"name: gr\xf6\xdfer")

    with pytest.raises(ProjectError) as raised:
        read_project(path)
    assert str(raised.value).startswith(f"can't read the project file '{path}': ")
    assert str(raised.value).endswith("; name an emberflow.yaml, such as examples/watch/emberflow.yaml")


def test_the_example_is_the_docstrings():
    """They differ in details alone: same functions, target and budget."""
    watch = read_project(Path(__file__).parent.parent / "examples" / "watch" / "emberflow.yaml")

    assert (watch.baseline, watch.data, watch.target) == ("watch:build", "watch:load", "stm32f405")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("threshold: 0.3",), "received threshold with task: classification; expected it with binary or multi_label only: leave it out"),
        (("task: binary", "quantile: 0.9"), "received quantile with task: binary; expected it with anomaly only: leave it out"),
        (
            ("task: binary", "threshold: 1.5"),
            "threshold: received 1.5; expected a number between 0 and 1, or validation: then it is chosen on the validation part",
        ),
        (("task: binary", "threshold: best"), "threshold: received 'best'; expected a number between 0 and 1, or validation"),
        (("task: anomaly", "quantile: 1.5"), "quantile: received 1.5; input should be less than or equal to 1"),
        (("standardize_target: false",), "received standardize_target with task: classification; expected it with regression only: leave it out"),
        (("training: {loss: mae}",), "received training.loss with task: classification; expected it with regression only: leave it out"),
        (("task: regression", "training: {loss: huber}"), "training.loss: received 'huber'; input should be 'mse' or 'mae'"),
        (
            ("task: regression", "metric: accuracy"),
            "metric: received 'accuracy' as a metric of a regression task; expected one of mae, rmse, r2, or module:function.",
        ),
        (("task: regression", "metric: rms"), "expected one of mae, rmse, r2, or module:function. Did you mean 'rmse'?"),
        (("task: regression",), "budget.metric_drop: missing; mae is no share between 0 and 1: say by how much it may get worse, in its own unit"),
        (("metric: mine:cost",), "received the metric 'mine:cost' without its direction; expected higher_is_better: true or false"),
        (("higher_is_better: true",), "received higher_is_better with the metric 'accuracy', whose direction is known; leave it out"),
        (("metric: mine:accuracy", "higher_is_better: true"), "but classification has a metric called accuracy; give the function another name"),
        (("metric: mine:cost", "higher_is_better: false"), "budget.metric_drop: missing; cost is no share between 0 and 1"),
        (("budget: {accuracy_drop: 0.1, metric_drop: 0.1}",), "received accuracy_drop and metric_drop, which are the same; expected one of them"),
    ],
)
def test_what_does_not_go_with_the_task_is_refused(lines, told):
    """Keys of another task, unknown metrics, allowances that nobody can guess."""
    assert told in refuse(text(*lines))


def test_a_task_brings_its_metric():
    """The first of its own; thresholds that are chosen are None."""
    project = parse_project(text("task: multi_label", "threshold: validation"))

    assert (project.metric, project.full_task.threshold, project.full_task.chooses) == ("macro_f1", None, True)


def test_the_allowance_has_two_names():
    """In the metric's own unit, so more than 1 is possible."""
    project = parse_project(text("task: regression", "budget: {metric_drop: 12}"))

    assert project.budget.accuracy_drop == 12
    assert project.standardizes_target


def test_a_model_that_was_brought_along_gives_values_as_they_are():
    """Nobody standardized them for it."""
    assert not parse_project(text("task: regression", "budget: {metric_drop: 12}", baseline="model.keras")).standardizes_target


def test_custom_objects_need_trust():
    """The user's classes are given what a stranger's file says."""
    with pytest.raises(ProjectError, match=r"received custom_objects 'own:OBJECTS' without trust; .*say so with `trust_model_code: true`"):
        parse_project("{name: a, baseline: m.keras, data: 'a:b', target: stm32f405, custom_objects: 'own:OBJECTS'}")
