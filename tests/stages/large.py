"""A process of its own that takes data through every stage that touches them: first a few samples, then, with no memory for a copy, many.

Run by `test_large.py` as `python large.py FOLDER SAMPLES MARGIN_BYTES`, where it is told how many samples each part has, and how much more private memory
this process may have for them than for the few (RLIMIT_DATA, which counts no map of a file).
"""

import resource
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

SHAPE = (4096, 4)
CORE_BYTES = 300_000_000  # of an emulated core, whatever the data
SOURCE = """
def model():
    import tf_keras

    layers = tf_keras.layers
    return tf_keras.Sequential([tf_keras.Input((4096, 4)), layers.AveragePooling1D(64), layers.Flatten(), layers.Dense(1, "sigmoid")])
"""


def quiet(text):
    """Nobody is told how far a stage has come."""


def write_data(folder, samples):
    """Three parts of two labels as `.npy`: x int16, which float32 makes twice as large."""
    for seed, name in enumerate(("train", "validation", "test")):
        random, y = np.random.default_rng(seed), np.arange(samples) % 2
        x = np.lib.format.open_memmap(folder / f"{name}-raw.npy", mode="w+", dtype=np.int16, shape=(samples, *SHAPE))
        noise = random.normal(0, 900, (16, *SHAPE))
        for place, label in enumerate(y):
            x[place] = noise[place % 16] + 400 * label + place
        np.save(folder / f"{name}-truth.npy", y)


def run_stages(folder, samples, say):
    """From the files to what is measured; `say` is told of each stage when it is done."""
    from emberflow.artifact import Kind, describe
    from emberflow.convert import PLAIN
    from emberflow.evaluate.grading import Grading
    from emberflow.measure import Measure
    from emberflow.project import Project
    from emberflow.recipe import Cluster, Format, Prune, QuantizeAware
    from emberflow.stages.classroom import Classroom
    from emberflow.stages.compress import Treatment, compress
    from emberflow.stages.contest import Arena, Entrant, compete
    from emberflow.stages.convert import Source, convert
    from emberflow.stages.evaluate import Paper, evaluate
    from emberflow.stages.prepare import prepare
    from emberflow.stages.train import Origin, train
    from emberflow.training import FineTuning, Training

    write_data(folder, samples)
    parts = {name: {"x": f"{name}-raw.npy", "y": f"{name}-truth.npy"} for name in ("train", "validation", "test")}
    project = Project(name="large", baseline="large_model:model", data={**parts, "labels": ["low", "high"]}, target="stm32f405")
    facts = prepare(project, folder, folder, quiet)
    say("prepare", describe(folder / "train-x.npy", Kind.ARRAY).size_bytes)

    files = SimpleNamespace(**{path.stem.replace("-", "_"): path for path in folder.glob("*.npy")})
    room = Classroom(
        x=files.train_x,
        y=files.train_y,
        validation_x=files.validation_x,
        validation_y=files.validation_y,
        standardization=facts.standardization,
        batch_size=64,
        seed=1,
        augment=None,
        folder=folder,
    )
    origin = Origin(baseline="large_model:model", training=Training(epochs=1, batch_size=64), labels=2)
    say("train", train(origin, room, (files.test_x, files.test_y), (folder / "model.h5", folder / "predictions.npy"), quiet).quality.samples)

    before, steps = folder / "model.h5", ()
    for step in (Prune(50), Cluster(16), QuantizeAware()):
        steps = (*steps, step)
        after = folder / f"{len(steps)}.h5"
        compress(before, steps, Treatment(fine_tuning=FineTuning(epochs=1)), room, after, quiet)
        before = after
        say(f"compress {step}", after.stat().st_size > 0)

    model = folder / "model.tflite"
    convert(Source(path=before, kind=Kind.KERAS), Format.INT8, files.calibration_x, PLAIN, model, quiet)
    say("convert", model.stat().st_size > 0)

    grading = Grading(labels=2, validation_x=files.validation_x, validation_y=files.validation_y, folder=folder)
    paper = Paper(
        x=files.test_x,
        y=files.test_y,
        predictions=folder / "predictions.npy",
        labels=facts.labels,
        measure=Measure(name="accuracy"),
        grading=grading,
        is_microcontroller=True,
    )
    say("evaluate", evaluate("int8", model, paper, (folder / "answers.svg", folder / "outputs.npy"), quiet).quality.samples)
    run_on_chip(folder, model, facts, grading, files, say)

    arena = {"x": files.test_x, "y": files.test_y, "labels": facts.labels, "standardization": facts.standardization, "measure": paper.measure}
    entrant = Entrant(model=model, standardization=facts.standardization, labels=facts.labels)
    other = entrant.model_copy(update={"standardization": facts.standardization.model_copy(update={"mean": (0.0,) * SHAPE[-1]})})
    say("compete", compete(other, entrant, Arena(**arena, confidence=0.95, is_microcontroller=True), quiet).samples)


def run_on_chip(folder, model, facts, grading, files, say):
    """Compiled, and proven on the whole test part; only where the compiler and the emulator are installed."""
    from emberflow.adapters.bench import Assignment, run_on_chip
    from emberflow.adapters.toolchain import default_cache
    from emberflow.stages.compile import compile_model
    from emberflow.target import find_target

    compile_model(model, "large", folder / "sources.zip", quiet)
    allow(CORE_BYTES)
    found = run_on_chip(
        Assignment(
            name="large",
            sources=folder / "sources.zip",
            model=model,
            x=files.test_x,
            y=files.test_y,
            expected=folder / "outputs.npy",
            vectors=(files.vectors_x, files.vectors_y),
            standardization=facts.standardization,
            labels=facts.labels,
            grading=grading,
            target=find_target("stm32f405"),
            toolchain=default_cache(),
        ),
        quiet,
    )
    allow(-CORE_BYTES)
    say("run on chip", found.quality.samples if found.quality else found.why_not)


def allow(more_bytes):
    """Another limit than before, where there is one."""
    limit, most = resource.getrlimit(resource.RLIMIT_DATA)
    if limit != resource.RLIM_INFINITY:
        resource.setrlimit(resource.RLIMIT_DATA, (limit + more_bytes, most))


def private_bytes():
    """What RLIMIT_DATA counts."""
    with open("/proc/self/status", encoding="utf-8") as file:
        return next(int(line.split()[1]) * 1024 for line in file if line.startswith("VmData:"))


def main():
    """The few samples, the limit, the many."""
    folder, samples, margin_bytes = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    sys.stdout.reconfigure(line_buffering=True)  # what is told last stands there when memory runs out
    sys.path.insert(0, str(folder))
    (folder / "large_model.py").write_text(SOURCE, encoding="utf-8")
    for name, count in (("few", 64), ("many", samples)):
        place = folder / name
        place.mkdir()
        run_stages(place, count, lambda stage, found, name=name: sys.stdout.write(f"{name}: {stage}: {found}\n"))
        limit = private_bytes() + margin_bytes
        resource.setrlimit(resource.RLIMIT_DATA, (limit, resource.getrlimit(resource.RLIMIT_DATA)[1]))


if __name__ == "__main__":
    main()
