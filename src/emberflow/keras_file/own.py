"""Classes and functions of somebody's own in a configuration: what a file calls them, and whether the user gives them. Knows names; imports nothing."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emberflow.errors import ModelError, did_you_mean
from emberflow.keras_file import known

TRUST = "or, if you trust whoever made the file, let its code run with your rights: `trust_model_code: true`, or --trust-model-code"
OWN_CODE = (
    "or, if you trust whoever made the file, give your own copy of that code, which is run with what the file says: `trust_model_code: true` and"
    " `custom_objects: module:function`, or --trust-model-code and --custom-objects"
)
_BRING = "Build the model by module:function, or bring it as a SavedModel or .tflite"


@dataclass(frozen=True)
class Own:
    """The names that the user gives code for. `gives_any`: nobody has asked the user's module yet."""

    names: frozenset[str] = frozenset()
    gives_any: bool = False

    def find(self, value: Mapping[str, Any]) -> str | None:
        """The user's name for the class or function that the object `value` is of; None where it isn't given."""
        return next((name for name in said_names(value) if self.gives(name)), None)

    def gives(self, name: str) -> bool:
        """Whether there is code for `name`."""
        return self.gives_any or name in self.names

    def refusal(self, place: str, kind: str) -> ModelError:
        """The error to raise where a class isn't given."""
        told = f"{place}: '{kind[:60]}' is no layer or setting of Keras but a class of somebody's own, whose code isn't in the file"
        if self.names:
            near = did_you_mean(kind, self.names) or did_you_mean(kind.rpartition(">")[2], self.names)
            return ModelError(f"{told}; custom_objects gives {', '.join(sorted(self.names))[:300]}.{near} Add it there")
        return ModelError(
            f"{told} (or an operator such as +, of which .h5 doesn't say enough: save as .keras).{did_you_mean(kind, known.CLASSES)} {_BRING}; {OWN_CODE}"
        )


NOBODYS = Own()
ANYBODYS = Own(gives_any=True)


def is_own(value: Mapping[str, Any]) -> bool:
    """Whether an object is of a class, or a function, that Keras doesn't have under the name that the file says."""
    kind, registered = value["class_name"], value.get("registered_name")
    if kind == "function":
        return isinstance(value.get("config"), str) and value["config"] not in known.ACTIVATIONS
    if kind in known.REFUSED or kind in known.CALLS_TENSORFLOW or is_operator(kind, value):
        return False
    return kind not in known.CLASSES or registered not in (None, kind)


def is_operator(kind: str, value: Mapping[str, Any]) -> bool:
    """Whether an object is one of Keras 3's operators, such as x + y."""
    return str(value.get("module")).startswith(known.OPERATOR_MODULES) and re.fullmatch(r"[A-Z][A-Za-z0-9]*", kind) is not None


def said_names(value: Mapping[str, Any]) -> list[str]:
    """All names by which a file calls a class or function, the registered one first: `pack>Mine`, then `Mine`."""
    said = [value.get("registered_name"), value["config"] if value["class_name"] == "function" else value["class_name"]]
    whole = [name for name in said if isinstance(name, str) and name not in known.CLASSES | {"function"}]
    return list(dict.fromkeys([*whole, *(name.rpartition(">")[2] for name in whole if name.rpartition(">")[2] not in known.CLASSES)]))


def by_given_names(config: Any, own: Own) -> Any:
    """The same configuration with the user's name for each class of its own, and no module: nothing is left to import."""
    if isinstance(config, list):
        return [by_given_names(item, own) for item in config]
    if not isinstance(config, dict):
        return config
    inside = {key: by_given_names(item, own) for key, item in config.items()}
    if not isinstance(config.get("class_name"), str) or not is_own(config) or (name := own.find(config)) is None:
        return inside
    told: dict[str, Any] = {key: None if key == "module" else name for key in ("module", "registered_name") if key in config}
    return {**inside, **told, ("config" if config["class_name"] == "function" else "class_name"): name}


def with_named_functions(config: Any) -> Any:
    """The same configuration of Keras 2 with each activation that is a function as its name alone: of HDF5, tf_keras reads no other, though it writes one."""
    if isinstance(config, list):
        return [with_named_functions(item) for item in config]
    if not isinstance(config, dict):
        return config
    return {key: item["config"] if _is_activation(key, item) else with_named_functions(item) for key, item in config.items()}


def _is_activation(key: str, item: Any) -> bool:
    return key.endswith("activation") and isinstance(item, dict) and item.get("class_name") == "function" and isinstance(item.get("config"), str)


def names_in(config: Any, own: Own) -> frozenset[str]:
    """The user's names of all classes and functions in a configuration."""
    if isinstance(config, list):
        return frozenset().union(*(names_in(item, own) for item in config))
    if not isinstance(config, dict):
        return frozenset()
    inside = names_in(list(config.values()), own)
    is_object = isinstance(config.get("class_name"), str) and is_own(config)
    return inside | {name} if is_object and (name := own.find(config)) else inside


def not_given(config: Any, own: Own) -> frozenset[str]:
    """What a configuration calls the classes and functions in it that the user doesn't give."""
    if isinstance(config, list | tuple):
        return frozenset().union(*(not_given(item, own) for item in config))
    if not isinstance(config, dict):
        return frozenset()
    inside = not_given(list(config.values()), own)
    is_missing = isinstance(config.get("class_name"), str) and is_own(config) and own.find(config) is None
    return inside | {said_names(config)[0]} if is_missing else inside
