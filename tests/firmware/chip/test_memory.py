"""memcpy and its kin, run on emulated cores over every small offset and length, beside what Python makes of them."""

import shutil

import pytest

from emberflow.adapters.toolchain import Compiler, Options, Toolchain
from emberflow.firmware.chip.program import linker_script
from emberflow.target import find_target

pytest.importorskip("unicorn")

# Copies `n` bytes within a buffer that holds 0, 1, 2 ..., from and to every offset, and writes the buffer out each time.
BEFORE = """
void *memcpy(void *, const void *, unsigned); void *memmove(void *, const void *, unsigned); void *memset(void *, int, unsigned);
int memcmp(const void *, const void *, unsigned);
static unsigned char b[96];
static void fill(void) { for (volatile unsigned i = 0; i < sizeof b; ++i) b[i] = (unsigned char)i; }
"""
EACH = "for (int n = 0; n < 40; ++n) for (int to = 0; to < 6; ++to) for (int from = 0; from < 6; ++from)"
LENGTHS, OFFSETS = range(40), range(6)


def cases():
    return [(n, to, source) for n in LENGTHS for to in OFFSETS for source in OFFSETS]


def moved(n, to, source):
    """The buffer after `n` bytes went from `source` to `to`."""
    buffer = bytearray(range(96))
    buffer[to : to + n] = bytes(buffer[source : source + n])
    return bytes(buffer)


@pytest.fixture(params=[(compiler, name) for compiler in (Compiler.ZIG, Compiler.GNU) for name in ("stm32g071", "stm32f405")], ids="-".join)
def written(request, toolchain, emulator, chip):
    """What the program whose main does `statements` writes to its file."""
    compiler, name = request.param
    if compiler is Compiler.GNU and shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("arm-none-eabi-gcc is not installed")
    target = find_target(name)

    def run(statements):
        sources = chip.main_of(f'int file = ef_open("out", 5); {statements}', BEFORE)
        image = Toolchain(toolchain.cache, compiler).build(sources, target, linker_script(target), Options(flags=("-fno-builtin",)))
        return emulator.run(image, target).files["out"]

    return run


def test_bytes_are_moved_within_a_buffer(written):
    """Upwards and downwards, overlapping or not."""
    answer = written(f"{EACH} {{ fill(); memmove(b + to, b + from, n); ef_write(file, b, sizeof b); }}")

    assert b"".join(moved(*case) for case in cases()) == answer


def test_bytes_are_copied_from_one_place_to_another(written):
    """48 bytes further, so that they don't overlap."""
    answer = written(f"{EACH} {{ fill(); memcpy(b + 48 + to, b + from, n); ef_write(file, b, sizeof b); }}")

    assert b"".join(moved(n, 48 + to, source) for n, to, source in cases()) == answer


def test_bytes_are_set(written):
    """Only the lower eight bits count."""
    answer = written("for (int n = 0; n < 40; ++n) for (int to = 0; to < 6; ++to) { fill(); memset(b + to, 0x1f3, n); ef_write(file, b, sizeof b); }")

    plain = bytes(range(96))
    assert b"".join(plain[:to] + b"\xf3" * n + plain[to + n :] for n in LENGTHS for to in OFFSETS) == answer


def test_bytes_are_compared(written):
    """Less, equal, more; as unsigned numbers, and not beyond the length."""
    pairs = [("abc", "abd", 3), ("abc", "abd", 2), ("abd", "abc", 3), ("\\377", "a", 1), ("a", "b", 0)]
    calls = "".join(f'd = memcmp("{a}", "{b}", {n}); sign = d < 0 ? 1 : d > 0 ? 3 : 2; ef_write(file, &sign, 1);' for a, b, n in pairs)

    assert bytes([1, 2, 3, 3, 2]) == written(f"int d; char sign; {calls}")
