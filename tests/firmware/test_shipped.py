"""The shipped program from a folder's files: with its test and without, or refused."""

import pytest

from emberflow.errors import BundleError
from emberflow.firmware.folder import render_firmware
from emberflow.firmware.shipped import Shipped, shipped


def test_every_text_of_the_folder_is_in_it_but_what_a_toolchain_brings(product):
    """By name alone; memory.c is left out, and what is no C."""
    sources = shipped("small", render_firmware(product())).sources

    assert {"main.c", "board.c", "preprocess.c", "postprocess.c", "self_test.c", "test_vectors.c", "startup.c", "small.c"} == {
        name for name in sources if name.endswith(".c")
    }


def test_the_test_is_switched_on_in_main_alone(product):
    """One line in front."""
    program = shipped("small", render_firmware(product()))
    changed = {name for name, text in program.with_self_test.items() if text != program.sources[name]}

    assert {"main.c"} == changed
    assert b"#define EMBERFLOW_SELF_TEST 1\n" + program.sources["main.c"] == program.with_self_test["main.c"]


def test_the_number_of_vectors_is_the_headers(product):
    """Sixteen."""
    assert 16 == shipped("small", render_firmware(product())).tests


def test_files_without_a_firmware_are_refused():
    """A float variant has none."""
    with pytest.raises(BundleError, match=r"^received no folder firmware/; expected a variant that was compiled to C, such as int8$"):
        shipped("small", {"small.tflite": b""})


def test_a_folder_without_a_test_is_refused():
    """The header of the vectors is part of it."""
    with pytest.raises(BundleError, match=r"^received a firmware folder without main\.c, test_vectors\.h; expected a product with its self-test$"):
        shipped("small", {"firmware/model/small.c": b""})


def test_a_header_that_does_not_say_how_many_is_refused():
    """Somebody else's."""
    with pytest.raises(BundleError, match=r"^received a test_vectors\.h without the number of vectors; expected the one that was generated$"):
        _ = Shipped("small", {"main.c": b"", "test_vectors.h": b""}).tests
