"""Who hears of events that matter: two automations, which Prefect's UI lists and switches off. Values and the calls that keep them; emits nothing."""

from collections.abc import Callable
from contextlib import suppress
from typing import cast
from uuid import UUID

from prefect.automations import Automation
from prefect.blocks.webhook import Webhook
from prefect.client.orchestration import get_client
from prefect.events import EventTrigger, Posture, ResourceSpecification
from prefect.events.actions import CallWebhook, SendNotification
from prefect.exceptions import ObjectNotFound
from prefect.types import SecretDict
from pydantic import SecretStr

from deployments.automations import establish
from emberflow.alert import Recipient
from emberflow.errors import ProjectError
from tasks.alerts import ALARMING

OURS, CRASHES = "tell of failures, refusals and drift", "tell of runs that crashed"
BLOCK = "emberflow-alerts"
_SAID = r"event.payload.message ~ '\n' ~ event.payload.page"
_CRASHED = r"flow_run.name ~ ' crashed: ' ~ flow_run.state.message ~ '\n' ~ (flow_run | ui_url)"


def send_to(recipient: Recipient, flows: list[str]) -> None:
    """Have the server tell `recipient` from now on, and nobody else. Raises: ProjectError: it has no such block."""
    if recipient == Recipient():
        for name in (OURS, CRASHES):
            with suppress(ValueError):  # there was none
                cast(Automation, Automation.read(name=name)).delete()
        return
    for automation in automations(recipient, flows):
        establish(automation)


def automations(recipient: Recipient, flows: list[str]) -> tuple[Automation, Automation]:
    """Of Emberflow's own events, and of runs of `flows` whose process is gone: these could tell nothing themselves."""
    act = _action(recipient)
    ours = Automation(
        name=OURS,
        description="A run failed, the gate kept the old version, or the champion has drifted.",
        trigger=EventTrigger(
            expect=set(ALARMING),
            match=ResourceSpecification({"prefect.resource.id": ["emberflow.project.*"]}),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[act(_SAID)],
    )
    crashes = Automation(
        name=CRASHES,
        description="A run's process was killed, or its machine.",
        trigger=EventTrigger(
            expect={"prefect.flow-run.Crashed"},
            match=ResourceSpecification({"prefect.resource.id": ["prefect.flow-run.*"]}),
            match_related=ResourceSpecification({"prefect.resource.role": "flow", "prefect.resource.name": flows}),
            posture=Posture.Reactive,
            threshold=1,
        ),
        actions=[act(_CRASHED)],
    )
    return ours, crashes


def _action(recipient: Recipient) -> Callable[[str], CallWebhook | SendNotification]:
    """What tells the value of an expression of Jinja."""
    if recipient.address:
        block = _keep_address(recipient.address)
        return lambda said: CallWebhook(block_document_id=block, payload=f'{{"text": {{{{ ({said}) | tojson }}}}}}')
    found = _find_block(*(recipient.block or ("", "")))
    return lambda said: SendNotification(block_document_id=found, subject="Emberflow", body=f"{{{{ {said} }}}}")


def _keep_address(address: str) -> UUID:
    """Prefect keeps it encrypted, and shows it to nobody."""
    headers = SecretDict({"Content-Type": "application/json"})
    return cast(UUID, Webhook(url=SecretStr(address), headers=headers).save(BLOCK, overwrite=True))


def _find_block(kind: str, name: str) -> UUID:
    with get_client(sync_client=True) as prefect:
        try:
            return prefect.read_block_document_by_name(name, kind, include_secrets=False).id
        except ObjectNotFound as error:
            raise ProjectError(
                f"received '{kind}/{name}' for alerts, which Prefect doesn't have; expected a notification block: make one in Prefect's UI under"
                " Blocks, whose kinds `prefect block register -m prefect.blocks.notifications` puts there"
            ) from error
