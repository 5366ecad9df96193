"""What MLflow is told of data, variants and runs: params, metrics, tags. Knows the keys; refuses to know MLflow.

Every variant gets the same keys, so that runs compare: a figure that a variant lacks is left out, and a tag says why.
"""

import json
from csv import DictWriter
from io import StringIO

from pydantic import Field

from emberflow.adapters import tracking_notes as notes
from emberflow.artifact import Sha256
from emberflow.dataset import Part, Splits
from emberflow.measure import Measure
from emberflow.recipe import Cluster, Prune, PruneBlock, Recipe, prefix_name
from emberflow.record import Record
from emberflow.standardization import Standardization
from emberflow.task import TaskKind
from emberflow.values import Value
from emberflow.variant import Evaluation, SparseStorage, Variant

NOTE = "mlflow.note.content"
_DIGEST_LIMIT = 36  # characters that MLflow keeps of a data set's digest


class Context(Value):
    """What all variants of one pipeline run share; known before the first of them is measured."""

    project: str
    measure: Measure
    task: TaskKind = TaskKind.CLASSIFICATION
    target: str
    splits: Splits
    data_digest: Sha256
    code_digest: Sha256


class DataInput(Value):
    """A data set as MLflow lists it; `part` is what a run used it for. Source, tensors and profile are JSON."""

    name: str
    digest: str
    part: str
    source: str
    tensors: str
    profile: str


class Figures(Value):
    """What is logged of one run in one call. A point of `curves` is (key, step, value)."""

    params: dict[str, str] = Field(default_factory=dict)
    metrics: dict[str, float] = Field(default_factory=dict)
    curves: tuple[tuple[str, int, float], ...] = ()
    tags: dict[str, str] = Field(default_factory=dict)


class Card(Value):
    """What a served model says of itself, how it treats samples first, and values last."""

    standardization: Standardization | None
    target: Standardization | None = None
    metadata: dict[str, str | list[str] | list[float]]


def card(variant: Variant, context: Context) -> Card:
    """What goes with the .tflite of `variant` into MLflow's model."""
    metadata = {"project": context.project, "recipe": variant.recipe, "target": context.target, "sha256": variant.model.sha256}
    decided = {"task": context.task.value, "labels": list(context.splits.labels), "thresholds": list(variant.evaluation.quality.thresholds)}
    return Card(standardization=context.splits.standardization, target=context.splits.target, metadata={**metadata, **decided})


def context_of(record: Record) -> Context:
    """The context that `record` was made in."""
    return Context(
        project=record.project,
        measure=record.measure,
        task=record.task,
        target=record.target.name,
        splits=record.splits,
        data_digest=record.provenance.data_digest,
        code_digest=record.provenance.code_digest,
    )


def data_input(name: str, context: Context) -> DataInput:
    """The part called `name`: shapes and counts, labels, channels, and the digests of its arrays."""
    splits = context.splits
    part: Part = getattr(splits, name)
    tensors = {"features": _tensor("float32", splits.input_shape), "targets": _tensor(*_targets(splits, context.task))}
    profile = {"num_rows": part.samples, "labels": splits.labels, "sampling": splits.sampling.model_dump(), "warnings": splits.warnings}
    return DataInput(
        name=f"{context.project}-{name}",
        digest=context.data_digest[:_DIGEST_LIMIT],
        part=name,
        source=json.dumps({"x": part.x.sha256, "y": part.y.sha256}),
        tensors=json.dumps({"mlflow_tensorspec": tensors}),
        profile=json.dumps(profile),
    )


def _targets(splits: Splits, kind: TaskKind) -> tuple[str, tuple[int, ...]]:
    """Type and shape of one sample's truth."""
    several = {TaskKind.REGRESSION: "float32", TaskKind.MULTI_LABEL: "int64"}
    return (several[kind], (len(splits.labels),)) if kind in several else ("int64", ())


def of_variant(variant: Variant, context: Context) -> Figures:
    """A nested run: how the variant was made, what was measured (units in the keys), the verdict."""
    note = notes.of_variant(variant, context.target, context.measure)
    described = of_model(variant, context)
    return Figures(params=described.params, metrics=_metrics(variant, context.measure.name), tags={**described.tags, NOTE: note})


def of_model(variant: Variant, context: Context) -> Figures:
    """A LoggedModel: as its run, without what was measured, which is linked to it from there."""
    return Figures(params=_params(variant, context), tags=_tags(variant, context))


def of_champion(recipe: str, record: Record) -> Figures:
    """What the nested run of `recipe` learns when all are judged."""
    return Figures(tags={"champion": _word(recipe == record.choice.champion)})


def of_run(record: Record, compare: str) -> Figures:
    """The parent run: what was asked for, the champion's figures under a variant's keys, the training's curves, digests and versions."""
    return Figures(
        params=_run_params(record),
        metrics=_run_metrics(record),
        curves=_curves(record),
        tags={**_run_tags(record), NOTE: notes.of_run(record, compare)},
    )


def csv(record: Record) -> str:
    """Every variant's params and metrics as a line of CSV, which MLflow's artifact viewer shows as a table."""
    context = context_of(record)
    lines = [{**_params(variant, context), **_metrics(variant, record.metric)} for variant in record.variants]
    text = StringIO()
    writer = DictWriter(text, fieldnames=list(dict.fromkeys(key for line in lines for key in line)), lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _params(variant: Variant, context: Context) -> dict[str, str]:
    """No pruning and no clustering are 0, so that the columns stay numbers."""
    recipe = Recipe.parse(variant.recipe)
    return {
        # MLflow's comparison first draws the first params of the alphabet against the first metric: size against accuracy.
        "bytes": str(variant.evaluation.size.file_bytes),
        "recipe": variant.recipe,
        "format": recipe.format.value,
        "steps": prefix_name(recipe.steps),
        "sparsity_target": f"{_sparsity_target(recipe):g}",
        "clusters": str(_clusters(recipe)),
        "qat": _word(recipe.quantizes_aware),
        "target": context.target,
        "metric": context.measure.name,
        "task": context.task.value,
        "scored_by": variant.evaluation.quality.runtime,
    }


def _metrics(variant: Variant, metric: str) -> dict[str, float]:
    """In the order of the Models tab's columns: how good, how big, what is lost, then the rest."""
    evaluation, footprint = variant.evaluation, variant.verdict.footprint
    size, drop, scores = evaluation.size, evaluation.drop, evaluation.quality.scores
    return {
        metric: scores[metric],
        "file_bytes": size.file_bytes,
        "flash_bytes": footprint.flash_bytes,
        "ram_bytes": footprint.ram_bytes,
        f"{metric}_drop": drop.estimate,
        f"{metric}_drop_low": drop.low,
        f"{metric}_drop_high": drop.high,
        **scores,
        "agreement": evaluation.agreement,
        **_thresholds(evaluation),
        "compressed_bytes": size.compressed_bytes,
        "parameters": size.parameters,
        "macs": size.macs,
        "sparsity": size.sparsity,
        "peak_activation_bytes": size.peak_activation_bytes,
        "host_latency_us": variant.latency.median_us,
        "host_latency_p95_us": variant.latency.p95_us,
        **_micro_metrics(evaluation),
        **_chip_metrics(variant, metric),
        **_sparse_metrics(variant.sparse),
    }


def _thresholds(evaluation: Evaluation) -> dict[str, float]:
    """`threshold`, or `threshold_0` and so on where each label has its own."""
    found = evaluation.quality.thresholds
    return {"threshold": found[0]} if len(found) == 1 else {f"threshold_{label}": value for label, value in enumerate(found)}


def _chip_metrics(variant: Variant, metric: str) -> dict[str, float]:
    """What the linked firmware takes beside flash and RAM, and what the emulated core showed; nothing that was not measured."""
    footprint, firmware = variant.verdict.footprint, variant.firmware
    on_chip = firmware.on_chip if firmware else None
    test = on_chip.self_test if on_chip else None
    found = {
        "stack_bytes": footprint.stack_bytes,
        "instructions": footprint.instructions,
        "latency_estimate_us": footprint.latency_us,
        "parity_differing_bytes": on_chip.emulated.parity.differing_bytes if on_chip and on_chip.emulated else None,
        "parity_samples": on_chip.emulated.parity.samples if on_chip and on_chip.emulated else None,
        "self_test_failures": test.failures if test else None,
        "self_test_samples": test.samples if test else None,
        "self_test_flash_bytes": test.flash_bytes if test else None,
        "chip_arena_bytes": on_chip.linked.arena_bytes if on_chip else None,
        "packing_saved_bytes": firmware.saved_bytes if firmware and firmware.sources else None,
        f"{metric}_on_chip": firmware.quality.scores[metric] if firmware and firmware.quality else None,
    }
    return {name: figure for name, figure in found.items() if figure is not None}


def _sparse_metrics(sparse: SparseStorage | None) -> dict[str, float]:
    """What sparse tensors save, in bytes and µs, which is negative where they cost time; nothing where they were tried and not kept."""
    if sparse is None:
        return {}
    us = {"sparse_saved_us": sparse.plain_us - sparse.sparse_us} if sparse.plain_us is not None and sparse.sparse_us is not None else {}
    return {"sparse_saved_bytes": sparse.plain_bytes - sparse.sparse_bytes if sparse.is_kept else 0, **us}


def _micro_metrics(evaluation: Evaluation) -> dict[str, float]:
    """Nothing for a model that TFLM refuses; of each kind of LiteRT kernels, how far it strays from TFLM."""
    arena = {} if evaluation.micro.arena_bytes is None else {"arena_bytes": evaluation.micro.arena_bytes}
    compared = [(parity.runtime.split()[0].lower(), parity) for parity in evaluation.parity]
    return {
        **arena,
        **{f"parity_{kernels}_differing_bytes": parity.differing_bytes for kernels, parity in compared},
        **{f"parity_{kernels}_largest_difference": parity.largest_difference for kernels, parity in compared},
    }


def _tags(variant: Variant, context: Context) -> dict[str, str]:
    return {
        "fits": _word(variant.verdict.fits),
        "verdict": notes.verdict(variant),
        "tflm": notes.micro(variant.evaluation),
        "footprint": variant.verdict.footprint.basis,
        "on_chip": notes.on_chip(variant),
        "self_test": notes.self_test(variant),
        "emberflow.project": context.project,
        "emberflow.data_digest": context.data_digest,
        "emberflow.code_digest": context.code_digest,
        "emberflow.model_digest": variant.model.sha256,
    }


def _run_params(record: Record) -> dict[str, str]:
    budget = {name: value for name, value in record.budget.model_dump().items() if value is not None}
    return {
        "target": record.target.name,
        "metric": record.metric,
        "task": record.task.value,
        "recipes": str(len(record.variants) + len(record.failures)),
        **{f"budget_{name}": str(value) for name, value in budget.items()},
    }


def _run_metrics(record: Record) -> dict[str, float]:
    champion = record.choice.champion
    return {
        **(_metrics(record.variant(champion), record.metric) if champion else {}),
        **{f"baseline_{name}": score for name, score in record.baseline.quality.scores.items()},
        "baseline_parameters": record.baseline.parameters,
        "variants": len(record.variants),
        "variants_fitting": sum(variant.verdict.fits for variant in record.variants),
        "recipes_failed": len(record.failures),
        "recipes_skipped": len(record.skipped),
    }


def _run_tags(record: Record) -> dict[str, str]:
    made = record.provenance
    return {
        "champion": record.choice.champion or "none",
        "skipped": notes.skipped(record) or "none",
        "emberflow.run": made.run_id,
        "emberflow.project": record.project,
        "emberflow.project_digest": made.project_digest,
        "emberflow.data_digest": made.data_digest,
        "emberflow.code_digest": made.code_digest,
        **{f"version.{name}": version for name, version in made.versions.items()},
    }


def _curves(record: Record) -> tuple[tuple[str, int, float], ...]:
    """Epochs count from 1."""
    curve = record.baseline.curve
    curves = {"loss": curve.loss, "val_loss": curve.val_loss, curve.watched: curve.score, f"val_{curve.watched}": curve.val_score} if curve else {}
    return tuple((f"epoch_{name}", epoch, value) for name, values in curves.items() for epoch, value in enumerate(values, start=1))


def _tensor(dtype: str, shape: tuple[int, ...]) -> str:
    return json.dumps([{"type": "tensor", "tensor-spec": {"dtype": dtype, "shape": [-1, *shape]}}])


def _sparsity_target(recipe: Recipe) -> float:
    for step in recipe.steps:
        match step:
            case Prune(percent=percent):
                return percent / 100
            case PruneBlock(zeros=zeros, block=block):
                return zeros / block
    return 0.0


def _clusters(recipe: Recipe) -> int:
    return next((step.clusters for step in recipe.steps if isinstance(step, Cluster)), 0)


def _word(truth: bool) -> str:
    return str(truth).lower()
