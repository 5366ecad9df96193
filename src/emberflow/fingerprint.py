"""Digests of source code: a module with all that it imports of its own kind. Reads source as text; runs none of it."""

import dis
import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from types import CodeType
from typing import Any

TOOLS = ("unicorn", "ziglang")
"""Packages of the extra `chip`: they decide what is linked and run, and nothing before that."""

Statement = tuple[int, tuple[str, ...] | None, str]
_IMPORT = dis.opmap["IMPORT_NAME"]  # most functions have none, and to take one apart takes longer than to compile it

DECISIVE = ("tensorflow", "tf-keras", "tensorflow-model-optimization", "numpy", "ai-edge-litert", "tflite-micro")


@cache
def versions(names: tuple[str, ...] = DECISIVE) -> Mapping[str, str]:
    """The versions of the packages that decide results; what isn't installed is left out."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def of_stage(module: str) -> str:
    """SHA-256 over a module of Emberflow, every module of Emberflow that it imports, directly or not, and what lies in the packages of those.

    The latter are kernels, templates and the like: all files that aren't Python, in any package below `emberflow` that has one of the modules.
    Looked at once a process.
    """
    with _ALONE:
        return _of_stage(module)


_ALONE = Lock()  # the tasks of a run from the cache ask all at once, and `cache` would let each of their threads read all source


@cache
def _of_stage(module: str) -> str:
    modules = closure(module, Path(__file__).parent.parent)
    return _hash({**modules, **_company(modules)})


def _company(modules: Mapping[str, Path]) -> Mapping[str, Path]:
    """The files beside `modules` that aren't Python, by path; those of the house's own folder belong to no stage in particular."""
    house = Path(__file__).parent
    packages = {path.parent for path in modules.values() if path.parent != house and path.is_relative_to(house)}
    files = (file for package in packages for file in package.rglob("*") if file.is_file())
    return {str(file.relative_to(house)): file for file in files if file.suffix not in (".py", ".pyc")}


def of_house() -> str:
    """SHA-256 over all source files of Emberflow."""
    root = Path(__file__).parent
    return _hash({str(path.relative_to(root)): path for path in sorted(root.rglob("*")) if path.is_file() and "__pycache__" not in path.parts})


def of_entry(entry: str, folder: Path) -> str:
    """SHA-256 over the user's module in `module:function` and what it imports from the same folder; of an installed module, its file."""
    module = entry.split(":", maxsplit=1)[0]
    found = closure(module, folder)
    if module in found:
        return _hash(found)
    path = next((path for root in _installed_roots(module) if (path := _locate(module, root))), None)
    return _hash({module: path}) if path else ""


def _installed_roots(module: str) -> Iterator[Path]:
    spec = find_spec(module.split(".", maxsplit=1)[0])
    if spec and spec.submodule_search_locations is not None:
        yield from (Path(location).parent for location in spec.submodule_search_locations)
    elif spec and spec.origin:
        yield Path(spec.origin).parent


def closure(module: str, root: Path) -> Mapping[str, Path]:
    """The files under `root` that are the module called `module` or what it imports, directly or not, by their names; empty when there is none."""
    found: dict[str, Path | None] = {}
    waiting = list(_with_parents(module))
    while waiting:
        name = waiting.pop()
        if name not in found and (path := found.setdefault(name, _locate(name, root))):
            waiting += _imports(path, name)
    return {name: path for name, path in found.items() if path}


def _locate(module: str, root: Path) -> Path | None:
    base = root.joinpath(*module.split("."))
    return next((path for path in (base / "__init__.py", base.with_suffix(".py")) if path.is_file()), None)


def _imports(path: Path, module: str) -> Iterator[str]:
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    parts = package.split(".") if package else []
    for level, names, name in _statements(path.read_bytes(), str(path)):
        above = ".".join(parts[: len(parts) - level + 1]) if level else ""
        base = ".".join(part for part in (above, name) if part)
        yield from _with_parents(base)
        yield from (f"{base}.{imported}" for imported in names or ())


@cache
def _statements(source: bytes, path: str) -> tuple[Statement, ...]:
    """Each import of a file with that content; the stages share most of what they import."""
    try:
        return tuple(_import_instructions(compile(source, path, "exec", dont_inherit=True)))
    except (SyntaxError, ValueError):
        return ()  # importing it will say so


def _import_instructions(code: CodeType) -> Iterator[Statement]:
    """Level, names and module of each import. From the compiled code: `ast` of Python 3.11 can't be used by several threads at once."""
    before: list[Any] = []
    for instruction in dis.get_instructions(code) if _IMPORT in code.co_code[::2] else ():
        if instruction.opname == "IMPORT_NAME":
            yield before[-2], before[-1], instruction.argval
        if instruction.opname != "EXTENDED_ARG":  # stands before an instruction whose argument is over 255
            before = [*before[-1:], instruction.argval]
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _import_instructions(constant)


def _with_parents(module: str) -> Iterator[str]:
    parts = module.split(".")
    yield from (".".join(parts[:length]) for length in range(1, len(parts) + 1))


def _hash(files: Mapping[str, Path]) -> str:
    state = hashlib.sha256()
    for name in sorted(files):
        data = files[name].read_bytes()
        state.update(f"{name}\0{len(data)}\0".encode() + data)
    return state.hexdigest()
