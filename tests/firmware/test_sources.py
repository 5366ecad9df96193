"""Sources: the generated C computes what Python computes, byte for byte; it is compiled strictly and run on this machine."""

import re
from dataclasses import replace

import numpy as np
import pytest

from emberflow.errors import BundleError
from emberflow.evaluate.borders import Border, dequantize, quantize
from emberflow.firmware.application import C_TYPES
from emberflow.firmware.decision import Decision
from emberflow.firmware.sources import SOURCES, render_linux, render_sources, render_tflm
from emberflow.standardization import Standardization
from emberflow.task import TaskKind

DTYPES = ("int8", "uint8", "int16", "float32")

# Prints the preprocessing of every sample, then meaning and decision of every expected output, all as bits.
CHECK = r"""
#include <stdio.h>
#include <string.h>
#include "src/labels.h"
#include "src/model_data.h"
#include "src/test_vectors.h"

static unsigned bits(float value) {
  unsigned word;
  memcpy(&word, &value, sizeof word);
  return word;
}

int main(void) {
  for (int test = 0; test < WATCH_TEST_COUNT; ++test) {
    float standardized[WATCH_INPUT_SIZE], values[WATCH_OUTPUT_COUNT];
    watch_input_t at_once[WATCH_INPUT_SIZE], in_steps[WATCH_INPUT_SIZE];
    watch_preprocess(watch_test_raw[test], at_once);
    watch_standardize(watch_test_raw[test], standardized);
    watch_quantize(standardized, in_steps);
    watch_dequantize(watch_test_outputs[test], values);
    printf("%d %d", memcmp(at_once, in_steps, sizeof at_once) == 0, memcmp(at_once, watch_test_inputs[test], sizeof at_once) == 0);
    printf(" %d %d", watch_test_labels[test], watch_decide(watch_test_outputs[test]));
    for (int i = 0; i < WATCH_INPUT_SIZE; ++i) printf(" %08x", bits(standardized[i]));
    for (int i = 0; i < WATCH_OUTPUT_COUNT; ++i) printf(" %08x", bits(values[i]));
    printf("\n");
  }
  return 0;
}
"""


def hex_bits(values: np.ndarray) -> list[str]:
    return [f"{word:08x}" for word in values.astype(np.float32).reshape(-1).view(np.uint32)]


def border(codes: np.ndarray, scale: float, zero_point: int) -> Border:
    return Border(shape=(1, *codes.shape[1:]), dtype=codes.dtype.name, scale=scale, zero_point=zero_point)


def test_the_same_application_gives_the_same_files(application):
    assert render_sources(application()) == render_sources(application())
    assert render_linux(application()) == render_linux(application())


def test_files_lie_under_src(application):
    assert sorted(render_sources(application())) == sorted(f"src/{name}" for name in SOURCES)


@pytest.mark.parametrize("types", [*zip(DTYPES, DTYPES, strict=True), ("int8", "float32"), ("float32", "int16")])
def test_c_computes_what_python_computes(application, vectors, write, run_c, types: tuple[str, str]):
    """Preprocessed inputs, standardized values, meanings and decisions of every sample, for these types of input and output."""
    given = vectors(*types)
    app = application(given)

    printed = run_c(write(render_sources(app)), CHECK)

    standardized = app.standardization.apply(given.raw)
    meanings = dequantize(given.outputs, border(given.outputs, given.output_scale, given.output_zero_point))
    assert printed.splitlines() == [
        " ".join(["1", "1", str(given.labels[i]), str(given.outputs[i].argmax()), *hex_bits(standardized[i]), *hex_bits(meanings[i])])
        for i in range(len(given))
    ]


# (float in steps of 0.25, expected code relative to the zero point); a quarter is exact, so that ties are ties
TIES = (
    (0.0, 0),
    (-0.0, 0),
    (0.5, 1),
    (-0.5, -1),
    (1.5, 2),
    (2.5, 3),
    (-2.5, -3),
    (0.49999997, 0),  # the float32 below one half: adding 0.5 would give 1.0
    (-0.49999997, 0),
    (0.50000006, 1),
    (1.4999999, 1),
    (-1.4999999, -1),
    (126.5, 127),
    (-126.49999, -126),
)
SATURATED = (1000.0, 131071.0, 131072.0, 131073.0, 3e9, 1e30, 3.4e38)


@pytest.mark.parametrize("zero_point", [-128, -5, 127])
def test_rounding_is_half_away_and_saturates(application, vectors, write, run_c, zero_point: int):
    """Hand-made values, through C: ties away from zero, the neighbours of ties, and everything beyond the last code.

    Codes by hand: clamp(expected + zero point); the far values at either end give 127 and -128 whatever the zero point.
    """
    steps = [step for step, _ in TIES] + [sign * step for step in SATURATED for sign in (1, -1)]
    raw = (np.array(steps, np.float32) * np.float32(0.25)).reshape(1, -1, 1)
    by_hand = [min(max(code + zero_point, -128), 127) for _, code in TIES] + [127, -128] * len(SATURATED)
    inputs = np.array(by_hand, np.int8).reshape(raw.shape)
    given = replace(vectors(samples=1), raw=raw, inputs=inputs, input_scale=0.25, input_zero_point=zero_point)

    printed = run_c(write(render_sources(application(given, standardization=None))), CHECK)

    assert printed.split()[:2] == ["1", "1"]
    assert quantize(raw, border(inputs, 0.25, zero_point)).tolist() == inputs.tolist()


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16"])
def test_c_rounds_as_the_measurements_did(application, vectors, write, run_c, dtype: str):
    """A thousand values and their float neighbours around ties of an inexact scale, against the quantization that was measured with."""
    limits, scale, zero_point = np.iinfo(dtype), 0.0123, {"int8": -7, "uint8": 131, "int16": 0}[dtype]
    halves = np.random.default_rng(11).integers(limits.min - 9, limits.max + 9, 1000) - zero_point + 0.5
    middle = (halves * scale).astype(np.float32)
    raw = np.concatenate([middle, np.nextafter(middle, np.float32(np.inf)), np.nextafter(middle, np.float32(-np.inf))]).reshape(1, -1, 1)
    at = border(np.zeros(raw.shape, dtype), scale, zero_point)
    given = replace(vectors(dtype, samples=1), raw=raw, inputs=quantize(raw, at), input_scale=scale, input_zero_point=zero_point)

    printed = run_c(write(render_sources(application(given, standardization=None))), CHECK)

    assert printed.split()[:2] == ["1", "1"]


def test_c_says_so_when_an_input_differs(application, vectors, write, run_c):
    """The check above is able to fail: one code is off by one."""
    given = vectors(samples=1)
    spoiled = given.inputs.copy()
    spoiled[0, 0, 0] += 1

    printed = run_c(write(render_sources(application(replace(given, inputs=spoiled)))), CHECK)

    assert printed.split()[:2] == ["1", "0"]


def test_not_a_number_becomes_the_lowest_code(application, write, run_c):
    main = '#include <stdio.h>\n#include "src/preprocess.h"\nint main(void) {\n  float v[WATCH_INPUT_SIZE] = {0.0f};\n' + (
        "  watch_input_t q[WATCH_INPUT_SIZE];\n  v[0] = 0.0f / v[1];\n  watch_quantize(v, q);\n"
        '  printf("%d %d", (int)q[0], (int)q[1]);\n  return 0;\n}\n'
    )

    assert run_c(write(render_sources(application())), main) == "-128 3"


@pytest.mark.parametrize("dtype", ["uint8", "float32"])
def test_one_output_decides_at_one_half(application, vectors, write, run_c, dtype: str):
    """With scale 1/256: 128 means 0.5, which is not more than one half; 129 is."""
    given = vectors(dtype, samples=3, classes=1)
    outputs = np.array([[127], [128], [129]])
    outputs = outputs.astype(np.uint8) if dtype == "uint8" else (outputs / 256).astype(np.float32)
    border_of = {"output_scale": 1 / 256, "output_zero_point": 0} if dtype == "uint8" else {}

    printed = run_c(write(render_sources(application(replace(given, outputs=outputs, **border_of), labels=("off", "on")))), CHECK)

    assert [line.split()[3] for line in printed.splitlines()] == ["0", "0", "1"]


def test_of_equal_outputs_the_first_decides(application, vectors, write, run_c):
    outputs = np.array([[1, 5, 5], [-3, -3, -3], [5, 1, 6], [-128, 127, 0]], np.int8)

    printed = run_c(write(render_sources(application(replace(vectors(), outputs=outputs)))), CHECK)

    assert [int(line.split()[3]) for line in printed.splitlines()] == [1, 0, 2, 1]


STRANGE = ('"; return 1; //', "what??/", "ö1\n", "a\\")


def test_labels_and_model_arrive_unchanged(application, vectors, write, run_c):
    """Quotes, trigraphs, UTF-8, line ends and backslashes come out of the program as they went in; the model lies aligned."""
    main = r"""
#include <stdint.h>
#include <stdio.h>
#include "src/labels.h"
#include "src/model_data.h"
int main(void) {
  printf("%d %u\n", (int)((uintptr_t)watch_model_data % 16), (unsigned)watch_model_data_bytes);
  for (size_t i = 0; i < watch_model_data_bytes; ++i) printf("%02x", watch_model_data[i]);
  for (int i = 0; i < WATCH_LABEL_COUNT; ++i) printf("|%s", watch_labels[i]);
  return 0;
}
"""
    app = application(vectors(classes=4), labels=STRANGE)

    printed = run_c(write(render_sources(app)), main)

    assert printed == f"0 40\n{app.model.hex()}" + "".join(f"|{label}" for label in STRANGE)


def test_mean_and_deviation_keep_their_bits(application, write, run_c):
    main = '#include <stdio.h>\n#include <string.h>\n#include "src/standardization.h"\nint main(void) {\n' + (
        "  unsigned words[2 * WATCH_CHANNELS];\n  memcpy(words, watch_mean, sizeof watch_mean);\n"
        "  memcpy(words + WATCH_CHANNELS, watch_std, sizeof watch_std);\n"
        '  for (int i = 0; i < 2 * WATCH_CHANNELS; ++i) printf("%08x ", words[i]);\n  return 0;\n}\n'
    )
    mean, std = (0.1, -1 / 3), (1e-7, 9.80665)

    printed = run_c(write(render_sources(application(standardization=Standardization(mean=mean, std=std)))), main)

    assert printed.split() == hex_bits(np.array(mean + std))


def test_sources_are_cplusplus_too(application, write, check_grammar):
    directory = write(render_sources(application()))
    both = directory / "all.cc"
    both.write_text("".join(f'#include "src/{name}"\n' for name in SOURCES if name.endswith(".c")))

    check_grammar(both)


def test_test_vectors_stay_small(application, vectors):
    """200 samples of 128 by 6 would take 4 MiB of C."""
    many = vectors(samples=200)
    shape = (200, 128, 6)
    given = replace(many, raw=np.resize(many.raw, shape), inputs=np.resize(many.inputs, shape))

    source = render_sources(application(given, standardization=None))["src/test_vectors.c"]

    assert 32 * 1024 < len(source) <= 100 * 1024


def test_a_sample_that_is_not_a_number_is_refused(application, vectors):
    given = vectors()
    raw = given.raw.copy()
    raw[0, 0, 0] = np.nan

    with pytest.raises(BundleError, match="received nan among the numbers for the firmware"):
        render_sources(application(replace(given, raw=raw)))


def test_the_types_are_those_of_numpy():
    for name, c_type in C_TYPES.items():
        if c_type.is_integer:
            limits = np.iinfo(name)
            assert (c_type.c_type, c_type.lowest, c_type.highest) == (f"{name}_t", limits.min, limits.max)


# --- the application for TFLM ---


def test_the_resolver_registers_exactly_what_the_model_uses(application):
    main = render_tflm(application())["tflm/main.cc"].decode()

    assert re.findall(r"resolver\.(Add\w+)\(\)", main) == ["AddConv2D", "AddFullyConnected", "AddSoftmax"]
    assert "kOperatorCount = 3;" in main


def test_the_arena_is_the_measured_one(application):
    assert b"#define WATCH_ARENA_BYTES 12304u" in render_sources(application())["src/model_data.h"]
    assert b"ARENA" not in render_sources(application(arena_bytes=None))["src/model_data.h"]


@pytest.mark.parametrize("dtype", DTYPES)
def test_main_parses_against_both_layouts_of_tflm(application, vectors, write, check_grammar, dtype: str):
    """Classes in tflite::micro (2026) or in tflite (before); with the self-test and without."""
    app = application(vectors(dtype))
    main = write(render_sources(app) | render_tflm(app)) / "tflm" / "main.cc"

    check_grammar("-DSTAND_IN_2026", "-DEMBERFLOW_SELF_TEST", main)
    check_grammar(main)


def test_grammar_is_checked(application, write, check_grammar):
    """The check above is able to fail: a method that no resolver has."""
    app = application()
    files = render_sources(app) | render_tflm(app)
    files["tflm/main.cc"] = files["tflm/main.cc"].replace(b"AddConv2D", b"AddConv9D")

    with pytest.raises(AssertionError, match="AddConv9D"):
        check_grammar(write(files) / "tflm" / "main.cc")


def test_a_model_that_tflm_refuses_gets_no_application(application):
    with pytest.raises(BundleError, match="received no arena size for watch: TFLM does not run this model; expected a variant that it runs"):
        render_tflm(application(arena_bytes=None))


def test_an_operator_without_a_method_gets_no_application(application):
    with pytest.raises(BundleError, match="received a model with CONV_3D"):
        render_tflm(application(operators={"CONV_3D": 1}))


EVIL = "m/s */ int evil; /* ??/\n#define evil 1 \\"


def test_a_unit_and_labels_of_strangers_stay_words(application, vectors, write, run_c):
    """In comments and strings of every C file, which compiles as ever; the device says the same words."""
    labels = (EVIL, 'say "hi"', "%s %n")
    app = application(vectors(), labels=labels, decision=Decision(TaskKind.REGRESSION, (), None, EVIL))
    files = render_sources(app) | render_tflm(app)
    bare = {
        path: re.sub(rb'"(\\.|[^"\\])*"|/\*.*?\*/', b"", data, flags=re.DOTALL) for path, data in files.items() if path.endswith((".c", ".h", ".cc"))
    }

    assert [] == [path for path, data in bare.items() if b"evil" in data]
    head = '#include <stdio.h>\n#include "src/labels.h"\n#include "src/postprocess.h"\n'
    main = f"{head}int main(void) {{ for (int i = 0; i < 3; ++i) puts(watch_labels[i]); puts(WATCH_UNIT); }}\n"
    assert "\n".join([*labels, EVIL, ""]) == run_c(write(render_sources(app)), main)
