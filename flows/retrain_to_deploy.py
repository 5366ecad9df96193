"""From data to a champion: the whole chain, for a model that is trained again and again. Knows no stage; the chain does."""

from prefect import flow

from emberflow.record import Record
from flows.chain import CONDUCT, make_variants_and_choose
from flows.settings import RunConfig, set_up
from flows.turn import in_turn


@flow(name="retrain-to-deploy", **CONDUCT)
@in_turn
def retrain_to_deploy(config: RunConfig) -> Record:
    """Train, compress, evaluate and choose; the champion's bundle is written, every variant is in MLflow."""
    return make_variants_and_choose(set_up(config))
