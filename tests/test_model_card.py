"""Model cards: each figure of the record stands where a reader looks for it, and what the numbers do not say stands beside them."""

import runpy
from pathlib import Path

import pytest

from emberflow.dataset import Sampling
from emberflow.measure import Measure
from emberflow.model_card import render_model_card
from emberflow.record import Record
from emberflow.target import TargetKind
from emberflow.task import TaskKind
from emberflow.variant import Firmware, Variant

SHARED = runpy.run_path(str(Path(__file__).with_name("a_record.py")))
RECORD: Record = SHARED["RECORD"]
INT8 = RECORD.variant("int8")


def section(title: str, record: Record = RECORD, variant: Variant = INT8) -> str:
    """What stands under one heading."""
    return render_model_card(record, variant).split(f"\n## {title}\n\n")[1].split("\n\n## ")[0]


def changed(record: Record, part: str, **fields: object) -> Record:
    return record.model_copy(update={part: getattr(record, part).model_copy(update=fields)})


def test_the_card_has_a_title_and_eleven_sections():
    lines = render_model_card(RECORD, INT8).splitlines()

    assert lines[0] == "# smart-watch: int8"
    assert [line.removeprefix("## ") for line in lines if line.startswith("## ")] == [
        "What it is",
        "Data",
        "Training",
        "Recipe",
        "Metrics",
        "Confusion matrix",
        "Footprint",
        "On the chip",
        "Verdict",
        "Limits",
        "Versions",
    ]


def test_what_it_is():
    text = section("What it is")

    assert "A classifier of 7 labels for STM32F405RG (cortex-m4f): a TensorFlow Lite model of 26.5 KiB." in text
    assert "- Labels: PEN, ABD, FEL, IR, ER, TRAP, ROW" in text
    assert "- Input: shape (128, 6), 50 samples a second; channels ax, ay, az, gx, gy, gz; in g and rad/s" in text
    assert f"- SHA-256: `{INT8.model.sha256}`" in text
    assert "- Made by run 20260412-083107-kqzt, begun 2026-04-12T08:31:07Z" in text


def test_data_that_say_nothing_of_sampling():
    assert "shape (128, 6), nothing is said of its sampling" in section("What it is", changed(RECORD, "splits", sampling=Sampling()))


def test_the_parts_of_the_data():
    text = section("Data")

    assert "| train | 2,513 |\n| validation | 371 |\n| test | 721 |\n| calibration | 200 |" in text
    assert "Standardized with mean and deviation of the training part." in text
    assert "- Warning: label 'TRAP' has 9 % of the training windows, 'PEN' has 19 %" in text
    assert "Not standardized." in section("Data", changed(RECORD, "splits", standardization=None))


def test_training():
    expected = "The float model (26,055 parameters) was trained for 8 epochs; after the last, validation loss 0.7200, validation accuracy 0.8100."

    assert section("Training") == expected


def test_a_model_that_was_brought_along():
    expected = "The float model (26,055 parameters) was brought along trained; nothing is known here of how."

    assert section("Training", changed(RECORD, "baseline", curve=None)) == expected


def test_a_tflite_that_was_brought_along_is_not_called_a_float_model():
    """It is compared with itself."""
    record = changed(RECORD, "baseline", curve=None, model=RECORD.variant("int8").model)

    assert section("Training", record).startswith("The brought .tflite (26,055 parameters) was brought along trained;")
    assert "| this model | brought .tflite |" in section("Metrics", record)
    assert "What it lost against the brought .tflite, with its 95 %" in section("Metrics", record)


def test_the_recipe_in_words():
    text = section("Recipe", variant=RECORD.variant("prune70-int8"))

    assert text.startswith("`prune70-int8`: the smallest 70 % of each layer's weights become zero; then full integer, int8 in and out.")
    assert "- left dense\\_1 alone: fewer than 64 weights\n- pruning saved nothing in the file" in text


def test_metrics_come_with_their_interval():
    text = section("Metrics")

    assert "| on 721 test samples | this model | float model |\n| --- | --- | --- |" in text
    assert "| accuracy | 0.8180 | 0.8110 |\n| macro_f1 | 0.8140 | 0.8070 |" in text
    assert "The project's metric is accuracy." in text
    assert "-0.007 [-0.019, +0.005]. Both decide alike on 96.2% of the samples. Scored: the outputs of TFLM." in text


def test_a_score_that_only_one_model_has():
    scores = {**RECORD.baseline.quality.scores, "roc_auc": 0.97}

    assert "| roc_auc | - | 0.9700 |" in section(
        "Metrics", changed(RECORD, "baseline", quality=RECORD.baseline.quality.model_copy(update={"scores": scores}))
    )


def test_the_confusion_matrix_has_a_line_a_label():
    """103 samples a label at 0.818: 19 wrong, of which 6 go to the label after next and 13 to the next."""
    lines = section("Confusion matrix").splitlines()

    assert lines[0] == "Rows are true labels, columns decisions."
    assert lines[2] == "|  | PEN | ABD | FEL | IR | ER | TRAP | ROW |"
    assert lines[4] == "| PEN | 84 | 13 | 6 | 0 | 0 | 0 | 0 |"
    assert len(lines) == 4 + 7


def test_the_footprint():
    text = section("Footprint")

    assert "| file | 26.5 KiB |" in text
    assert "| compressed, as an update would be sent | 21.4 KiB |" in text
    assert "| flash | 74.4 KiB (estimated: file + TFLM's runtime and the kernels used) |" in text
    assert "| RAM | 12 KiB (estimated: file + TFLM's runtime and the kernels used) |" in text
    assert "| multiply-accumulates an inference | 1,104,320 |" in text
    assert "Operators: CONV_2D x 3, FULLY_CONNECTED x 2, MEAN x 1, RESHAPE x 4, SOFTMAX x 1." in text


def test_a_verdict_that_fits_says_why_it_was_chosen():
    assert section("Verdict").startswith("Fits STM32F405RG and the budget. int8 is the most accurate of the 10 variants that fit.")


def test_a_verdict_that_does_not_fit_gives_each_reason_with_what_to_do():
    text = section("Verdict", variant=RECORD.variant("prune70-cluster16-int8"))

    assert text.startswith("Does not fit STM32F405RG or the budget:")
    assert "- loses 0.031 of accuracy; the budget bears 0.020: prune less, or fine-tune for more epochs" in text


def test_limits_of_a_microcontroller():
    text = section("Limits")

    assert "The metrics hold for the 721 test samples and for data like them." in text
    assert "Host latency (33 us at the median, LiteRT, 1 thread) says nothing of the device." in text
    assert "reads high for a 32-bit chip" in text
    assert "default kernels of LiteRT differ from TFLM in 41 of 1,400 output bytes." in text
    assert "linux/main.py" not in text


def test_parity_on_outputs_that_do_not_vary_is_a_limit():
    few = tuple(one.model_copy(update={"distinct_outputs": 2}) for one in INT8.evaluation.parity)
    variant = INT8.model_copy(update={"evaluation": INT8.evaluation.model_copy(update={"parity": few})})

    assert "Parity was tried on outputs with only 2 distinct values." in section("Limits", variant=variant)
    assert "Parity was tried" not in section("Limits")


def test_limits_of_a_linux_device():
    text = section("Limits", changed(RECORD, "target", kind=TargetKind.LINUX))

    assert "run linux/main.py on the device" in text
    assert "arena" not in text


def test_versions_and_where_they_can_be_looked_up():
    text = section("Versions", changed(RECORD, "provenance", mlflow_run_id="r1", mlflow_experiment_id="7"))

    assert "| tensorflow | 2.21.0 |" in text
    assert f"- data: `{RECORD.provenance.data_digest}`" in text
    assert "- MLflow experiment: `7`\n- MLflow run: `r1`" in text
    assert "MLflow" not in section("Versions")


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<script>", "&lt;script&gt;"),
        ("*bold* _it_ `x`", r"\*bold\* \_it\_ \`x\`"),
        ("[link](there)", r"\[link\](there)"),
        ("two\n\n## lines", r"two \#\# lines"),
        ("R&D", "R&amp;D"),
    ],
)
def test_labels_of_strangers_stay_text(label: str, shown: str):
    labels = (label, *RECORD.splits.labels[1:])
    record = changed(RECORD, "splits", labels=labels)

    assert section("What it is", record).count(shown) == 1
    assert f"|  | {shown} | ABD |" in section("Confusion matrix", record)


def test_the_same_record_gives_the_same_card():
    assert render_model_card(RECORD, INT8) == render_model_card(RECORD, INT8)


def test_the_chip_in_the_card():
    """1,000,000 instructions at 168 MHz are 5.95 ms."""
    text = section("On the chip", variant=SHARED["compiled"](RECORD.variant("prune70-int8"), 5_600))

    assert text.startswith("Proven: on the emulated cortex-m4f the firmware gave TFLM's outputs in all 700 B of 100 test samples (97 distinct).")
    assert "| instructions an inference | 1,000,000 |\n| stack at its deepest | 220 B |" in text
    assert "| time at one instruction a cycle, an estimate | 5.95 ms |" in text
    assert "| section .text | 6,000 B |" in text
    assert "| samples that the product's self-test passes | 16 of 16 |\n| flash with the self-test and its vectors | 42,440 B |" in text
    assert "| accuracy of the C, built for the host | 0.8140 |\n| saved by packed weights | 5,600 B |" in text


@pytest.mark.parametrize(
    ("variant", "words"),
    [
        (RECORD.variant("float32"), "No C is compiled for this format or device; flash and RAM are estimates."),
        (INT8.model_copy(update={"firmware": Firmware(sources=None, why_not="no compiler")}), "Nothing is known of the firmware: no compiler."),
        (SHARED["compiled"](INT8, fault="wrote to flash", emulated=None), "Refuted: wrote to flash."),
        (SHARED["compiled"](INT8, unproven="no emulator", emulated=None), "Not proven: no emulator."),
    ],
)
def test_a_card_without_proof_says_why(variant, words):
    """In one sentence."""
    assert section("On the chip", variant=variant).startswith(words)


def test_what_could_not_be_checked_stands_in_the_verdict():
    """It fits, as far as is known."""
    noted = INT8.model_copy(update={"verdict": INT8.verdict.model_copy(update={"notes": ("no emulator",)})})

    assert section("Verdict", variant=noted).endswith("\n\n- no emulator")


def test_instructions_are_not_cycles():
    """Where they were counted, that is the limit."""
    assert "Instructions are not cycles" in section("Limits", variant=SHARED["compiled"](INT8))
    assert "were not measured for this bundle" in section("Limits")


def of_kind(kind: TaskKind, labels: tuple[str, ...], **facts: object) -> tuple[Record, Variant]:
    """The record as if its task were another, with these facts of the qualities, and its int8 variant."""
    quality = INT8.evaluation.quality.model_copy(update={"confusion": (), **facts})
    evaluation = INT8.evaluation.model_copy(update={"quality": quality})
    record = changed(RECORD.model_copy(update={"task": kind}), "splits", labels=labels, target_unit="mm" if kind is TaskKind.REGRESSION else "")
    return record, INT8.model_copy(update={"evaluation": evaluation})


def test_a_regression_has_values_with_a_unit() -> None:
    """No label, no decision, no probability."""
    record, variant = of_kind(TaskKind.REGRESSION, ("height", "width"), points=(((1.0, 1.5),),))
    card = render_model_card(record, variant)

    assert section("What it is", record, variant).startswith("A regression of height, width for STM32F405RG")
    assert "- Values: height, width in mm" in card
    assert "R2 of its values on the baseline's is 0.9620." in card
    assert "Beyond the values of the training part the model extrapolates" in card
    assert [word for word in ("Labels", "of the labels", "probabilities", "decide", "Confusion") if word in card] == []


def test_an_anomaly_detector_says_its_threshold() -> None:
    """And what it can't find."""
    record, variant = of_kind(TaskKind.ANOMALY, ("normal", "worn"), thresholds=(0.25,), confusion=((90, 10), (5, 95)))
    card = render_model_card(record, variant)

    assert section("What it is", record, variant).startswith("An autoencoder that tells worn from normal by its error for")
    assert "Decided above 0.25." in card
    assert "What is anomalous in another way than the test samples were may be reconstructed well, and pass." in card


def test_several_labels_are_counted_each() -> None:
    """Instead of a confusion matrix."""
    record, variant = of_kind(TaskKind.MULTI_LABEL, ("hum", "rattle"), by_label=((3, 1, 2, 4), (5, 0, 0, 5)), thresholds=(0.5, 0.25))

    assert "| hum | 3 | 1 | 2 | 4 |" in section("Labels found", record, variant)
    assert "Decided above 0.5, 0.25." in render_model_card(record, variant)


def test_an_error_is_better_when_lower() -> None:
    """Which the card says, with its unit."""
    measure = Measure(name="accuracy", higher_is_better=False, is_share=False, unit="mm")

    assert "The project's metric is accuracy, in mm; lower is better." in section("Metrics", RECORD.model_copy(update={"measure": measure}))
