"""Functions that a project names as `module:function`. Runs the user's code; refuses to let its errors pass unnamed."""

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from emberflow.errors import EmberflowError, ProjectError, did_you_mean


def find_function(entry: str, folder: Path) -> Callable[..., Any]:
    """The function that `module:function` names, looked up in `folder` first.

    Raises: ProjectError: no such module, it raises while it is imported, or it has no such function (with "did you mean").
    """
    module_name, name = entry.split(":")
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))
    _forget_namesake(module_name, folder)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise ProjectError(f"'{entry}': importing '{module_name}' raised {_told(error)}; looked in {folder} first") from error
    found = getattr(module, name, None)
    if not callable(found):
        raise ProjectError(f"'{entry}': '{module_name}' has no function '{name}'.{did_you_mean(name, dir(module))}")
    return found  # type: ignore[no-any-return]


def _forget_namesake(module_name: str, folder: Path) -> None:
    """A warm process may hold a module of that name from another project's folder."""
    path = folder.joinpath(*module_name.split(".")).with_suffix(".py")
    loaded = getattr(sys.modules.get(module_name), "__file__", None)
    if path.is_file() and loaded is not None and Path(loaded) != path:
        del sys.modules[module_name]
        sys.path.remove(str(folder))
        sys.path.insert(0, str(folder))


def call(entry: str, folder: Path, *arguments: object) -> Any:
    """What the user's function returns for `arguments`.

    Raises: ProjectError: as find_function, or the function raised: the message has its error and line.
    """
    function = find_function(entry, folder)
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
