"""A person's word before a promotion: a real flow that pauses, and a client that answers as Prefect's UI does."""

import contextlib
import threading
import time

import pytest

from emberflow.gate import Outcome, decide
from emberflow.promotion import Rules
from tests.a_record import RECORD
from tests.test_gate import candidate, contest

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow, pytest.mark.long]

PASSED = decide(candidate(), contest(-0.003), Rules())


def question(client, runs):
    """What the form of the paused run shows, once Prefect has all of it."""
    from prefect.exceptions import PrefectHTTPStatusError

    end = time.monotonic() + 60
    while time.monotonic() < end:
        time.sleep(0.1)
        state = client.read_flow_run(runs[0]).state if runs else None
        if state and state.is_paused():
            with contextlib.suppress(PrefectHTTPStatusError):
                keys = state.state_details.run_input_keyset
                client.read_flow_run_input(flow_run_id=runs[0], key=keys["schema"])
                return client.read_flow_run_input(flow_run_id=runs[0], key=keys["description"])
    raise TimeoutError("the run did not pause")


def asked(wait_seconds, answer=None):
    """Ask in a flow, answered by a client as soon as it is paused; the decision, the flow run and what was shown."""
    from prefect import flow
    from prefect.client.orchestration import get_client

    from flows.approval import ask

    shown, runs = [], []

    @flow
    def promote():
        from prefect import runtime

        runs.append(runtime.flow_run.id)
        return ask(PASSED, RECORD, wait_seconds)

    def reply():
        with get_client(sync_client=True) as client:
            shown.append(question(client, runs))
            if answer:
                client.resume_flow_run(runs[0], run_input=answer)

    person = threading.Thread(target=reply, daemon=True)
    person.start()
    decision = promote()
    person.join(60)
    with get_client(sync_client=True) as client:
        return decision, client.read_flow_run(runs[0]), shown[0]


def test_who_approves_promotes_and_the_table_was_at_hand(prefect_api):
    """The comment stands behind the gate's own sentence; the run ends green."""
    decision, run, shown = asked(60, {"answer": "promote", "comment": "seen on\nthe bench"})

    assert (Outcome.PROMOTED, f"{PASSED.sentence} (approved: seen on the bench)") == (decision.outcome, decision.sentence)
    assert run.state.is_completed()
    assert PASSED.sentence in shown
    assert "| `allowance` |" in shown
    assert "pareto-smart-watch" in shown
    assert all(variant.recipe in shown for variant in RECORD.variants)


def test_who_keeps_or_rejects_leaves_the_champion(prefect_api):
    """With the comment, and with none."""
    kept, _, _ = asked(60, {"answer": "keep", "comment": "next week"})
    rejected, _, _ = asked(60, {"answer": "reject"})

    assert (Outcome.KEPT, "kept version 7: version 8 was not approved: next week") == (kept.outcome, kept.sentence)
    assert (Outcome.REJECTED, "rejected version 8: version 8 was not approved") == (rejected.outcome, rejected.sentence)


def test_when_nobody_answers_the_champion_stays_and_the_run_ends_green(prefect_api):
    """After some seconds here, a day by default."""
    decision, run, _ = asked(3.6)

    assert (Outcome.KEPT, "kept version 7: version 8 was not approved: nobody answered within 0.001 h") == (decision.outcome, decision.sentence)
    assert run.state.is_completed()


def test_an_answer_that_is_none_is_refused_by_prefect(prefect_api):
    """And the run goes on waiting."""
    from prefect import flow
    from prefect.client.orchestration import get_client

    from flows.approval import ask

    refused, runs = [], []

    @flow
    def promote():
        from prefect import runtime

        runs.append(runtime.flow_run.id)
        return ask(PASSED, RECORD, 60)

    def reply():
        with get_client(sync_client=True) as client:
            question(client, runs)
            refused.append(client.resume_flow_run(runs[0], run_input={"answer": "perhaps"}))
            client.resume_flow_run(runs[0], run_input={"answer": "promote"})

    person = threading.Thread(target=reply, daemon=True)
    person.start()
    decision = promote()
    person.join(60)

    assert "REJECT" == refused[0].status.value
    assert "perhaps" in refused[0].details.reason
    assert f"{PASSED.sentence} (approved)" == decision.sentence
