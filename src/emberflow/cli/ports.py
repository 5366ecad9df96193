"""Ports of this machine: which are free, who has the others. Binds for a moment; serves nothing."""

import socket
from collections.abc import Iterator
from itertools import chain

import psutil

from emberflow.cli.finding import Finding
from emberflow.errors import EmberflowError, ProjectError

PREFECT_PORT, MLFLOW_PORT = 4200, 5000
"""What `emberflow up` takes unless it is told otherwise: those that Prefect and MLflow take by themselves."""
_LAST = 65535


def look_at_ports(ports: dict[str, tuple[str, int]], host: str = "127.0.0.1") -> Iterator[Finding]:
    """A finding for each of `ports`, by what serves there: the option of `emberflow up` that sets it, and its number."""
    chosen = {port for _, port in ports.values()}
    for server, (option, port) in ports.items():
        if is_free(host, port):
            yield Finding(f"port of {server}", f"{port} is free")
            continue
        other = _next_free(host, port, chosen)
        chosen.add(other)
        yield Finding(
            f"port of {server}",
            f"{port} is in use{_owner(port)}".removesuffix(","),
            f"expected a free one for `emberflow up`; end what listens there, or: emberflow up {option} {other}",
            is_needed=False,
        )


def check_ports(host: str, ports: dict[str, int]) -> None:
    """Raises EmberflowError that names every port (by the option that sets it) on which nobody can listen."""
    if len(set(ports.values())) < len(ports):
        raise ProjectError(f"received {next(iter(ports.values()))} for {' and '.join(ports)}; expected different ports")
    taken = [f"{port}{_owner(port)} ({option})" for option, port in ports.items() if not is_free(host, port)]
    if taken:
        many = len(taken) > 1
        raise EmberflowError(
            f"port{'s' if many else ''} {' and '.join(taken)} of {host} {'are' if many else 'is'} in use;"
            f" end what listens there, or give {'other ports' if many else 'another port'}"
        )


def is_free(host: str, port: int) -> bool:
    """Whether this process could listen there. Raises: ProjectError: the host is no address of this machine."""
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as asked:
            asked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: a port just given up counts as free
            asked.bind(address)
    except socket.gaierror as error:
        raise ProjectError(f"received '{host}' as --host; expected an address of this machine, such as 127.0.0.1 or 0.0.0.0") from error
    except OSError:
        return False
    return True


def _next_free(host: str, port: int, chosen: set[int]) -> int:
    return next(each for each in chain(range(port + 1, _LAST + 1), range(1024, port)) if each not in chosen and is_free(host, each))


def _owner(port: int) -> str:
    """Who listens there, where the kernel tells."""
    for connection in psutil.net_connections("tcp"):
        if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
            return f", by process {connection.pid},"
    return ""
