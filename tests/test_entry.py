"""The user's functions: found, called, and their errors told."""

import sys
from pathlib import Path

import pytest

from emberflow.entry import call, find_function
from emberflow.errors import DataError, ProjectError


@pytest.fixture(autouse=True)
def clean():
    """Neither modules nor places of one test reach another."""
    modules, places = set(sys.modules), list(sys.path)
    yield
    sys.path[:] = places
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(folder: Path, **modules: str) -> Path:
    """A folder with modules; `__` in a name is a folder."""
    for name, source in modules.items():
        path = folder.joinpath(*name.split("__")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source, encoding="utf-8")
    return folder


def refuse(entry: str, folder: Path) -> str:
    with pytest.raises(ProjectError) as raised:
        call(entry, folder)
    return str(raised.value)


def test_a_function_is_called_with_its_arguments(tmp_path):
    """And its result returned."""
    write(tmp_path, mine="def join(a, b):\n    return a + b\n")

    assert call("mine:join", tmp_path, "x", "y") == "xy"


def test_any_callable_will_do(tmp_path):
    """A class, or a partial function."""
    write(tmp_path, mine="from functools import partial\n\nten = partial(int, '10')\n")

    assert call("mine:ten", tmp_path) == 10


def test_a_module_may_lie_in_a_package(tmp_path):
    """With or without an __init__.py."""
    write(tmp_path, a__b__mine="def load():\n    return 1\n", c____init__="", c__mine="def load():\n    return 2\n")
    (tmp_path / "c" / "__init__.py").touch()

    assert [call("a.b.mine:load", tmp_path), call("c.mine:load", tmp_path)] == [1, 2]


def test_an_installed_module_will_do(tmp_path):
    """When the folder has none of that name."""

    assert find_function("json.decoder:JSONDecoder", tmp_path).__module__ == "json.decoder"


OF_NULL_BYTES = SyntaxError if sys.version_info >= (3, 11, 4) else ValueError  # Python 3.11.4 and 3.12 changed what compile() raises


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("x = 1\nraise ValueError('no sensor')\n", "ValueError: no sensor (mine.py, line 2)"),
        (
            "import json\n\njson.loads('{')\n",
            "JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1) (decoder.py, line ",
        ),
        ("import no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package' (mine.py, line 1)"),
        ("def load(:\n", "SyntaxError: invalid syntax (mine.py, line 1)"),
        ("x = '\0'\n", f"{OF_NULL_BYTES.__name__}: source code string cannot contain null bytes"),
        ("from emberflow.errors import DataError\n\nraise DataError('x')\n", "DataError: x (mine.py, line 3)"),
    ],
)
def test_a_module_that_raises_when_imported_is_told(source, told, tmp_path):
    """With error, file, line and the folder that was looked in."""
    write(tmp_path, mine=source)

    message = refuse("mine:load", tmp_path)
    assert message.startswith(f"'mine:load': importing 'mine' raised {told}")
    assert message.endswith(f"; looked in {tmp_path} first")


def test_a_missing_module_is_told(tmp_path):
    """No frame of it exists, so no line."""

    expected = f"'mine:load': importing 'mine' raised ModuleNotFoundError: No module named 'mine'; looked in {tmp_path} first"
    assert expected == refuse("mine:load", tmp_path)


def test_a_missing_module_is_found_once_it_is_written(tmp_path):
    """A failed import leaves nothing behind."""
    write(tmp_path, mine="raise ValueError\n")
    refuse("mine:load", tmp_path)
    write(tmp_path, mine="def load():\n    return 'written now'\n")

    assert call("mine:load", tmp_path) == "written now"


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("mine:laod", "'mine:laod': 'mine' has no function 'laod'. Did you mean 'load'?"),
        ("mine:zebra", "'mine:zebra': 'mine' has no function 'zebra'."),
        ("mine:EPOCHS", "'mine:EPOCHS': 'mine' has no function 'EPOCHS'. Did you mean 'EPOCHS'?"),
    ],
)
def test_a_missing_function_is_told(entry, message, tmp_path):
    """With the nearest name."""
    write(tmp_path, mine="EPOCHS = 3\n\n\ndef load():\n    pass\n")

    assert message == refuse(entry, tmp_path)


def test_a_function_that_raises_is_told_with_its_line(tmp_path):
    """The line where it happened, though it lies in another file, and the cause is kept."""
    write(tmp_path, mine="from deep import fail\n\n\ndef load():\n    fail()\n", deep="def fail():\n    return 1 / 0\n")

    with pytest.raises(ProjectError) as raised:
        call("mine:load", tmp_path)
    assert str(raised.value) == "'mine:load' raised ZeroDivisionError: division by zero (deep.py, line 2)"
    assert isinstance(raised.value.__cause__, ZeroDivisionError)


def test_wrong_arguments_are_told(tmp_path):
    """A load() that wants a path, say."""
    write(tmp_path, mine="def load(path):\n    pass\n")

    assert refuse("mine:load", tmp_path) == "'mine:load' raised TypeError: load() missing 1 required positional argument: 'path'"


def test_our_own_errors_pass_as_they_are(tmp_path):
    """A user's function may raise what says it best."""
    write(tmp_path, mine="from emberflow.errors import DataError\n\n\ndef load():\n    raise DataError('the sensor was off')\n")

    with pytest.raises(DataError, match=r"^the sensor was off$"):
        call("mine:load", tmp_path)


@pytest.mark.parametrize("name", ["mine", "pkg__mine"])
def test_namesakes_in_two_folders_are_told_apart(name, tmp_path):
    """A warm process serves two projects: each gets its own module, and that module its own imports, back and forth."""
    entry = f"{name.replace('__', '.')}:load"
    for which in ("first", "second"):
        source = f"from helping import WHICH\n\n\ndef load():\n    return WHICH, {which!r}\n"
        folder = write(tmp_path / which, **{name: source, "helping": f"WHICH = {which!r}\n"})
        (folder / "pkg").mkdir(exist_ok=True)
        (folder / "pkg" / "__init__.py").touch()

    for which in ("first", "second", "first"):
        assert (which, which) == call(entry, tmp_path / which)


def test_a_module_is_imported_once(tmp_path):
    """The second function of a folder sees the state of the first."""
    write(tmp_path, mine="seen = []\n\n\ndef load():\n    seen.append(1)\n    return len(seen)\n")

    assert [call("mine:load", tmp_path), call("mine:load", tmp_path)] == [1, 2]


def test_other_modules_are_left_alone(tmp_path):
    """A file of that name in the folder forgets nothing that the user's module doesn't import."""
    import colorsys

    write(tmp_path, mine="def load():\n    return 1\n", colorsys="raise ValueError\n")
    call("mine:load", tmp_path)

    assert colorsys is sys.modules["colorsys"]
