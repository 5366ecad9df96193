"""What each technique saved and what it did not."""

import runpy
from pathlib import Path

import pytest

from emberflow.measure import Measure
from emberflow.savings import Change, difference, savings
from emberflow.variant import Interval

MADE = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
RECORD = MADE["RECORD"]


def record_of(*recipes):
    return RECORD.model_copy(update={"variants": tuple(RECORD.variant(recipe) for recipe in recipes)})


def pairs(record):
    return [(saving.technique, saving.recipe, saving.against) for saving in savings(record)]


def test_each_format_is_compared_with_float32_and_each_step_with_the_variant_without_it():
    """Formats first, then recipes of more and more steps."""

    assert pairs(record_of("prune70-qat-int8", "prune70-int8", "qat-int8", "float32", "int8")) == [
        ("int8", "int8", "float32"),
        ("prune70", "prune70-int8", "int8"),
        ("qat", "qat-int8", "int8"),
        ("prune70", "prune70-qat-int8", "qat-int8"),
        ("qat", "prune70-qat-int8", "prune70-int8"),
    ]


def test_a_stand_in_for_a_missing_twin_names_all_that_differs():
    """Without cluster16-int8 and prune70-int8, both steps are judged at once, and once only."""

    assert pairs(record_of("prune70-cluster16-int8", "int8")) == [("prune70 and cluster16", "prune70-cluster16-int8", "int8")]


def test_the_stand_in_is_the_one_with_the_most_steps_in_common():
    """cluster16-qat-int8 is nearer to the triple recipe than int8 is; for qat, int8 is all there is without it and with nothing more."""

    assert pairs(record_of("int8", "cluster16-qat-int8", "prune70-cluster16-qat-int8")) == [
        ("cluster16 and qat", "cluster16-qat-int8", "int8"),
        ("prune70", "prune70-cluster16-qat-int8", "cluster16-qat-int8"),
        ("prune70 and cluster16 and qat", "prune70-cluster16-qat-int8", "int8"),
    ]


@pytest.mark.parametrize("recipes", [(), ("int8",), ("float32",), ("prune70-int8", "float32"), ("int8", "uint8")])
def test_what_has_nothing_to_be_compared_with_says_nothing(recipes):
    """A pruned int8 model and a plain float one differ in two ways that have nothing in common."""

    assert savings(record_of(*recipes)) == ()


def test_all_fourteen_variants_give_eighteen_comparisons():
    """Five formats, four single steps, two for each of three pairs, three for the triple: 5 + 4 + 6 + 3."""

    assert len(savings(RECORD)) == 18


def test_figures_are_those_of_the_two_variants():
    """Taken over, not recomputed."""
    (saving,) = savings(record_of("int8", "prune70-int8"))

    assert saving.file_bytes == Change(before=27_096, after=27_096)
    assert saving.compressed_bytes == Change(before=21_902, after=12_216)
    assert saving.flash_bytes == Change(before=76_152, after=76_152)
    assert saving.latency_us == Change(before=33.0, after=32.0)
    assert saving.metric == Change(before=0.818, after=0.814)


def test_pruning_is_told_as_it_is():
    """(12,216 - 21,902) / 21,902 = -0.442. Loss: 0.004 with [0.004 - hypot(.015, .012), 0.004 + hypot(.016, .012)]."""
    (saving,) = savings(record_of("int8", "prune70-int8"))

    assert saving.sentence == (
        "prune70 saved nothing in the .tflite (27,096 B -> 27,096 B) but saved 44 % zipped (21,902 B -> 12,216 B);"
        " in flash it saved nothing (74.4 KiB -> 74.4 KiB);"
        " 70 % of the weights are zero, and a zero takes as many bytes as any weight; inference here took as long;"
        " it cost 0.004 of accuracy (0.818 -> 0.814, loss +0.004 [-0.015, +0.024]), too little for 721 test samples to tell."
    )


def test_clustering_is_told_with_what_it_left_in_a_channel():
    """Over the whole tensor int8 scales blur the clusters, so a channel is what counts."""
    (saving,) = savings(record_of("int8", "cluster16-int8"))

    assert "saved nothing in the .tflite (27,096 B -> 27,096 B) but saved 49 % zipped" in saving.sentence
    assert "no channel holds more than 16 distinct weights, each still stored in full" in saving.sentence
    assert "zero" not in saving.sentence


def test_a_format_is_told_with_what_it_saved():
    """27,096 / 79,064 = 0.343; 33 / 61 = 0.54."""
    (saving,) = savings(record_of("int8", "float32"))

    assert saving.sentence.startswith("int8 saved 66 % in the .tflite (79,064 B -> 27,096 B) and saved 70 % zipped")
    assert "inference here took 46 % less time; it gained 0.007 of accuracy (0.811 -> 0.818, loss -0.007" in saving.sentence


def test_what_a_technique_added_is_told_too():
    """int16x8: 88 / 61 = 1.44. qat: 27,728 / 27,096 = 1.023; 76,784 / 76,152 = 1.0083."""
    by_recipe = {saving.recipe: saving.sentence for saving in savings(record_of("float32", "int8", "int16x8", "qat-int8"))}

    assert "inference here took 44 % more time" in by_recipe["int16x8"]
    assert by_recipe["qat-int8"].startswith("qat added 2 % in the .tflite")
    assert "in flash it added 0.8 %" in by_recipe["qat-int8"]


def test_a_metric_that_stays_is_not_called_a_loss():
    """float16 scores as float32 does, and 64 against 61 microseconds is noise."""
    (saving,) = savings(record_of("float32", "float16"))

    assert saving.sentence.endswith("inference here took as long; accuracy stayed at 0.811.")


def test_a_loss_beyond_the_interval_is_stated_without_excuse():
    """cluster16 on top of prune70: 0.034, from hypot(.020, .016) = .026 below to hypot(.019, .015) = .024 above."""
    saving = next(s for s in savings(record_of("prune70-int8", "prune70-cluster16-int8")) if s.technique == "cluster16")

    assert saving.sentence.endswith("it cost 0.034 of accuracy (0.814 -> 0.780, loss +0.034 [+0.008, +0.058]).")


def test_the_metric_is_the_projects_own():
    """Here macro_f1: 0.814 and 0.810."""
    (saving,) = savings(record_of("int8", "prune70-int8").model_copy(update={"measure": Measure(name="macro_f1")}))

    assert saving.metric == Change(before=0.814, after=0.810)
    assert "it cost 0.004 of macro_f1" in saving.sentence


@pytest.mark.parametrize(("before", "after", "share"), [(200, 100, -0.5), (100, 102, 0.02), (7, 7, 0.0), (0, 5, 0.0)])
def test_a_share_is_of_what_was_before(before, after, share):
    """Nothing before: no share."""

    assert Change(before=before, after=after).share == pytest.approx(share)


def test_the_interval_of_a_difference_is_recovered_from_two():
    """0.05 - 0.01 = 0.04; below: hypot(.03, .04) = .05; above: hypot(.04, .03) = .05."""
    found = difference(Interval(estimate=0.05, low=0.02, high=0.09), Interval(estimate=0.01, low=-0.02, high=0.05))

    assert (found.estimate, found.low, found.high) == (pytest.approx(0.04), pytest.approx(-0.01), pytest.approx(0.09))


def test_a_difference_turned_around_is_its_negative():
    """The interval too."""
    one, other = Interval(estimate=0.05, low=0.02, high=0.09), Interval(estimate=0.01, low=-0.02, high=0.02)
    forth, back = difference(one, other), difference(other, one)

    assert (back.estimate, back.low, back.high) == (pytest.approx(-forth.estimate), pytest.approx(-forth.high), pytest.approx(-forth.low))


def chip_savings(*variants):
    return {saving.recipe: saving for saving in savings(RECORD.model_copy(update={"variants": variants}))}


def test_pruning_that_stays_packed_is_told_as_saved_flash():
    """30,040 B to 24,440 B of flash: -18.6 %. 11,200 B of weights become 5,600 B; 1.0 M instructions become 1.1 M."""
    record = MADE["with_firmware"]()
    found = chip_savings(record.variant("int8"), record.variant("prune70-int8"))["prune70-int8"]

    assert found.instructions == Change(before=1_000_000, after=1_100_000)
    assert "in flash it saved 19 % (29.3 KiB -> 23.9 KiB);" in found.sentence
    assert "70 % of the weights are zero; the firmware keeps them packed, in 5,600 B instead of 11,200 B;" in found.sentence
    assert "an inference takes 10 % more instructions on the chip;" in found.sentence
    assert "as many bytes as any weight" not in found.sentence
    assert "inference here" not in found.sentence


def test_weights_that_are_not_worth_packing_are_told_too():
    """Clusters, but in too many channels: stored as they are, and run in as many instructions."""
    plain = MADE["compiled"](RECORD.variant("int8"))
    clustered = MADE["compiled"](RECORD.variant("cluster16-int8"))
    sentence = chip_savings(plain, clustered)["cluster16-int8"].sentence

    assert "no channel holds more than 16 distinct weights; the firmware stores them in full, for packed they would not be smaller;" in sentence
    assert "an inference takes as many instructions on the chip" in sentence


def test_fewer_instructions_are_told_and_an_estimate_is_called_one():
    """float32 was not compiled, so its flash is an estimate, and the clock of this machine is all there is."""
    fast = MADE["compiled"](RECORD.variant("qat-int8"), instructions=900_000)
    found = chip_savings(RECORD.variant("float32"), MADE["compiled"](RECORD.variant("int8")), fast)

    assert "an inference takes 10 % fewer instructions on the chip" in found["qat-int8"].sentence
    assert found["int8"].instructions is None
    assert "in flash it saved 77 % (125.1 KiB -> 29.3 KiB), of which one is an estimate; inference here took 46 % less time" in found["int8"].sentence


@pytest.mark.parametrize(("after", "words"), [(1.5, "it added 0.500 K of mae (1.00 K -> 1.50 K"), (0.5, "it took away 0.500 K of mae")])
def test_of_an_error_more_is_what_it_cost(after, words):
    """Or less is what it gained."""
    measure = Measure(name="mae", higher_is_better=False, is_share=False, unit="K")
    scored = {"int8": 1.0, "prune70-int8": after}
    record = record_of(*scored)
    variants = tuple(with_score(one, "mae", scored[one.recipe]) for one in record.variants)

    (saving,) = savings(record.model_copy(update={"measure": measure, "variants": variants}))

    assert words in saving.sentence


def with_score(variant, name, value):
    quality = variant.evaluation.quality.model_copy(update={"scores": {name: value}})
    return variant.model_copy(update={"evaluation": variant.evaluation.model_copy(update={"quality": quality})})
