"""One model and the recipes that somebody wants to see. Like retraining, but for looking: no registry hears of it."""

from prefect import flow

from emberflow.record import Record
from flows.chain import CONDUCT, make_variants_and_choose
from flows.settings import RunConfig, set_up


@flow(name="compress-model", **CONDUCT)
def compress_model(config: RunConfig) -> Record:
    """Make the variants of one project and compare them; report and bundle are written, every variant is in MLflow."""
    return make_variants_and_choose(set_up(config))
