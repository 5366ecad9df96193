"""The counter on a bare core, with instructions put together by hand."""

import pytest

from emberflow.adapters import counter as module
from emberflow.adapters.counter import Counter
from emberflow.adapters.thumb import count
from emberflow.errors import EmulatorError

unicorn = pytest.importorskip("unicorn")
from unicorn.arm_const import UC_ARM_REG_R0, UC_ARM_REG_R1, UC_ARM_REG_R2, UC_ARM_REG_SP  # noqa: E402
from unicorn.unicorn_py3.unicorn import uclib  # noqa: E402

START, RAM = 0x08000000, 0x20000000
SUBS, BNE, NOP, PUSH, POP, LOAD = 0x3801, 0xD1FD, 0xBF00, 0xB401, 0xBC01, 0x6808  # subs r0, #1; bne .-2; nop; push {r0}; pop {r0}; ldr r0, [r1]
BRANCH = 0xE7FF  # b .+2: ends a block


class Observer:
    """Writes down what it is told."""

    def __init__(self, uc, watched=()):
        self.uc, self.places = uc, watched
        self.seen, self.came, self.crooked, self.allows = [], [], [], True

    def first(self, address, size):
        """A new block."""
        self.seen.append((address, size))
        return count(bytes(self.uc.mem_read(address, size))), address in self.places

    def watched(self, address):
        """A watched block."""
        self.came.append(address)

    def unaligned(self, address, pc):
        """A crooked access."""
        self.crooked.append((address, pc))
        return self.allows


def run(toolchain, *half_words, registers=None, watched=(), limit=1000, awaited=None, with_accesses=False):
    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB | unicorn.UC_MODE_MCLASS)
    uc.ctl_set_cpu_model(unicorn.arm_const.UC_CPU_ARM_CORTEX_M4)
    uc.mem_map(START, 4096, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
    uc.mem_map(RAM, 4096, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
    code = b"".join(word.to_bytes(2, "little") for word in half_words)
    uc.mem_write(START, code)
    for number, value in ({UC_ARM_REG_SP: RAM + 1024} | (registers or {})).items():
        uc.reg_write(number, value)
    observer = Observer(uc, watched)
    counter = Counter(uc, uclib, toolchain, observer, limit, with_accesses=with_accesses)
    counter.await_address(awaited)
    uc.emu_start(START | 1, START + len(code))
    return counter, observer


def test_a_loop_is_counted_by_its_rounds(toolchain):
    """Nop and the first round are one block of 3, then four rounds of 2: 11 for five rounds."""
    counter, observer = run(toolchain, NOP, SUBS, BNE, registers={UC_ARM_REG_R0: 5})

    assert counter.instructions == 11
    assert [(START, 6), (START + 2, 4)] == observer.seen
    assert {START: 3, START + 2: 8} == dict(counter.executed())
    assert not counter.is_at_limit


def test_the_limit_stops_before_a_block(toolchain):
    """After 3 + 2 + 2 + 2 = 9 the next block would begin at 9, which the limit of 8 forbids."""
    counter, _ = run(toolchain, NOP, SUBS, BNE, registers={UC_ARM_REG_R0: 500}, limit=8)

    assert counter.instructions == 9
    assert counter.is_at_limit


def test_the_lowest_stack_pointer_of_all_blocks(toolchain):
    """One word is pushed before the branch."""
    counter, _ = run(toolchain, PUSH, BRANCH, POP, BRANCH, NOP)

    assert counter.lowest_sp == RAM + 1020


def test_a_watched_place_is_told_each_time(toolchain):
    """Four of five rounds begin a block there; the awaited place comes once."""
    _, observer = run(toolchain, NOP, SUBS, BNE, NOP, registers={UC_ARM_REG_R0: 5}, watched=(START + 2,), awaited=START + 6)

    assert [START + 2] * 4 + [START + 6] == observer.came


@pytest.mark.parametrize(("address", "expected"), [(RAM, []), (RAM + 4, []), (RAM + 2, [(RAM + 2, START + 2)]), (RAM + 1, [(RAM + 1, START + 2)])])
def test_an_access_that_is_not_aligned_is_told_with_its_instruction(toolchain, address, expected):
    """The load is the second instruction."""
    _, observer = run(toolchain, NOP, LOAD, NOP, registers={UC_ARM_REG_R1: address}, with_accesses=True)

    assert expected == observer.crooked


def test_an_access_under_a_condition_leaves_the_next_block_alone(toolchain):
    """cmp r0, #0; it eq; ldreq r2, [r1]; cmp r1, #0; a branch; movs r0, #5, which Unicorn alone would skip: it takes the condition over."""
    _, observer = run(toolchain, 0x2800, 0xBF08, 0x680A, 0x2900, BRANCH, 0x2005, NOP, registers={UC_ARM_REG_R1: RAM}, with_accesses=True)

    assert 5 == observer.uc.reg_read(UC_ARM_REG_R0)


def test_an_instruction_that_is_allowed_is_not_told_again(toolchain):
    """Three times round a loop: ldr r0, [r1]; subs r2, #1; bne .-4."""
    _, observer = run(toolchain, LOAD, 0x3A01, 0xD1FC, registers={UC_ARM_REG_R1: RAM + 1, UC_ARM_REG_R2: 3}, with_accesses=True)

    assert [(RAM + 1, START)] == observer.crooked


def test_without_accesses_none_is_told(toolchain):
    """It would cost speed."""
    _, observer = run(toolchain, LOAD, registers={UC_ARM_REG_R1: RAM + 1})

    assert observer.crooked == []


def test_a_program_of_too_many_blocks_is_stopped(toolchain, monkeypatch):
    """A table of four holds three."""
    monkeypatch.setattr(module, "_BLOCKS", 4)
    counter, observer = run(toolchain, *[BRANCH] * 6)

    assert counter.is_full
    assert not counter.is_at_limit
    assert len(observer.seen) == 3


def test_a_refused_hook_is_told(toolchain):
    """Another version of Unicorn may number its hooks otherwise."""

    class Library:
        uc_reg_read, uc_reg_write, uc_emu_stop = uclib.uc_reg_read, uclib.uc_reg_write, uclib.uc_emu_stop

        @staticmethod
        def uc_hook_add(*_):
            """Always error 15."""
            return 15

    uc = unicorn.Uc(unicorn.UC_ARCH_ARM, unicorn.UC_MODE_THUMB)
    with pytest.raises(EmulatorError, match=r"^Unicorn refuses a hook in C \(error 15\); expected version 2\.1\.4: pip install 'emberflow\[chip\]'$"):
        Counter(uc, Library, toolchain, Observer(uc), 10, with_accesses=False)
