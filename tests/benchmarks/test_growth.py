"""The benchmark of growth: its recipes, its ratios, and, in the longest tests, real runs of many recipes and in a store of several runs."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from emberflow.project import read_project

MIB = 1024**2


@pytest.fixture(scope="module")
def growth(benchmark: Callable[[str], ModuleType]) -> ModuleType:
    """benchmarks/growth.py."""
    return benchmark("growth")


@pytest.mark.parametrize("count", [4, 8, 16, 32, 64])
def test_recipes_are_as_many_and_of_one_mixture(growth: ModuleType, count: int) -> None:
    """All different, a fourth of them in each format."""
    recipes = growth.recipes_of(count)

    assert count == len(set(recipes))
    assert {count // 4} == set(Counter(recipe.rpartition("-")[2] for recipe in recipes).values())


def test_the_project_is_one(growth: ModuleType, tmp_path: Path) -> None:
    """With the recipes and the seed that were asked for."""
    project = read_project(growth.write_project(tmp_path, growth.recipes_of(8), seed=7))

    assert (len(project.recipes), project.training.seed, str(project.recipes[-1])) == (8, 7, "prune50-int8")


def test_what_a_recipe_takes_is_compared(growth: ModuleType) -> None:
    """80 s for 8 and 480 s for 64: 10 s and 7.5 s each."""
    found = {8: growth.Usage(80.0, 100.0, 1000 * MIB), 64: growth.Usage(480.0, 1000.0, 1250 * MIB)}

    promises = {each.words: (each.measured, each.is_kept) for each in growth.recipe_promises(found)}

    assert promises == {
        "CPU time of a recipe, 64 beside 8": (1.25, False),
        "wall time of a recipe, 64 beside 8": (0.75, True),
        "peak memory, 64 recipes beside 8": (1.25, True),
        "peak memory of 64 recipes": (1250 / 1024, True),
    }


def test_a_further_recipe_is_compared_with_those_before(growth: ModuleType) -> None:
    """From 8 to 32 2 s each, from 32 to 64 3 s each."""
    found = {count: growth.Usage(1.0, cpu, MIB) for count, cpu in ((64, 184.0), (8, 40.0), (32, 88.0))}

    (promise,) = [each for each in growth.recipe_promises(found) if "further" in each.words]

    assert (promise.words, promise.measured) == ("CPU time of a further recipe, up to 64 beside up to 32", 1.5)


def test_what_a_run_takes_is_compared_within_its_round(growth: ModuleType) -> None:
    """Ratios 1.2, 1.5 and 1 (the machine was slow then), of which the middle one counts; of what lists names nothing is promised."""
    spans = ((2.0, 2.4), (2.0, 3.0), (9.0, 9.0))
    rounds = [{5: {"a new run": few, growth.GC: 1.0}, 200: {"a new run": many, growth.GC: 9.0}} for few, many in spans]

    (promise,) = growth.run_promises(rounds)

    assert (promise.words, promise.measured, promise.is_kept) == ("a new run, 200 runs beside 5", 1.2, True)
    assert growth.table(rounds).splitlines() == [
        "|  | 5 runs | 200 runs |",
        "| --- | --- | --- |",
        "| a new run | 2.00 s | 3.00 s |",
        "| `emberflow gc --dry-run` | 1.00 s | 9.00 s |",
    ]


def test_small_figures_are_told_in_their_unit(growth: ModuleType) -> None:
    """Milliseconds below a tenth of a second; memory in MiB."""
    (round_,) = [{5: {"finding a blob": 0.00012, "memory of a new run": 1234.4}}]

    assert growth.table([round_]).splitlines()[2:] == ["| finding a blob | 0.12 ms |", "| memory of a new run | 1,234 MiB |"]


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.timeout(3000)
def test_sixty_four_recipes_are_all_judged_in_little_more_memory(growth: ModuleType, tmp_path: Path) -> None:
    """Than eight. What a further recipe takes is the benchmark's: here other tests run at the same time."""
    promises = growth.recipe_promises(growth.grow_recipes(tmp_path, (8, 64)))

    assert [] == [str(each) for each in promises if not each.is_kept and "memory" in each.words]


@pytest.mark.longest
@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_a_run_does_not_grow_with_its_store(growth: ModuleType, tmp_path: Path) -> None:
    """Two runs and twelve: what reads all of them takes six times as long among twelve. How little it is among 200 is the benchmark's."""
    (found,) = growth.grow_runs(tmp_path, (2, 12), rounds=1)

    for name in ("an unchanged run", "`emberflow report`", "registry: the names, settled"):
        assert found[12][name] < 2 * found[2][name], name
    assert len(list((tmp_path / "home-12").glob("runs/small/*/record.json"))) == 14
