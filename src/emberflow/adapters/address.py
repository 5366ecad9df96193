"""An address that fsspec reaches, such as `s3://bucket/watch`: can it be one, and what does it say no with? Reads and writes nothing."""

import sys

import fsspec

from emberflow.errors import ProjectError, did_you_mean

_EXTRAS = {"s3": "s3", "s3a": "s3"}


def check_address(address: str, key: str) -> None:
    """Raises: ProjectError: the value of the project file's `key` is no address, or needs a package that is missing."""
    kind = address.split("://", maxsplit=1)[0]
    try:
        fsspec.core.url_to_fs(address)
    except ValueError as error:
        hint = did_you_mean(kind, fsspec.available_protocols())
        raise ProjectError(f"received {key}: '{address}'; expected a folder, or an address such as s3://bucket/watch.{hint}") from error
    except ImportError as error:
        remedy = f"; get it with pip install 'emberflow[{_EXTRAS[kind]}]'" if kind in _EXTRAS else ""
        raise ProjectError(f"received {key}: '{address}', for which a package is missing: {error}{remedy}") from error


def failures() -> tuple[type[Exception], ...]:
    """What an address says no with. Of S3 that is more than OSError: what botocore raises before a request has left, without keys or a server."""
    botocore = sys.modules.get("botocore.exceptions")  # there where s3fs was needed
    return (OSError, botocore.BotoCoreError) if botocore else (OSError,)
