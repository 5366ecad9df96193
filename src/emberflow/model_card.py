"""The model card: what a model is, how it was made and measured, and what the numbers do not say. Writes Markdown; measures nothing."""

import html
from collections.abc import Iterable, Sequence

from emberflow.dataset import Sampling, Splits
from emberflow.on_chip import OnChip
from emberflow.plot import OUTCOMES
from emberflow.recipe import Recipe
from emberflow.record import Baseline, Provenance, Record
from emberflow.target import TargetKind
from emberflow.task import RULES, TaskKind
from emberflow.units import show_bytes, show_score, show_time
from emberflow.variant import Evaluation, Quality, Variant

_PROBABILITIES = "The model's outputs are not calibrated probabilities."
_CHOSEN = "A threshold that was chosen on the validation part is as good as that part is like the field."
_LIMITS = {
    TaskKind.CLASSIFICATION: (_PROBABILITIES,),
    TaskKind.BINARY: (_PROBABILITIES, _CHOSEN),
    TaskKind.MULTI_LABEL: (_PROBABILITIES, _CHOSEN),
    TaskKind.REGRESSION: ("Beyond the values of the training part the model extrapolates, and nothing was measured of that.",),
    TaskKind.ANOMALY: (_CHOSEN, "What is anomalous in another way than the test samples were may be reconstructed well, and pass."),
}
_UNMEASURED = {
    TaskKind.CLASSIFICATION: ", or of what belongs to none of the labels: the model will still name one",
    TaskKind.BINARY: ", or of what belongs to neither label: the model will still name one",
    TaskKind.MULTI_LABEL: "",
    TaskKind.REGRESSION: "",
    TaskKind.ANOMALY: "",
}
_SPECIAL = {ord(character): f"\\{character}" for character in "\\`*_[]|#"}


def render_model_card(record: Record, variant: Variant) -> str:
    """The card of `variant` in Markdown. Names and labels come from strangers and are escaped."""
    sections = {
        "What it is": _identity(record, variant),
        "Data": _data(record.splits),
        "Training": _training(record.baseline),
        "Recipe": _recipe(variant),
        "Metrics": _metrics(record, variant),
        **_answers(record.splits.labels, variant.evaluation.quality),
        "Footprint": _footprint(variant),
        "On the chip": _on_chip(record, variant),
        "Verdict": _verdict(record, variant),
        "Limits": _bullets(_limits(record, variant)),
        "Versions": _versions(record.provenance),
    }
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections.items())
    return f"# {_text(record.project)}: {variant.recipe}\n\n{body}\n"


def _text(words: object) -> str:
    """`words` as one line of Markdown that shows as it was written."""
    return html.escape(" ".join(str(words).split()), quote=False).translate(_SPECIAL)


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _identity(record: Record, variant: Variant) -> str:
    labels = record.splits.labels
    return (
        f"{_text(_sentence(RULES[record.task].describe(labels)))} for {_text(record.target.title)} ({record.target.core}): a TensorFlow Lite model of"
        f" {show_bytes(variant.model.size_bytes)}.\n\n"
        + _bullets(
            [
                _named(record),
                f"Input: shape ({', '.join(map(str, record.splits.input_shape))}), {_sampling(record.splits.sampling)}",
                f"SHA-256: `{variant.model.sha256}`",
                f"Made by run {_text(record.provenance.run_id)}, begun {_text(record.provenance.started)}",
            ]
        )
    )


def _named(record: Record) -> str:
    names, unit = ", ".join(map(_text, record.splits.labels)), record.splits.target_unit
    if record.task is not TaskKind.REGRESSION:
        return f"Labels: {names}"
    return f"Values: {names}{f' in {_text(unit)}' if unit else ''}"


def _sampling(sampling: Sampling) -> str:
    facts = [
        f"{sampling.rate_hz:g} samples a second" if sampling.rate_hz else "",
        f"channels {', '.join(map(_text, sampling.channels))}" if sampling.channels else "",
        f"in {_text(sampling.unit)}" if sampling.unit else "",
    ]
    return "; ".join(filter(None, facts)) or "nothing is said of its sampling"


def _data(splits: Splits) -> str:
    parts = {"train": splits.train, "validation": splits.validation, "test": splits.test, "calibration": splits.calibration}
    table = _table(("part", "samples"), [(name, f"{part.samples:,}") for name, part in parts.items()])
    warnings = _bullets(f"Warning: {_text(warning)}" for warning in splits.warnings)
    standardization = "Standardized with mean and deviation of the training part." if splits.standardization else "Not standardized."
    return "\n\n".join(filter(None, [table, standardization, warnings]))


def _training(baseline: Baseline) -> str:
    if baseline.curve is None:
        return f"The {baseline.title} ({baseline.parameters:,} parameters) was brought along trained; nothing is known here of how."
    curve = baseline.curve
    last = (
        f"; after the last, validation loss {curve.val_loss[-1]:.4f}, validation {curve.watched} {curve.val_score[-1]:.4f}" if curve.val_loss else ""
    )
    return f"The float model ({baseline.parameters:,} parameters) was trained for {len(curve.loss)} epochs{last}."


def _recipe(variant: Variant) -> str:
    notes = _bullets(_text(note) for note in variant.notes)
    return "\n\n".join(filter(None, [f"`{variant.recipe}`: {Recipe.parse(variant.recipe).meaning}.", notes]))


def _metrics(record: Record, variant: Variant) -> str:
    evaluation = variant.evaluation
    ours, floats = evaluation.quality, record.baseline.quality
    names = sorted(set(ours.scores) | set(floats.scores))
    table = _table(
        (f"on {ours.samples:,} test samples", "this model", record.baseline.title), [(n, _score(ours, n), _score(floats, n)) for n in names]
    )
    return (
        f"{table}\n\nThe project's metric is {_text(record.metric)}{_direction(record)}. What it lost against the {record.baseline.title}, with its 95 % confidence"
        f" interval over the test samples: {record.measure.show_loss(evaluation.drop)}. {_agreement(evaluation)} Scored: the outputs of {ours.runtime}."
        f"{_thresholds(ours)}"
    )


def _direction(record: Record) -> str:
    unit = f", in {_text(record.measure.unit)}" if record.measure.unit else ""
    return unit + ("" if record.measure.higher_is_better else "; lower is better")


def _agreement(evaluation: Evaluation) -> str:
    if evaluation.quality.points:
        return f"R2 of its values on the baseline's is {evaluation.agreement:.4f}."
    return f"Both decide alike on {evaluation.agreement:.1%} of the samples."


def _thresholds(quality: Quality) -> str:
    return f" Decided above {', '.join(f'{threshold:.6g}' for threshold in quality.thresholds)}." if quality.thresholds else ""


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _score(quality: Quality, name: str) -> str:
    return show_score(quality.scores[name]) if name in quality.scores else "-"


def _answers(labels: Sequence[str], quality: Quality) -> dict[str, str]:
    if quality.by_label:
        rows = [(_text(label), *counts) for label, counts in zip(labels, quality.by_label, strict=True)]
        return {"Labels found": _table(("label", *OUTCOMES), rows)}
    return {"Confusion matrix": _confusion(labels, quality)} if quality.confusion else {}


def _confusion(labels: Sequence[str], quality: Quality) -> str:
    names = [_text(label) for label in labels]
    rows = [(name, *counts) for name, counts in zip(names, quality.confusion, strict=False)]
    return f"Rows are true labels, columns decisions.\n\n{_table(('', *names), rows)}"


def _footprint(variant: Variant) -> str:
    size, footprint = variant.evaluation.size, variant.verdict.footprint
    rows = [
        ("file", show_bytes(size.file_bytes)),
        ("compressed, as an update would be sent", show_bytes(size.compressed_bytes)),
        ("flash", f"{show_bytes(footprint.flash_bytes)} ({_text(footprint.basis)})"),
        ("RAM", f"{show_bytes(footprint.ram_bytes)} ({_text(footprint.basis)})"),
        ("parameters", f"{size.parameters:,}"),
        ("zeros among the weights", f"{size.sparsity:.1%}"),
        ("multiply-accumulates an inference", f"{size.macs:,}"),
    ]
    operators = ", ".join(f"{name} x {count}" for name, count in sorted(size.operators.items()))
    return f"{_table(('', ''), rows)}\n\nOperators: {operators}."


def _on_chip(record: Record, variant: Variant) -> str:
    firmware = variant.firmware
    if firmware is None:
        return "No C is compiled for this format or device; flash and RAM are estimates."
    if firmware.on_chip is None:
        return f"Nothing is known of the firmware: {_text(firmware.why_not)}."
    linked, emulated = firmware.on_chip.linked, firmware.on_chip.emulated
    rows = [("arena", f"{linked.arena_bytes:,} B"), ("stack set aside", f"{linked.reserved_stack_bytes:,} B")]
    rows += [(f"section {_text(name)}", f"{count:,} B") for name, count in linked.sections.items()]
    if emulated:
        rows += [("instructions an inference", f"{emulated.instructions:,}"), ("stack at its deepest", f"{firmware.on_chip.stack_bytes:,} B")]
        rows += [("time at one instruction a cycle, an estimate", show_time(variant.verdict.footprint.latency_us or 0))]
    if test := firmware.on_chip.self_test:
        rows += [("samples that the product's self-test passes", f"{0 if test.fault else test.samples - test.failures:,} of {test.samples:,}")]
        rows += [("flash with the self-test and its vectors", f"{test.flash_bytes:,} B")]
    if firmware.quality:
        rows += [(f"{_text(record.metric)} of the C, built for the host", record.measure.show(firmware.quality.scores[record.metric]))]
    rows += [("saved by packed weights", f"{firmware.saved_bytes:,} B")] if firmware.saved_bytes else []
    return f"{_proof(firmware.on_chip)}\n\n{_table(('', ''), rows)}"


def _proof(on_chip: OnChip) -> str:
    if on_chip.is_proven and on_chip.emulated:
        parity = on_chip.emulated.parity
        return (
            f"Proven: on the emulated {_text(on_chip.emulated.core)} the firmware gave TFLM's outputs in all {parity.bytes:,} B of"
            f" {parity.samples:,} test samples ({parity.distinct_outputs:,} distinct)."
        )
    return f"Refuted: {_text(on_chip.complaint)}." if on_chip.is_refuted else f"Not proven: {_text(on_chip.unproven)}."


def _verdict(record: Record, variant: Variant) -> str:
    title = _text(record.target.title)
    if variant.verdict.fits:
        notes = _bullets(map(_text, variant.verdict.notes))
        return "\n\n".join(filter(None, [f"Fits {title} and the budget. {_text(record.choice.explanation)}".strip(), notes]))
    reasons = _bullets(f"{_text(reason.message)}: {_text(reason.advice)}" for reason in variant.verdict.reasons)
    return f"Does not fit {title} or the budget:\n\n{reasons}"


def _limits(record: Record, variant: Variant) -> list[str]:
    evaluation, latency = variant.evaluation, variant.latency
    threads = f"{latency.threads} thread{'' if latency.threads == 1 else 's'}"
    return [
        f"The metrics hold for the {evaluation.quality.samples:,} test samples and for data like them. Nothing was measured of other sensors, other"
        f" mountings, other people or surroundings{_UNMEASURED[record.task]}.",
        "The interval speaks of chance in the choice of test samples. It does not see that neighbouring windows or one person's recordings resemble"
        " each other, which makes it too narrow, nor chance in training.",
        "The variant was chosen by its figures on the same test samples, so that they flatter it a little.",
        *_LIMITS[record.task],
        f"Host latency ({latency.median_us:,.0f} us at the median, {latency.runtime}, {threads}) says nothing of the device.",
        *_runtime_limits(record, variant),
    ]


def _runtime_limits(record: Record, variant: Variant) -> list[str]:
    evaluation = variant.evaluation
    if record.target.kind is TargetKind.LINUX:
        return ["LiteRT's kernels differ between processors by single steps of the output: run linux/main.py on the device."]
    arena = "The arena was read from TFLM's x86-64 build and reads high for a 32-bit chip."
    parity = [f"{p.runtime} kernels of LiteRT differ from TFLM in {p.differing_bytes:,} of {p.bytes:,} output bytes." for p in evaluation.parity]
    few = [f"Parity was tried on outputs with only {p.distinct_outputs} distinct values." for p in evaluation.parity if p.distinct_outputs < 10]
    not_run = "Instructions and stack on the chip were not measured for this bundle."
    run = "Instructions are not cycles: a board takes more where flash waits, and branches and divisions cost it."
    return [arena, not_run if variant.verdict.footprint.instructions is None else run, *parity, *few]


def _versions(provenance: Provenance) -> str:
    digests = [("project", provenance.project_digest), ("data", provenance.data_digest), ("code", provenance.code_digest)]
    versions = _table(("package", "version"), [(_text(name), _text(version)) for name, version in sorted(provenance.versions.items())])
    runs = [("MLflow experiment", provenance.mlflow_experiment_id), ("MLflow run", provenance.mlflow_run_id)]
    return f"{versions}\n\n" + _bullets(f"{name}: `{value}`" for name, value in [*digests, *runs] if value)
