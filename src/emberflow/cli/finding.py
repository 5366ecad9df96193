"""What the doctor found: one line each, with what was expected and what mends it. Prints; looks at nothing."""

from dataclasses import dataclass

from rich.console import Console

_WIDEST = 30  # of a column: one long finding doesn't push the others' remedies off the screen


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    remedy: what was expected and what to do, a command where one exists; empty where all is well.
    is_needed: whether a run can't do without it.
    """

    what: str
    found: str
    remedy: str = ""
    is_needed: bool = True

    @property
    def is_well(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.remedy

    @property
    def mark(self) -> str:
        """How its line begins."""
        return "ok" if self.is_well else "!!" if self.is_needed else "--"


def tell(findings: list[Finding], console: Console) -> int:
    """Print `findings`; 1 when something that is needed is missing, else 0."""
    rows = [("  ", "what", "found", "what to do"), *((each.mark, each.what, each.found, each.remedy) for each in findings)]
    what, found = (min(_WIDEST, max(len(row[column]) for row in rows)) for column in (1, 2))
    for row in rows:
        line = f"{row[0]}  {row[1]:<{what}}  {row[2]:<{found}}  {row[3]}".rstrip()
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    missing = [finding for finding in findings if finding.is_needed and not finding.is_well]
    console.print(
        "\nEverything that is needed is here." if not missing else f"\n{len(missing)} of these must be mended before `emberflow run` can work."
    )
    return 1 if missing else 0
