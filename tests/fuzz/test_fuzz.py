"""Mutants of real models: each is refused in one line, or compiled to C that builds, stays within its buffers, and gives TFLM's bytes.

On demand, more of them: EMBERFLOW_FUZZ_CASES and EMBERFLOW_FUZZ_FIRST (docs/how-to/hunt-with-mutants.md).
"""

import json
import os
import subprocess
import sys
from itertools import count
from pathlib import Path

import numpy as np
import pytest

from emberflow.adapters.linking import enlarge
from emberflow.compiler import Parity
from emberflow.errors import CompileError, GraphError
from emberflow.target import find_target
from tests.compiler.cores import TARGETS, Bench
from tests.fuzz import fence, judge
from tests.fuzz.mutants import Mutant, mutant
from tests.fuzz.seeds import seeds

# Python 3.12 warns of a fork where TensorFlow of another test has threads; the fork runs TFLM, which has none, and an alarm ends it
pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")

ROOT = Path(__file__).parents[2]
FIRST = int(os.environ.get("EMBERFLOW_FUZZ_FIRST", "0"))
CASES = int(os.environ.get("EMBERFLOW_FUZZ_CASES", "3000"))
BUILT = CASES // 20
"""So many of them are built and run, of each flavour."""


def verdicts(first, cases):
    """What the judge says of each case; of the one in which it was ended, that."""
    command = [sys.executable, "-m", "tests.fuzz.judge", str(first), str(cases)]
    paths = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": paths})
    lines = [json.loads(line) for line in ended.stdout.splitlines()]
    if ended.returncode:
        last = lines.pop() if lines else {"number": first}
        lines.append({**last, "verdict": "wrong", "words": f"the judge ended with code {ended.returncode}: {ended.stderr[-500:]}"})
    return [line for line in lines if "verdict" in line]


def test_every_mutant_is_compiled_or_refused_in_one_line():
    """No other error, no crash, no more than 10 s and 1 GiB: 3,000 mutants, none of which may be wrong."""
    judged = verdicts(FIRST, CASES)

    assert [] == [line for line in judged if line["verdict"] == "wrong"]
    assert CASES == len(judged)


@pytest.mark.long
@pytest.mark.parametrize("flavour", fence.FLAVOURS)
def test_what_is_compiled_stays_within_its_buffers_and_equals_tflm(flavour, tmp_path):
    """Built with all warnings as errors; a trap, a touch beyond a buffer, or a byte that depends on what was in memory is none of ours."""
    if not fence.has(flavour):
        pytest.skip("this machine has no C compiler with AddressSanitizer")
    cases = compiled_cases(FIRST + CASES * list(fence.FLAVOURS).index(flavour), BUILT)
    runner = fence.build([(compiled, is_apart) for _, compiled, is_apart in cases], tmp_path, flavour)
    told = [(case.story, fence.examine(runner, index, case)) for index, (case, _, _) in enumerate(cases)]

    assert [] == [(story, verdict) for story, verdict in told if verdict not in fence.GOOD]
    assert sum(verdict == "equal" for _, verdict in told) > len(told) // 2


def test_what_is_compiled_for_the_other_parity_equals_litert(tmp_path):
    """A third as many, and LiteRT's reference kernels beside them."""
    cases = compiled_cases(FIRST + CASES * len(fence.FLAVOURS), BUILT // 3, Parity.LITERT_REFERENCE)
    runner = fence.build([(compiled, is_apart) for _, compiled, is_apart in cases], tmp_path)
    told = [(case.story, fence.examine(runner, index, case, Parity.LITERT_REFERENCE)) for index, (case, _, _) in enumerate(cases)]

    assert [] == [(story, verdict) for story, verdict in told if verdict not in fence.GOOD]
    assert sum(verdict == "equal" for _, verdict in told) > len(told) // 2


def test_what_is_compiled_equals_tflm_on_emulated_cores(toolchain, emulator):
    """A few on each of five cores, whose memory map catches what leaves its buffers by far; compared where TFLM has an answer."""
    bench, told = Bench(toolchain, emulator), []
    for number, (case, compiled, _) in enumerate(compiled_cases(FIRST + CASES * (len(fence.FLAVOURS) + 1), BUILT // 8, is_apart=False)):
        target = find_target(TARGETS[number % len(TARGETS)])
        inputs, outputs = fence.inputs_of(compiled, case.number), len(compiled.program.graph.outputs)
        expected = None if fence.is_undefined_in_tflm(compiled) else fence.ask_tflm(case.data, inputs, outputs)
        told.append((case.story, expected, bench.run(compiled, inputs, enlarge(target, {"flash": 1 << 20, "sram": 1 << 20}))))

    assert [] == [story for story, expected, actual in told if expected not in (None, actual)]
    assert sum(expected is not None for _, expected, _ in told) > len(told) // 2


def compiled_cases(first, wanted, parity=Parity.TFLM, is_apart=True):
    """The next `wanted` mutants that compile and are small enough to be run; every other one, unless `is_apart` is false, with fences between tensors."""
    found = []
    for number in count(first):
        if len(found) == wanted:
            return found
        case, has_fences = mutant(number), is_apart and number % 2 == 0
        try:
            with fence.planned(has_fences):
                compiled = judge.compile_apart(case.data, f"m{len(found)}", parity)
        except (GraphError, CompileError):
            continue
        if fence.is_small(compiled):
            found.append((case, compiled, has_fences))
    return found


def spoiled(name, old, new):
    """A seed compiled, with its source changed, as a fence of one model."""
    compiled = judge.compile_apart(seeds()[name], "m0")
    source = compiled.files["m0.c"].decode()
    assert old in source
    compiled.files["m0.c"] = source.replace(old, new).encode()
    return compiled


@pytest.mark.parametrize(
    ("name", "old", "new", "verdict"),
    [
        ("PACK", "input0), 0,", "input0), 1,", "reads or writes beyond a buffer (SIGSEGV)"),
        ("PACK", "output), 3, 3)", "output), 4, 3)", "reads or writes beyond a buffer (SIGSEGV)"),
        ("PACK", "output), 3, 3)", "output), -4, 3)", "reads or writes beyond a buffer (SIGSEGV)"),
        ("PACK", "output), 3, 3)", "output), 3, 2)", "depends on what was in memory"),
        ("PACK", "output), 3, 3)", "output), 0, 3)", "depends on what was in memory"),
        ("CONV_2D", ".stride_y = 1", ".stride_y = 0", "differs from TFLM"),
    ],
)
def test_the_fence_complains(name, old, new, verdict, tmp_path):
    """A source that reads or writes one byte too far on either side, leaves one out, or computes something else."""
    runner = fence.build([(spoiled(name, old, new), False)], tmp_path)

    assert verdict == fence.examine(runner, 0, Mutant(0, name, seeds()[name]))


def test_the_fence_complains_of_undefined_behaviour(tmp_path):
    """A shift by 40 places."""
    compiled = spoiled("PACK", "void m0_infer(", "static int32_t shift = 40;\nvoid m0_infer(")
    compiled.files["m0.c"] = compiled.files["m0.c"].replace(b"output) {\n", b"output) {\n  output[0] = (int8_t)(1 << shift);\n")

    assert "undefined behaviour (SIGILL)" == fence.examine(fence.build([(compiled, False)], tmp_path), 0, Mutant(0, "PACK", seeds()["PACK"]))


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ValueError("oops"), "ValueError: oops at "),
        (GraphError("two\nlines of twenty characters"), "two\nlines"),
        (CompileError("x" * 900), "xxx"),
        (CompileError("short"), "short"),
    ],
)
def test_the_judge_complains(error, words, monkeypatch):
    """Of any other error, and of messages that are no single line of a readable length."""

    def fail(*_, **__):
        raise error

    monkeypatch.setattr(judge, "compile_apart", fail)
    verdict, told = judge.judge(Mutant(0, "", b""))
    assert ("wrong", True) == (verdict, told.startswith(words))


def test_a_judge_that_is_ended_is_told_with_its_case():
    """A number that isn't one ends it at once."""
    (line,) = verdicts("nothing", 1)

    assert ("wrong", "nothing") == (line["verdict"], line["number"])
    assert "invalid literal for int()" in line["words"]


def test_outputs_are_those_of_the_plan_with_and_without_fences(tmp_path):
    """The same bytes wherever tensors lie: a planner that lets two of them meet shows here."""
    pairs = []
    for index, name in enumerate(sorted(seeds())):
        for is_apart in (False, True):
            with fence.planned(is_apart):
                pairs.append((judge.compile_apart(seeds()[name], f"m{2 * index + is_apart}"), is_apart))
    runner = fence.build(pairs, tmp_path)

    for index in range(0, len(pairs), 2):
        inputs = fence.inputs_of(pairs[index][0], index)
        np.testing.assert_array_equal(*(np.frombuffer(runner.run(at, inputs, "e", 7), np.uint8) for at in (index, index + 1)))
