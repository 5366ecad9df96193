"""The password of a stack that others can reach: made once, kept where only its owner reads. Knows its files; refuses to show it twice."""

import os
import secrets
from base64 import b64encode
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from emberflow.errors import EmberflowError

USER = "emberflow"
_SETTINGS = """\
[mlflow]
default_permission = NO_PERMISSIONS
database_uri = sqlite:///{data_base}
authorization_function = mlflow.server.auth:authenticate_request_basic_auth
auth_cache_ttl_seconds = 60
"""


@dataclass(frozen=True)
class Password:
    """One word for both servers, the key that MLflow signs its forms with, and the file that tells MLflow where it keeps its users."""

    word: str = field(repr=False)
    key: str = field(repr=False)
    mlflow_settings: Path

    @property
    def pair(self) -> str:
        """User and password, as Prefect takes them."""
        return f"{USER}:{self.word}"

    @property
    def header(self) -> str:
        """The same, as HTTP's Authorization header wants it (RFC 7617)."""
        return f"Basic {b64encode(self.pair.encode()).decode()}"


def read_password(home: Path) -> Password | None:
    """The password of this home folder; None when none was made."""
    try:
        word, key = _file(home).read_text(encoding="ascii").split()
    except FileNotFoundError:
        return None
    except ValueError as error:
        raise EmberflowError(f"'{_file(home)}' holds no password; delete it and '{_users(home)}', and a new one is made") from error
    return Password(word, key, home / "mlflow-auth.ini")


def make_password(home: Path) -> Password:
    """A new password for this home folder, in a file that only its owner may read.

    Raises: EmberflowError: the package that MLflow needs for it is missing.
    """
    if find_spec("flask_wtf") is None:
        raise EmberflowError(
            "MLflow asks for a password only with the package Flask-WTF, which is missing; get it with pip install 'emberflow[team]',"
            " or listen on this machine alone: leave --host and --secure away"
        )
    _users(home).unlink(missing_ok=True)  # it would go on with the password of its first start
    for path, text in ((home / "mlflow-auth.ini", _SETTINGS.format(data_base=_users(home))), (_file(home), _two_words())):
        path.unlink(missing_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
            file.write(text)
    made = read_password(home)
    assert made is not None  # noqa: S101 - written above
    return made


def _two_words() -> str:
    return f"{secrets.token_urlsafe(15)}\n{secrets.token_hex(32)}\n"


def _file(home: Path) -> Path:
    return home / "password"


def _users(home: Path) -> Path:
    return home / "mlflow-users.db"
