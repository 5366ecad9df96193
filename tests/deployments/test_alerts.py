"""The automations that tell somebody, kept by a real Prefect API; that they really tell, tests/flows/test_alerts.py proves."""

import json
from uuid import uuid4

import pytest

from emberflow.alert import Recipient
from emberflow.errors import ProjectError

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]

FLOWS = ["retrain-to-deploy"]
ADDRESS = "https://hooks.example.com/s3cret"


def kept():
    """Our automations, as the server has them, by name."""
    from prefect.client.orchestration import get_client

    from deployments.alerts import CRASHES, OURS

    with get_client(sync_client=True) as prefect:
        found = prefect.request("POST", "/automations/filter", json={}).json()
    return {each["name"]: each for each in found if each["name"] in (CRASHES, OURS)}


def test_an_address_is_told_by_two_automations_and_kept_where_nobody_reads_it(prefect_api):
    """A second time changes them and doubles nothing; one that somebody switched off stays off. The block shows stars."""
    from prefect.automations import Automation
    from prefect.client.orchestration import get_client

    from deployments.alerts import BLOCK, CRASHES, OURS, send_to

    send_to(Recipient(address=ADDRESS), FLOWS)
    Automation.read(name=OURS).disable()
    send_to(Recipient(address=ADDRESS), FLOWS)

    automations = kept()
    assert set(automations) == {OURS, CRASHES}
    assert [automations[name]["enabled"] for name in (OURS, CRASHES)] == [False, True]
    assert set(automations[OURS]["trigger"]["expect"]) == {"emberflow.run.failed", "emberflow.gate.refused", "emberflow.champion.drifted"}
    with get_client(sync_client=True) as prefect:
        block = prefect.read_block_document_by_name(BLOCK, "webhook", include_secrets=False)
    assert {action["block_document_id"] for each in automations.values() for action in each["actions"]} == {str(block.id)}
    assert "s3cret" not in json.dumps(automations, default=str) + block.model_dump_json()


def test_a_block_of_somebodys_own_is_told_by_its_name(prefect_api):
    """As any notification of Prefect's; whoever was told before is told no more."""
    from prefect.blocks.notifications import CustomWebhookNotificationBlock

    from deployments.alerts import OURS, send_to

    name = f"my-team-{uuid4().hex[:6]}"
    block = CustomWebhookNotificationBlock(name="team", url=ADDRESS, json_data={"content": "{{body}}"}).save(name)
    send_to(Recipient(block=("custom-webhook", name)), FLOWS)

    (action,) = kept()[OURS]["actions"]
    assert (action["type"], action["block_document_id"]) == ("send-notification", str(block))
    assert action["body"] == r"{{ event.payload.message ~ '\n' ~ event.payload.page }}"


def test_a_block_that_prefect_does_not_have_is_told_with_what_makes_one(prefect_api):
    """Nothing is changed then."""
    from deployments.alerts import send_to

    before = kept()
    with pytest.raises(ProjectError) as caught:
        send_to(Recipient(block=("slack-webhook", "nobody")), FLOWS)

    assert str(caught.value) == (
        "received 'slack-webhook/nobody' for alerts, which Prefect doesn't have; expected a notification block: make one in Prefect's UI under"
        " Blocks, whose kinds `prefect block register -m prefect.blocks.notifications` puts there"
    )
    assert kept() == before


def test_off_takes_them_away(prefect_api):
    """A second time does no harm."""
    from deployments.alerts import send_to

    send_to(Recipient(address=ADDRESS), FLOWS)
    send_to(Recipient(), FLOWS)
    send_to(Recipient(), FLOWS)

    assert kept() == {}
