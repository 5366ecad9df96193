"""Back to the version before: its bundle is verified, it becomes champion, and is published again. Trains nothing."""

from prefect import flow
from prefect.logging import get_run_logger

from flows.alarm import tell_of_the_failure
from flows.settings import VersionConfig, find_versions
from tasks.release import publish_champion, restore_previous


@flow(name="roll-back", flow_run_name="roll back {config.project}", persist_result=False, on_failure=[tell_of_the_failure])
def roll_back(config: VersionConfig) -> str:
    """Make `previous` the champion; a second time undoes it. What was done, in words.

    Raises: RegistryError: there is none, or its bundle is gone or altered; then nothing has changed.
    """
    registry, publisher = find_versions(config)
    sentence = restore_previous(registry)
    get_run_logger().info(sentence)
    if publisher:
        publish_champion(registry, publisher)
    return sentence
