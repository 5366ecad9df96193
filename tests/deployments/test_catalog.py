"""The deployments, registered with a real Prefect API."""

import pytest

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

    assert set(found) == {"retrain-to-deploy", "compress-model"}
    assert all(each.description for each in found.values())
    assert found["compress-model"].entrypoint == "flows.compress_model.compress_model"


def test_the_form_shows_every_parameter_with_its_description(register):
    """Prefect's UI draws it from the schema that is registered; an unknown key is refused there."""
    for deployment in register().values():
        schemas = deployment.parameter_openapi_schema["definitions"]
        config = schemas["RunConfig"]
        assert set(config["properties"]) == {"project", "recipes", "target", "budget", "home", "mlflow"}
        for form in (config, schemas["Limits"]):
            assert all(field["description"] for field in form["properties"].values())
            assert form["additionalProperties"] is False


def test_recipes_and_targets_are_choices(register):
    """Those of the default set, each once; the devices that are known."""
    from emberflow.recipe import ALL
    from emberflow.target import load_targets

    fields = register()["compress-model"].parameter_openapi_schema["definitions"]["RunConfig"]["properties"]
    recipes, nothing = fields["recipes"]["anyOf"]

    assert recipes == {"type": "array", "items": {"type": "string", "enum": [str(recipe) for recipe in ALL]}, "uniqueItems": True}
    assert nothing == {"type": "null"}
    assert fields["target"]["anyOf"][0]["enum"] == sorted(load_targets())


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
