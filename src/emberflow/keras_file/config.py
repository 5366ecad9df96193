"""A Keras model's configuration, checked before any of it becomes an object. Knows names and structure; refuses to import what they name."""

import json
import re
from collections.abc import Mapping
from typing import Any

from emberflow.errors import ModelError, did_you_mean
from emberflow.keras_file import known
from emberflow.keras_file.own import NOBODYS, OWN_CODE, TRUST, Own, is_operator, is_own

_DEEPEST = 100
_MOST_OBJECTS = 200_000
_ACTIVATION_KEYS = ("activation", "recurrent_activation")
_NAMED = known.ACTIVATIONS | known.LAYERS
_CASTS = {"mixed_float16": "float32", "mixed_bfloat16": "float32", "float16": "float32"}
"""Number formats of training that say nothing about the model: its weights are float32, or fit into it."""


def parse(text: bytes, source: str) -> dict[str, Any]:
    """The configuration in `text`, JSON, without what belongs to training. `source` is what a message calls the place.

    Raises: ModelError: not JSON, or not the configuration of an object.
    """
    try:
        config = _cleaned(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{source} isn't JSON: {error}; save the model again") from error
    if not isinstance(config, dict) or "class_name" not in config or not isinstance(config.get("config"), dict | list):
        raise ModelError(f"{source} isn't the configuration of a Keras model; save the model again")
    return config


def check(config: Mapping[str, Any], trust_code: bool = False, own: Own = NOBODYS) -> None:
    """Refuse a configuration that names anything but layers of Keras and their settings, of either version and either form, and `own` classes.

    Raises: ModelError: with the layer's name, the reason, and what to do.
    """
    if config["class_name"] not in known.MODELS:
        raise ModelError(
            f"the file holds a {str(config['class_name'])[:60]}; expected a Sequential or functional Keras model, whose layers can be seen: "
            "a subclassed model goes through as a SavedModel or .tflite"
        )
    _Walk(trust_code, own).visit(config, "the model", 0)


class _Walk:
    """One way through a configuration; counts what it meets."""

    def __init__(self, trust_code: bool, own: Own) -> None:
        self.trust_code = trust_code
        self.own = own
        self.met = 0

    def visit(self, value: Any, place: str, depth: int) -> None:
        """Check `value`, which stands in `place`, and all that is in it."""
        self.met += 1
        if depth > _DEEPEST or self.met > _MOST_OBJECTS:
            raise ModelError(f"the configuration is nested deeper than {_DEEPEST} or holds more than {_MOST_OBJECTS:,} values; no model needs that")
        if isinstance(value, list):
            for item in value:
                self.visit(item, place, depth + 1)
        elif isinstance(value, dict):
            self._visit_object(value, _place(value, place), depth)

    def _visit_object(self, value: dict[str, Any], place: str, depth: int) -> None:
        if "class_name" in value:
            if self.trust_code and value["class_name"] == "__lambda__":
                return  # code; and nothing in it need be looked at
            self._check_named(value, place)
        for key, item in value.items():
            _check_item(key, item, place, self.own)
            self.visit(item, place, depth + 1)

    def _check_named(self, value: dict[str, Any], place: str) -> None:
        """Check the class that an object says it is of. A trusted Lambda may hold code, but name no function that the user doesn't give."""
        kind = value["class_name"]
        is_trusted = self.trust_code and isinstance(kind, str) and kind in known.MAY_BE_TRUSTED
        if not is_trusted and not (isinstance(kind, str) and is_own(value) and self.own.find(value) is not None):
            _check_class(kind, value, place, self.own)


def _place(value: Mapping[str, Any], place: str) -> str:
    """How a message calls an object: a layer by its name, anything else by where it stands."""
    settings = value.get("config")
    name = settings.get("name") if isinstance(settings, dict) else None
    kind = value.get("class_name")
    if not isinstance(name, str) or not isinstance(kind, str) or kind.endswith("Policy"):
        return place
    return f"layer '{name[:80]}' ({kind[:60]})"


def _check_class(kind: Any, value: Mapping[str, Any], place: str, own: Own) -> None:
    if not isinstance(kind, str):
        raise ModelError(f"{place}: received {str(kind)[:60]!r} as the name of a class; expected text")
    if kind in known.REFUSED:
        reason, advice = known.REFUSED[kind]
        raise ModelError(f"{place} {reason}; {advice}{f', {TRUST}' if kind in known.MAY_BE_TRUSTED else ''}")
    if kind == "function":
        _check_function(value, place)
    elif kind in known.CALLS_TENSORFLOW:
        _check_tensorflow_function(value, place)
    elif not is_operator(kind, value) and kind not in known.CLASSES:
        raise own.refusal(place, kind)
    if kind == "InputLayer":
        _check_input(value, place)
    _check_module(kind, value, place, own)


def _check_input(value: Mapping[str, Any], place: str) -> None:
    settings = value["config"] if isinstance(value.get("config"), dict) else {}
    if kinds := [kind for kind in ("sparse", "ragged") if settings.get(kind)]:
        raise ModelError(f"{place} takes {kinds[0]} tensors; expected dense ones, of numbers")
    if settings.get("dtype") == "string":
        raise ModelError(f"{place} takes text; expected numbers: make them outside of the model, for a chip gets no text")


def _check_module(kind: str, value: Mapping[str, Any], place: str, own: Own) -> None:
    module, registered = value.get("module"), value.get("registered_name")
    if module is not None and not (isinstance(module, str) and re.fullmatch(r"builtins|(tf_)?keras(\.\w+)*", module)):
        raise ModelError(f"{place}: '{kind[:60]}' is to come from the module {str(module)[:60]!r} (CVE-2025-1550); expected one of Keras")
    if registered not in (None, kind, "function"):
        raise own.refusal(place, str(registered))


def _check_function(value: Mapping[str, Any], place: str) -> None:
    name = value.get("config")
    if not isinstance(name, str) or name not in known.ACTIVATIONS:
        raise ModelError(
            f"{place} names the function {str(name)[:60]!r} of {str(value.get('module'))[:60]!r} (CVE-2025-1550, CVE-2025-9906); "
            f"expected an activation of Keras.{did_you_mean(str(name), known.ACTIVATIONS)} Replace it; {OWN_CODE}"
        )


def _check_tensorflow_function(value: Mapping[str, Any], place: str) -> None:
    settings = value.get("config")
    name = settings.get("function") if isinstance(settings, dict) else None
    computes = isinstance(name, str) and (name in known.TENSORFLOW_FUNCTIONS or name.startswith(known.COMPUTING_MODULES))
    if not computes:
        raise ModelError(f"{place} calls tf.{str(name)[:60]}, which may do more than compute, such as write files; use layers of Keras instead")


def _check_item(key: Any, item: Any, place: str, own: Own) -> None:
    if key in _ACTIVATION_KEYS and isinstance(item, str) and item not in _NAMED and not own.gives(item):
        raise ModelError(
            f"{place}: the {key} '{item[:60]}' is none of Keras's.{did_you_mean(item, known.ACTIVATIONS)} "
            "A function of your own isn't in the file: replace it, or give it with custom_objects"
        )
    if key == "name" and isinstance(item, str) and (".." in item.split("/") or "\x00" in item or "\\" in item or item.startswith("/")):
        raise ModelError(f"{place}: its name {item[:80]!r} is a path (CVE-2026-12479); expected a name")
    if key == "dtype" and isinstance(item, str) and re.fullmatch(r"[a-z_]*\d*(_[a-z0-9_]+)?", item) is None:
        raise ModelError(f"{place}: received {item[:60]!r} as a number format; expected one such as float32")


def _cleaned(value: Any) -> Any:
    """The same configuration without what belongs to training: optimizer, loss, and number formats that training mixed."""
    if isinstance(value, list):
        return [_cleaned(item) for item in value]
    if not isinstance(value, dict):
        return value
    kept = {key: _cleaned(item) for key, item in value.items() if key != "compile_config"}
    for key in ("dtype", "name"):  # the name is that of a policy
        if isinstance(kept.get(key), str) and (key == "dtype" or len(kept) == 1):
            kept[key] = _CASTS.get(kept[key], kept[key])
    return kept


def version_of(config: Mapping[str, Any], said: str) -> int:
    """Which Keras wrote a configuration, by the version that its file says, else by its form: 2 or 3."""
    if match := re.match(r"(\d+)\.", said):
        return 3 if int(match[1]) >= 3 else 2
    return 3 if '"batch_shape"' in json.dumps(config) else 2
