"""What a user lets a model from elsewhere do, and whose code its own classes are made of. Imports the user's module; never one that a file names."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from emberflow import fingerprint
from emberflow.entry import call_found, find
from emberflow.errors import ProjectError
from emberflow.keras_file.known import CLASSES
from emberflow.values import ENTRY_PATTERN, Entry, Value


class OwnClasses(Value):
    """Where the user's own classes and functions are that a model's file names.

    digest: of their source, because what is made with them depends on it.
    """

    entry: Entry
    folder: Path = Field(repr=False)
    digest: str

    @classmethod
    def at(cls, entry: str, folder: Path) -> "OwnClasses":
        """What `entry`, looked up in `folder` first, names."""
        return cls(entry=entry, folder=folder, digest=fingerprint.of_entry(entry, folder))

    def objects(self) -> Mapping[str, Any]:
        """Classes and functions by the names that the file has for them: a mapping of the user's module, or what its function returns.

        Raises: ProjectError: the module or the function raised, or it is something else.
        """
        found = find(self.entry, self.folder)
        given = call_found(self.entry, found) if callable(found) and not isinstance(found, type) else found
        if not isinstance(given, Mapping) or not given or not all(isinstance(name, str) and callable(thing) for name, thing in given.items()):
            raise ProjectError(
                f"received {_told(given)} from '{self.entry}' as custom objects; expected a mapping of their names in the file to classes or"
                " functions, such as {'my_package>MyLayer': MyLayer}"
            )
        if taken := sorted(CLASSES & given.keys()):
            raise ProjectError(f"'{self.entry}' gives another {', '.join(taken)}, which is Keras's own; expected names of your own: leave it out")
        return given


def _told(given: object) -> str:
    return f"{dict(given)!r}"[:200] if isinstance(given, Mapping) else f"a {type(given).__name__}"


class Trust(Value):
    """How far a model from elsewhere is trusted.

    runs_code: whether code that its file carries may run on this machine, with the user's rights.
    own: what its own classes are made of; only with `runs_code`.
    """

    runs_code: bool = False
    own: OwnClasses | None = None

    @classmethod
    def of(cls, runs_code: bool, custom_objects: str | None, folder: Path) -> "Trust":
        """As the user says it, in a project file or on the command line. Raises: ProjectError: custom objects without trust."""
        check_said(runs_code, custom_objects)
        return cls(runs_code=runs_code, own=OwnClasses.at(custom_objects, folder) if custom_objects else None)


NOBODY = Trust()


def check_said(runs_code: bool, custom_objects: str | None) -> None:
    """Refuse custom objects that are no entry, or without trust: the user's classes do what the file tells them. Raises: ProjectError."""
    if custom_objects and not re.fullmatch(ENTRY_PATTERN, custom_objects):
        raise ProjectError(f"received custom_objects '{custom_objects}'; expected module:function, or module:mapping")
    if custom_objects and not runs_code:
        raise ProjectError(
            f"received custom_objects '{custom_objects}' without trust; your classes are given whatever the file says: if you trust whoever made it,"
            " say so with `trust_model_code: true`, or --trust-model-code"
        )
