import pytest
from hypothesis import given
from hypothesis import strategies as st

from emberflow.artifact import Artifact, Kind
from emberflow.choice import choose, overshoot, pareto
from emberflow.errors import ProjectError
from emberflow.measure import Measure
from emberflow.recipe import ALL
from emberflow.variant import (
    Evaluation,
    Footprint,
    Interval,
    Latency,
    MicroVerdict,
    Quality,
    Reason,
    ReasonKind,
    Size,
    Variant,
    Verdict,
)

BLOCKING = {ReasonKind.FORMAT, ReasonKind.RUNTIME, ReasonKind.PARITY, ReasonKind.SELF_TEST, ReasonKind.UNMEASURED}

ACCURACY = Measure(name="accuracy")


def made(
    recipe, flash_bytes=27_096, accuracy=0.818, drop=None, ram_bytes=8_192, compressed_bytes=20_000, reasons=()
):  # each test names what it is about
    size = Size(file_bytes=1, compressed_bytes=compressed_bytes, parameters=1, macs=1, peak_activation_bytes=1, sparsity=0.0, operators={}, layers=())
    low, estimate, high = drop or (0.0, 0.0, 0.0)
    evaluation = Evaluation(
        size=size,
        quality=Quality(runtime="TFLM", samples=100, scores={"accuracy": accuracy, "macro_f1": 0.5}, confusion=()),
        drop=Interval(estimate=estimate, low=low, high=high),
        agreement=1.0,
        micro=MicroVerdict(runs=True, reason=""),
        parity=(),
    )
    return Variant(
        recipe=recipe,
        model=Artifact(sha256="0" * 64, size_bytes=1, kind=Kind.TFLITE),
        evaluation=evaluation,
        latency=Latency(median_us=1.0, p95_us=1.0, threads=1, runs=1),
        verdict=Verdict(
            fits=not reasons,
            reasons=tuple(reasons),
            footprint=Footprint(flash_bytes=flash_bytes, ram_bytes=ram_bytes, basis="estimated"),
        ),
    )


def missing(kind, number=None):
    return Reason(kind=kind, message=f"misses {kind}", missing=number, advice="try this")


def explain(*variants):
    return choose(variants, ACCURACY).explanation


def test_nothing_to_choose_from():
    """No variant could be made: no champion, no nearest, an empty front, and a word on where to look."""

    choice = choose((), ACCURACY)
    assert choice.champion is None
    assert choice.nearest is None
    assert not choice.pareto
    expected = "No variant could be made, so there is nothing to choose from: see why each recipe failed."
    assert expected == choice.explanation


def test_one_variant_that_fits():
    """It serves, it's the front, and nothing came second."""

    choice = choose([made("int8")], ACCURACY)
    expected = ("int8", None, ("int8",))
    assert expected == (choice.champion, choice.nearest, choice.pareto)
    expected = (
        "int8 serves: it is the only variant, and it fits (27,096 B of flash). No other variant fits, so none came second."
        " Pareto front of flash and accuracy: int8 (27,096 B, 0.8180); no variant is beaten in both."
    )
    assert expected == choice.explanation


def test_the_smallest_that_fits_serves():
    """79,064 - 27,096 = 51,968 B more for the second; it's better, so both are on the front."""

    choice = choose([made("float32", 79_064, 0.823), made("int8", 27_096, 0.818)], ACCURACY)
    expected = ("int8", ("int8", "float32"))
    assert expected == (choice.champion, choice.pareto)
    expected = (
        "int8 serves: all 2 variants fit, and it takes the least flash (27,096 B)."
        " float32 came second, with 51,968 B more flash and accuracy higher (0.8230 to 0.8180)."
        " Pareto front of flash and accuracy: int8 (27,096 B, 0.8180), float32 (79,064 B, 0.8230); no variant is beaten in both."
    )
    assert expected == choice.explanation


def test_what_does_not_fit_does_not_serve():
    """The smallest variant loses too much: it stays on the front, marked."""

    small = made("prune70-int8", 20_000, 0.7, reasons=[missing(ReasonKind.ACCURACY, 0.1)])
    choice = choose([small, made("int8"), made("uint8", 28_000, 0.8)], ACCURACY)
    expected = ("int8", ("prune70-int8", "int8"))
    assert expected == (choice.champion, choice.pareto)
    assert "int8 serves: 2 of 3 variants fit, and it takes the least flash (27,096 B)." in choice.explanation
    assert "uint8 came second, with 904 B more flash and accuracy lower (0.8000 to 0.8180)." in choice.explanation
    assert "front of flash and accuracy: prune70-int8 (20,000 B, 0.7000, doesn't fit), int8 (27,096 B, 0.8180);" in choice.explanation
    assert "; for every other variant, one of these takes no more flash and has no lower accuracy." in choice.explanation


def test_one_of_several_fits():
    """The verb agrees with one."""

    words = explain(made("int8"), made("float32", reasons=[missing(ReasonKind.FLASH, 1)]))
    assert words.startswith("int8 serves: 1 of 2 variants fits, and it takes the least flash (27,096 B). No other variant fits")


@pytest.mark.parametrize(
    ("winner", "loser", "words"),
    [
        (made("qat-int8", accuracy=0.82), made("int8", accuracy=0.81), "the higher accuracy decided against int8, 0.8200 to 0.8100"),
        (made("qat-int8", ram_bytes=9), made("int8", ram_bytes=1_000), "with the same accuracy, less RAM decided against int8, 9 B to 1,000 B"),
        (
            made("qat-int8", compressed_bytes=9),
            made("int8", compressed_bytes=1_000),
            "with the same accuracy and RAM, fewer bytes to send decided against int8, 9 B to 1,000 B",
        ),
        (
            made("int8"),
            made("cluster16-int8"),
            "with the same accuracy, RAM and bytes to send, fewer steps in the recipe decided against cluster16-int8",
        ),
        (made("int8"), made("uint8"), "accuracy, RAM, bytes to send and steps are the same, so the alphabet decided against uint8"),
    ],
    ids=["accuracy", "RAM", "bytes to send", "steps", "name"],
)
def test_what_breaks_a_tie_is_told(winner, loser, words):
    """At the same flash: accuracy, RAM, bytes to send, steps, name, in this order."""

    choice = choose([loser, winner], ACCURACY)
    assert winner.recipe == choice.champion
    assert f"it takes the least flash, as does {loser.recipe} (27,096 B each); {words}." in choice.explanation
    assert f"{loser.recipe} came second, with the same flash and accuracy " in choice.explanation


def test_equal_accuracy_is_called_the_same():
    """Nothing higher, nothing lower."""

    assert "uint8 came second, with the same flash and accuracy the same (0.8180)." in explain(made("int8"), made("uint8"))


def test_difference_within_noise_is_told():
    """Losses of -0.01..0.02 and 0.01..0.04 overlap; 0.05..0.09 does not overlap with the champion's."""

    first = made("int8", accuracy=0.82, drop=(-0.01, 0.0, 0.02))
    close = made("qat-int8", accuracy=0.80, drop=(0.01, 0.02, 0.04))
    far = made("cluster16-int8", accuracy=0.76, drop=(0.05, 0.06, 0.09))
    words = explain(far, first, close)
    assert "as do qat-int8 and cluster16-int8 (27,096 B each)" in words
    assert "The difference in accuracy to qat-int8 is within noise: the 95 % intervals of the losses overlap." in words


def test_intervals_that_touch_overlap():
    """Where one ends the other begins: the same loss is possible for both."""

    assert "within noise" in explain(made("int8", drop=(0.0, 0.01, 0.02)), made("uint8", accuracy=0.8, drop=(0.02, 0.03, 0.04)))


@pytest.mark.parametrize("drop", [(0.03, 0.04, 0.05), (-0.05, -0.04, -0.03)])
def test_difference_beyond_noise_is_not_called_noise(drop):
    """Intervals that lie apart, to either side."""

    assert "noise" not in explain(made("int8", drop=(0.0, 0.01, 0.02)), made("uint8", drop=drop, accuracy=0.8))


def test_overlap_at_another_size_is_not_noise():
    """Size decided there, and size isn't measured with noise."""

    assert "noise" not in explain(made("int8", drop=(0.0, 0.1, 0.2)), made("float32", 79_064, drop=(0.0, 0.1, 0.2)))


def test_equals_on_the_front_all_belong_and_are_named():
    """Three points are one: all stay, and the words say that they're equal."""

    choice = choose([made("uint8"), made("int8"), made("cluster16-int8"), made("float32", 79_064, 0.9)], ACCURACY)
    expected = ("int8", "uint8", "cluster16-int8", "float32")
    assert expected == choice.pareto
    assert choice.explanation.endswith("no variant is beaten in both. int8, uint8 and cluster16-int8 are equal in both.")


@pytest.mark.parametrize(
    ("others", "on_front"),
    [
        ([made("uint8", 27_096, 0.817)], False),  # same flash, worse
        ([made("uint8", 27_097, 0.818)], False),  # same accuracy, larger
        ([made("uint8", 27_097, 0.817)], False),
        ([made("uint8", 27_095, 0.817)], True),
        ([made("uint8", 27_097, 0.819)], True),
        ([made("uint8", 27_096, 0.818)], True),
    ],
)
def test_pareto_front(others, on_front):
    """Beaten is who is worse in one and no better in the other."""

    front = [variant.recipe for variant in pareto([made("int8"), *others], ACCURACY)]
    assert on_front == ("uint8" in front)


def test_none_fits():
    """The nearest is named, with every reason and its advice."""

    flash, accuracy = missing(ReasonKind.FLASH, 96), missing(ReasonKind.ACCURACY, 0.001)
    choice = choose([made("float32", 79_064, reasons=[missing(ReasonKind.FLASH, 50_000)]), made("int8", reasons=[flash, accuracy])], ACCURACY)
    assert choice.champion is None
    expected = "int8"
    assert expected == choice.nearest
    expected = (
        "None of 2 variants fits; int8 comes nearest: misses flash; try this. Also: misses accuracy; try this. Pareto front of flash and accuracy: "
    )
    assert choice.explanation.startswith(expected)


def test_only_variant_does_not_fit():
    """There's nothing that it could be nearer than."""

    words = explain(made("int8", reasons=[missing(ReasonKind.RAM, 96)]))
    assert words.startswith("int8, the only variant, doesn't fit: misses ram; try this. Pareto front")


@pytest.mark.parametrize("kind", sorted(BLOCKING))
def test_what_can_not_run_is_never_nearest_before_what_can(kind):
    """A wrong format can't be mended by a few bytes, so even a large miss is nearer."""

    blocked = made("dynamic", 1_000, reasons=[missing(kind)])
    large = made("float32", 1_000_000, reasons=[missing(ReasonKind.FLASH, 999_999)])
    expected = "float32"
    assert expected == choose([blocked, large], ACCURACY).nearest


@pytest.mark.parametrize(
    ("reasons", "expected"),
    [
        ([], 0.0),
        ([missing(ReasonKind.FORMAT)], 0.0),
        # 1,200 B of which 200 are too many: 200 / 1,000
        ([missing(ReasonKind.FLASH, 200)], 0.2),
        # 500 B of which 100 are too many: 100 / 400
        ([missing(ReasonKind.RAM, 100)], 0.25),
        # a loss of 0.06 of which 0.04 are too many: 0.04 / 0.02
        ([missing(ReasonKind.ACCURACY, 0.04)], 2.0),
        # no loss was allowed, which counts as 0.01: 0.06 / 0.01
        ([missing(ReasonKind.ACCURACY, 0.06)], 6.0),
        ([missing(ReasonKind.FLASH, 200), missing(ReasonKind.RAM, 100), missing(ReasonKind.ACCURACY, 0.04)], 2.45),
        # nothing was allowed at all, which counts as one byte
        ([missing(ReasonKind.FLASH, 1_200)], 1200.0),
    ],
)
def test_overshoot(reasons, expected):
    """The sum of what is missing over what is allowed."""

    variant = made("int8", flash_bytes=1_200, ram_bytes=500, drop=(0.05, 0.06, 0.07), reasons=reasons)
    assert pytest.approx(expected) == overshoot(variant)


def test_the_projects_own_metric_decides():
    """Scored with another metric, the same variants are told apart by it."""

    words = choose([made("int8", accuracy=0.9), made("uint8", accuracy=0.8)], Measure(name="macro_f1")).explanation
    assert "macro_f1, RAM, bytes to send and steps are the same" in words


@pytest.mark.parametrize("decide", [choose, pareto])
def test_metric_that_was_not_scored_is_refused(decide):
    """The message lists what was scored, with a hint."""

    with pytest.raises(ProjectError, match=r"received 'acuracy' as the metric, .* expected one of accuracy, macro_f1\. Did you mean 'accuracy'\?"):
        decide([made("int8"), made("uint8")], Measure(name="acuracy"))


@st.composite
def variants(draw):
    """Up to eight variants with many ties among them, fitting or not."""

    recipes = draw(st.lists(st.sampled_from([str(recipe) for recipe in ALL]), unique=True, max_size=8))
    return [_draw_variant(draw, recipe) for recipe in recipes]


def _draw_variant(draw, recipe):
    few = st.sampled_from([1_000, 2_000, 3_000])
    estimate = draw(st.sampled_from([0.0, 0.03, 0.06]))
    kinds = draw(st.lists(st.sampled_from(list(ReasonKind)), unique=True, max_size=2))
    limits = {ReasonKind.FLASH: 500, ReasonKind.RAM: 100, ReasonKind.ACCURACY: estimate / 2}
    return made(
        recipe,
        draw(few),
        draw(st.sampled_from([0.7, 0.8, 0.9])),
        (estimate - 0.02, estimate, estimate + 0.02),
        draw(few),
        draw(few),
        [missing(kind, limits.get(kind)) for kind in kinds],
    )


def flash_and_accuracy(variant):
    return variant.verdict.footprint.flash_bytes, variant.evaluation.quality.scores["accuracy"]


def beats(one, other):
    (flash, accuracy), (other_flash, other_accuracy) = flash_and_accuracy(one), flash_and_accuracy(other)
    return flash <= other_flash and accuracy >= other_accuracy and (flash, accuracy) != (other_flash, other_accuracy)


@given(variants())
def test_champion_fits_and_nothing_that_fits_is_smaller(candidates):
    """There is a champion exactly when something fits; at the same flash none that fits is more accurate."""

    fitting = {variant.recipe: variant for variant in candidates if variant.verdict.fits}
    champion = choose(candidates, ACCURACY).champion
    assert (champion in fitting) == bool(fitting)
    if fitting:
        flash_bytes, accuracy = flash_and_accuracy(fitting[champion])
        assert all((flash_bytes, -accuracy) <= (other, -score) for other, score in map(flash_and_accuracy, fitting.values()))
    else:
        assert champion is None


@given(variants())
def test_nearest_is_named_when_none_fits(candidates):
    """It's blocked only if all are, and among its like none overshoots by less."""

    choice = choose(candidates, ACCURACY)
    assert (choice.nearest is not None) == (bool(candidates) and choice.champion is None)
    if choice.nearest is not None:
        misses = {v.recipe: (any(reason.kind in BLOCKING for reason in v.verdict.reasons), overshoot(v)) for v in candidates}
        assert min(misses.values()) == misses[choice.nearest]


@given(variants())
def test_front_holds_exactly_what_is_not_beaten(candidates):
    """No point of the front is beaten, and each point off it is beaten by one on it."""

    front = pareto(candidates, ACCURACY)
    assert not any(beats(other, variant) for variant in front for other in candidates)
    assert all(any(beats(member, variant) for member in front) for variant in candidates if variant not in front)
    flashes = [variant.verdict.footprint.flash_bytes for variant in front]
    assert sorted(flashes) == flashes


@given(variants(), st.randoms())
def test_order_of_variants_does_not_matter(candidates, random):
    """The same choice, to the last word."""

    shuffled = random.sample(candidates, len(candidates))
    assert choose(candidates, ACCURACY) == choose(shuffled, ACCURACY)


@given(variants())
def test_explanation_names_whom_it_chose(candidates):
    """Champion or nearest, and each recipe of the front, stand in the words."""

    choice = choose(candidates, ACCURACY)
    assert all(recipe in choice.explanation for recipe in (choice.champion, choice.nearest, *choice.pareto) if recipe)
    assert choice.explanation.endswith(".")


def test_of_an_error_the_lower_one_wins_a_tie():
    """And the front is of what no other beats: less flash, or less error."""
    error = Measure(name="accuracy", higher_is_better=False, is_share=False, unit="K")

    choice = choose([made("uint8", accuracy=2.0), made("int8", accuracy=1.5), made("float32", 79_064, 1.25)], error)

    assert (choice.champion, choice.pareto) == ("int8", ("int8", "float32"))
    assert "the lower accuracy decided against uint8, 1.50 K to 2.00 K" in choice.explanation
    assert "no more flash and has no higher accuracy" in choice.explanation
