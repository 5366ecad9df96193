"""The shipped program: the C of a firmware folder as a toolchain takes it, with its self-test and without. Reads texts; compiles nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from emberflow.errors import BundleError
from emberflow.firmware.folder import FOLDER, flat_sources

# As CMakeLists.txt's option EMBERFLOW_SELF_TEST does for every file. Only main.c asks, so the others need not be compiled a second time.
_SWITCH = b"#define EMBERFLOW_SELF_TEST 1\n"


@dataclass(frozen=True, eq=False)
class Shipped:
    """The product around and with the model called `name`: every C text of its folder by name alone, but for those that a toolchain brings.

    Raises: BundleError: no main, or no test vectors.
    """

    name: str
    sources: Mapping[str, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if missing := {"main.c", "test_vectors.h"} - self.sources.keys():
            raise BundleError(f"received a firmware folder without {', '.join(sorted(missing))}; expected a product with its self-test")

    @property
    def with_self_test(self) -> dict[str, bytes]:
        """The same program, which runs its test first."""
        return {**self.sources, "main.c": _SWITCH + self.sources["main.c"]}

    @property
    def tests(self) -> int:
        """Vectors of the self-test. Raises: BundleError: the header doesn't say."""
        found = re.search(rb"_TEST_COUNT (\d+)", self.sources["test_vectors.h"])
        if found is None:
            raise BundleError("received a test_vectors.h without the number of vectors; expected the one that was generated")
        return int(found[1])


def shipped(name: str, files: Mapping[str, bytes]) -> Shipped:
    """The program in `files`, by their paths under the folder that holds `firmware/`. Raises: BundleError: there is none."""
    if not any(path.startswith(f"{FOLDER}/") for path in files):
        raise BundleError(f"received no folder {FOLDER}/; expected a variant that was compiled to C, such as int8")
    return Shipped(name, flat_sources(files))
