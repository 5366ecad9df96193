"""The application for TFLM of two inputs and two outputs: its grammar, its sizes, and vectors that TFLM's own interpreter answers alike."""

import re
from dataclasses import replace

import numpy as np
import pytest

from emberflow.compiler import compile_model
from emberflow.errors import BundleError
from emberflow.evaluate import litert, reference
from emberflow.evaluate.size import measure_size
from emberflow.firmware.codes_folder import CodesProduct
from emberflow.firmware.codes_tflm import render_codes_tflm
from emberflow.firmware.folder import Build
from emberflow.target import find_target
from tests.adapters.a_network import PAIRS, two_by_two


@pytest.fixture(scope="module")
def made():
    """The network of two by two, with what TFLM says of it."""
    model = two_by_two()
    vectors, build = (PAIRS, reference.outputs(model, PAIRS)), Build(compile_model(model, "pair").files)
    facts = measure_size(model).operators, reference.arena_bytes(model, PAIRS)
    return CodesProduct("pair", model, *litert.read_all_borders(model), vectors, find_target("stm32f405"), build, *facts)


def test_the_files(made):
    """Those that the CMake project names, and its page; the same every time."""
    files = render_codes_tflm(made)
    named = re.findall(r"^  (\S+\.cc?)$", files["tflm/CMakeLists.txt"].decode(), re.MULTILINE)

    sources = {"borders.h", "model_data.h", "model_data.c", "test_vectors.h", "test_vectors.c"}
    application = {"main.cc", "application.h", "CMakeLists.txt", "README.md"}
    assert {f"src/{name}" for name in sources} | {f"tflm/{name}" for name in application} == files.keys()
    assert {"main.cc", "../src/model_data.c", "../src/test_vectors.c"} == set(named)
    assert files == render_codes_tflm(made)


def test_main_parses_against_both_layouts_of_tflm(made, write, check_grammar):
    """Classes in tflite::micro (2026) or in tflite (before); with the self-test and without."""
    main = write(render_codes_tflm(made)) / "tflm" / "main.cc"

    check_grammar("-DSTAND_IN_2026", "-DEMBERFLOW_SELF_TEST", main)
    check_grammar(main)


def test_the_sources_are_c_plus_plus_too(made, write, check_grammar):
    """All of them at once."""
    both = write(render_codes_tflm(made)) / "all.cc"
    both.write_text('#include "src/model_data.c"\n#include "src/test_vectors.c"\n#include "tflm/application.h"\n')

    check_grammar(both)


CHECK = r"""
#include <stdio.h>
#include "src/model_data.h"
#include "src/test_vectors.h"
int main(void) {
  printf("%d %d %d %d", (int)PAIR_INPUT0_BYTES, (int)PAIR_INPUT1_BYTES, (int)PAIR_OUTPUT0_BYTES, (int)PAIR_OUTPUT1_BYTES);
  printf(" %d %d %u\n", PAIR_INPUT1_ZERO_POINT, PAIR_OUTPUT1_ZERO_POINT, PAIR_ARENA_BYTES);
  for (int test = 0; test < PAIR_TEST_COUNT; ++test) {
    for (unsigned i = 0; i < sizeof pair_test_inputs[0]; ++i) printf("%d ", pair_test_inputs[test][i]);
    for (unsigned i = 0; i < sizeof pair_test_outputs[0]; ++i) printf("%d ", pair_test_outputs[test][i]);
    printf("\n");
  }
  return 0;
}
"""


def test_sizes_and_vectors_are_the_models(made, write, run_c):
    """8 and 4 in, 4 and 3 out; each vector's inputs, through TFLM's interpreter, give its outputs."""
    sizes, *lines = run_c(write(render_codes_tflm(made)), CHECK).splitlines()
    codes = np.array([list(map(int, line.split())) for line in lines], np.int8)
    first, second = reference.outputs(made.model, (codes[:, :8], codes[:, 8:12]))

    assert f"8 4 4 3 3 128 {made.arena_bytes}" == sizes
    assert 16 == len(codes)
    assert np.concatenate([first, second.view(np.int8)], axis=1).tolist() == codes[:, 12:].tolist()


def test_main_asks_for_every_border_in_its_place(made):
    """Input and output by their positions in the model."""
    main = render_codes_tflm(made)["tflm/main.cc"].decode()

    assert "emberflow_read_codes(static_cast<int8_t*>(input(0)), static_cast<int8_t*>(input(1)))" in main
    assert "emberflow_on_codes(static_cast<const int8_t*>(output(0)), static_cast<const uint8_t*>(output(1)))" in main
    assert ["0", "1"] == re.findall(r"interpreter->output\((\d)\)->bytes != PAIR_OUTPUT\d_BYTES", main)
    assert ["AddAdd", "AddFullyConnected", "AddQuantize"] == re.findall(r"resolver\.(\w+)\(\)", main)


def test_a_model_that_tflm_refuses_gets_no_application(made):
    """There is no arena to reserve."""
    with pytest.raises(BundleError, match="received no arena size for pair: TFLM does not run this model; expected one that it runs"):
        render_codes_tflm(replace(made, arena_bytes=None))


def test_an_operator_without_a_method_gets_no_application(made):
    """No resolver takes it."""
    with pytest.raises(BundleError, match="received a model with CONV_3D"):
        render_codes_tflm(replace(made, operators={"CONV_3D": 1}))
