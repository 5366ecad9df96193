"""What LiteRT's process answers to a request."""

import io

import numpy as np

from emberflow.inspection.noise_process import answer

ONE = b'[""]'


def request(**arrays):
    written = io.BytesIO()
    np.savez(written, **{name: np.frombuffer(value, np.uint8) if isinstance(value, bytes) else value for name, value in arrays.items()})
    return written.getvalue()


def test_a_model_alone_is_opened(models):
    """There is nothing to say when that works."""
    assert {} == answer(request(model=models.small_tflite()))
    assert ["refusal"] == list(answer(request(model=b"nonsense")))


def test_with_samples_it_is_run(models, case):
    """Alone, or beside its twin."""
    alone = answer(request(model=models.small_tflite(), names=ONE, x0=np.ones((2, 6, 6, 2), np.float32)))
    healthy = case("healthy")
    both = answer(request(model=healthy.quantized, twin=healthy.real, names=ONE, x0=healthy.x[:2]))

    assert {"input", "conv_2d_0", "fully_connected_1"} == {each["layer"] for each in alone["noise"]}
    assert all(each["sqnr_db"] > 20 for each in both["noise"])
    assert () == both["unmatched"]


def test_samples_that_don_t_fit_are_no_refusal(models):
    """The model is not to blame."""
    assert ["wrong"] == list(answer(request(model=models.small_tflite(), names=ONE, x0=np.ones((2, 7), np.float32))))
