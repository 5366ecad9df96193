"""Versions: which decisions are final, what a number may be."""

import pytest
from pydantic import ValidationError

from emberflow.version import Aliases, Origin, Standing, Version, standing_of

DIGEST = "0" * 64
ORIGIN = Origin(model=DIGEST, data=DIGEST, code=DIGEST, target="m4")
TOLD = {"recipe": "int8", "origin": ORIGIN, "flow_run": "f", "experiment_id": "1", "mlflow_run": "r", "model_id": "m"}


@pytest.mark.parametrize(("standing", "is_final"), [("waiting", False), ("kept", False), ("promoted", True), ("rejected", True)])
def test_who_served_or_was_turned_down_is_decided_by_a_person_only(standing, is_final):
    """The other two may be compared again."""
    assert is_final is Standing(standing).is_final


def test_a_new_version_waits_and_replaced_nobody():
    """And nobody has a name."""
    version = Version(number=1, **TOLD)

    assert (Standing.WAITING, None) == (version.standing, version.replaced)
    assert (None, None, None) == (Aliases().champion, Aliases().challenger, Aliases().previous)


def test_versions_count_from_one_and_digests_are_digests():
    """As MLflow counts, and SHA-256 in hexadecimal."""
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        Version(number=0, **TOLD)
    with pytest.raises(ValidationError, match="should match pattern"):
        Origin(model="abc", data=DIGEST, code=DIGEST, target="m4")


@pytest.mark.parametrize(
    ("standing", "number", "words"),
    [
        ("promoted", 2, "the champion"),
        ("promoted", 1, "which was champion before"),
        ("rejected", 1, "which was rejected"),
        ("kept", 1, "which was kept"),
        ("waiting", 1, "which waits"),
    ],
)
def test_how_a_version_stands_goes_on_from_its_number(standing, number, words):
    """`version 1, which was kept`."""
    assert words == standing_of(Version(number=number, standing=Standing(standing), **TOLD), Aliases(champion=2))
