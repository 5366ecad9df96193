"""Secrets where none belong: passwords in addresses, keys in the place of a key's path. Refuses them without showing them."""

import re

from emberflow.errors import ProjectError

_GIVEN_AWAY = r"://[^/@:]*:(?![0-9]+(/|$))[^@]*@|[?&;](password|passwd|pwd|token|secret|sig|signature|access_key|secret_key)="
"""User and password before a host, which a port isn't; or a parameter that names one."""

WITHOUT_PASSWORD = rf"^(?!.*({_GIVEN_AWAY})).*$"
"""For the schema of a form: so a server refuses such an address before it keeps it."""


S3 = "S3 takes it from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or from ~/.aws/"


def refuse_password(address: str, key: str, instead: str) -> str:
    """`address` as it is. Raises: ProjectError: there is a password in it; `instead` says where it belongs."""
    if re.search(_GIVEN_AWAY, address, re.IGNORECASE):
        raise ProjectError(
            f"received a password in the address of {key} (not shown here); expected the address alone, for it is written to logs, data bases and"
            f" manifests: {instead}"
        )
    return address


def refuse_key(path: str, key: str) -> str:
    """`path` as it is. Raises: ProjectError: it is a private key itself."""
    if "PRIVATE KEY" in path or "\n" in path:
        raise ProjectError(
            f"received a key itself as {key} (not shown here); expected the path of its file, for what is given here is written to logs"
        )
    return path


def refuse_mlflow_password(address: str) -> str:
    """As `refuse_password`, of MLflow's address."""
    instead = "MLflow takes it from MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, PostgreSQL from PGPASSWORD"
    return refuse_password(address, "mlflow", instead)


def refuse_store_password(address: str) -> str:
    """As `refuse_password`, of the store's address."""
    return refuse_password(address, "store", S3)
