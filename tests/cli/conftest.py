"""Compiled models for the tests of `compile` and `verify`, and a port that is taken."""

import shutil
import socket
from dataclasses import replace

import pytest

from emberflow.cli import chip
from emberflow.cli.compile import Order, compile_file, making_of

TINY_TARGET = """
title = "a chip with 1 KiB of flash and of RAM"
kind = "microcontroller"
core = { value = "cortex-m3", source = "none" }
fpu = { value = false, source = "none" }
dsp = { value = false, source = "none" }
clock_hz = { value = 1_000_000, source = "none" }
flash = { value = "1 KiB", source = "none" }
ram = { value = "1 KiB", source = "none" }
[regions.flash]
origin = 0
size = "1 KiB"
source = "none"
[regions.sram]
origin = 0x2000_0000
size = "1 KiB"
source = "none"
"""


@pytest.fixture(autouse=True)
def _cache(toolchain, monkeypatch):
    """What the compiler keeps is kept where the other tests keep it."""
    monkeypatch.setattr(chip, "default_cache", lambda: toolchain.cache)


@pytest.fixture
def order(models, tmp_path):
    """`compile small.tflite --target stm32f405 --out out`."""
    (tmp_path / "small.tflite").write_bytes(models.small_tflite())
    return Order(tmp_path / "small.tflite", "stm32f405", tmp_path / "out", None, None, making_of("tflm", "smallest", "zig"))


@pytest.fixture(scope="session")
def compiled_once(models, toolchain, tmp_path_factory):
    """What `compile small.tflite --target stm32f405` writes."""
    folder = tmp_path_factory.mktemp("compiled")
    (folder / "small.tflite").write_bytes(models.small_tflite())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(chip, "default_cache", lambda: toolchain.cache)
        order = Order(folder / "small.tflite", "stm32f405", folder / "out", None, None, making_of("tflm", "smallest", "zig"))
        assert compile_file(order) == 0
    return order.out


@pytest.fixture
def compiled(compiled_once, order):
    """A copy of it, at the place of the order."""
    shutil.copytree(compiled_once, order.out)
    return order.out


@pytest.fixture
def tiny(order, tmp_path):
    """The order for a chip that is too small."""
    (tmp_path / "tiny.toml").write_text(TINY_TARGET)
    return replace(order, target=str(tmp_path / "tiny.toml"))


@pytest.fixture
def taken():
    """A port that somebody listens on."""
    with socket.socket() as asked:
        asked.bind(("127.0.0.1", 0))
        asked.listen()
        yield asked.getsockname()[1]
