"""The index of what was published: every version, which one serves, and a signature over it all. Knows its bytes; refuses to know where they lie.

    {"index": {"project": "watch", "champion": 8, "versions": [...], ...}, "signature": "..."}

One file holds both, so that nobody sees the one without the other. Signed is the index as JSON with sorted keys and without spaces, UTF-8.
"""

import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from emberflow.artifact import Sha256
from emberflow.errors import BundleError
from emberflow.signing import check, sign
from emberflow.values import Value

SCHEMA_VERSION = 1


class Published(Value):
    """A version that was published once, and lies there still."""

    version: int
    path: str = Field(pattern=r"^versions/[0-9]+$", description="of its bundle, below the index")
    recipe: str
    target: str
    model: Sha256 = Field(description="of the .tflite")
    manifest: Sha256 = Field(description="of the bundle's manifest.json, which vouches for every other file")


class Index(Value):
    """What a consumer polls."""

    schema_version: int = SCHEMA_VERSION
    project: str
    champion: int
    published: str = Field(description="when the champion became it, ISO 8601, UTC")
    versions: tuple[Published, ...] = Field(description="in the order of their numbers")

    def serves(self, number: int, model: str) -> bool:
        """Whether that version is the champion here, and has that model: a registry that was begun anew counts from 1 again."""
        found = self.version(number)
        return self.champion == number and found is not None and found.model == model

    def version(self, number: int) -> Published | None:
        """The version of that number; None when it was never published."""
        return next((each for each in self.versions if each.version == number), None)


def seal(index: Index, key: Ed25519PrivateKey) -> bytes:
    """The file."""
    told = index.model_dump(mode="json")
    return (json.dumps({"index": told, "signature": sign(key, _signed(told))}, indent=2, sort_keys=True) + "\n").encode()


def unseal(data: bytes, key: Ed25519PublicKey, place: str) -> Index:
    """The index that the file at `place` holds. Raises: BundleError: it is none, or isn't signed by the owner of `key`."""
    try:
        held = json.loads(data)
        told, signature = held["index"], held["signature"]
    except (ValueError, TypeError, KeyError) as error:
        raise BundleError(f"received {place}, which is no index of published versions ({type(error).__name__}: {error}); publish again") from error
    check(key, _signed(told), str(signature), place)
    try:
        return Index.model_validate(told)
    except ValidationError as error:
        raise BundleError(f"received {place}, which another Emberflow wrote: {' '.join(str(error).split())}; read it with that one") from error


def _signed(told: object) -> bytes:
    return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
