"""Wishes for single layers, as a run takes them up."""

import re

import pytest
from pydantic import ValidationError

from emberflow.errors import ProjectError
from flows.settings import RunConfig, VersionConfig, set_up

IN_FLOAT = {"dense": {"quantize": False}, "conv*": {"prune": 30}}


def test_a_layer_in_float_is_refused_on_a_microcontroller(write_project, tmp_path):
    """At once, also when the target is named on the command line."""
    path = write_project(layers=IN_FLOAT, target="linux-arm64")

    with pytest.raises(ProjectError, match="layers: received 'quantize: false' for 'dense' with the target 'stm32f405'"):
        set_up(RunConfig(project=str(path), home=str(tmp_path), target="stm32f405"))


def test_wishes_reach_the_stages_and_qat_is_skipped(write_project, tmp_path):
    """Those that compress, and the one that converts."""
    path = write_project(layers=IN_FLOAT, target="linux-arm64", recipes=["int8", "prune50-int8", "qat-int8"])
    setting = set_up(RunConfig(project=str(path), home=str(tmp_path)))

    assert setting.project.wishes == setting.plan.wishes == setting.conversion.wishes
    assert 30 == setting.plan.wishes.of("conv1d").percent
    assert ["int8", "prune50-int8"] == [str(recipe) for recipe in setting.project.recipes]
    assert ["qat-int8"] == [each.recipe for each in setting.skipped]


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"mlflow": "http://ann:hunter2@mlflow:5000"}, "received a password in the address of mlflow (not shown here)"),
        ({"signing_key": "-----BEGIN PRIVATE KEY----- hunter2"}, "received a key itself as signing_key (not shown here)"),
    ],
)
@pytest.mark.parametrize("config", [RunConfig, VersionConfig])
def test_a_secret_is_no_parameter_of_a_run(config, changed, told):
    """Prefect keeps parameters in its data base, and what was wrong with them in its log."""
    with pytest.raises(ValidationError) as raised:
        config(project="emberflow.yaml", **changed)

    assert told in str(raised.value)
    assert "hunter2" not in str(raised.value)


def test_a_store_with_keys_in_its_address_is_refused():
    """As MLflow's is."""
    with pytest.raises(ValidationError, match=r"received a password in the address of store \(not shown here\)") as raised:
        RunConfig(project="emberflow.yaml", store="s3://AKIA:hunter2@bucket/team")
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize("key", ["mlflow", "store"])
def test_the_form_refuses_an_address_with_a_password(key):
    """By its schema, so that the server doesn't keep it either."""
    pattern = RunConfig.model_json_schema()["properties"][key]["pattern"]

    assert re.match(pattern, "http://mlflow:5000")
    assert not re.match(pattern, "http://ann:hunter2@mlflow:5000")
