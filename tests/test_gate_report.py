"""The gate's report: the sentence, the rules, the classes."""

import re

from emberflow.gate import decide, unchanged
from emberflow.gate_report import render_gate
from emberflow.promotion import Rules
from tests.test_gate import candidate, contest, interval, warmer


def test_the_report_holds_the_sentence_each_rule_and_each_class():
    """As Markdown tables, every number in it."""
    decision = decide(candidate(), contest(0.004, classes=(("PEN", interval(0.0)), ("RO|W", interval(0.071)))), Rules())

    lines = render_gate(decision, "watch").splitlines()

    assert "**watch: kept version 7: version 8 loses 0.071 +- 0.009 on class RO\\|W**" == lines[0]
    assert "| `allowance` | 0.01 may be lost | holds | shows a loss of 0.004 +- 0.009 of accuracy |" in lines
    assert "| `class_recall_drop` | 0.05 may be lost | **broken** | loses 0.071 +- 0.009 on class RO\\|W |" in lines
    assert "On 721 test samples, with 95% intervals; a loss is positive:" in lines
    assert "| accuracy | 721 | 0.9090 | 0.9050 | +0.0040 +- 0.0090 |" in lines
    assert "| recall of RO\\|W | 103 | 0.9000 | 0.8290 | +0.0710 +- 0.0090 |" in lines


def test_of_a_first_version_there_is_no_column_of_what_is_asked():
    """It would be empty."""
    lines = render_gate(decide(candidate(champion=None), None, Rules()), "watch").splitlines()

    assert ["| rule | | version 8 |", "| --- | --- | --- |"] == lines[2:4]
    assert lines[4].startswith("| `fits_budget` | holds | fits ")


def test_a_metric_with_a_unit_is_reported_in_it():
    """And what a rule that doesn't apply did: nothing."""
    lines = render_gate(decide(candidate(), warmer(0.04), Rules()), "boiler").splitlines()

    assert "| `allowance` | 0.0925 K (5 % of 1.85 K) may be lost | holds | shows a loss of 0.0400 +- 0.0500 K of mae |" in lines
    assert "| mae | 721 | 1.85 K | 1.89 K | +0.0400 K +- 0.0500 K |" in lines
    assert [line for line in lines if "recall" in line] == [
        "| `class_recall_drop` | nothing of this task | holds | is passed over: this task tells no labels apart, so that none has a recall |"
    ]


def test_what_the_comparison_leaves_out_stands_at_the_end():
    """Each note a line."""
    held = contest().model_copy(update={"notes": ("LIFT: only the champion knows it",)})

    assert render_gate(decide(candidate(), held, Rules()), "watch").endswith("\n- LIFT: only the champion knows it\n")


def test_where_nothing_is_new_the_sentence_is_all():
    """No rule was asked."""
    assert "**watch: nothing new: version 7, the champion, has the same model, data and code**\n\n" == render_gate(
        unchanged(7, 7, "the champion"), "watch"
    )


def test_labels_and_comments_of_strangers_stay_text():
    """In the sentence, the table and the notes."""
    evil = "<script>x</script>[a](javascript:x)|`*"
    held = contest(0.004, classes=((evil, interval(0.071)),)).model_copy(update={"notes": (evil,)})

    page = render_gate(decide(candidate(), held, Rules()), "watch")

    assert "\\<script\\>x\\</script\\>\\[a\\](javascript:x)\\|\\`\\*" in page
    assert [] == [sign for sign in ("<script", "[a") if re.search(rf"(?<!\\){re.escape(sign)}", page)]
