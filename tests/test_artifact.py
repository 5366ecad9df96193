"""A blob by its content."""

import pytest
from pydantic import ValidationError

from emberflow.artifact import Artifact, Kind, describe, digest, digest_file, digest_folder

# the examples of FIPS 180-4: one block, no block
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
NOTHING = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@pytest.mark.parametrize(("data", "expected"), [(b"abc", ABC), (b"", NOTHING)])
def test_digest_is_sha_256(data, expected, tmp_path):
    """Of bytes and of a file alike."""
    path = tmp_path / "blob"
    path.write_bytes(data)

    assert expected == digest(data) == digest_file(path)


@pytest.mark.parametrize("size", [2**20 - 1, 2**20, 2**20 + 1, 3 * 2**20 + 5])
def test_large_files_have_the_digest_of_their_bytes(size, tmp_path):
    """They are read a mebibyte at a time; the borders are where that could go wrong."""
    data = bytes(range(256)) * (size // 256 + 1)
    path = tmp_path / "blob"
    path.write_bytes(data[:size])

    assert digest(data[:size]) == digest_file(path)


def test_a_file_is_described_by_content(tmp_path):
    """Name and place don't matter."""
    first, second = tmp_path / "a.svg", tmp_path / "b.txt"
    first.write_bytes(b"abc")
    second.write_bytes(b"abc")

    assert Artifact(sha256=ABC, size_bytes=3, kind=Kind.SVG) == describe(first, Kind.SVG) == describe(second, Kind.SVG)


def test_a_folder_has_a_digest_of_its_names_and_bytes(tmp_path):
    """The same files elsewhere have the same; another name or byte has another."""
    folders = {}
    for name, files in {
        "a": {"x": b"1", "y/z": b"2"},
        "b": {"y/z": b"2", "x": b"1"},
        "c": {"x": b"1", "y/w": b"2"},
        "d": {"x": b"1", "y/z": b"3"},
    }.items():
        for file, data in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_bytes(data)
        folders[name] = digest_folder(tmp_path / name)

    assert folders["a"] == folders["b"]
    assert len(set(folders.values())) == 3


@pytest.mark.parametrize("sha256", [ABC[:-1], ABC + "0", ABC.upper(), "g" * 64, ""])
def test_a_digest_is_64_lower_case_hexadecimal_digits(sha256):
    """So one content has one name."""
    with pytest.raises(ValidationError, match="sha256\n  String should match pattern"):
        Artifact(sha256=sha256, size_bytes=3, kind=Kind.ARRAY)


def test_a_negative_size_is_refused():
    """It would mean that something else was written than was measured."""
    with pytest.raises(ValidationError, match="size_bytes\n  Input should be greater than or equal to 0"):
        Artifact(sha256=ABC, size_bytes=-1, kind=Kind.ARRAY)


def test_an_unknown_kind_is_refused():
    """A pickle, say."""
    with pytest.raises(ValidationError, match="Input should be 'npy', 'h5', 'tflite', 'svg', 'zip' or 'saved_model'"):
        Artifact(sha256=ABC, size_bytes=3, kind="pickle")
