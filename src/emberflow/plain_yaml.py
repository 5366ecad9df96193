"""YAML as plain values: text, numbers, lists and mappings, each key once. Reads what strangers wrote; refuses to build objects or to be blown up."""

import json
import re
from typing import Any

import yaml

from emberflow.errors import ProjectError
from emberflow.units import show_bytes

LARGEST_BYTES = 256 * 1024
MOST_VALUES = 10_000
_MERGE = "tag:yaml.org,2002:merge"
_FLOAT = ("tag:yaml.org,2002:float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"), list("-+0123456789"))
_LONGEST_SHOWN = 60


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice, which YAML's default silently overwrites. Reads 1e-3 as a number, as YAML 1.2 does."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except ProjectError:
            raise
        except (ValueError, LookupError, AttributeError) as error:  # `!!bool maybe`, `!!int ''`, `!!timestamp x`, 30 February
            words = f"{node.value}"[:_LONGEST_SHOWN]
            raise ProjectError(
                f"line {node.start_mark.line + 1}: received '{words}' as {node.tag.rpartition(':')[2]}, which it isn't; expected plain text or a number"
            ) from error

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys: list[Any] = []
        for key_node, _ in node.value if isinstance(node, yaml.MappingNode) else ():  # else what is called next complains
            key = key_node if key_node.tag == _MERGE else self.construct_object(key_node, deep=True)
            if key in keys:
                raise ProjectError(f"line {key_node.start_mark.line + 1}: the key '{key}' stands twice; keep one")
            keys.append(key)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Puts text in quotes that the loader would take for a number, or fold: PyYAML reads a line's other ends as spaces."""

    def ignore_aliases(self, data: Any) -> bool:
        return True

    def represent_text(self, data: str) -> yaml.Node:
        """In double quotes, with escapes, where a sign isn't printed."""
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=None if data.isprintable() else '"')


for _each in (_Loader, _Dumper):
    _each.add_implicit_resolver(*_FLOAT)
_Dumper.add_representer(str, _Dumper.represent_text)


def read(text: str) -> Any:
    """What `text` says, as JSON knows it.

    Raises: ProjectError: not YAML, a key twice, what JSON doesn't know (a date, a set, a key that isn't text), more than LARGEST_BYTES, or
        anchors that unfold to more than MOST_VALUES values.
    """
    if len(text) > LARGEST_BYTES:
        raise ProjectError(f"holds {show_bytes(len(text))} of YAML; expected at most {show_bytes(LARGEST_BYTES)}: nobody writes more by hand")
    try:
        return _construct(_Loader(text))
    except ProjectError:
        raise
    except (yaml.YAMLError, TypeError, RecursionError) as error:
        raise ProjectError(f"not a YAML file: {' '.join(str(error).split())}") from error


def _construct(loader: _Loader) -> Any:
    """The nodes are counted before anything is made of them."""
    node = loader.get_single_node()
    if _unfolded(node, {}) > MOST_VALUES:
        raise ProjectError(f"holds more than {MOST_VALUES:,} values once its anchors are unfolded; expected fewer: write out what is meant")
    return loader.construct_document(node) if node else None


def _unfolded(node: yaml.Node | None, known: dict[int, int]) -> int:
    """How many nodes there are where every alias stands for all that its anchor holds; one that holds itself is counted once, and refused later."""
    if not isinstance(node, yaml.CollectionNode):
        return 1
    if id(node) not in known:
        known[id(node)] = 1
        pairs = node.value if isinstance(node, yaml.MappingNode) else ((each,) for each in node.value)
        known[id(node)] = min(1 + sum(_unfolded(each, known) for pair in pairs for each in pair), MOST_VALUES + 1)
    return known[id(node)]


def as_json(read_values: object) -> str:
    """The same as JSON text, which strict models read. Raises: ProjectError: a value or key that JSON doesn't know."""
    try:
        return json.dumps(read_values, default=_refuse_foreign)
    except ProjectError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise ProjectError(f"holds a key that isn't text, or a list or mapping that holds itself: {error}") from error


def _refuse_foreign(value: object) -> None:
    raise ProjectError(
        f"received {value}, which YAML reads as a {type(value).__name__}; expected text, a number, a list or a mapping: put it in quotes"
    )


def render(values: object) -> str:
    """`values`, as `read` gives them, as YAML that it reads back."""
    return yaml.dump(values, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
