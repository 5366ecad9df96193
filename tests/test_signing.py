"""Signatures: made, checked, and every key and signature that must be refused."""

import stat

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat, PublicFormat

from emberflow.errors import BundleError, ProjectError
from emberflow.signing import check, make_keys, read_private, read_public, sign


@pytest.fixture
def pair(tmp_path):
    return tmp_path / "key", make_keys(tmp_path / "key")


def test_what_was_signed_is_by_the_keys_owner(pair):
    """The private key's file is for its owner's eyes only."""
    private, public = pair

    check(read_public(public), b"bytes", sign(read_private(private), b"bytes"), "this")

    assert 0o600 == stat.S_IMODE(private.stat().st_mode)
    assert "key.pub" == public.name


def test_the_same_bytes_have_the_same_signature(pair):
    """Ed25519 draws no random numbers: publishing again changes nothing."""
    key = read_private(pair[0])

    assert sign(key, b"bytes") == sign(key, b"bytes")


@pytest.mark.parametrize("change", ["bytes", "key", "signature", "no base64"])
def test_anything_else_is_refused(pair, tmp_path, change):
    """Other bytes, somebody else's key, another signature, and what is none."""
    signature = sign(read_private(pair[0]), b"bytes")
    public = make_keys(tmp_path / "other") if change == "key" else pair[1]
    signature = {"signature": sign(read_private(pair[0]), b"other"), "no base64": "?"}.get(change, signature)

    with pytest.raises(BundleError, match="received this, whose signature is not by this key; expected one by the key's owner"):
        check(read_public(public), b"other bytes" if change == "bytes" else b"bytes", signature, "this")


def test_a_key_is_never_overwritten(pair):
    """Who has lost it can't publish any more."""
    before = pair[0].read_bytes()

    with pytest.raises(ProjectError, match=r"can't write a key to '.*key': File exists; expected a new file"):
        make_keys(pair[0])

    assert before == pair[0].read_bytes()


def test_a_key_that_is_not_there_is_told_with_how_to_make_one(tmp_path):
    """Both kinds."""
    for read in (read_private, read_public):
        with pytest.raises(ProjectError, match=r"can't read the key '.*missing': No such file or directory; make one with `emberflow key .*missing`"):
            read(tmp_path / "missing")


def test_keys_of_another_kind_are_told(pair, tmp_path):
    """Of another curve, with a password, a public one for a private, and a text."""
    other = generate_private_key(SECP256R1())
    files = {
        "curve": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        "locked": other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"word")),
        "public": pair[1].read_bytes(),
        "text": b"no key",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ProjectError, match=f"received '.*{name}', which is no private Ed25519 key in PEM .*; make a pair with `emberflow key`"):
            read_private(tmp_path / name)

    (tmp_path / "curve").write_bytes(other.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    for name in ("curve", "text", "key"):
        with pytest.raises(ProjectError, match="which is no public Ed25519 key in PEM"):
            read_public(tmp_path / name)
