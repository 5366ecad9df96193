"""Functions that a project names as `module:function`. Runs the user's code; refuses to let its errors pass unnamed."""

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emberflow.errors import EmberflowError, ProjectError, did_you_mean
from emberflow.fingerprint import closure


def find_function(entry: str, folder: Path) -> Callable[..., Any]:
    """The function that `module:function` names, looked up in `folder` first.

    Raises: ProjectError: as `find`, or what it names is no function.
    """
    found = find(entry, folder)
    if not callable(found):
        raise _absent(entry)
    return found


def find(entry: str, folder: Path) -> object:
    """What `module:name` names, looked up in `folder` first.

    Raises: ProjectError: no such module, it raises while it is imported, or it has no such name (with "did you mean").
    """
    module_name, name = entry.split(":")
    _look_first_in(folder)
    _forget_namesakes(module_name, folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ProjectError(f"'{entry}': importing '{module_name}' raised {_told(error)}; looked in {folder} first") from error
    if not hasattr(module, name):
        raise _absent(entry)
    return getattr(module, name)


def _absent(entry: str) -> ProjectError:
    module_name, name = entry.split(":")
    return ProjectError(f"'{entry}': '{module_name}' has no function '{name}'.{did_you_mean(name, dir(sys.modules.get(module_name)))}")


def _look_first_in(folder: Path) -> None:
    if sys.path[:1] != [str(folder)]:
        sys.path[:] = [str(folder), *(place for place in sys.path if place != str(folder))]


def _forget_namesakes(module_name: str, folder: Path) -> None:
    """A warm process may hold modules of these names from another project's folder."""
    for name, path in closure(module_name, folder).items():
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if loaded is not None and Path(loaded).resolve() != path.resolve():
            del sys.modules[name]


def call(entry: str, folder: Path, *arguments: object) -> Any:
    """What the user's function returns for `arguments`.

    Raises: ProjectError: as find_function, or the function raised: the message has its error and line.
    """
    return call_found(entry, find_function(entry, folder), *arguments)


def call_found(entry: str, function: Callable[..., Any], *arguments: object) -> Any:
    """As `call`, of a function that was found before: looking it up takes longer than most of them. Raises: ProjectError: it raised."""
    try:
        return function(*arguments)
    except EmberflowError:
        raise
    except Exception as error:
        raise ProjectError(f"'{entry}' raised {_told(error)}") from error


def _told(error: Exception) -> str:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "importlib" not in f.filename and not f.filename.endswith("emberflow/entry.py")]
    where = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{where}"
