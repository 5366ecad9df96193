"""Values of every kind, generated: what is accepted says the same when it is written and read again, what is refused names its key.

More of them: EMBERFLOW_GENERATED=5000 (docs/how-to/hunt-with-mutants.md).
"""

import json
import os
import re
import runpy
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from emberflow.artifact import Kind, digest
from emberflow.budget import Budget
from emberflow.bundle import Manifest, read_manifest
from emberflow.errors import BundleError, ProjectError, RecipeError, TargetError, shown
from emberflow.project import Project, parse_project, parse_values, render_project
from emberflow.promotion import Rules
from emberflow.recipe import ALL, Recipe
from emberflow.record import Record
from emberflow.schedule import Schedule
from emberflow.target import Target, parse_target

FEW, MANY = 60, int(os.environ.get("EMBERFLOW_GENERATED", "400"))
SHARED = runpy.run_path(str(Path(__file__).parents[1] / "a_record.py"))

several = pytest.mark.parametrize("count", [FEW, pytest.param(MANY, marks=pytest.mark.long)])

Holds = Callable[..., None]
T = TypeVar("T")
outcomes: Counter[str] = Counter()


def tried(count: int, *strategies: st.SearchStrategy[Any]) -> Callable[[Holds], Holds]:
    """Run the test at once, with `count` values, of which some must be taken and some refused; the few are the same each time."""

    def run(holds: Holds) -> Holds:
        checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
        outcomes.clear()
        settings(max_examples=count, deadline=None, database=None, derandomize=count == FEW, suppress_health_check=checks)(
            given(*strategies)(holds)
        )()
        assert min(outcomes["taken"], outcomes["refused"]) > 0, outcomes
        return holds

    return run


def taken_or_told(read: Callable[[], T], refusal: type[Exception]) -> tuple[T | None, str]:
    """What is read, or None and what is said of it; any other error is a failure of the test."""
    try:
        found = read()
    except refusal as error:
        outcomes["refused"] += 1
        return None, str(error)
    outcomes["taken"] += 1
    return found, ""


sizes = st.one_of(
    st.integers(-1, 2**40),
    st.tuples(st.integers(0, 4096), st.sampled_from(["B", "KiB", " MiB", "GiB", "KB", ""])).map(lambda pair: f"{pair[0]}{pair[1]}"),
)
times = st.one_of(st.floats(-1, 1e9), st.tuples(st.integers(0, 4096), st.sampled_from(["us", "µs", " ms", "s", "h"])).map(lambda p: f"{p[0]}{p[1]}"))
odd = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=8), st.just([]), st.just({}), st.just(["x"]))


def or_odd(good: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly good, now and then something else."""
    return st.integers(0, 29).flatmap(lambda dice: odd if dice == 17 else good)


def some_of(**values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A mapping with some of these keys."""
    return st.fixed_dictionaries({}, optional={key: or_odd(value) for key, value in values.items()})


shares = st.floats(0, 1)
budgets = some_of(flash=sizes, ram=sizes, stack=sizes, instructions=st.integers(0, 10**9), time=times, accuracy_drop=shares, metric_drop=shares)
steps = st.sampled_from(["prune70", "prune2of4", "prune0", "prune33x4", "cluster16", "cluster300", "qat"])
recipes = st.tuples(st.lists(steps, max_size=3), st.sampled_from(["float32", "int8", "uint8", "int16x8", "dynamic", "int9"])).map(
    lambda pair: "-".join([*pair[0], pair[1]])
)
words = st.text(min_size=1, max_size=12)
archives = words.map(lambda word: f"{word}.npz")
arrays = some_of(y=words.map(lambda word: f"{word}.npy"), group=words.map(lambda word: f"{word}.npy")).map(lambda found: {"x": "a.npy", **found})
parts = st.one_of(archives, arrays)
data = st.one_of(
    st.just("mine:load"),
    st.fixed_dictionaries(
        {"train": or_odd(parts), "validation": parts, "test": parts, "labels": or_odd(st.lists(words, min_size=2, max_size=4))},
        optional={
            "calibration": parts,
            "target_unit": or_odd(words),
            "sampling": some_of(rate_hz=st.floats(0.1, 1e6), channels=st.lists(words, max_size=3), unit=words),
        },
    ),
)
lessons = {"epochs": st.integers(0, 20_000), "batch_size": st.integers(0, 4096), "learning_rate": st.floats(0, 2), "seed": st.integers(-1, 2**32)}
layers = st.dictionaries(
    words,
    some_of(quantize=st.booleans(), qat=st.booleans(), cluster=st.booleans(), prune=st.one_of(st.booleans(), st.integers(-1, 101))),
    max_size=3,
)
projects = st.fixed_dictionaries(
    {
        "name": or_odd(st.from_regex(r"[a-z][a-z0-9_-]{0,39}", fullmatch=True)),
        "baseline": or_odd(st.sampled_from(["mine:build", "models/best.keras", "saved/", "m.tflite", "../up.h5"])),
        "data": or_odd(data),
        "target": or_odd(st.one_of(st.just("stm32f405"), words)),
    },
    optional={
        "task": or_odd(st.sampled_from(["classification", "binary", "multi_label", "regression", "anomaly"])),
        "signature": or_odd(words),
        "trust_model_code": or_odd(st.booleans()),
        "standardize": or_odd(st.booleans()),
        "calibration_samples": or_odd(st.integers(0, 200_000)),
        "threshold": or_odd(st.one_of(st.floats(-0.1, 1.1), st.just("validation"))),
        "training": or_odd(some_of(**lessons, loss=st.sampled_from(["mse", "mae"]), augment=st.just("mine:augment"))),
        "fine_tuning": or_odd(some_of(epochs=lessons["epochs"], learning_rate=lessons["learning_rate"])),
        "recipes": or_odd(st.one_of(st.sampled_from(["all", "formats"]), st.lists(recipes, max_size=4))),
        "budget": or_odd(budgets),
        "publish": or_odd(st.one_of(st.just("s3://bucket/x"), words)),
        "signing_key": or_odd(words),
        "approval": or_odd(st.booleans()),
        "layers": or_odd(layers),
    },
)


def keys_of(value: object) -> set[str]:
    """All keys of a mapping, of what it holds too, and those that a mapping may lack."""
    if isinstance(value, Mapping):
        return {str(key) for key in value} | {key for inner in value.values() for key in keys_of(inner)}
    return {key for inner in value for key in keys_of(inner)} if isinstance(value, list) else set()


def names_a_key(message: str, said: object, model: type[BaseModel]) -> bool:
    """Whether every line says where: with a key of the file, or one that is missing, or its line in the file."""
    known = keys_of(said) | set(model.model_fields)
    return all(any(key in line for key in known) or re.match(r"line \d+: ", line) for line in message.splitlines() if line.strip())


@several
def test_projects(count: int) -> None:
    """As YAML; what is accepted is written as a project file that says the same, wishes for layers key by key."""

    @tried(count, projects)
    def holds(said: dict[str, Any]) -> None:
        project, told = taken_or_told(lambda: parse_project(yaml.safe_dump(said, allow_unicode=True)), ProjectError)
        if project is None:
            assert names_a_key(told, said, Project), told
            return
        again = parse_project(render_project(project))
        assert project == again
        assert project.digest == again.digest
        assert {name: wish.model_fields_set for name, wish in project.layers.items()} == {
            name: wish.model_fields_set for name, wish in again.layers.items()
        }


@several
def test_budgets(count: int) -> None:
    """Sizes and times in any unit become numbers, which read back."""

    @tried(count, budgets)
    def holds(said: dict[str, Any]) -> None:
        budget, told = taken_or_told(lambda: parse_values(yaml.safe_dump(said, allow_unicode=True), Budget), ProjectError)
        if budget is None:
            assert names_a_key(told, said, Budget), told
            return
        assert budget == Budget.model_validate_json(budget.model_dump_json()) == parse_values(budget.model_dump_json(), Budget)


@several
def test_rules_of_promotion(count: int) -> None:
    """And of nothing else."""
    rules = some_of(
        allowance=shares, confidence=st.floats(0.4, 1), class_recall_drop=shares, smallest_test_set=st.integers(0, 999), fits_budget=st.booleans()
    )

    @tried(count, rules)
    def holds(said: dict[str, Any]) -> None:
        read, told = taken_or_told(lambda: parse_values(yaml.safe_dump(said, allow_unicode=True), Rules), ProjectError)
        if read is None:
            assert names_a_key(told, said, Rules), told
            return
        assert read == parse_values(yaml.safe_dump(read.model_dump(mode="json")), Rules)


@several
def test_recipes(count: int) -> None:
    """A refusal shows the name, or the word of it that is wrong."""

    @tried(count, st.one_of(recipes, words, st.sampled_from(list(map(str, ALL)))))
    def holds(name: str) -> None:
        recipe, told = taken_or_told(lambda: Recipe.parse(name), RecipeError)
        if recipe is None:
            assert any(shown(word) in told for word in name.split("-")), told
            return
        assert recipe == Recipe.parse(str(recipe))


def places(value: object, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something lies in a JSON value: everything but the whole."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([at] if at else []), *(place for key, each in inner for place in places(each, (*at, key)))]


def changed(value: Any, place: tuple[Any, ...], new: object) -> Any:
    """A copy with something else at `place`, or nothing where `new` is ...."""
    copy = json.loads(json.dumps(value))
    holder = copy
    for key in place[:-1]:
        holder = holder[key]
    if new is ...:
        del holder[place[-1]]
    else:
        holder[place[-1]] = new
    return copy


numbers = st.integers(-1, 2**33)
sourced = {
    "core": st.sampled_from(["cortex-m0+", "cortex-m4f", "z80"]),
    "fpu": st.booleans(),
    "dsp": st.booleans(),
    "clock_hz": st.integers(1, 10**9),
    "flash": st.sampled_from(["1 KiB", "64 KiB", 4096]),
    "ram": st.sampled_from(["1 KiB", "20 KiB", 2048]),
}
maps = st.fixed_dictionaries(
    {
        "flash": st.fixed_dictionaries({"origin": st.sampled_from([0, 0x0800_0000]), "size": st.just("64 KiB"), "source": st.just("a header")}),
        "sram": st.fixed_dictionaries({"origin": st.just(0x2000_0000), "size": st.just("20 KiB"), "source": st.just("a header")}),
    },
    optional={"ccm": st.fixed_dictionaries({"origin": numbers, "size": sizes, "source": st.just("a header")})},
)
good_pages = st.fixed_dictionaries(
    {
        "title": words,
        "kind": st.sampled_from(["microcontroller", "linux"]),
        **{key: st.fixed_dictionaries({"value": value, "source": st.just("a page")}) for key, value in sourced.items()},
        "regions": maps,
    }
)
pages = st.one_of(
    good_pages,
    st.tuples(good_pages, st.data()).map(lambda pair: changed(pair[0], pair[1].draw(st.sampled_from(places(pair[0]))), pair[1].draw(odd))),
    st.tuples(good_pages, odd).map(lambda pair: {**pair[0], "notes": pair[1]}),
)


def toml(value: object) -> str:
    """A value of TOML; it has no null."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{json.dumps(str(key), ensure_ascii=False)} = {toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps("nothing" if value is None else value, ensure_ascii=False).replace("\x7f", "")


@several
def test_targets(count: int) -> None:
    """As TOML; a device as it travels reads back from JSON."""

    @tried(count, pages)
    def holds(said: dict[str, Any]) -> None:
        target, told = taken_or_told(lambda: parse_target("board", "\n".join(f"{key} = {toml(value)}" for key, value in said.items())), TargetError)
        if target is None:
            assert "board.toml: " in told
            assert names_a_key(told, said, Target), told
            return
        assert target == Target.model_validate_json(target.model_dump_json())


def manifest() -> dict[str, Any]:
    """A bundle's, as it stands in the file."""
    facts = {"sha256": digest(b"x"), "size_bytes": 1}
    return Manifest(
        schema_version=1,
        project="watch",
        recipe="int8",
        target="stm32f405",
        metric="accuracy",
        metrics={"accuracy": 0.8},
        model_file="watch.tflite",
        model={**facts, "kind": Kind.TFLITE},
        provenance=SHARED["RECORD"].provenance,
        files={"watch.tflite": facts},
    ).model_dump(mode="json")


news = st.one_of(odd, st.just(...), st.integers(0, 10), st.just("a" * 64), st.just("../../x"))


@several
def test_manifests(count: int) -> None:
    """With one value changed or taken out, read from a bundle's folder."""
    good = manifest()

    @tried(count, st.sampled_from(places(good)), news)
    def holds(place: tuple[Any, ...], new: object) -> None:
        with TemporaryDirectory() as folder:
            (Path(folder) / "manifest.json").write_text(json.dumps(changed(good, place, new)), encoding="utf-8")
            read, told = taken_or_told(lambda: read_manifest(Path(folder)), BundleError)
            if read is None:
                assert str(place[0]).replace("_", " ") in told.replace("_", " ")
                return
        assert read == Manifest.model_validate_json(read.model_dump_json())


@several
def test_records(count: int) -> None:
    """The same of a run with two variants."""
    record: Record = SHARED["with_firmware"]()
    good = record.model_copy(update={"variants": record.variants[3:5]}).model_dump(mode="json")

    @tried(count, st.sampled_from(places(good)), news)
    def holds(place: tuple[Any, ...], new: object) -> None:
        read, told = taken_or_told(lambda: Record.model_validate_json(json.dumps(changed(good, place, new))), ValidationError)
        if read is None:
            assert str(place[0]) in told
            return
        assert read == Record.model_validate_json(read.model_dump_json())


@several
def test_schedules(count: int) -> None:
    """Five fields that come round."""
    fields = or_odd(st.sampled_from(["*", "*", "1", "*/5", "1-3", "2", "L", "60", "$(id)"])).map(str)
    said = st.fixed_dictionaries(
        {"cron": st.lists(fields, min_size=5, max_size=5).map(" ".join)}, optional={"time_zone": st.sampled_from(["UTC", "Europe/Berlin", "Mars/X"])}
    )

    @tried(count, said)
    def holds(said: dict[str, str]) -> None:
        schedule, told = taken_or_told(lambda: parse_values(json.dumps(said), Schedule), ProjectError)
        if schedule is None:
            assert names_a_key(told, said, Schedule), told
            return
        assert schedule == Schedule.model_validate_json(schedule.model_dump_json())
