"""The deployments, registered with a real Prefect API."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]


@pytest.fixture
def register(prefect_api):
    """A function that registers all deployments and gives them back by name, as the server has them."""
    from prefect.client.orchestration import get_client

    from deployments.catalog import deployments

    def registered(*given):
        ids = {each.name: each.apply() for each in deployments(*given)}
        with get_client(sync_client=True) as prefect:
            return {name: prefect.read_deployment(each) for name, each in ids.items()}

    return registered


def test_every_flow_is_offered_under_its_name(register):
    """With a sentence for who looks through the list, and found wherever the packages are installed."""
    found = register()

    assert set(found) == {"retrain-to-deploy", "compress-model", "evaluate-champion", "roll-back", "promote-variant"}
    assert all(each.description for each in found.values())
    assert found["compress-model"].entrypoint == "flows.compress_model.compress_model"


def test_the_form_shows_every_parameter_with_its_description(register):
    """Prefect's UI draws it from the schema that is registered; an unknown key is refused there."""
    run = {"project", "recipes", "target", "budget", "home", "store", "mlflow", "signing_key", "approval", "approval_hours", "force"}
    versions = {"project", "home", "mlflow", "signing_key"}
    forms = {"retrain-to-deploy": run, "compress-model": run, "evaluate-champion": {"project", "thresholds", "home", "store", "mlflow"}}
    forms |= {"roll-back": versions, "promote-variant": versions | {"version", "force"}}
    for name, deployment in register().items():
        (parameter,) = deployment.parameter_openapi_schema["properties"].values()
        schemas = deployment.parameter_openapi_schema["definitions"]
        assert set(schemas[parameter["$ref"].rpartition("/")[2]]["properties"]) == forms[name]
        for form in schemas.values():
            assert all(field["description"] for field in form["properties"].values())
            assert form["additionalProperties"] is False


def test_recipes_and_targets_are_choices(register):
    """Those of the default set, each once; the devices that are known."""
    from emberflow.recipe import ALL
    from emberflow.target import load_targets

    fields = register()["compress-model"].parameter_openapi_schema["definitions"]["RunConfig"]["properties"]

    assert fields["recipes"]["type"] == "array"
    assert fields["recipes"]["uniqueItems"]
    assert fields["recipes"]["items"] == {"type": "string", "enum": [str(recipe) for recipe in ALL]}
    assert fields["target"]["enum"] == ["as the project says", *load_targets()]
    assert fields["target"]["default"] == "as the project says"


def test_what_is_left_as_the_form_shows_it_is_as_the_project_says():
    """Nothing is chosen then."""
    from flows.settings import RunConfig

    left = {"project": "a.yaml", "recipes": [], "target": "as the project says", "budget": {"flash": "", "ram": ""}, "mlflow": ""}
    config = RunConfig.model_validate(left)

    assert not config.recipes
    assert config.model_copy(update={"recipes": None}) == RunConfig(project="a.yaml")


def test_a_schedule_has_its_time_zone_and_stays_until_another_comes(register):
    """A later start without one, `emberflow up` alone, leaves it; so it leaves what was set in the UI."""
    from deployments.catalog import EXAMPLE
    from emberflow.schedule import Schedule

    def of(found):
        return [(each.schedule.cron, each.schedule.timezone, each.active) for each in found["retrain-to-deploy"].schedules]

    register()
    nightly = register(EXAMPLE, Schedule(cron="0 2 * * *", time_zone="Europe/Berlin"))
    assert of(nightly) == [("0 2 * * *", "Europe/Berlin", True)]
    assert nightly["compress-model"].schedules == []
    assert of(register()) == of(nightly)

    assert of(register(EXAMPLE, Schedule(cron="0 3 * * *"))) == [("0 3 * * *", "UTC", True)]


def test_a_schedule_becomes_runs(register):
    """What Prefect's scheduler does every minute; with SQLAlchemy 2.1 it raised there, told nobody but its log, and no run ever came."""
    from prefect.client.orchestration import get_client

    from deployments.catalog import EXAMPLE
    from emberflow.schedule import Schedule

    deployed = register(EXAMPLE, Schedule(cron="0 2 * * *", time_zone="Europe/Berlin"))["retrain-to-deploy"]
    with get_client(sync_client=True) as prefect:
        prefect._client.post(f"/deployments/{deployed.id}/schedule", json={"min_runs": 2}).raise_for_status()
        runs = prefect._client.post("/flow_runs/filter", json={"deployments": {"id": {"any_": [str(deployed.id)]}}}).json()
        hours = {each["expected_start_time"][11:16] for each in runs if each["state_name"] == "Scheduled"}
        prefect.delete_resource_owned_automations(f"prefect.deployment.{deployed.id}")  # which would outlive it
        prefect.delete_deployment(deployed.id)

    assert hours
    assert hours <= {"00:00", "01:00"}  # two in the morning in Berlin, in summer or in winter


def test_there_is_one_automation_however_often_they_are_registered(register):
    """It waits for the event that evaluate-champion emits."""
    from prefect.client.orchestration import get_client

    from tasks.checkup import DRIFTED

    register()
    register()

    with get_client(sync_client=True) as prefect:
        (automation,) = prefect.read_automations_by_name("retrain when the champion has drifted")
    assert automation.trigger.expect == {DRIFTED}
    assert automation.enabled


def test_prefect_yaml_offers_the_same_flows(register):
    """`prefect deploy` for a pool of one's own, from the repository's root: names, descriptions, forms and the automation's event."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    with get_client(sync_client=True) as prefect:
        prefect.create_work_pool(WorkPoolCreate(name="emberflow", type="process"), overwrite=True)
        served = register()
        url = str(prefect.api_url)
        words = ("--no-prompt", "deploy", "--all", "--prefect-file", "deployments/prefect.yaml")
        program = str(Path(sys.executable).with_name("prefect"))
        answer = subprocess.run([program, *words], cwd=ROOT, env=os.environ | {"PREFECT_API_URL": url}, capture_output=True, text=True, check=False)
        assert answer.returncode == 0, answer.stdout + answer.stderr
        deployed = {name: prefect.read_deployment(each.id) for name, each in served.items()}
        (automation,) = prefect.read_automations_by_name("retrain when the champion has drifted")

    for name, each in deployed.items():
        assert each.work_pool_name == "emberflow"
        assert each.entrypoint == served[name].entrypoint
        assert each.description == served[name].description
        assert each.parameter_openapi_schema == served[name].parameter_openapi_schema
    assert automation.trigger.expect == {"emberflow.champion.drifted"}
