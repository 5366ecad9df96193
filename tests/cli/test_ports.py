"""Ports: who has one is named, and another is offered."""

import os

import pytest

from emberflow.cli.finding import Finding
from emberflow.cli.ports import check_ports, is_free, look_at_ports
from emberflow.errors import EmberflowError, ProjectError


def test_a_port_in_use_is_named_with_who_has_it(taken):
    """And with the option that sets another."""
    with pytest.raises(EmberflowError) as caught:
        check_ports("127.0.0.1", {"--prefect-port": taken, "--mlflow-port": 0})

    assert str(caught.value) == (
        f"port {taken}, by process {os.getpid()}, (--prefect-port) of 127.0.0.1 is in use; end what listens there, or give another port"
    )


def test_one_port_for_two_servers_is_refused():
    """Before anything is started."""
    with pytest.raises(ProjectError, match="received 4200 for --prefect-port and --mlflow-port; expected different ports"):
        check_ports("127.0.0.1", {"--prefect-port": 4200, "--mlflow-port": 4200})


def test_a_host_that_is_none_is_refused():
    """The name ends in .invalid, which nobody can have (RFC 6761)."""
    with pytest.raises(ProjectError, match=r"received 'here.invalid' as --host; expected an address of this machine, such as 127.0.0.1 or 0.0.0.0"):
        check_ports("here.invalid", {"--prefect-port": 4200})


def test_the_doctor_names_a_taken_port_with_its_process_and_offers_a_free_one(taken):
    """By the command that takes it; the first above it on which one could listen."""
    (finding,) = look_at_ports({"Prefect": ("--prefect-port", taken)})

    other = int(finding.remedy.rsplit(" ", 1)[1])
    assert finding == Finding(
        "port of Prefect",
        f"{taken} is in use, by process {os.getpid()}",
        f"expected a free one for `emberflow up`; end what listens there, or: emberflow up --prefect-port {other}",
        is_needed=False,
    )
    assert other > taken
    assert is_free("127.0.0.1", other)


def test_two_servers_are_not_offered_the_same_port(taken):
    """Where both want the taken one."""
    first, second = look_at_ports({"Prefect": ("--prefect-port", taken), "MLflow": ("--mlflow-port", taken)})

    assert first.remedy.rsplit(" ", 1)[1] != second.remedy.rsplit(" ", 1)[1]


def test_a_free_port_is_well(taken):
    """The one that a taken one is exchanged for."""
    (finding,) = look_at_ports({"Prefect": ("--prefect-port", taken)})
    other = int(finding.remedy.rsplit(" ", 1)[1])

    assert list(look_at_ports({"MLflow": ("--mlflow-port", other)})) == [Finding("port of MLflow", f"{other} is free")]
