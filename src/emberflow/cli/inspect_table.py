"""An inspection on the terminal: operators, memory, noise, advice. Prints; measures nothing."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from emberflow.inspection import DeviceFacts, Inspection, OperatorFacts, TensorNoise
from emberflow.units import show_bytes

_BAR = 10
_WORST = 8
_NARROWEST = 140


def show_inspection(found: Inspection, console: Console) -> None:
    """Print everything that was found; of the noise the worst eight tensors, all others are on the page."""
    wide = console if console.is_terminal else Console(file=console.file, width=max(console.width, _NARROWEST))
    wide.print(Text.assemble((found.model, "bold"), f": {found.form}, {show_bytes(found.file_bytes)}"), soft_wrap=True, highlight=False)
    wide.print()
    wide.print(_operators(found))
    _say(wide, _summary(found))
    if found.samples:
        wide.print()
        _show_noise(found, wide)
    wide.print()
    _show_advice(found, wide)


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False, width=min(console.width, 120))


def _operators(found: Inspection) -> Table:
    refused = ("not run by",) if any(operator.refusals for operator in found.operators) else ()
    headings = ("#", "layer", "operator", "output", "params", "MACs", "flash, B", "", "RAM, B", "", "runs on", *refused)
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for index in (0, 4, 5, 6, 7, 8):
        table.columns[index].justify = "right"
    table.columns[1].min_width = 12
    for column in table.columns[2:]:
        column.no_wrap = True
    for operator in found.operators:
        cells = (*_cells(found, operator), Text(where(found, operator.index)), *((Text(", ".join(operator.refusals)),) if refused else ()))
        table.add_row(*cells, style="bold" if operator.index == found.memory.peak_index else None)
    return table


def _cells(found: Inspection, operator: OperatorFacts) -> tuple[Text, ...]:
    share = found.share(operator)
    bar = "█" * round(_BAR * operator.alive_bytes / (found.memory.peak_bytes or 1))
    peak = " peak" if operator.index == found.memory.peak_index else ""
    cells = (
        f"{operator.index}",
        operator.layer,
        operator.name,
        "×".join(map(str, operator.shape[1:] or operator.shape)),
        f"{operator.parameters:,}" if operator.parameters else "",
        f"{operator.macs:,}" if operator.macs else "",
        f"{operator.constant_bytes:,}" if operator.constant_bytes else "",
        f"{share:.0%}" if operator.constant_bytes else "",
        f"{operator.alive_bytes:,}",
        f"{bar}{peak}",
    )
    return tuple(Text(cell) for cell in cells)


def where(found: Inspection, index: int) -> str:
    """The targets that an operator runs on, in few words: `all 9`, `8 of 9`, `linux-arm64`, `none`."""
    return _count([device for device in found.devices if index in device.runs], found)


def _count(devices: list[DeviceFacts], found: Inspection) -> str:
    if len(devices) == len(found.devices):
        return f"all {len(devices)}"
    return f"{len(devices)} of {len(found.devices)}" if len(devices) > 1 else "".join(device.name for device in devices) or "none"


def where_whole(found: Inspection) -> list[str]:
    """The devices that run the whole model, by runtime, with what it needs there; then the others, by the reason."""
    good = sorted((device for device in found.devices if device.fits), key=lambda device: not device.is_chip)
    runtimes = dict.fromkeys(device.runtime for device in good)
    told = [_needs(runtime, [device for device in good if device.runtime == runtime], found) for runtime in runtimes]
    lines = [f"runs on {_count(good, found)}: {'; '.join(told)}"] if good else []
    for why_not in dict.fromkeys(_why_not(device) for device in found.devices if not device.fits):
        lines.append(f"not on {_names([device for device in found.devices if _why_not(device) == why_not], found)}: {why_not}")
    return lines


def _why_not(device: DeviceFacts) -> str:
    """Where no runtime takes the model, that alone: what it needs there is only guessed."""
    return "; ".join(device.why_not if device.runtime else device.why_not[:1])


def _needs(runtime: str, devices: list[DeviceFacts], found: Inspection) -> str:
    one, names = devices[0], _names(devices, found)
    on = "" if names == _count([device for device in found.devices if device.fits], found) else f" on {names}"
    return f"{runtime}{on}, about {show_bytes(one.flash_bytes)} of flash and {show_bytes(one.ram_bytes)} of RAM"


def _names(devices: list[DeviceFacts], found: Inspection) -> str:
    chips = sum(device.is_chip for device in found.devices)
    every_chip = len(devices) == chips > 1 and all(device.is_chip for device in devices)
    return f"{chips} chips" if every_chip else ", ".join(device.name for device in devices)


def _summary(found: Inspection) -> str:
    memory = found.memory
    arena = f"arena {memory.arena_bytes:,} B; " if memory.arena_bytes is not None else ""
    at_peak = ", ".join(f"{occupant.what} {occupant.size_bytes:,} B" for occupant in memory.occupants)
    runtimes = "; ".join(f"{runtime.name}: {runtime.refusal or 'yes'}" for runtime in found.runtimes)
    devices = "\n".join(where_whole(found))
    return (
        f"{found.parameters:,} parameters, {found.macs:,} MACs; weights in flash {found.constant_bytes:,} B (of {found.constants_of}); {arena}"
        f"at the peak {memory.peak_bytes:,} B: {at_peak or 'nothing'}\nruns it: {runtimes}\n{devices}"
    )


def _show_noise(found: Inspection, console: Console) -> None:
    if not found.noise:
        _say(console, "The model has no quantized tensor: nothing to compare.")
        return
    console.print(_noise_table(found.noise[:_WORST]))
    more = f"; {len(found.noise) - _WORST} more on the page" if len(found.noise) > _WORST else ""
    unmatched = f"; {len(found.unmatched)} tensors have no counterpart in the float model" if found.unmatched else ""
    _say(console, f"{found.samples} samples of {found.data}, taken as they are{more}{unmatched}")


def _noise_table(noises: tuple[TensorNoise, ...]) -> Table:
    headings = ("worst first", "SQNR, dB", "alone", "range", "seen", "cut off", "used")
    table = Table(*headings, box=None, pad_edge=False, header_style="bold")
    for column in table.columns[1:]:
        column.justify = "right"
    for noise in noises:
        cells = (
            noise.layer,
            _decibels(noise.sqnr_db),
            _decibels(noise.own_sqnr_db),
            f"{noise.range_low:.4g} to {noise.range_high:.4g}",
            f"{noise.low:.4g} to {noise.high:.4g}",
            f"{noise.saturation:.2%}",
            f"{noise.used:.0%}",
        )
        table.add_row(*map(Text, cells))
    return table


def _decibels(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"


def _show_advice(found: Inspection, console: Console) -> None:
    if not found.advice:
        _say(console, "Advice: none; no figure is out of the ordinary" + ("" if found.samples else " (ranges and noise need --data)"))
        return
    console.print("Advice", style="bold")
    for advice in found.advice:
        _say(console, f"- {advice.layer + ' ' if advice.layer else ''}{advice.text}")
