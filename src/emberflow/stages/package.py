"""The stage that writes what leaves the house: report and bundle. A record in, folders out."""

from base64 import b64encode
from pathlib import Path

from emberflow import plot
from emberflow.bundle import write_bundle
from emberflow.evaluate import litert, micro
from emberflow.firmware.folder import Build
from emberflow.record import Record
from emberflow.report import render_report
from emberflow.stages.compile import read_sources
from emberflow.stages.vectors import answered
from emberflow.target import TargetKind
from emberflow.values import Report, Value

_RUNTIMES = {TargetKind.MICROCONTROLLER: micro.run, TargetKind.LINUX: litert.run}


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
    made = answered(data, vectors, record.task, record.splits.standardization, _RUNTIMES[record.target.kind])
    write_bundle(out, record, data, made, report_html, _build(record, champion))
    report(str(out))


def _build(record: Record, champion: Champion) -> Build | None:
    if champion.sources is None or record.choice.champion is None:
        return None
    firmware = record.variant(record.choice.champion).firmware
    on_chip = firmware.on_chip if firmware else None
    compiler = f"zig (ziglang {record.provenance.versions.get('ziglang', 'of unknown version')})" if on_chip else ""
    return Build(sources=read_sources(champion.sources), on_chip=on_chip, compiler=compiler)
