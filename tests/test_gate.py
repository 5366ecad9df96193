"""The gate: every rule in the direction where it complains, and each sentence as it is printed."""

import pytest

from emberflow.contest import ClassLoss, Contest
from emberflow.gate import Candidate, Outcome, decide, overrule, unchanged
from emberflow.measure import Measure
from emberflow.on_chip import Parity
from emberflow.promotion import Rules
from emberflow.variant import Firmware, Interval, Reason, ReasonKind
from tests.a_record import RECORD, with_firmware

RULES = Rules()


def interval(estimate, half=0.009):
    return Interval(estimate=estimate, low=round(estimate - half, 6), high=round(estimate + half, 6))


EVEN = (("PEN", interval(0.0)),)


def contest(estimate=0.0, half=0.009, samples=721, classes=EVEN):
    losses = tuple(ClassLoss(label=label, samples=103, champion=0.9, challenger=0.9 - loss.estimate, loss=loss) for label, loss in classes)
    return Contest(
        measure=Measure(name="accuracy"),
        samples=samples,
        confidence=0.95,
        champion=0.909,
        challenger=0.909 - estimate,
        loss=interval(estimate, half),
        classes=losses,
    )


KELVIN = Measure(name="mae", higher_is_better=False, is_share=False, unit="K")


def warmer(estimate, half=0.05):
    """A regression whose champion is off by 1.85 K on average."""
    changes = {"measure": KELVIN, "champion": 1.85, "challenger": 1.85 + estimate, "classes": ()}
    return contest(estimate, half).model_copy(update=changes)


def candidate(champion=7, **changes):
    return Candidate(version=8, variant=proven().model_copy(update=changes), target=RECORD.target, champion=champion)


def proven():
    """An int8 variant whose firmware was run on the emulated core."""
    return with_firmware().variant("int8")


def with_chip(**changes):
    firmware = proven().firmware
    return candidate(firmware=firmware.model_copy(update={"on_chip": firmware.on_chip.model_copy(update=changes)}))


def broken(decision):
    return [finding.rule for finding in decision.findings if not finding.holds]


def test_the_first_version_is_promoted_when_it_fits():
    """There is nobody to be compared with."""
    decision = decide(candidate(champion=None), None, RULES)

    assert (Outcome.PROMOTED, f"promoted version 8: it is the first, and fits {RECORD.target.name}") == (decision.outcome, decision.sentence)
    assert ["fits_budget", "firmware_equals_tflm", "runs_on_chip", "passes_self_test"] == [finding.rule for finding in decision.findings]
    assert 8 == decision.serving


def test_a_better_one_is_promoted():
    """With both figures, and the difference."""
    decision = decide(candidate(), contest(-0.003), RULES)

    assert "promoted version 8: accuracy 0.9120 against 0.9090 of version 7, a gain of 0.003 +- 0.009" == decision.sentence
    assert [] == broken(decision)
    assert set(Rules.model_fields) - {"confidence"} == {finding.rule for finding in decision.findings}


@pytest.mark.parametrize(("loss", "outcome"), [(0.0, "promoted"), (0.01, "promoted"), (0.0101, "kept")])
def test_a_loss_within_the_allowance_is_borne(loss, outcome):
    """0.01 may be lost, and not a bit more, whatever the interval."""
    assert outcome == decide(candidate(), contest(loss), RULES).outcome


def test_a_worse_one_is_kept():
    """The champion stays, and the sentence says by how much."""
    decision = decide(candidate(), contest(0.021), RULES)

    assert (Outcome.KEPT, "kept version 7: version 8 loses 0.021 +- 0.009 of accuracy") == (decision.outcome, decision.sentence)
    assert ["allowance"] == broken(decision)
    assert 7 == decision.serving


def test_a_class_that_falls_keeps_the_champion():
    """The one that falls most is named."""
    decision = decide(candidate(), contest(classes=(("PEN", interval(0.06)), ("ROW", interval(0.071)))), RULES)

    assert "kept version 7: version 8 loses 0.071 +- 0.009 on class ROW" == decision.sentence


@pytest.mark.parametrize(("loss", "is_kept"), [(interval(0.06, 0.059), True), (interval(0.06, 0.061), False), (interval(0.05, 0.001), False)])
def test_a_class_that_may_fall_by_chance_does_not_count(loss, is_kept):
    """Its interval reaches down to 0; nor does a fall that the rule allows."""
    assert is_kept is (decide(candidate(), contest(classes=(("ROW", loss),)), RULES).outcome is Outcome.KEPT)


def test_a_small_test_set_keeps_the_champion():
    """99 samples of 100."""
    decision = decide(candidate(), contest(samples=99), RULES)

    said = "version 8 can't be told from version 7: the test set of 99 samples is smaller than the 100 that promotion.yaml asks for"
    assert f"kept version 7: {said}" == decision.sentence


def test_an_interval_that_is_too_wide_keeps_the_champion():
    """More samples would tell."""
    decision = decide(candidate(), contest(half=0.06), RULES)

    said = "on a test set of 721 samples the loss of accuracy is known to within +- 0.060, and promotion.yaml asks for 0.05: more test samples would tell"
    assert f"kept version 7: version 8 can't be told from version 7: {said}" == decision.sentence


def test_a_wide_interval_that_lies_beyond_the_allowance_tells_enough():
    """From 0.14 to 0.26 is a loss, however wide; from 0.005 to 0.125 may be none."""
    assert "kept version 7: version 8 loses 0.200 +- 0.060 of accuracy" == decide(candidate(), contest(0.2, 0.06), RULES).sentence
    assert ["widest_interval", "allowance"] == broken(decide(candidate(), contest(0.065, 0.06), RULES))


@pytest.mark.parametrize(
    ("loss", "sentence"),
    [
        (0.09, "promoted version 8: mae 1.94 K against 1.85 K of version 7, a loss of 0.0900 +- 0.0500 K"),
        (0.1, "kept version 7: version 8 loses 0.100 +- 0.0500 K of mae"),
    ],
)
def test_of_a_metric_with_a_unit_a_share_of_the_champions_value_may_be_lost(loss, sentence):
    """5 % of 1.85 K is 0.0925 K; 0.01 K would be no number for every unit."""
    decision = decide(candidate(), warmer(loss), RULES)

    assert sentence == decision.sentence
    assert "0.0925 K (5 % of 1.85 K) may be lost" in [finding.asked for finding in decision.findings]


def test_of_a_metric_with_a_unit_the_interval_may_be_a_share_of_the_champions_value():
    """10 % of 1.85 K."""
    decision = decide(candidate(), warmer(0.0, 0.186), RULES)

    said = "the loss of mae is known to within +- 0.186 K, and promotion.yaml asks for 0.185 K (10 % of 1.85 K): more test samples would tell"
    assert f"kept version 7: version 8 can't be told from version 7: on a test set of 721 samples {said}" == decision.sentence


def test_a_number_is_in_the_metrics_own_unit():
    """0.3 K may be lost of any champion."""
    decision = decide(candidate(), warmer(0.29), Rules(allowance=0.3))

    assert Outcome.PROMOTED is decision.outcome
    assert "0.3 K may be lost" in [finding.asked for finding in decision.findings]


def test_a_task_without_labels_passes_the_bound_on_recall_over_and_says_so():
    """Nothing is bounded silently."""
    (finding,) = [each for each in decide(candidate(), warmer(0.0), RULES).findings if each.rule == "class_recall_drop"]

    assert (True, "nothing of this task") == (finding.holds, finding.asked)
    assert "is passed over: this task tells no labels apart, so that none has a recall" == finding.words


def test_who_can_not_be_compared_is_kept_in_words():
    """The contest's own."""
    held = Contest(
        measure=Measure(name="accuracy"), samples=721, confidence=0.95, refusal="it takes samples of shape 8, and the data are of shape 4 x 2 now"
    )
    decision = decide(candidate(), held, RULES)

    assert f"kept version 7: version 8 can't be compared with version 7: {held.refusal}" == decision.sentence
    assert ["comparable"] == broken(decision)


def test_one_that_does_not_fit_is_kept_with_the_reason():
    """The verdict's own words; a first one promotes nothing."""
    reason = Reason(kind=ReasonKind.FLASH, message="needs 40 B more flash than m4 has", missing=40, advice="")
    verdict = proven().verdict.model_copy(update={"fits": False, "reasons": (reason,)})

    assert "kept version 7: version 8 doesn't fit: needs 40 B more flash than m4 has" == decide(candidate(verdict=verdict), contest(), RULES).sentence
    first = decide(candidate(champion=None, verdict=verdict), None, RULES)
    assert "promoted nothing: version 8 doesn't fit: needs 40 B more flash than m4 has" == first.sentence
    assert first.serving is None


def test_firmware_that_differs_from_tflm_is_kept():
    """One byte is enough."""
    parity = Parity(runtime="firmware", samples=100, bytes=700, differing_bytes=1, differing_samples=1, largest_difference=1, distinct_outputs=90)
    decision = decide(with_chip(emulated=proven().firmware.on_chip.emulated.model_copy(update={"parity": parity})), contest(), RULES)

    assert decision.sentence.startswith("kept version 7: version 8 is not proven equal to TFLM: 1 of 700 output bytes differ over 100 samples")
    assert ["firmware_equals_tflm"] == broken(decision)


def test_firmware_that_faults_is_kept():
    """It neither equals TFLM nor runs, so that its own test was not run; all is told."""
    decision = decide(with_chip(fault="read at 0x0", emulated=None, self_test=None), contest(), RULES)

    assert ["firmware_equals_tflm", "runs_on_chip", "passes_self_test"] == broken(decision)
    assert "did not run on the emulated core: read at 0x0" == decision.findings[2].words
    assert "was not shown to pass its self-test on the emulated core: read at 0x0" == decision.findings[3].words


@pytest.mark.parametrize(
    ("found", "words"),
    [
        ({"failures": 3}, "the self-test passes 13 of 16 samples on the emulated cortex-m4f"),
        ({"fault": "net_mean read 4 B at 0x0"}, "the self-test does not end on the emulated cortex-m4f: net_mean read 4 B at 0x0"),
    ],
)
def test_a_product_that_fails_its_test_is_kept(found, words):
    """Though its model equals TFLM; tests/adapters/test_self_test.py has one that really does."""
    test = proven().firmware.on_chip.self_test.model_copy(update=found)
    decision = decide(with_chip(self_test=test), contest(), RULES)

    assert f"kept version 7: version 8 fails on the chip: {words}" == decision.sentence
    assert ["passes_self_test"] == broken(decision)


def test_a_product_that_passes_is_told_with_core_and_samples():
    """In the words of the condition."""
    assert "self-test passed on the emulated cortex-m4f, 16 samples" == decide(candidate(), contest(), RULES).findings[3].words


def test_a_version_of_before_the_self_test_is_kept():
    """What was not shown is not believed."""
    decision = decide(with_chip(self_test=None), contest(), RULES)

    assert decision.sentence.endswith("version 8 was not shown to pass its self-test on the emulated core: it was not run")


@pytest.mark.parametrize(
    ("firmware", "words"),
    [(None, "no firmware was made"), (Firmware(sources=None, why_not="found no C compiler for chips"), "found no C compiler for chips")],
)
def test_firmware_that_nobody_ran_is_kept(firmware, words):
    """What was not shown is not believed."""
    decision = decide(candidate(firmware=firmware), contest(), RULES)

    assert f"kept version 7: version 8 was not shown to equal TFLM: {words}" == decision.sentence


def test_firmware_whose_outputs_do_not_vary_proves_nothing():
    """It ran, but its equality is none."""
    decision = decide(with_chip(unproven="100 samples gave 1 distinct output"), contest(), RULES)

    assert "kept version 7: version 8 is not proven equal to TFLM: 100 samples gave 1 distinct output" == decision.sentence


def test_of_a_format_that_is_not_compiled_no_firmware_is_asked_for():
    """float32 on a microcontroller runs in TFLM itself."""
    decision = decide(candidate(recipe="float32", firmware=None), contest(), RULES)

    assert Outcome.PROMOTED is decision.outcome
    assert {"firmware_equals_tflm", "runs_on_chip", "passes_self_test"}.isdisjoint(finding.rule for finding in decision.findings)


def test_a_rule_that_is_switched_off_is_not_asked():
    """Each of the four."""
    verdict = proven().verdict.model_copy(update={"fits": False})
    off = Rules(fits_budget=False, firmware_equals_tflm=False, runs_on_chip=False, passes_self_test=False)

    assert Outcome.PROMOTED is decide(candidate(firmware=None, verdict=verdict), contest(), off).outcome


def test_nothing_new_is_said_with_whom_it_equals():
    """And the champion stays."""
    decision = unchanged(7, 7, "the champion")

    assert "nothing new: version 7, the champion, has the same model, data and code" == decision.sentence
    assert (Outcome.UNCHANGED, 7) == (decision.outcome, decision.serving)


@pytest.mark.parametrize(
    ("outcome", "champion", "sentence"),
    [
        ("promoted", 7, "promoted version 8: Ann said so"),
        ("kept", 7, "kept version 7: Ann said so"),
        ("kept", None, "kept nothing: Ann said so"),
        ("rejected", 7, "rejected version 8: Ann said so"),
    ],
)
def test_a_person_may_overrule(outcome, champion, sentence):
    """The findings stay as they were."""
    before = decide(candidate(champion=champion), contest(0.021) if champion else None, RULES)

    after = overrule(before, Outcome(outcome), "Ann said so")

    assert (outcome, sentence, before.findings) == (after.outcome, after.sentence, after.findings)
