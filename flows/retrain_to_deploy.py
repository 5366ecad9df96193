"""From data to the version that serves: the whole chain, for a model that is trained again and again. Knows no stage; the chain does."""

from prefect import flow

from emberflow.record import Record
from flows.chain import CONDUCT, Ending, make_variants_and_choose
from flows.deploy import deploy_champion, judge_champion
from flows.settings import RunConfig, set_up
from flows.turn import in_turn

ENDING = Ending(judge=judge_champion, deploy=deploy_champion)


@flow(name="retrain-to-deploy", **CONDUCT)
@in_turn
def retrain_to_deploy(config: RunConfig) -> Record:
    """Train, compress, evaluate and choose; the run's champion is registered, and takes the place of the one that serves if the gate lets it.

    The run ends well in both cases; its bundle is written, every variant is in MLflow.
    """
    return make_variants_and_choose(set_up(config), ENDING)
