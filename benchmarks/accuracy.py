"""How well the smart-watch example does: its baseline over several seeds, and what the best int8 variant of a run loses. Trains with Emberflow's own stages.

python benchmarks/accuracy.py --record .emberflow/runs/watch/<run>/record.json
"""

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from emberflow.project import Project, read_project
from emberflow.recipe import Format, Recipe
from emberflow.record import Record
from emberflow.stages.classroom import Classroom
from emberflow.stages.prepare import Facts, prepare
from emberflow.stages.train import Origin, train
from emberflow.variant import Variant

PROJECT = Path(__file__).parents[1] / "examples" / "watch" / "emberflow.yaml"
SEEDS = (1, 2, 3)
PROMISED_MEAN = 0.85


def accuracy_with(seed: int, project: Project, facts: Facts, parts: Path) -> float:
    """Test accuracy of the baseline trained from `seed` on the prepared arrays in the folder `parts`."""
    room = Classroom(
        x=parts / "train-x.npy",
        y=parts / "train-y.npy",
        validation_x=parts / "validation-x.npy",
        validation_y=parts / "validation-y.npy",
        standardization=facts.standardization,
        batch_size=project.training.batch_size,
        seed=seed,
        augment=project.training.augment,
        folder=PROJECT.parent,
    )
    origin = Origin(baseline=project.baseline, training=project.training, labels=len(facts.labels))
    test, out = (parts / "test-x.npy", parts / "test-y.npy"), (parts / "baseline.h5", parts / "predictions.npy")
    return train(origin, room, test, out, report=lambda line: print(f"\r  {line:70}", end="", flush=True)).quality.scores["accuracy"]


def best_int8(record: Record) -> Variant:
    """The int8 variant that loses least. Raises: SystemExit: the record has none."""
    found = [variant for variant in record.variants if Recipe.parse(variant.recipe).format is Format.INT8]
    if not found:
        raise SystemExit(f"the record of '{record.project}' has no int8 variant; run the project with one among its recipes")
    return min(found, key=lambda variant: variant.evaluation.drop.estimate)


def parse_arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS, help="default: 1 2 3, about a minute each")
    parser.add_argument("--record", type=Path, help="record.json of a run, for the loss of its best int8 variant")
    return parser.parse_args()


def measure(seeds: Sequence[int]) -> dict[int, float]:
    """Test accuracy by seed, shown as it comes."""
    project = read_project(PROJECT)
    found: dict[int, float] = {}
    with tempfile.TemporaryDirectory() as place:
        facts = prepare(project, PROJECT.parent, Path(place), report=print)
        for seed in seeds:
            found[seed] = accuracy_with(seed, project, facts, Path(place))
            print(f"\rseed {seed}: test accuracy {found[seed]:.4f}{'':60}")
    return found


def main() -> None:
    """Measure and print."""
    arguments = parse_arguments()
    reached = mean(measure(arguments.seeds).values())
    print(f"mean {reached:.4f}, promised at least {PROMISED_MEAN}: {'kept' if reached >= PROMISED_MEAN else 'missed'}")
    if arguments.record:
        best = best_int8(Record.model_validate_json(arguments.record.read_text(encoding="utf-8")))
        print(f"best int8 variant: {best.recipe}, loss of accuracy {best.evaluation.drop} (95 %)")


if __name__ == "__main__":
    main()
