"""Where alerts go: to a block of Prefect's, by its name, or to an address, by HTTP. Knows words; tells nobody anything.

An address of this kind is a secret: whoever has it can write to the channel behind it. So no message here shows what was received.
"""

import ipaddress
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from emberflow.errors import ProjectError

ALERTS = "EMBERFLOW_ALERTS"
OFF = "off"
_BLOCK = re.compile(r"([a-z0-9][a-z0-9-]*)/([a-z0-9][a-z0-9-]*)")


@dataclass(frozen=True)
class Recipient:
    """Who is told: a block by the slug of its type and its name, or an address; neither means that nobody is told any more."""

    block: tuple[str, str] | None = None
    address: str | None = field(default=None, repr=False)

    @classmethod
    def parse(cls, text: str) -> "Recipient":
        """The recipient that somebody named. Raises: ProjectError: it can't be one; what was received is not shown."""
        if text == OFF:
            return cls()
        if found := _BLOCK.fullmatch(text):
            return cls(block=(found[1], found[2]))
        if _is_safe(text):
            return cls(address=text)
        received = "an address that is none, or not safe" if "://" in text else "what is neither an address nor a block's name"
        raise ProjectError(
            f"received {received} for alerts (not shown here, for it may be a secret); expected https://... (or http:// on this machine),"
            f" the name of a block in Prefect such as slack-webhook/my-team, or '{OFF}'"
        )


def _is_safe(text: str) -> bool:
    """Whether what is sent there can't be read on the way."""
    try:
        parts = urlsplit(text)
        host = parts.hostname or ""
    except ValueError:
        return False
    return bool(host) and not re.search(r"\s", text) and (parts.scheme == "https" or (parts.scheme == "http" and _is_this_machine(host)))


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
