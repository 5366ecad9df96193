"""A first project file: what is guessed, and that what is written can be read."""

import compileall
from dataclasses import replace

import pytest
import tflite

from emberflow.draft import Draft, Guess, Model, Room, choose_target, estimate_room, guess_task, layers_of, render
from emberflow.graph import read_graph
from emberflow.project import parse_project
from emberflow.target import TargetKind, find_target, load_targets

OP = tflite.BuiltinOperator


def ending(models, code, given, result, kind="", then=()):
    """A graph that reads `given`, computes `code` and gives `result`, a shape; behind it borders that compute nothing."""
    tensors = [models.TensorSpec("x", given), *(models.TensorSpec("y", result) for _ in (code, *then))]
    steps = [models.OperatorSpec(each, (i,), (i + 1,), kind if each == code else "") for i, each in enumerate((code, *then))]
    return read_graph(models.write_tflite(tuple(tensors), tuple(steps), outputs=(len(steps),)))


@pytest.mark.parametrize(
    ("code", "given", "result", "then", "guess"),
    [
        (OP.SOFTMAX, (1, 8), (1, 5), (), ("classification", 5, "it ends in softmax over 5")),
        (OP.SOFTMAX, (1, 8), (1, 5), (OP.DEQUANTIZE,), ("classification", 5, "it ends in softmax over 5")),
        (OP.LOGISTIC, (1, 8), (1, 1), (), ("binary", 1, "it ends in 1 sigmoid")),
        (OP.LOGISTIC, (1, 8), (1, 3), (), ("multi_label", 3, "it ends in 3 sigmoids")),
        (OP.RELU, (1, 8), (1, 1), (), ("regression", 1, "it ends in 1 number without softmax or sigmoid")),
        (OP.RELU, (1, 8), (1, 2), (), ("regression", 2, "it ends in 2 numbers without softmax or sigmoid")),
        (OP.RELU, (1, 8), (1, 8), (), ("anomaly", 8, "its output has the shape of its input, as an autoencoder's")),
        (OP.LOGISTIC, (1, 4, 4), (1, 4, 4), (), ("anomaly", 16, "its output has the shape of its input, as an autoencoder's")),
    ],
)
def test_the_task_is_guessed_by_the_end(models, code, given, result, then, guess):
    """And by the shapes; what stands at a border doesn't count."""
    assert Guess(*guess) == guess_task(ending(models, code, given, result, then=then))


def test_what_an_int8_model_needs_is_counted(models):
    """72 + 432 weights (its bias has no scale, and is none), 6 KiB of code; 72 + 144 B of tensors while CONV_2D runs, 1 KiB of stack."""
    room = estimate_room(models.small_tflite())

    assert (504 + 6144, 216 + 1024) == (room.flash_bytes, room.ram_bytes)
    assert "504 parameters at 1 B and 6 KiB of code; 216 B of tensors and 1,024 B of stack" == room.reason


def test_a_float_model_is_counted_as_the_int8_model_that_it_becomes(case):
    """A quarter of its tensors: within a tenth of the int8 file's."""
    healthy = case("healthy")
    room, made = estimate_room(healthy.real), estimate_room(healthy.quantized)

    assert room.ram_bytes == pytest.approx(made.ram_bytes, rel=0.1)
    assert room.flash_bytes == pytest.approx(made.flash_bytes, rel=0.1)


@pytest.mark.parametrize(
    ("flash", "ram", "name"),
    [
        (10_000, 10_000, "stm32f103"),  # 128 KiB and 20 KiB
        (10_000, 30_000, "stm32g071"),  # 128 KiB and 36 KiB
        (200_000, 30_000, "stm32f405"),  # 1 MiB and 128 KiB
        (200_000, 200_000, "nrf52840"),  # 1 MiB and 256 KiB
    ],
)
def test_the_smallest_target_that_could_hold_it_is_chosen(flash, ram, name):
    """By flash, then by RAM, with the reason."""
    target, reason = choose_target(Room(flash, ram, "counted"), load_targets())

    assert name == target.name
    assert reason.startswith("The smallest of ")
    assert reason.endswith("as int8 (counted)")


def test_what_no_microcontroller_holds_is_for_linux():
    """And the reason says so."""
    target, reason = choose_target(Room(1 << 30, 1, "counted"), load_targets())

    assert TargetKind.LINUX is target.kind
    assert reason.startswith("None of ")


def test_layers_with_weights_are_named(case):
    """In their order; pools have none."""
    assert ("one", "two", "three", "four", "decide") == layers_of(read_graph(case("healthy").real))


def draft(**changes):
    model = Model("../m.keras", ".keras of Keras 3", (8, 8, 4), Guess("classification", 6, "it ends in softmax over 6"), Room(1, 1, ""), "all")
    return Draft("mine", find_target("stm32f405"), "The smallest.", replace(model, **changes))


def test_a_project_of_a_model_can_be_read():
    """Its reasons are comments."""
    files = render(draft(layers=("on", "two")))
    project = parse_project(files["emberflow.yaml"])

    assert {"emberflow.yaml", "data.py"} == set(files)
    assert ("mine", "../m.keras", "data:load", "stm32f405", False) == (
        project.name,
        project.baseline,
        project.data,
        project.target,
        project.standardize,
    )
    assert "task: classification  # a guess: it ends in softmax over 6;" in files["emberflow.yaml"]
    assert "# The smallest.\ntarget: stm32f405\n" in files["emberflow.yaml"]
    assert "takes samples of shape (8, 8, 4)\n" in files["emberflow.yaml"]
    assert '#   "on": {prune: false}\n' in files["emberflow.yaml"]


def test_the_line_on_layers_is_one_that_can_be_read():
    """Once its comment's sign is taken away; also for a name that YAML would take for a truth value."""
    text = render(draft(layers=("on",)))["emberflow.yaml"]
    project = parse_project(text.replace("# layers:", "layers:").replace('#   "on"', '  "on"'))

    assert False is project.wishes.of("on").prune


def test_what_is_not_possible_is_told():
    """Above the recipes."""
    text = render(draft(recipes="formats", why_not_all="a SavedModel has no layers", signature="serve", baseline="saved/", is_fine_tuned=False))[
        "emberflow.yaml"
    ]

    assert "# No other recipes are possible: a SavedModel has no layers.\nrecipes: formats" in text
    assert ("serve", "saved/") == (parse_project(text).signature, parse_project(text).baseline)
    assert "fine_tuning" not in text


def test_without_a_model_one_is_to_be_built():
    """In a file of its own."""
    files = render(Draft("mine", find_target("stm32f405"), "Any."))

    assert {"emberflow.yaml", "data.py", "model.py"} == set(files)
    assert "model:build" == parse_project(files["emberflow.yaml"]).baseline


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("classification", "each the position of one of the 6 labels"),
        ("binary", "shape (n,), 0 or 1"),
        ("multi_label", "shape (n, 6), 0 or 1 for each label"),
        ("regression", "shape (n, 6), numbers"),
        ("anomaly", "0 for normal and 1 for an anomaly"),
    ],
)
def test_the_function_for_the_data_says_what_it_must_return(tmp_path, task, said):
    """And is Python that raises until it is filled in."""
    text = render(draft(guess=Guess(task, 6, "")))["data.py"]
    (tmp_path / "data.py").write_text(text)

    assert said in text
    assert compileall.compile_file(tmp_path / "data.py", quiet=1)
    namespace = {}
    exec(text, namespace)  # noqa: S102 - our own text
    with pytest.raises(
        NotImplementedError, match=r"load\(\) in data\.py is still to be filled in: return a Dataset with samples of shape \(8, 8, 4\)"
    ):
        namespace["load"]()
