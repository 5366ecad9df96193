import itertools
import re
import textwrap
from pathlib import Path

import pytest

import emberflow.target
from emberflow.errors import TargetError, shown
from emberflow.recipe import Format
from emberflow.target import Region, TargetKind, find_target, load_targets, parse_target, read_target

BLUE_PILL = """
title = "STM32F103C8: 64 KiB flash, 20 KiB SRAM"
kind = "microcontroller"
core = { value = "cortex-m3", source = "ST DS5319 Rev 17, p. 1" }
fpu = { value = false, source = "ST DS5319 Rev 17, p. 1, Features" }
dsp = { value = false, source = "ST DS5319 Rev 17, p. 1, Features" }
clock_hz = { value = 72_000_000, source = "ST DS5319 Rev 17, p. 1" }
flash = { value = "64 KiB", source = "ST DS5319 Rev 17, table 2" }
ram = { value = "20 KiB", source = "ST DS5319 Rev 17, table 2" }

[regions.flash]
origin = 0x0800_0000
size = "64 KiB"
source = "CMSIS, FLASH_BASE"

[regions.sram]
origin = 0x2000_0000
size = "20 KiB"
source = "CMSIS, SRAM_BASE"
"""
TARGETS = load_targets()
MICROCONTROLLERS = [target for target in TARGETS.values() if target.kind is TargetKind.MICROCONTROLLER]

every_target = pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.name)
every_microcontroller = pytest.mark.parametrize("target", MICROCONTROLLERS, ids=lambda target: target.name)

OURS = "our choice: "
QUOTED = "quoted by "
DOCUMENT = re.compile(r"^(ST|Nordic|Raspberry Pi|RP2040 Datasheet|CMSIS header|Arm CMSIS|STM32Cube\w*)\b")
PLACE = re.compile(r"\b(p\. \d+|section \d|table (\d|printed by)|(?!DS|RM|PM)[A-Z_]+\d*_[A-Z0-9_]+\b|\S+\.(ld|h|svd|xml|adoc), \w+)")
PAGE = re.compile(r"\bp\. \d")
REVISION = re.compile(r"\bRev \d")
DECISION = Path(__file__).parent.parent / "docs" / "decisions" / "targets-sources.md"


def complain(source):
    """What a source lacks, in words; nothing when it can be looked up and was. A choice of ours needs no document.

    References are parted by semicolons, the first is the one that the value rests on.
    """
    if source.startswith(OURS):
        return []
    first = source.split("; ")[0]
    kept = {
        "document": DOCUMENT.search(first),
        "place": PLACE.search(first),
        "revision": REVISION.search(source) or not PAGE.search(source),
        "reading": "not read" not in source and QUOTED not in first,
    }
    return [name for name, is_kept in kept.items() if not is_kept]


def refuse(text, name="mine"):
    with pytest.raises(TargetError) as raised:
        parse_target(name, text)
    return str(raised.value)


def test_packaged_targets_are_these():
    """All nine load, in alphabetical order, each under its own name."""

    expected = ["linux-arm64", "nrf52840", "rp2040", "stm32f103", "stm32f405", "stm32g071", "stm32h743", "stm32l4r5", "stm32u575"]
    assert expected == list(TARGETS) == [target.name for target in TARGETS.values()]


@pytest.mark.parametrize(
    ("name", "said"),
    [
        # 2 MiB = 2048 KiB; 640 = 192 + 64 + 384; 768 = 192 + 64 + 512; 264 = 4 * 64 + 2 * 4; 128 = 112 + 16
        ("stm32f405", ("cortex-m4f", True, True, 168, 1024, 128)),
        ("stm32l4r5", ("cortex-m4f", True, True, 120, 2048, 640)),
        ("stm32h743", ("cortex-m7f", True, True, 480, 2048, 512)),
        ("stm32f103", ("cortex-m3", False, False, 72, 128, 20)),
        ("stm32g071", ("cortex-m0plus", False, False, 64, 128, 36)),
        ("stm32u575", ("cortex-m33f", True, True, 160, 2048, 768)),
        ("nrf52840", ("cortex-m4f", True, True, 64, 1024, 256)),
        ("rp2040", ("cortex-m0plus", False, False, 133, 2048, 264)),
        ("linux-arm64", ("cortex-a72", True, True, 1500, 262144, 262144)),
    ],
)
def test_packaged_target_says_what_its_datasheet_says(name, said):
    """Core, FPU, DSP, MHz, KiB of flash and KiB of RAM, as the documents in each file have them."""

    core, fpu, dsp, mhz, flash_kib, ram_kib = said
    target = find_target(name)
    expected = (core, fpu, dsp, mhz * 10**6, flash_kib * 1024, ram_kib * 1024)
    assert expected == (target.core, target.fpu, target.dsp, target.clock_hz, target.flash_bytes, target.ram_bytes)


def test_memory_map_of_the_stm32f405():
    """Flash, the two SRAM banks joined, and the core-coupled memory apart from them."""

    expected = {
        Region(name="flash", origin=0x08000000, size_bytes=1024 * 1024),
        Region(name="sram", origin=0x20000000, size_bytes=128 * 1024),
        Region(name="ccm", origin=0x10000000, size_bytes=64 * 1024),
    }
    assert expected == set(find_target("stm32f405").regions)


@every_target
def test_every_value_has_a_source(target):
    """Nothing is claimed of a device without a document: fields by their name, regions by `regions.<name>`."""

    facts = {"core", "fpu", "dsp", "clock_hz", "flash_bytes", "ram_bytes"} | {f"regions.{region.name}" for region in target.regions}
    assert facts == set(target.sources)


@every_target
def test_every_source_can_be_looked_up(target):
    """A law: who made the document, a page, section, table or symbol in it, the revision that has the page, and somebody of ours read it."""

    assert {} == {key: lacking for key, source in target.sources.items() if (lacking := complain(source))}


@pytest.mark.parametrize(
    ("source", "lacking"),
    [
        ("the datasheet Rev 9, p. 1", ["document"]),
        ("as everybody knows", ["document", "place"]),
        ("ST DS8626 Rev 9", ["place"]),
        ("ST RM0090, Memory and bus architecture", ["place"]),
        ("CMSIS header stm32f405xx.h", ["place"]),
        ("STM32 wiki, section 2", ["document"]),
        ("as everybody knows; ST DS8626 Rev 9, p. 1", ["document", "place"]),
        ("ST DS8626, p. 1", ["revision"]),
        ("ST DS8626, section 2; RM0090, p. 49", ["revision"]),
        ("ST DS8626 Rev 9, p. 1 (page not read)", ["reading"]),
        ("ST DS8626 Rev 9, p. 1, quoted by a friend", ["reading"]),
        ("CMSIS header stm32f405xx.h, SRAM1_BASE; ST's features (not read)", ["reading"]),
        ("our choice", ["document", "place"]),
        ("our choice: what one process may take", []),
        ("ST DS8626 Rev 9, p. 1", []),
        ("RP2040 Datasheet, section 1.2", []),
        ("CMSIS header stm32f405xx.h, SRAM1_BASE; ST's features, quoted by Zephyr", []),
        ("Nordic MDK, nrf52840_xxaa.ld, MEMORY", []),
        ("ST STM32_open_pin_data, mcu/STM32U575ZITxQ.xml, Frequency", []),
    ],
)
def test_a_source_that_can_not_be_looked_up_is_told(source, lacking):
    """The law above, in the direction in which it has to complain."""

    assert lacking == complain(source)


def test_what_was_read_in_a_quotation_is_listed():
    """The decision names each value beside whose source a document stands that was read at second hand, and no other."""

    section = DECISION.read_text(encoding="utf-8").partition("## Read at second hand")[2].partition("\n## ")[0]
    quoted = {f"{target.name}.{key}" for target in TARGETS.values() for key, source in target.sources.items() if QUOTED in source}
    assert quoted == set(re.findall(r"`([a-z0-9-]+\.[a-z_]+)`", section))


@every_target
def test_title_names_the_memories(target):
    """The title says which part the numbers are of, so it's longer than the name and no other target's."""

    assert len(target.title) > len(target.name)
    assert [target.name] == [other.name for other in TARGETS.values() if other.title == target.title]


@every_target
def test_regions_lie_in_32_bits_and_apart(target):
    """No region is empty, ends behind the last address, or overlaps another."""

    spans = sorted((region.origin, region.origin + region.size_bytes) for region in target.regions)
    assert all(0 <= start < end <= 1 << 32 for start, end in spans)
    assert all(end <= start for (_, end), (start, _) in itertools.pairwise(spans))


@every_microcontroller
def test_ram_is_the_largest_region_of_ram(target):
    """What a linker can hold in one piece is `sram`, and no other RAM of the device is larger."""

    sizes = {region.name: region.size_bytes for region in target.regions}
    flash_bytes = sizes.pop("flash")
    assert target.flash_bytes == flash_bytes
    assert target.ram_bytes == sizes["sram"] == max(sizes.values())


@every_microcontroller
def test_microcontroller_runs_no_hybrid_and_no_float16(target):
    """TensorFlow Lite for Microcontrollers refuses hybrid kernels, and float16 gains nothing there."""

    expected = (Format.FLOAT32, Format.INT8, Format.UINT8, Format.INT16X8)
    assert expected == target.formats


def test_linux_runs_all_formats():
    """LiteRT runs every number format."""

    assert tuple(Format) == find_target("linux-arm64").formats


def test_linux_says_where_a_number_is_our_choice():
    """Storage and memory of a Linux device are a choice, and called that."""

    sources = find_target("linux-arm64").sources
    assert sources["flash_bytes"].startswith("our choice")
    assert sources["ram_bytes"].startswith("our choice")


def test_the_cache_can_not_be_spoiled():
    """Who changes the dictionary that was handed out changes nobody else's."""

    expected = load_targets()
    load_targets().clear()
    assert expected == load_targets()


def test_unknown_target_gets_a_hint_and_the_list():
    """A typing error is answered with the nearest name and all names."""

    with pytest.raises(TargetError, match=r"received 'stm32f407' as a target; expected one of linux-arm64, nrf52840, .* Did you mean 'stm32f405'\?"):
        find_target("stm32f407")


def test_page_shown_in_the_documentation_is_a_target():
    """What the module's docstring shows is read, and is the packaged stm32f103 but for its title and shorter sources."""

    page = "\n".join(line for line in emberflow.target.__doc__.splitlines() if line.startswith("    "))
    shown = parse_target("stm32f103", textwrap.dedent(page))
    packaged = find_target("stm32f103")
    expected = packaged.model_copy(update={"title": shown.title, "sources": shown.sources})
    assert expected == shown
    assert set(packaged.sources) == set(shown.sources)


def test_target_of_the_users_own(tmp_path: Path):
    """A file is read like a packaged one and named after itself."""

    path = tmp_path / "blue-pill.toml"
    path.write_text(BLUE_PILL, encoding="utf-8")
    target = read_target(path)
    expected = ("blue-pill", 64 * 1024, 20 * 1024, "ST DS5319 Rev 17, table 2", "CMSIS, SRAM_BASE")
    sources = target.sources["flash_bytes"], target.sources["regions.sram"]
    assert expected == (target.name, target.flash_bytes, target.ram_bytes, *sources)


@pytest.mark.parametrize("contents", [None, b'title = "\xff"'], ids=["missing", "not UTF-8"])
def test_unreadable_file_is_refused(tmp_path: Path, contents):
    """A file that isn't there or isn't text is named, with the reason."""

    path = tmp_path / "mine.toml"
    if contents is not None:
        path.write_bytes(contents)
    with pytest.raises(TargetError, match=r"mine\.toml' as a target file, which can't be read .*expected a TOML file in UTF-8"):
        read_target(path)


def test_malformed_toml_is_refused():
    """The message names the file and the place."""

    assert "mine.toml: not TOML: " in (message := refuse("title = \n"))
    assert "line 1" in message


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ('title = "STM32F103C8: 64 KiB flash, 20 KiB SRAM"', "", "'title' is missing and has no default"),
        (', source = "ST DS5319 Rev 17, p. 1" }\nfpu', " }\nfpu", "'core.source' is missing or empty; expected the document and page"),
        ("ST DS5319 Rev 17, table 2", " ", "'flash.source' is missing or empty; expected the document and page"),
        ('source = "CMSIS, FLASH_BASE"', "", "'regions.flash.source' is missing or empty; expected the document and page"),
        ('size = "20 KiB"\n', "", "'regions.sram.size' is missing and has no default"),
        ("clock_hz", "clock_mhz", "'clock_mhz' is not a key of a target. Did you mean 'clock_hz'?"),
        ('{ value = "cortex-m3", source = "ST DS5319 Rev 17, p. 1" }', '"cortex-m3"', "received 'cortex-m3' for 'core'; expected value and source"),
        ('"64 KiB", source', '"64 KB", source', "'flash.value': received '64 KB' as a size; expected a number of bytes"),
        ('"20 KiB", source', "0, source", "received 0 for 'ram.value': Input should be greater than 0"),
        ("value = false", 'value = "no"', "received 'no' for 'fpu.value': Input should be a valid boolean"),
        ('"microcontroller"', '"toaster"', "received 'toaster' for 'kind': Input should be 'microcontroller' or 'linux'"),
        ("0x0800_0000", "-1", "received -1 for 'regions.flash.origin': Input should be greater than or equal to 0"),
        ("0x2000_0000", "0xFFFF_F000", "region 'sram' ends behind the last 32-bit address; check its origin and size"),
        ("0x2000_0000", "0x0800_FFFF", "regions 'flash' and 'sram' overlap at 0x0800ffff; list each piece of memory once"),
        # 24 KiB = 24,576 B promised, 20 KiB = 20,480 B in the region
        ('value = "20 KiB"', 'value = "24 KiB"', "promises 24,576 B, but region 'sram' holds 20,480 B; expected [regions.sram] to hold it all"),
        ("[regions.flash]", "[regions.rom]", "promises 65,536 B, but region 'flash' holds 0 B; expected [regions.flash] to hold it all"),
    ],
)
def test_wrong_page_is_refused_by_file_and_key(old, new, complaint):
    """One thing is spoiled at a time, and the message says which and what was expected."""

    assert old in BLUE_PILL
    message = refuse(BLUE_PILL.replace(old, new, 1))
    assert message.startswith("mine.toml: ")
    assert complaint in message


def test_all_complaints_come_at_once():
    """Who wrote three things wrong learns of three, not of one at a time."""

    spoiled = BLUE_PILL.replace("clock_hz", "clock_mhz").replace('kind = "microcontroller"\n', "")
    message = refuse(spoiled)
    assert all(key in message for key in ("'kind' is missing", "'clock_hz' is missing", "'clock_mhz' is not a key"))


def test_linux_needs_no_memory_map():
    """A process is linked into no region, so a Linux target may leave them out."""

    assert not find_target("linux-arm64").regions


@pytest.mark.parametrize(
    ("name", "number_format", "compiles"),
    [
        ("stm32f405", Format.INT8, True),
        ("stm32f405", Format.UINT8, True),
        ("stm32f405", Format.INT16X8, False),
        ("stm32f405", Format.FLOAT32, False),
        ("linux-arm64", Format.INT8, False),
    ],
)
def test_c_is_compiled_for_8_bit_integers_on_a_microcontroller(name, number_format, compiles):
    """Elsewhere LiteRT or TFLM run the .tflite."""
    assert compiles == find_target(name).compiles(number_format)


@pytest.mark.parametrize("name", ["", "-rf", "a b", "a*/ int x; /*", "a\nb", "../a", "a/b", "$(id)", "a;b", "=1+1", "a" * 65])
def test_a_name_that_scripts_would_obey_is_refused(name):
    """It is the file's, and stands in linker scripts, CMake files and pages."""
    with pytest.raises(TargetError) as raised:
        parse_target(name, BLUE_PILL)

    assert f"received the target file '{shown(name)}.toml'; expected a name of letters, digits, . - and _" in str(raised.value)


def test_a_file_that_is_too_deep_is_refused():
    """TOML's reader calls itself for each bracket."""
    with pytest.raises(TargetError, match=r"board\.toml: not TOML: maximum recursion depth exceeded"):
        parse_target("board", "a = " + "[" * 100_000)
