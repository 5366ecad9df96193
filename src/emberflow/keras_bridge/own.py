"""Classes and functions of the user's own, made known to both Kerases for a while. Knows their registries; decides nothing of trust."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from emberflow.errors import ModelError
from emberflow.keras_bridge.guest import guests
from emberflow.keras_bridge.lambdas import GIVEN
from emberflow.keras_bridge.which import keras, keras_3
from emberflow.trust import OwnClasses

_VERSIONS = {"tf_keras": 2, "keras": 3}


@contextmanager
def own_classes(own: OwnClasses | None) -> Iterator[None]:
    """Make the user's classes known to Keras 2, which every model that was loaded is one of, and to Keras 3, whose layers are guests in it.

    Raises: ProjectError: the module of the classes.
    """
    objects = own.objects() if own else {}
    with registered(_of(objects, 2), 2), registered(_of(objects, 3), 3):
        yield


def _of(objects: Mapping[str, Any], version: int) -> dict[str, Any]:
    return {name: thing for name, thing in objects.items() if _version(thing) in (0, version)}


@contextmanager
def registered(objects: Mapping[str, Any], version: int) -> Iterator[None]:
    """`objects` by their names in that Keras's registry; afterwards the registry is as it was, for a process may serve many projects.

    Keras 2 also learns what to call a class when it saves one: by a package, as nothing of Keras's own is called.
    """
    if not objects:
        yield
        return
    guests()  # before it is noted what was known
    saving = keras().saving if version == 2 else keras_3().saving
    registry: dict[str, Any] = saving.get_custom_objects()
    before = dict(registry)
    for name, thing in objects.items():
        if version == 2 and (not isinstance(thing, type) or hasattr(thing, "get_config")):
            package, _, plain = name.rpartition(">")
            saving.register_keras_serializable(package or "Custom", plain)(thing)
    registry.update(objects)
    given = GIVEN.set({**GIVEN.get(), **objects}) if version == 3 else None
    try:
        yield
    finally:
        if given:
            GIVEN.reset(given)
        registry.clear()
        registry.update(before)


def check_version(objects: Mapping[str, Any], version: int) -> None:
    """Refuse classes of the other Keras than the file's. Raises: ModelError: with their names."""
    wrong = sorted(name for name, thing in objects.items() if _version(thing) not in (0, version))
    if wrong:
        package = "tf_keras" if version == 2 else "keras, of version 3"
        raise ModelError(
            f"the file is of Keras {version}, and custom_objects gives classes of Keras {5 - version} for {', '.join(wrong)}; derive them from {package}"
        )


def _version(thing: Any) -> int:
    """The Keras whose class `thing` derives from; 0 for a function, or a class of neither."""
    packages = [base.__module__.split(".")[0] for base in getattr(thing, "__mro__", ())]
    return next((_VERSIONS[package] for package in packages if package in _VERSIONS), 0)
