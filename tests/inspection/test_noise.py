"""Noise between a model and its float twin, measured on the real runtime."""

import numpy as np
import pytest
import tflite

from emberflow.errors import DataError, GraphError
from emberflow.evaluate import litert
from emberflow.evaluate.borders import dequantize
from emberflow.inspection.noise import measure


def test_every_tensor_of_a_healthy_model_is_measured(case):
    """The input, four convolutions, the mean and the decision; 30 dB and more; the operator alone adds less noise than all before it did."""
    healthy = case("healthy")
    strayed = measure(healthy.quantized, healthy.real, {"": healthy.x})

    noise = {each.layer: each for each in strayed.noise}
    assert {"input", "one", "two", "three", "four", "pool", "decide"} == set(noise)
    assert () == strayed.unmatched
    assert all(each.sqnr_db > 30 and each.saturation == 0 for each in strayed.noise)
    assert noise["one"].sqnr_db == noise["one"].own_sqnr_db
    assert all(noise[name].own_sqnr_db > noise[name].sqnr_db for name in ("two", "three", "four"))
    assert noise["input"].own_sqnr_db is None


def test_the_worst_comes_first(case):
    """By signal to noise."""
    healthy = case("healthy")
    found = [each.sqnr_db for each in measure(healthy.quantized, healthy.real, {"": healthy.x}).noise]

    assert sorted(found) == found


def test_the_noise_of_the_output_is_that_of_the_models_answers(case):
    """Counted anew from what both models give."""
    healthy = case("healthy")
    real = litert.run(healthy.real, healthy.x, litert.Kernels.REFERENCE).astype(float)
    codes = litert.run(healthy.quantized, healthy.x, litert.Kernels.REFERENCE)
    error = real - dequantize(codes, litert.read_borders(healthy.quantized).output)

    decide = next(each for each in measure(healthy.quantized, healthy.real, {"": healthy.x}).noise if each.layer == "decide")
    assert pytest.approx(10 * np.log10((real**2).sum() / (error**2).sum()), abs=1e-4) == decide.sqnr_db
    assert pytest.approx((real.min(), real.max())) == (decide.low, decide.high)


def test_the_layer_that_adds_the_noise_is_told_from_those_that_inherit_it(case):
    """The mean and the decision behind the sum are as noisy as it, but not by themselves."""
    cancelling = case("cancelling")
    noise = {each.layer: each for each in measure(cancelling.quantized, cancelling.real, {"": cancelling.x}).noise}

    assert all(noise[name].sqnr_db < 10 for name in ("meet", "pool", "decide"))
    assert ["meet"] == [name for name, each in noise.items() if each.own_sqnr_db is not None and each.own_sqnr_db < 20]


def test_the_rounding_of_weights_is_told_from_that_of_activations(case):
    """In a healthy layer it is the smaller part; operators without weights have none."""
    healthy = case("healthy")
    noise = {each.layer: each for each in measure(healthy.quantized, healthy.real, {"": healthy.x}).noise}

    assert all(noise[name].weights_sqnr_db > noise[name].own_sqnr_db > 30 for name in ("one", "two", "three", "four", "decide"))
    assert noise["pool"].weights_sqnr_db is None


def test_without_a_twin_there_are_ranges_alone(case):
    """Codes are counted; nothing is compared."""
    healthy = case("healthy")
    found = measure(healthy.quantized, None, {"": healthy.x}).noise

    assert 7 == len(found)
    assert {(None, None)} == {(each.sqnr_db, each.own_sqnr_db) for each in found}
    assert all(each.used > 0.5 and each.range_low <= each.low <= each.high <= each.range_high for each in found)


def test_a_float_model_has_nothing_to_measure(case):
    """No tensor has a scale."""
    healthy = case("healthy")

    assert () == measure(healthy.real, None, {"": healthy.x[:2]}).noise


def test_an_activation_that_holds_numbers_at_an_end_cuts_nothing_off(case):
    """Most of what RELU gives is 0, its lowest code."""
    healthy = case("healthy")
    found = {each.layer: each for each in measure(healthy.quantized, None, {"": healthy.x}).noise}

    assert found["one"].saturation < 0.001


def test_samples_of_another_shape_are_refused(case):
    """With both shapes."""
    healthy = case("healthy")

    with pytest.raises(DataError, match=r"received samples of shape \(8, 8, 3\); the model takes \(8, 8, 4\)"):
        measure(healthy.quantized, healthy.real, {"": healthy.x[..., :3]})


def test_a_model_of_several_inputs_is_run_with_an_array_for_each(models):
    """By the names of its inputs, whatever their order in the file; each has a range of its own."""
    tensors = tuple(models.TensorSpec(name, shape=(1, 4), scales=(scale,), zero_points=(0,)) for name, scale in (("a", 1.0), ("b", 0.5), ("c", 1.0)))
    step = models.OperatorSpec(tflite.BuiltinOperator.MAXIMUM, (0, 1), (2,), "MaximumMinimumOptions", {})
    model = models.write_tflite(tensors, (step,), inputs=(0, 1), outputs=(2,))
    a, b = np.full((3, 4), 7, np.float32), np.full((3, 4), -2, np.float32)

    strayed = measure(model, None, {"b": b, "a": a})
    found = {each.layer: (each.low, each.high) for each in strayed.noise}

    assert 3 == strayed.samples
    assert {"input0": (7, 7), "input1": (-2, -2), "maximum_0": (7, 7)} == found
    with pytest.raises(
        DataError, match=r"received samples with the arrays a; the model has 2 inputs: expected an \.npz with an array for each, called a, b"
    ):
        measure(model, None, {"a": a})


def test_a_model_that_litert_refuses_is_refused(models):
    """ABS of integers without a scale."""
    tensors = tuple(models.TensorSpec(name) for name in "ab")
    step = models.OperatorSpec(tflite.BuiltinOperator.ABS, (0,), (1,))
    with pytest.raises(GraphError, match="LiteRT refuses the model: "):
        measure(models.write_tflite(tensors, (step,)), None, {"": np.ones((1, 4), np.float32)})


def test_a_model_without_an_input_is_told(models):
    """Constants alone: there is nothing to give samples to."""
    tensors = (models.TensorSpec("a", data=b"1234", scales=(1.0,), zero_points=(0,)), models.TensorSpec("b", scales=(1.0,), zero_points=(0,)))
    step = models.OperatorSpec(tflite.BuiltinOperator.RELU, (0,), (1,))
    with pytest.raises(GraphError, match="the model has no input; expected at least one to give samples to: convert it again"):
        measure(models.write_tflite(tensors, (step,), inputs=(), outputs=(1,)), None, {"": np.ones((1, 4), np.float32)})
