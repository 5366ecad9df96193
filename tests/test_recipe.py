"""Recipe names: read, refused, written again."""

import doctest
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import emberflow.recipe
from emberflow.errors import RecipeError
from emberflow.recipe import ALL, NAMED_SETS, Cluster, Format, Prune, PruneBlock, QuantizeAware, Recipe, prefix_name, prefixes

FORMATS = "float32, float16, dynamic, int8, uint8, int16x8"
ORDER = (
    "expected each of prune, cluster and qat at most once and in this order:"
    " pruning first, because clustering can keep zeros and pruning can't keep clusters"
)
EIGHT_BITS = (
    "expected qat to be followed by int8 or uint8: it trains the ranges of 8-bit activations, which {} doesn't use. Try '{}', or leave out qat"
)
STEPS = "expected prune<percent>, prune<percent>x<n>, prune<m>of<n>, cluster<n> or qat."
CLUSTERS = "expected cluster2 to cluster256, the number of values a layer may use"
PERCENT = "expected prune1 to prune99, the percentage of weights to set to zero"
RUN = "expected prune<percent>x<n> with n from 2 to 64, the weights of a block, such as prune70x4"
BLOCK = "expected prune<m>of<n> with 1 <= m < n <= 16, such as prune2of4"


@st.composite
def recipes(draw):
    """Every recipe that can exist."""
    pruned = draw(
        st.one_of(
            st.none(),
            st.integers(1, 99).map(Prune),
            st.tuples(st.integers(1, 99), st.integers(2, 64)).map(lambda pair: Prune(*pair)),
            st.integers(2, 16).flatmap(lambda block: st.integers(1, block - 1).map(lambda zeros: PruneBlock(zeros, block))),
        )
    )
    clustered = draw(st.none() | st.integers(2, 256).map(Cluster))
    format_ = draw(st.sampled_from(list(Format)))
    aware = QuantizeAware() if format_ in (Format.INT8, Format.UINT8) and draw(st.booleans()) else None
    return Recipe(tuple(step for step in (pruned, clustered, aware) if step), format_)


def test_docstring_examples_run():
    """They are the first thing a reader sees."""
    result = doctest.testmod(emberflow.recipe)

    assert (result.failed, result.attempted >= 5) == (0, True)


@settings(deadline=None)
@given(recipes())
def test_a_name_reads_back_as_its_recipe(recipe):
    """Written and read, nothing is lost."""

    assert recipe == Recipe.parse(str(recipe))


words = st.sampled_from(["prune70", "prune2of4", "prune0", "prune", "cluster16", "cluster1", "qat", "int8", "float16", "9", "", "of"])


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(words, max_size=6).map("-".join), st.lists(words | st.text(max_size=3), max_size=5).map("-".join)))
def test_any_text_is_a_recipe_or_refused_by_name(text):
    """Nothing but RecipeError; and what is read is written as one and the same recipe."""
    try:
        recipe = Recipe.parse(text)
    except RecipeError:
        return

    assert recipe == Recipe.parse(str(recipe))


@pytest.mark.parametrize(
    ("name", "steps", "format_"),
    [
        ("float32", (), Format.FLOAT32),
        ("prune70-int8", (Prune(70),), Format.INT8),
        ("prune070-int8", (Prune(70),), Format.INT8),
        ("prune70x4-float32", (Prune(70, 4),), Format.FLOAT32),
        ("prune70x1-int8", (Prune(70),), Format.INT8),
        ("prune2of4-int16x8", (PruneBlock(2, 4),), Format.INT16X8),
        ("cluster16-dynamic", (Cluster(16),), Format.DYNAMIC),
        ("qat-uint8", (QuantizeAware(),), Format.UINT8),
        ("prune70-cluster16-qat-int8", (Prune(70), Cluster(16), QuantizeAware()), Format.INT8),
    ],
)
def test_names_are_read_from_left_to_right(name, steps, format_):
    """Steps first, the format last."""

    assert Recipe(steps, format_) == Recipe.parse(name)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("int9", f"received 'int9': 'int9' is not a number format; expected a recipe that ends in one of {FORMATS}. Did you mean 'int8'?"),
        ("prune70", f"received 'prune70': 'prune70' is not a number format; expected a recipe that ends in one of {FORMATS}."),
        ("qat-", f"received 'qat-': '' is not a number format; expected a recipe that ends in one of {FORMATS}."),
        ("int8\n", f"received 'int8\n': 'int8\n' is not a number format; expected a recipe that ends in one of {FORMATS}. Did you mean 'int8'?"),
        ("prun70-int8", f"received 'prun70-int8': 'prun70' is not a step; {STEPS} Did you mean 'prune70'?"),
        ("cluter16-int8", f"received 'cluter16-int8': 'cluter16' is not a step; {STEPS} Did you mean 'cluster16'?"),
        ("prune٣-int8", f"received 'prune٣-int8': 'prune٣' is not a step; {STEPS} Did you mean 'prune70'?"),
        ("float32-int8", f"received 'float32-int8': 'float32' is not a step; {STEPS}"),
        ("-int8", f"received '-int8': '' is not a step; {STEPS}"),
        ("prune0-int8", f"received 'prune0'; {PERCENT}"),
        ("prune100-int8", f"received 'prune100'; {PERCENT}"),
        ("prune70x65-int8", f"received 'prune70x65'; {RUN}"),
        ("prune70x0-int8", f"received 'prune70x0'; {RUN}"),
        ("prune0of4-int8", f"received 'prune0of4'; {BLOCK}"),
        ("prune4of4-int8", f"received 'prune4of4'; {BLOCK}"),
        ("prune2of17-int8", f"received 'prune2of17'; {BLOCK}"),
        ("cluster1-int8", f"received 'cluster1'; {CLUSTERS}"),
        ("cluster257-int8", f"received 'cluster257'; {CLUSTERS}"),
        ("qat-prune70-int8", f"received 'qat-prune70-int8'; {ORDER}"),
        ("cluster16-prune70-int8", f"received 'cluster16-prune70-int8'; {ORDER}"),
        ("prune70-prune2of4-int8", f"received 'prune70-prune2of4-int8'; {ORDER}"),
        ("qat-qat-int8", f"received 'qat-qat-int8'; {ORDER}"),
        ("qat-float16", f"received 'qat-float16'; {EIGHT_BITS.format('float16', 'qat-int8')}"),
        ("prune70-qat-int16x8", f"received 'prune70-qat-int16x8'; {EIGHT_BITS.format('int16x8', 'prune70-qat-int8')}"),
    ],
)
def test_what_can_not_be_is_refused(name, message):
    """With what was received, what was expected and, where there is one, the nearest name."""
    with pytest.raises(RecipeError) as raised:
        Recipe.parse(name)

    assert message == str(raised.value)


def test_a_number_too_long_for_python_is_refused_too():
    """int() raises ValueError at more than 4300 digits."""
    with pytest.raises(RecipeError, match=r"is not a step; expected prune<percent>"):
        Recipe.parse(f"prune{'9' * 5000}-int8")


@pytest.mark.parametrize("name", [None, 8, "", ["int8"]])
def test_what_is_no_name_is_refused(name):
    """YAML may hold anything."""
    with pytest.raises(RecipeError, match=re.escape(f"received {name!r} as a recipe; expected a name such as 'prune70-int8'")):
        Recipe.parse(name)


@settings(deadline=None)
@given(st.lists(recipes(), max_size=8))
def test_prefixes_hold_each_chain_once_and_after_its_own_prefix(some):
    """So each shared stage is run once, and what it extends is there before."""
    chains = prefixes(some)

    assert len(set(chains)) == len(chains)
    assert {recipe.steps for recipe in some} - {()} <= set(chains)
    assert all(len(chain) == 1 or chain[:-1] in chains[:at] for at, chain in enumerate(chains))


def test_prefixes_of_all_recipes():
    """Fourteen recipes share eight trainings instead of doing 13."""

    expected = [
        "qat",
        "prune70",
        "prune2of4",
        "cluster16",
        "prune70-qat",
        "cluster16-qat",
        "prune70-cluster16",
        "prune70-cluster16-qat",
    ]
    assert expected == [prefix_name(chain) for chain in prefixes(ALL)]
    assert sum(len(recipe.steps) for recipe in ALL) == 13


def test_no_steps_are_the_baseline():
    """In names of task runs and logs."""

    assert prefix_name(()) == "baseline"


@pytest.mark.parametrize("format_", list(Format))
def test_integer_formats_need_calibration(format_):
    """Those whose activations are integers."""

    assert format_.is_full_integer == (format_ in ("int8", "uint8", "int16x8"))


@settings(deadline=None)
@given(recipes())
def test_a_recipe_says_what_it_does_in_order(recipe):
    """One clause a step, the format last."""
    clauses = recipe.meaning.split("; then ")

    assert [*(step.meaning for step in recipe.steps), recipe.format.meaning] == clauses
    assert recipe.quantizes_aware == ("qat" in str(recipe).split("-"))


def test_the_set_of_formats_has_each_without_steps():
    """What a conversion alone gives."""

    assert [Recipe((), format_) for format_ in Format] == list(NAMED_SETS["formats"])
    assert len(set(ALL)) == len(NAMED_SETS["all"]) == 14
