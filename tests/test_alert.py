"""Who may be told of what goes wrong, in the words of whoever names them; none of them is ever shown."""

import pytest

from emberflow.alert import OFF, Recipient
from emberflow.errors import ProjectError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slack-webhook/my-team", Recipient(block=("slack-webhook", "my-team"))),
        ("https://hooks.example.com/T0/B0/secret?x=1", Recipient(address="https://hooks.example.com/T0/B0/secret?x=1")),
        ("http://127.0.0.1:8080/hook", Recipient(address="http://127.0.0.1:8080/hook")),
        ("http://[::1]:8080/hook", Recipient(address="http://[::1]:8080/hook")),
        ("http://localhost/hook", Recipient(address="http://localhost/hook")),
        (OFF, Recipient()),
    ],
)
def test_a_block_an_address_or_nobody(text, expected):
    """In the clear only to this machine."""
    assert Recipient.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["http://hooks.example.com/secret", "ftp://hooks.example.com/secret", "https:///secret", "https://[secret", "https://a b/secret"]
)
def test_an_address_that_could_be_read_on_the_way_or_is_none_is_refused_unshown(text):
    """It may be a secret all the same."""
    with pytest.raises(ProjectError) as caught:
        Recipient.parse(text)

    assert str(caught.value) == (
        "received an address that is none, or not safe for alerts (not shown here, for it may be a secret); expected https://... (or http:// on this"
        " machine), the name of a block in Prefect such as slack-webhook/my-team, or 'off'"
    )


@pytest.mark.parametrize("text", ["my-team", "slack/my/team", "xoxb-12-secret", "Slack-Webhook/my-team", ""])
def test_what_is_neither_is_refused_unshown(text):
    """A token, say."""
    with pytest.raises(ProjectError, match="received what is neither an address nor a block's name for alerts"):
        Recipient.parse(text)


def test_an_address_is_not_in_what_python_shows_of_it():
    """Such as in a trace."""
    assert "secret" not in repr(Recipient.parse("https://hooks.example.com/secret"))
