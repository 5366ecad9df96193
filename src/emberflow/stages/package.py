"""The stage that writes what leaves the house: report and bundle. A record in, folders out."""

from base64 import b64encode
from pathlib import Path

import numpy as np

from emberflow import plot
from emberflow.bundle import write_bundle
from emberflow.evaluate import litert, micro
from emberflow.firmware.folder import Build
from emberflow.firmware.vectors import make_vectors
from emberflow.record import Record
from emberflow.report import render_report
from emberflow.stages.compile import read_sources
from emberflow.target import TargetKind
from emberflow.task import RULES
from emberflow.values import AnyArray, FloatArray, Report, Value


def write_report(record: Record, folder: Path, report: Report) -> None:
    """Write to `folder` the run's report, one self-contained page, and its plots as files."""
    plots = folder / "plots"
    plots.mkdir(parents=True, exist_ok=True)
    (folder / "report.html").write_text(render_report(record), encoding="utf-8")
    if record.variants:
        drawn = plot.pareto(record).png()
        (plots / "pareto.png").write_bytes(drawn)
        (plots / "pareto.uri").write_text(f"data:image/png;base64,{b64encode(drawn).decode()}")
    report(str(folder / "report.html"))


class Champion(Value):
    """The files of the variant that was chosen: its .tflite and, where there are any, its C sources."""

    model: Path
    sources: Path | None = None


def package(record: Record, champion: Champion, vectors: tuple[Path, Path], report_html: Path, out: Path, report: Report) -> None:
    """Write the champion's bundle to the folder `out`, with test vectors whose outputs are those of the target's own runtime.

    Raises: BundleError: an operator or border that can't be put into C. GraphError: the model can't be run.
    """
    data = champion.model.read_bytes()
    raw, truth = (np.load(path) for path in vectors)
    scale = record.splits.standardization
    outputs = _outputs(record, data, scale.apply(raw) if scale else raw)
    made = make_vectors(raw, RULES[record.task].strata(truth), scale, litert.read_borders(data), outputs)
    write_bundle(out, record, data, made, report_html, _build(record, champion))
    report(str(out))


def _build(record: Record, champion: Champion) -> Build | None:
    if champion.sources is None or record.choice.champion is None:
        return None
    firmware = record.variant(record.choice.champion).firmware
    on_chip = firmware.on_chip if firmware else None
    compiler = f"zig (ziglang {record.provenance.versions.get('ziglang', 'of unknown version')})" if on_chip else ""
    return Build(sources=read_sources(champion.sources), on_chip=on_chip, compiler=compiler)


def _outputs(record: Record, model: bytes, x: FloatArray) -> AnyArray:
    return micro.run(model, x) if record.target.kind is TargetKind.MICROCONTROLLER else litert.run(model, x)
