"""Models saved, logged, loaded and served by a real MLflow, with the bytes that ship."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import mlflow
import numpy as np
import pytest
import requests
import yaml
from mlflow import MlflowClient

from emberflow.adapters import mlflow_tflite
from emberflow.errors import DataError, GraphError, ModelError
from emberflow.evaluate import litert
from emberflow.evaluate.borders import dequantize, quantize
from emberflow.standardization import Standardization
from tests.models import small_tflite, tiny_tflite

ACTIVATED = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}  # MLflow starts uvicorn by its name
SCALE = Standardization(mean=(1.0, -2.0), std=(2.0, 0.5))


@pytest.fixture(scope="module")
def model():
    """Int8, 6 x 6 x 2 to 3 classes."""
    return small_tflite()


@pytest.fixture(scope="module")
def x():
    """Five samples."""
    return np.random.default_rng(0).normal(0, 1, (5, 6, 6, 2)).astype(np.float32)


@pytest.fixture
def saved(model, x, tmp_path):
    """The model as a folder, with a standardization."""
    mlflow_tflite.save_model(model, tmp_path / "model", standardization=SCALE, input_example=x[:2])
    return tmp_path / "model"


def expected_floats(model, x):
    """What the device gives for what the sensor gives, step by step."""
    borders = litert.read_borders(model)
    standardized = (x - np.float32([1, -2])) / np.float32([2, 0.5])
    return dequantize(litert.run_codes(model, quantize(standardized, borders.input)), borders.output)


def test_the_bytes_that_ship_are_saved(saved, model):
    """Byte for byte, beside MLmodel, the example and the lists of packages; nothing is pickled."""
    files = {path.name for path in saved.iterdir()}

    assert model == (saved / "model.tflite").read_bytes()
    assert {"MLmodel", "model.tflite", "input_example.json", "serving_input_example.json"} | {
        "conda.yaml",
        "python_env.yaml",
        "requirements.txt",
    } == files


def test_mlmodel_says_how_the_model_is_loaded_and_served(saved):
    """Both flavors, shapes and types of any number of samples, scales and zero points of both borders."""
    told = yaml.safe_load((saved / "MLmodel").read_text(encoding="utf-8"))

    assert {"python_function", "tflite"} == set(told["flavors"])
    assert "emberflow.adapters.mlflow_tflite" == told["flavors"]["python_function"]["loader_module"]
    assert [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 6, 6, 2]}}] == json.loads(told["signature"]["inputs"])
    assert [{"type": "tensor", "tensor-spec": {"dtype": "float32", "shape": [-1, 3]}}] == json.loads(told["signature"]["outputs"])
    assert ("int8", [1, 6, 6, 2]) == (told["flavors"]["tflite"]["input"]["dtype"], told["flavors"]["tflite"]["input"]["shape"])
    assert {"mean": [1.0, -2.0], "std": [2.0, 0.5]} == told["flavors"]["tflite"]["standardization"]


def test_pyfunc_takes_and_gives_floats(saved, model, x):
    """Standardized, quantized, computed and dequantized inside."""
    served = mlflow.pyfunc.load_model(str(saved))

    outputs = served.predict(x)

    assert np.float32 == outputs.dtype
    assert expected_floats(model, x).tolist() == outputs.tolist()


def test_a_regressions_values_come_in_their_unit(model, x, tmp_path):
    """What training standardized is undone: times 2, plus 10; three values a sample."""
    target = Standardization(mean=(10.0,) * 3, std=(2.0,) * 3)
    mlflow_tflite.save_model(model, tmp_path / "model", standardization=SCALE, target=target)

    given = mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(x)

    assert np.array_equal(expected_floats(model, x) * np.float32(2) + np.float32(10), given)


def test_without_a_standardization_samples_are_taken_as_they_are(model, x, tmp_path):
    """And a float model's outputs are LiteRT's."""
    float_model = tiny_tflite("signal", "float32")
    signals = np.random.default_rng(1).normal(size=(3, 16, 3)).astype(np.float32)
    mlflow_tflite.save_model(float_model, tmp_path / "model")

    assert litert.run(float_model, signals).tolist() == mlflow.pyfunc.load_model(str(tmp_path / "model")).predict(signals).tolist()


def test_raw_models_take_and_give_codes(model, tmp_path):
    """Integers as they are on the chip; the signature says int8."""
    codes = np.random.default_rng(2).integers(-128, 128, (4, 6, 6, 2), np.int8)
    mlflow_tflite.save_model(model, tmp_path / "model", raw=True)

    served = mlflow.pyfunc.load_model(str(tmp_path / "model"))
    outputs = served.predict(codes)

    assert np.int8 == outputs.dtype
    assert litert.run_codes(model, codes).tolist() == outputs.tolist()
    assert ["int8"] == [column.type.name for column in served.metadata.signature.inputs]


def test_codes_are_to_be_had_of_every_integer_model(saved, model):
    """`predict_codes` of what `load_model` gives, whatever the model was saved as."""
    codes = np.random.default_rng(3).integers(-128, 128, (4, 6, 6, 2), np.int8)

    assert litert.run_codes(model, codes).tolist() == mlflow_tflite.load_model(str(saved)).predict_codes(codes).tolist()


def test_a_path_is_as_good_as_bytes(model, tmp_path):
    """Of the file as it lies in a bundle."""
    path = tmp_path / "watch.tflite"
    path.write_bytes(model)

    mlflow_tflite.save_model(path, tmp_path / "model")

    assert model == mlflow_tflite.load_model(str(tmp_path / "model")).bytes


def test_a_logged_model_is_loaded_by_its_address(model, x, tmp_path, monkeypatch):
    """In a store of its own; MLflow lists it as a model of the kind tflite, with its metadata."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    experiment = mlflow.create_experiment("flavor", artifact_location=(tmp_path / "artifacts").as_uri())
    with mlflow.start_run(experiment_id=experiment):
        info = mlflow_tflite.log_model(model, "small", standardization=SCALE, metadata={"recipe": "int8"}, registered_model_name="small")
    MlflowClient().set_registered_model_alias("small", "champion", "1")

    outputs = mlflow.pyfunc.load_model("models:/small@champion").predict(x)

    assert expected_floats(model, x).tolist() == outputs.tolist()
    assert expected_floats(model, x).tolist() == mlflow_tflite.load_model(info.model_uri).predict(x).tolist()
    assert {"recipe": "int8"} == info.metadata
    assert "tflite" == MlflowClient().get_logged_model(info.model_id).model_type


def test_mlflow_models_predict(saved, model, x, tmp_path):
    """From a file of JSON to a file of JSON, by MLflow's own command line."""
    (tmp_path / "in.json").write_text(json.dumps({"inputs": x.tolist()}), encoding="utf-8")

    files = ["--input-path", str(tmp_path / "in.json"), "--output-path", str(tmp_path / "out.json"), "--content-type", "json"]
    done = subprocess.run(
        [sys.executable, "-m", "mlflow", "models", "predict", "--model-uri", str(saved), "--env-manager", "local", *files],
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )

    assert done.returncode == 0, done.stderr
    answer = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert np.allclose(expected_floats(model, x), answer["predictions"])


def test_mlflow_models_serve(saved, model, x):
    """Over HTTP; what has another shape is refused with both."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "models", "serve", "--model-uri", str(saved), "--env-manager", "local", "--port", str(port)]
    server = subprocess.Popen([*command, "--host", "127.0.0.1", "--workers", "1"], start_new_session=True, stderr=subprocess.DEVNULL, env=ACTIVATED)
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(f"{address}/ping")

        answer = requests.post(f"{address}/invocations", json={"inputs": x.tolist()}, timeout=60)
        refusal = requests.post(f"{address}/invocations", json={"inputs": x[:, :5].tolist()}, timeout=60)

        assert np.allclose(expected_floats(model, x), answer.json()["predictions"])
        assert 400 == refusal.status_code
        assert "(-1, 6, 6, 2)" in refusal.text
        assert "(5, 5, 6, 2)" in refusal.text
    finally:
        os.killpg(server.pid, 15)
        server.wait(30)


def _wait_for(address):
    for _ in range(600):
        try:
            if requests.get(address, timeout=5).ok:
                return
        except requests.ConnectionError:
            time.sleep(0.2)
    raise AssertionError(f"{address} doesn't answer")


class TestRefusals:
    """What can't be saved, loaded or predicted."""

    def test_raw_together_with_a_standardization(self, model, tmp_path):
        """Codes are of standardized samples."""
        with pytest.raises(ModelError, match="received raw=True and a standardization; expected one of them"):
            mlflow_tflite.save_model(model, tmp_path / "model", raw=True, standardization=SCALE)

    def test_raw_of_a_float_model(self, tmp_path):
        """It has no codes."""
        with pytest.raises(GraphError, match="received raw=True for a model that takes float32 and gives float32; expected integers"):
            mlflow_tflite.save_model(tiny_tflite("signal", "float32"), tmp_path / "model", raw=True)

    def test_bytes_that_are_no_model(self, tmp_path):
        """Nothing is written."""
        with pytest.raises(GraphError, match="LiteRT can't read the model"):
            mlflow_tflite.save_model(b"not a model", tmp_path / "model")
        assert not (tmp_path / "model").exists()

    def test_a_file_that_is_not_there(self, tmp_path):
        """With its path."""
        with pytest.raises(ModelError, match=r"none.tflite', which can't be read: No such file or directory"):
            mlflow_tflite.save_model(Path(tmp_path / "none.tflite"), tmp_path / "model")

    def test_a_folder_that_holds_something(self, saved, model):
        """It would be half the old model and half the new."""
        with pytest.raises(ModelError, match="which isn't empty; expected a new one"):
            mlflow_tflite.save_model(model, saved)

    def test_an_address_without_a_model(self, tmp_path):
        """In MLflow's words."""
        with pytest.raises(ModelError, match=r"can't be read as an MLflow model: .*; name a model that MLflow lists"):
            mlflow_tflite.load_model(str(tmp_path / "none"))

    def test_a_model_of_another_flavor(self, tmp_path):
        """The flavors that it has."""
        mlflow.pyfunc.save_model(str(tmp_path / "model"), loader_module="json", pip_requirements=[])

        with pytest.raises(ModelError, match="has the flavors python_function; expected tflite"):
            mlflow_tflite.load_model(str(tmp_path / "model"))

    @pytest.mark.parametrize(
        ("codes", "message"),
        [
            (np.zeros((2, 6, 6, 2), np.uint8), r"shape \(2, 6, 6, 2\), uint8; expected \(n, 6, 6, 2\), int8, n >= 1"),
            (np.zeros((2, 5, 6, 2), np.int8), r"shape \(2, 5, 6, 2\), int8"),
            (np.zeros((0, 6, 6, 2), np.int8), r"shape \(0, 6, 6, 2\), int8"),
        ],
    )
    def test_codes_of_another_kind(self, codes, message, saved):
        """Type, shape, and none."""
        with pytest.raises(DataError, match=message):
            mlflow_tflite.load_model(str(saved)).predict_codes(codes)
