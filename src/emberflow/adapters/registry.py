"""A project's versions in MLflow's model registry, and who of them is champion. Moves names from version to version; refuses to judge any.

A promotion is one write, that of the alias `champion`: before it the old champion serves, after it the new one. What else a promotion says
(`previous`, `challenger`, the standing) follows from tags and is set right by the next call of `settle`, should a crash have come between.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from emberflow.adapters.lock import alone
from emberflow.adapters.tracking import Tracker
from emberflow.adapters.tracking_address import SQLITE
from emberflow.adapters.tracking_notes import clip
from emberflow.errors import Overtaken, RegistryError
from emberflow.version import Alias, Aliases, Entry, Origin, Standing, Version

if TYPE_CHECKING:
    from mlflow import MlflowClient

_KEYS = {"model": "emberflow.model_digest", "data": "emberflow.data_digest", "code": "emberflow.code_digest", "target": "target"}
_RUNS = {"flow_run": "prefect.flow_run_id", "experiment_id": "emberflow.mlflow_experiment", "mlflow_run": "emberflow.mlflow_run"}
_STANDING, _REPLACED, _MODEL = "standing", "emberflow.replaced", "emberflow.model_id"


@dataclass(frozen=True)
class Registry:
    """The registered model of one project, which has the project's name.

    Raises: every method: TrackingError: MLflow doesn't answer; the same call may succeed later. ProjectError: MLflow answers, and refuses.
    """

    tracker: Tracker
    project: str

    def aliases(self) -> Aliases:
        """Who is champion, challenger and previous; nobody before the first version."""
        with self._answering() as mlflow:
            return self._aliases(mlflow)

    def version(self, number: int) -> Version:
        """The version of that number. Raises: RegistryError: there is none, or Emberflow didn't register it."""
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  # takes 3 s to import

        with self._answering() as mlflow:
            try:
                found = mlflow.get_model_version(self.project, str(number))
            except MlflowException as error:
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                raise RegistryError(
                    f"received version {number} of '{self.project}'; expected one of {self._known(mlflow) or 'none yet'}: see MLflow's page of the model"
                ) from None
        return _read(found)

    def holder(self, alias: Alias) -> Version | None:
        """The version that has the name; None when nobody has."""
        number = getattr(self.aliases(), alias)
        return self.version(number) if number else None

    def serving_runs(self) -> frozenset[str]:
        """The ids of the runs that made the versions with a name: they may serve, or be rolled back to."""
        names = self.aliases()
        made = {self.version(number).mlflow_run for number in (names.champion, names.challenger, names.previous) if number}
        with self._answering() as mlflow:
            return frozenset(str(mlflow.get_run(run).data.tags.get("emberflow.run_id", "")) for run in made)

    def find(self, origin: Origin) -> Version | None:
        """The newest version of that origin."""
        wanted = {key: getattr(origin, name) for name, key in _KEYS.items()}
        condition = " and ".join([f"name = '{self.project}'", *(f"tags.`{key}` = '{value}'" for key, value in wanted.items())])
        with self._answering() as mlflow:
            found = mlflow.search_model_versions(condition, order_by=["version_number DESC"], max_results=1)
        return _read(found[0]) if found else None

    def register(self, entry: Entry, model_id: str, figures: Mapping[str, float]) -> Version:
        """A new version, whose bytes are those of the LoggedModel `model_id`; it has no alias and waits. One of that origin is taken up again.

        Args: figures: become tags of the version.
        """
        with self.exclusive():
            tags = {**_tags(entry, model_id), **{key: f"{value:g}" if value % 1 else f"{value:.0f}" for key, value in figures.items()}}
            if (found := self.find(entry.origin)) and not found.standing.is_final:
                with self._answering() as mlflow:
                    for key, value in tags.items():
                        mlflow.set_model_version_tag(self.project, str(found.number), key, value)
                return self.version(found.number)
            from emberflow.adapters.tracking_client import resolving  # noqa: PLC0415  # takes 3 s to import

            with self._answering() as mlflow, resolving(self.tracker.uri):
                self._make_model(mlflow)
                made = mlflow.create_model_version(self.project, f"models:/{model_id}", tags={**tags, _STANDING: Standing.WAITING}, model_id=model_id)
        return _read(made)

    def describe(self, number: int, text: str) -> None:
        """Give a version the gate's report as its description, Markdown."""
        with self._answering() as mlflow:
            mlflow.update_model_version(self.project, str(number), clip(text))

    def promote(self, number: int, expected: int | None) -> None:
        """Make a version the champion, and the champion that was the previous.

        Args: expected: the champion that the version was compared with; None when there was none.
        Raises: Overtaken: another version is champion by now. RegistryError: no such version, or it is the champion.
        """
        if number == expected:
            raise RegistryError(f"received version {number} of '{self.project}', which is the champion already; expected another one")
        with self.exclusive():
            self.version(number)
            self.settle()
            with self._answering() as mlflow:
                now = self._aliases(mlflow).champion
                if now != expected:
                    was = f"version {expected} was" if expected else "there was none"
                    by_now = f"version {now}" if now else "none"
                    raise Overtaken(f"version {number} was to become champion when {was}, but by now it is {by_now}; compare it with that one")
                if expected:
                    mlflow.set_model_version_tag(self.project, str(number), _REPLACED, str(expected))
                mlflow.set_registered_model_alias(self.project, Alias.CHAMPION, str(number))
            self.settle()

    def keep(self, number: int) -> None:
        """Make a version the challenger: the champion stays."""
        with self._answering() as mlflow:
            mlflow.set_model_version_tag(self.project, str(number), _STANDING, Standing.KEPT)
            mlflow.set_registered_model_alias(self.project, Alias.CHALLENGER, str(number))

    def reject(self, number: int) -> None:
        """Turn a version down for good: only a person may promote it later."""
        with self._answering() as mlflow:
            mlflow.set_model_version_tag(self.project, str(number), _STANDING, Standing.REJECTED)
            if self._aliases(mlflow).challenger == number:
                mlflow.delete_registered_model_alias(self.project, Alias.CHALLENGER)

    def settle(self) -> Aliases:
        """Finish a promotion that a crash cut off after the champion had changed; else nothing is written. Who has which name then."""
        champion = self.holder(Alias.CHAMPION)
        if champion is None:
            return self.aliases()
        with self._answering() as mlflow:
            names = self._aliases(mlflow)
            if champion.replaced and champion.replaced != names.previous:
                mlflow.set_registered_model_alias(self.project, Alias.PREVIOUS, str(champion.replaced))
            if names.challenger == champion.number:
                mlflow.delete_registered_model_alias(self.project, Alias.CHALLENGER)
            if champion.standing is not Standing.PROMOTED:
                mlflow.set_model_version_tag(self.project, str(champion.number), _STANDING, Standing.PROMOTED)
            return self._aliases(mlflow)

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """One thread of one process at a time, where the registry is a SQLite file of this machine; of a server, whoever calls sees to that."""
        if not self.tracker.uri.startswith(SQLITE):
            yield
            return
        lock = Path(self.tracker.uri.removeprefix(SQLITE)).with_suffix(".registry.lock")
        lock.parent.mkdir(parents=True, exist_ok=True)
        with alone(lock):
            yield

    @contextmanager
    def _answering(self) -> Iterator["MlflowClient"]:
        from emberflow.adapters.tracking_client import answering, connect  # noqa: PLC0415  # MLflow takes 3 s to import

        with answering(self.tracker.uri):
            yield connect(self.tracker.uri).mlflow

    def _aliases(self, mlflow: "MlflowClient") -> Aliases:
        """Asked for one by one: whoever asks for the registered model has MLflow read every version that it ever had."""
        return Aliases(**{name: number for name in Alias if (number := self._number(mlflow, name))}) if self._exists(mlflow) else Aliases()

    def _exists(self, mlflow: "MlflowClient") -> bool:
        """Whether there is a version: asked for by a search, which a server with users never refuses."""
        return bool(mlflow.search_model_versions(f"name = '{self.project}'", max_results=1))

    def _number(self, mlflow: "MlflowClient", alias: Alias) -> int | None:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  # takes 3 s to import

        try:
            return int(mlflow.get_model_version_by_alias(self.project, alias).version)
        except MlflowException as error:
            if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):  # the version is gone, nobody has the name
                raise
            return None

    def _known(self, mlflow: "MlflowClient") -> str:
        found = mlflow.search_model_versions(f"name = '{self.project}'", order_by=["version_number ASC"])
        return ", ".join(str(each.version) for each in found)

    def _make_model(self, mlflow: "MlflowClient") -> None:
        from mlflow.exceptions import MlflowException  # noqa: PLC0415  # takes 3 s to import

        if self._exists(mlflow):
            return
        try:
            mlflow.create_registered_model(
                self.project, {"emberflow.project": self.project}, f"What the project {self.project} ships, made by Emberflow."
            )
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise


def _tags(entry: Entry, model_id: str) -> dict[str, str]:
    origin = {key: getattr(entry.origin, name) for name, key in _KEYS.items()}
    runs = {key: getattr(entry, name) for name, key in _RUNS.items()}
    return {**origin, **runs, "recipe": entry.recipe, _MODEL: model_id}


def _read(found: Any) -> Version:
    tags = found.tags
    missing = [key for key in (*_KEYS.values(), *_RUNS.values(), "recipe", _MODEL) if key not in tags]
    if missing:
        raise RegistryError(
            f"version {found.version} of '{found.name}' has no tag {', '.join(missing)}; expected a version that Emberflow registered:"
            " give the alias to one of those, in MLflow's page of the model"
        )
    return Version(
        number=int(found.version),
        recipe=tags["recipe"],
        origin=Origin(**{name: tags[key] for name, key in _KEYS.items()}),
        model_id=tags[_MODEL],
        standing=Standing(tags.get(_STANDING, Standing.WAITING)),
        replaced=int(tags[_REPLACED]) if _REPLACED in tags else None,
        **{name: tags[key] for name, key in _RUNS.items()},
    )
