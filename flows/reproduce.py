"""A bundle's project, carried out once more in a home of its own: the data first, and the rest if they are the same. No registry hears of it."""

from prefect import flow
from prefect.logging import get_run_logger

from emberflow.artifact import digest
from emberflow.errors import BundleError
from emberflow.record import Record
from flows.chain import CONDUCT, make_variants_and_choose
from flows.settings import RunConfig, set_up
from tasks.prepare import prepare


@flow(name="reproduce", **CONDUCT)
def reproduce(config: RunConfig, data_digest: str, anyway: bool = False) -> Record:
    """The record of the new run; its bundle lies in the home folder.

    Raises: BundleError: the data aren't those with `data_digest`, unless it is to go on `anyway`. And what a stage raises.
    """
    setting = set_up(config)
    found = digest(prepare(setting.project, setting.folder, setting.workshop).model_dump_json().encode())
    if found != data_digest:
        told = f"data: what the project's data are now has the digest {found[:12]}, and had {data_digest[:12]}"
        if not anyway:
            raise BundleError(f"{told}; expected the same, or --anyway")
        get_run_logger().warning(told)
    return make_variants_and_choose(setting)
