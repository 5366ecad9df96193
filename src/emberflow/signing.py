"""Signatures: who made these bytes, Ed25519 (RFC 8032). Knows keys in PEM files; refuses to know what is signed."""

import os
from base64 import b64decode, b64encode
from binascii import Error
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from emberflow.errors import BundleError, ProjectError


def make_keys(path: Path) -> Path:
    """Write a new private key to `path`, for its owner's eyes only, and the public key beside it; the path of that one.

    Raises: ProjectError: there is a file already, or it can't be written.
    """
    key, public = Ed25519PrivateKey.generate(), path.with_name(f"{path.name}.pub")
    try:
        place = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(place, "wb") as file:
            file.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    except OSError as error:
        raise ProjectError(f"can't write a key to '{path}': {error.strerror}; expected a new file in a folder that you may write to") from error
    return public


def read_private(path: Path) -> Ed25519PrivateKey:
    """The key that signs. Raises: ProjectError: the file can't be read, or holds no Ed25519 private key without a password."""
    try:
        key = load_pem_private_key(_read(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ProjectError(_no_key(path, "private", str(error))) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ProjectError(_no_key(path, "private", f"it holds a {type(key).__name__}"))
    return key


def read_public(path: Path) -> Ed25519PublicKey:
    """The key that checks. Raises: ProjectError: the file can't be read, or holds no Ed25519 public key."""
    try:
        key = load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ProjectError(_no_key(path, "public", str(error))) from error
    if not isinstance(key, Ed25519PublicKey):
        raise ProjectError(_no_key(path, "public", f"it holds a {type(key).__name__}"))
    return key


def sign(key: Ed25519PrivateKey, data: bytes) -> str:
    """The signature of `data`, 64 bytes in base64."""
    return b64encode(key.sign(data)).decode()


def check(key: Ed25519PublicKey, data: bytes, signature: str, what: str) -> None:
    """Raises: BundleError: `signature` isn't of `data` by the owner of `key`; `what` names the signed thing."""
    try:
        key.verify(b64decode(signature, validate=True), data)
    except (InvalidSignature, Error) as error:
        raise BundleError(
            f"received {what}, whose signature is not by this key; expected one by the key's owner: it was altered, or signed by somebody else"
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ProjectError(f"can't read the key '{path}': {error.strerror}; make one with `emberflow key {path}`") from error


def _no_key(path: Path, kind: str, why: str) -> str:
    first = why.splitlines()[0] if why else "it can't be read"
    return f"received '{path}', which is no {kind} Ed25519 key in PEM ({first}); make a pair with `emberflow key`"
