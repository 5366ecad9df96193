"""What strangers give goes through the whole chain where the project trusts it: classes of somebody's own, and data that are pickles."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from emberflow.errors import DataError, ModelError

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.long]

PROJECT = {
    "name": "strangers",
    "baseline": "theirs.keras",
    "data": {name: f"{name}.npz" for name in ("train", "validation", "test")} | {"labels": ["low", "high"]},
    "standardize": False,
    "fine_tuning": {"epochs": 1},
    "calibration_samples": 32,
    "recipes": ["float32", "int8", "prune50-int8"],
    "target": "stm32f405",
    "budget": {"accuracy_drop": 0.5},
}
MODEL = {"trust_model_code": True, "custom_objects": "mine:objects"}


def write_data(folder: Path) -> None:
    """Each part an array of arrays, which NumPy pickles."""
    for seed, name in enumerate(("train", "validation", "test")):
        random = np.random.default_rng(seed)
        x, y = np.empty(64, object), np.arange(64) % 2
        x[:] = list((random.normal(size=(64, 12, 4)) + y[:, None, None]).astype(np.float32))
        np.savez(folder / f"{name}.npz", x=x, y=y)


@pytest.fixture
def run(prefect_api, strangers, tmp_path):
    """A function that runs the project with some keys changed."""
    from emberflow.keras_bridge import keras
    from emberflow.keras_bridge.which import keras_3
    from flows.retrain_to_deploy import retrain_to_deploy
    from flows.settings import RunConfig

    write_data(tmp_path)

    def run_once(version=2, **changes):
        strangers.write_module(tmp_path, "mine", "tf_keras" if version == 2 else "keras")
        strangers.write_model(tmp_path / "theirs.keras", keras() if version == 2 else keras_3(), strangers.load_module(tmp_path, "mine"))
        (tmp_path / "emberflow.yaml").write_text(yaml.safe_dump(PROJECT | changes))
        return retrain_to_deploy(RunConfig(project=str(tmp_path / "emberflow.yaml"), home=str(tmp_path / "home")))

    return run_once


def test_a_trusted_project_runs_and_an_untrusted_one_is_refused(run):
    """Every recipe of a model with two layers of the user's own, on data that had to be unpickled; firmware equal to TFLM. Without either flag: none."""
    with pytest.raises(ModelError, match="names the function 'halve' of 'builtins'"):
        run(data=PROJECT["data"] | {"trust_pickles": True})
    with pytest.raises(DataError, match=r"'train.npz' .* holds pickled Python objects, and reading them runs whatever code the file holds"):
        run(**MODEL)

    record = run(**MODEL, data=PROJECT["data"] | {"trust_pickles": True})

    assert ["float32", "int8", "prune50-int8"] == [variant.recipe for variant in record.variants]
    assert all(record.variant(name).firmware.on_chip.is_proven for name in ("int8", "prune50-int8"))
    assert 0.99 < record.variant("float32").evaluation.agreement
    assert 64 == record.baseline.quality.samples


def test_layers_of_keras_3_go_through_every_step(run):
    """Pruned and clustered around them; with `qat: false`, trained with the rounding of all others, and without it refused by name. Firmware equal to TFLM."""
    data, recipes = PROJECT["data"] | {"trust_pickles": True}, ["float32", "int8", "prune50-int8", "cluster8-int8", "qat-int8"]
    spared = {name: {"qat": False} for name in ("conv_activation", "scale", "shift")}

    record = run(3, **MODEL, data=data, recipes=recipes, layers=spared)

    assert recipes == [variant.recipe for variant in record.variants]
    assert all(record.variant(name).firmware.on_chip.is_proven for name in recipes[1:])
    assert 0.99 < record.variant("float32").evaluation.agreement
    assert "prune50: left layer 'scale' (Scale) alone: not a kind of layer that it treats" in record.variant("prune50-int8").notes
    (failure,) = run(3, **MODEL, data=data, recipes=["float32", "qat-int8"]).failures
    assert failure.reason.startswith("qat can't quantize 'conv_activation' (Activation), 'scale' (Scale), 'shift' (Shift) of")
