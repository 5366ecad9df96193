"""A version promoted by hand, through the same gate as a run's champion. Trains nothing."""

from prefect import flow
from pydantic import Field

from emberflow.gate import Candidate, Decision, Outcome, overrule
from flows.alarm import tell_of_the_failure
from flows.deploy import deploy, judge, registry_of
from flows.settings import RunConfig, Setting, VersionConfig, set_up
from tasks.gate import show_gate
from tasks.prepare import prepare
from tasks.register import fetch, recall


class PromoteConfig(VersionConfig):
    """Which version, and whether the gate may be overruled."""

    version: int = Field(ge=1, description="the number that MLflow's page of the model shows")
    force: bool = Field(default=False, description="promote it even where the gate would keep the champion; its report says so")


@flow(name="promote-variant", flow_run_name="promote version {config.version}", persist_result=False, on_failure=[tell_of_the_failure])
def promote_variant(config: PromoteConfig) -> Decision:
    """Hold the version against the champion on the test part as it is now; promote it, or keep the champion.

    Raises: RegistryError: no such version, it is the champion, or its files are gone or altered.
    """
    setting = set_up(RunConfig(**config.model_dump(include=set(VersionConfig.model_fields))))
    with setting.workshop.store.using(then_forget=True):
        return _promote(config, setting)


def _promote(config: PromoteConfig, setting: Setting) -> Decision:
    registry = registry_of(setting)
    recalled = recall(registry, config.version)
    splits = prepare(setting.project, setting.folder, setting.workshop)
    candidate = Candidate(version=config.version, variant=recalled.variant, target=recalled.target, champion=recalled.champion)
    decision = judge(setting, candidate, fetch(registry, recalled.version, setting.workshop), splits)
    if decision.outcome is Outcome.KEPT and config.force:
        decision = overrule(decision, Outcome.PROMOTED, f"by hand, against the gate, which {decision.sentence}")
    done = deploy(registry, setting.publisher, decision)
    show_gate(done, registry.project)
    return done
