"""The deployments, registered with a real Prefect API."""

import pytest

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]


def test_the_form_shows_every_parameter_with_its_description(prefect_api):
    """Prefect's UI draws it from the schema that is registered; an unknown key is refused there."""
    from prefect.client.orchestration import get_client

    from deployments.catalog import deployments

    (deployment,) = deployments()
    registered = deployment.apply()

    with get_client(sync_client=True) as prefect:
        schema = prefect.read_deployment(registered).parameter_openapi_schema
    config = schema["definitions"]["RunConfig"]
    assert set(config["properties"]) == {"project", "recipes", "target", "home", "mlflow"}
    assert all(field["description"] for field in config["properties"].values())
    assert config["additionalProperties"] is False
