"""The index of what was published: sealed, unsealed, and every alteration that must be noticed."""

import json

import pytest

from emberflow.errors import BundleError
from emberflow.index import Index, Published, seal, unseal
from emberflow.signing import make_keys, read_private, read_public

FIRST = Published(version=7, path="versions/7", recipe="int8", target="stm32f405", model="0" * 64, manifest="1" * 64)
INDEX = Index(project="größer", champion=7, published="2026-01-01T00:00:00+00:00", versions=(FIRST,))


@pytest.fixture
def keys(tmp_path):
    public = make_keys(tmp_path / "key")
    return read_private(tmp_path / "key"), read_public(public)


def test_the_index_is_read_as_it_was_written(keys):
    """And a version is found by its number."""
    assert INDEX == unseal(seal(INDEX, keys[0]), keys[1], "index.json")
    assert (FIRST, None) == (INDEX.version(7), INDEX.version(8))


def test_a_number_alone_is_not_the_version_that_serves():
    """The model must be the same, and the version the champion."""
    assert INDEX.serves(7, "0" * 64)
    assert not INDEX.serves(7, "1" * 64)
    assert not INDEX.serves(8, "0" * 64)
    assert not INDEX.model_copy(update={"champion": 8}).serves(7, "0" * 64)


def test_how_it_is_laid_out_decides_nothing(keys):
    """Signed are the values: spaces and the order of keys may be others."""
    held = json.loads(seal(INDEX, keys[0]))

    assert INDEX == unseal(json.dumps(dict(reversed(held.items())), ensure_ascii=False).encode(), keys[1], "index.json")


def test_an_altered_index_is_noticed(keys):
    """Another champion, by whoever can write there."""
    held = json.loads(seal(INDEX, keys[0]))
    held["index"]["champion"] = 6

    with pytest.raises(BundleError, match=r"received index.json, whose signature is not by this key"):
        unseal(json.dumps(held).encode(), keys[1], "index.json")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"index": {}}', b"\xff"])
def test_what_is_no_index_is_told(keys, data):
    """Half a file, and other files."""
    with pytest.raises(BundleError, match=r"received index.json, which is no index of published versions \(\w+: .*\); publish again"):
        unseal(data, keys[1], "index.json")


def test_an_index_of_another_emberflow_is_told(keys):
    """Signed, but with other keys."""
    odd = INDEX.model_copy(update={"versions": ("seven",)})

    with pytest.warns(UserWarning, match="Pydantic serializer warnings"):
        data = seal(odd, keys[0])
    with pytest.raises(BundleError, match=r"received index.json, which another Emberflow wrote: .*; read it with that one"):
        unseal(data, keys[1], "index.json")


@pytest.mark.parametrize("path", ["../elsewhere", "versions/../../x", "/etc", "versions/7/", "s3://other/7"])
def test_a_version_lies_below_its_index(keys, path):
    """Even where the owner of the key signed another place."""
    odd = INDEX.model_copy(update={"versions": (FIRST.model_copy(update={"path": path}),)})

    with pytest.raises(BundleError, match=r"which another Emberflow wrote: .*versions\.0\.path String should match pattern"):
        unseal(seal(odd, keys[0]), keys[1], "index.json")
