"""The project file `emberflow.yaml` as frozen, strict values. Decides what may be said there; opens nothing that it names.

>>> project = parse_project('''
... name: watch
... baseline: watch:build        # a function that builds a Keras model; or a path to a trained model
... data: watch:load             # a function that returns a Dataset; or .npz and .npy files
... training:
...   epochs: 24
...   augment: watch:augment     # optional: changes a batch before each step of training
... fine_tuning:
...   epochs: 5                  # for each pruning, clustering and quantization-aware step
... recipes: [float32, int8, prune70-int8, qat-int8]
... target: stm32f405
... budget:
...   flash: 128 KiB
...   ram: 32 KiB
...   accuracy_drop: 0.01
... ''')
>>> [str(recipe) for recipe in project.recipes]
['float32', 'int8', 'prune70-int8', 'qat-int8']
>>> project.budget.flash
131072
"""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, TypeVar

from pydantic import BeforeValidator, Discriminator, Field, PlainSerializer, Tag, ValidationError, ValidationInfo, field_validator, model_validator

from emberflow import plain_yaml
from emberflow.artifact import digest
from emberflow.budget import Budget
from emberflow.dataset import Sampling
from emberflow.errors import ProjectError, RecipeError, did_you_mean
from emberflow.recipe import ALL, NAMED_SETS, Format, Recipe
from emberflow.secret import S3, refuse_key, refuse_password
from emberflow.task import RULES, Task, TaskKind, find_metric
from emberflow.task.own import name_of
from emberflow.task.rules import CHOSEN
from emberflow.training import FineTuning, Training
from emberflow.trust import check_said
from emberflow.values import ENTRY_PATTERN, Entry, Value
from emberflow.wishes import LayerWish, Wishes

BROUGHT = (".keras", ".h5", ".tflite")
"""Files that a baseline may be; anything else is a function or a SavedModel's directory."""


class ArrayFiles(Value):
    """A part of the data as `.npy` files: x of shape (samples, *input_shape), y as the task has it, group of shape (samples,)."""

    x: str = Field(pattern=r"\.npy$", description="samples")
    y: str | None = Field(
        default=None, pattern=r"\.npy$", description="labels, as positions in `labels`; or as the task has it; an anomaly task may leave it out"
    )
    group: str | None = Field(default=None, pattern=r"\.npy$", description="whom or what a sample is of, so that a group in two parts is noticed")


def _text_or(files: str) -> Discriminator:
    """Tells text from a mapping before either is checked, so that a mistake is reported once and not for both."""
    return Discriminator(lambda value: files if isinstance(value, Mapping | Value) else "text")


ArchiveFile = Annotated[str, Field(pattern=r"\.npz$", description="arrays x, y and, where it applies, group")]
PartFiles = Annotated[Annotated[ArrayFiles, Tag("ArrayFiles")] | Annotated[ArchiveFile, Tag("text")], _text_or("ArrayFiles")]


class DataFiles(Value):
    """The data as files, by paths that start at the project file's folder."""

    train: PartFiles = Field(description="what the weights are fitted to: an .npz, or x and y as .npy")
    validation: PartFiles = Field(description="what training is watched on")
    test: PartFiles = Field(description="what every figure is measured on")
    calibration: PartFiles | None = Field(default=None, description="default: drawn from the training part")
    labels: tuple[str, ...] = Field(default=(), description="the name of each class, or of each value of a regression; see choose-a-task")
    sampling: Sampling = Field(default=Sampling(), description="what the numbers are")
    target_unit: str = Field(default="", description="unit of a regression's values, such as '°C'")
    trust_pickles: bool = Field(
        default=False,
        description="reads arrays of Python objects, which runs whatever code the files hold, with your rights; only for files of people you trust",
    )


def _recipe(value: object) -> object:
    return value if isinstance(value, Recipe) else Recipe.parse(value)  # type: ignore[arg-type]  # parse says what a non-string is


RecipeName = Annotated[Recipe, BeforeValidator(_recipe), PlainSerializer(str)]


def expand_recipes(value: object) -> tuple[Recipe, ...]:
    """The recipes of a named set (`all`, `formats`), a comma-separated line, or a list of names; duplicates are refused.

    Raises: RecipeError: a name can't be read, is there twice, or there is none.
    """
    if isinstance(value, str) and value in NAMED_SETS:
        return NAMED_SETS[value]
    if isinstance(value, str) and (hint := did_you_mean(value, NAMED_SETS)):
        raise RecipeError(f"received '{value}' as recipes; expected a list of recipes, or one of the sets {', '.join(NAMED_SETS)}.{hint}")
    names = [name.strip() for name in value.split(",")] if isinstance(value, str) else value
    if isinstance(names, Mapping) or not isinstance(names, Iterable) or not (listed := list(names)):
        raise RecipeError(f"received {value!r} as recipes; expected a list of recipes, or one of the sets {', '.join(NAMED_SETS)}")
    recipes = tuple(name if isinstance(name, Recipe) else Recipe.parse(name) for name in listed)
    if twice := {str(recipe) for recipe in recipes if recipes.count(recipe) > 1}:
        raise RecipeError(f"received {', '.join(sorted(twice))} more than once; expected each recipe once")
    return recipes


def _threshold(value: object) -> float | None:
    if value == "validation" or value is None:
        return CHOSEN
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < 1:
        raise ProjectError(f"received {value!r}; expected a number between 0 and 1, or validation: then it is chosen on the validation part")
    return float(value)


Threshold = Annotated[float | None, BeforeValidator(_threshold)]
_METRICS = "what variants are compared by; " + "; ".join(f"{kind}: {', '.join(rules.metrics)}" for kind, rules in RULES.items())
_METRICS += "; or module:function, given truth and predictions. Default: the first of the task"


class Project(Value):
    """What a user wants: model, data, training, recipes, target, budget."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9_-]{0,39}$", description="lower-case letters, digits, - and _; names files, C symbols and the MLflow experiment"
    )
    task: TaskKind = Field(
        default=TaskKind.CLASSIFICATION, description="what the model does: classification, binary, multi_label, regression or anomaly"
    )
    baseline: str = Field(
        min_length=1,
        description="module:function that builds a Keras model, or the path of a .keras, .h5 or .tflite file or of a SavedModel directory",
    )
    signature: str | None = Field(
        default=None, min_length=1, description="of a SavedModel, the function that is converted; default: serving_default, or the only one"
    )
    trust_model_code: bool = Field(
        default=False,
        description="lets a model from elsewhere run whatever code its file holds on this machine, with your rights; only for models of people you trust",
    )
    custom_objects: Entry | None = Field(
        default=None,
        description="with trust_model_code: module:function that returns, or module:mapping that is, your own classes and functions by the names that"
        " a Keras file has for them, such as {'my_package>MyLayer': MyLayer}",
    )
    data: Annotated[Annotated[Entry, Tag("text")] | Annotated[DataFiles, Tag("DataFiles")], _text_or("DataFiles")] = Field(
        description="module:function that returns a Dataset; or train, validation and test as .npz or .npy files, and labels"
    )
    standardize: bool = Field(default=True, description="(x - mean) / std along the last axis, from the training part; the firmware does the same")
    calibration_samples: int = Field(
        default=200, ge=1, le=100_000, description="drawn from the training part, where the data bring none of their own"
    )
    standardize_target: bool = Field(default=True, description="of regression, where the baseline is trained here: the same for the values")
    metric: str = Field(default="", validate_default=True, description=_METRICS)
    higher_is_better: bool | None = Field(default=None, description="of a metric of your own, where it must be said")
    threshold: Threshold = Field(
        default=0.5,
        description="of binary and multi_label: above which probability a label holds; or `validation`: chosen there by the highest F1, for each variant",
    )
    quantile: float = Field(
        default=0.99, gt=0, le=1, description="of anomaly: the threshold is this quantile of the normal validation samples' errors, for each variant"
    )
    training: Training = Field(default=Training(), description="how the baseline is trained")
    fine_tuning: FineTuning = Field(default=FineTuning(), description="how it is trained on in each compression step")
    per_channel: bool = Field(default=True, description="whether each output channel of a layer's weights has a step of its own in integer formats")
    recipes: tuple[RecipeName, ...] = Field(default=ALL, min_length=1, description="a list, or a set: all, formats")
    target: str = Field(description="a device that `emberflow targets` lists, or the path of a .toml that describes one")
    budget: Budget = Field(default=Budget(), description="the most that the product can bear")
    publish: str | None = Field(
        default=None, min_length=1, description="where the champion's bundle is published: a folder, or an address such as s3://bucket/watch"
    )
    signing_key: str | None = Field(
        default=None, min_length=1, description="file of the private key that signs it, made by `emberflow key`; or EMBERFLOW_SIGNING_KEY names it"
    )
    approval: bool = Field(default=False, description="whether a person is asked, in Prefect's UI, before a version is promoted")
    layers: dict[str, LayerWish] = Field(
        default={}, description="what single layers want, by their name in the model or a pattern such as `block_*`: see below"
    )

    @field_validator("recipes", mode="before")
    @classmethod
    def _expand(cls, value: object) -> tuple[Recipe, ...]:
        return expand_recipes(value)

    @field_validator("metric")
    @classmethod
    def _known_metric(cls, metric: str, known: ValidationInfo) -> str:
        task = known.data.get("task", TaskKind.CLASSIFICATION)
        if metric and not re.fullmatch(ENTRY_PATTERN, metric):
            find_metric(task, metric)
        return metric or next(iter(RULES[task].metrics))

    @model_validator(mode="after")
    def _fits_its_task(self) -> "Project":
        for key, kinds in _KEYS_OF.items():
            if getattr(self, key) != Project.model_fields[key].default and self.task not in kinds:
                raise ProjectError(f"received {key} with task: {self.task}; expected it with {' or '.join(kinds)} only: leave it out")
        if self.training.loss != "mse" and self.task is not TaskKind.REGRESSION:
            raise ProjectError(f"received training.loss with task: {self.task}; expected it with regression only: leave it out")
        if isinstance(self.data, DataFiles):
            _check_files(self.data, self.task)
        check_said(self.trust_model_code, self.custom_objects)
        _check_own_metric(self)
        _check_allowance(self)
        return self

    @field_validator("publish")
    @classmethod
    def _holds_no_password(cls, publish: str | None) -> str | None:
        return publish and refuse_password(publish, "publish", S3)

    @field_validator("signing_key")
    @classmethod
    def _names_a_file(cls, signing_key: str | None) -> str | None:
        return signing_key and refuse_key(signing_key, "signing_key")

    @field_validator("baseline")
    @classmethod
    def _trains_or_brings(cls, baseline: str) -> str:
        suffix = PurePosixPath(baseline).suffix
        brought = ":" not in baseline and (suffix in BROUGHT or baseline.endswith("/") or (not suffix and "/" in baseline))
        if not brought and not re.fullmatch(ENTRY_PATTERN, baseline):
            raise ProjectError(
                f"received '{baseline}'; expected module:function, a path that ends in {', '.join(BROUGHT)}, or the directory of a SavedModel,"
                " with a / at its end"
            )
        return baseline

    @property
    def builds_baseline(self) -> bool:
        """Whether the baseline is built and trained here, rather than brought along."""
        return ":" in self.baseline

    @property
    def is_saved_model(self) -> bool:
        """Whether the baseline is named as a SavedModel is: by a directory."""
        return not self.builds_baseline and (self.baseline.endswith("/") or PurePosixPath(self.baseline).suffix not in BROUGHT)

    @property
    def needs_calibration(self) -> bool:
        """Whether a recipe ends in a full-integer format."""
        return any(recipe.format.is_full_integer for recipe in self.recipes)

    @property
    def wishes(self) -> Wishes:
        """What single layers want."""
        return Wishes(layers=self.layers)

    @property
    def standardizes_target(self) -> bool:
        """Whether the baseline learns standardized values; a model that was brought along gives them as they are."""
        return self.task is TaskKind.REGRESSION and self.builds_baseline and self.standardize_target

    @property
    def full_task(self) -> Task:
        """The task with all that it is judged by."""
        return Task(kind=self.task, metric=self.metric, higher_is_better=self.higher_is_better, threshold=self.threshold, quantile=self.quantile)

    @property
    def digest(self) -> str:
        """SHA-256 of everything the file says, defaults included."""
        return digest(self.model_dump_json().encode())


_KEYS_OF = {
    "threshold": (TaskKind.BINARY, TaskKind.MULTI_LABEL),
    "quantile": (TaskKind.ANOMALY,),
    "standardize_target": (TaskKind.REGRESSION,),
}


def _check_files(data: DataFiles, task: TaskKind) -> None:
    for name in ("train", "validation", "test", "calibration"):
        part = getattr(data, name)
        if isinstance(part, ArrayFiles) and part.y is None and (task is not TaskKind.ANOMALY or name == "test"):
            raise ProjectError(f"data.{name}.y: missing; expected labels, as positions in `labels`, or as the task has them")
    if task in (TaskKind.CLASSIFICATION, TaskKind.BINARY, TaskKind.MULTI_LABEL) and len(data.labels) < 2:
        raise ProjectError(f"data.labels: received {', '.join(data.labels) or 'none'}; expected the name of each class, at least two")


def _check_own_metric(project: Project) -> None:
    is_own, direction = project.full_task.is_own_metric, project.higher_is_better
    if is_own and direction is None:
        raise ProjectError(f"received the metric '{project.metric}' without its direction; expected higher_is_better: true or false")
    if not is_own and direction is not None:
        raise ProjectError(f"received higher_is_better with the metric '{project.metric}', whose direction is known; leave it out")
    if is_own and (name := name_of(project.metric)) in RULES[project.task].metrics:
        raise ProjectError(f"received the metric '{project.metric}', but {project.task} has a metric called {name}; give the function another name")


def _check_allowance(project: Project) -> None:
    """An allowance of 0.02 is a fair default of a share; of a metric with a unit, nobody can guess it."""
    measure, told = project.full_task.measure(unit=""), "accuracy_drop" in project.budget.model_fields_set
    if not measure.is_share and not told:
        raise ProjectError(
            f"budget.metric_drop: missing; {measure.name} is no share between 0 and 1: say by how much it may get worse, in its own unit"
        )
    if measure.is_share and project.budget.accuracy_drop > 1:
        raise ProjectError(f"budget.accuracy_drop: received {project.budget.accuracy_drop:g}; expected at most 1, for {measure.name} lies below that")


def parse_project(text: str) -> Project:
    """The project that `text` describes, YAML. Raises as `parse_values`."""
    return parse_values(text, Project)


def render_project(project: Project) -> str:
    """A project file that says what `project` does, as short as it was said; `parse_project` reads it back."""
    return plain_yaml.render(project.model_dump(mode="json", exclude_unset=True))


V = TypeVar("V", bound=Value)


def parse_values(text: str, model: type[V]) -> V:
    """The `model` that `text` describes, YAML.

    Raises: ProjectError: not YAML, an unknown key (with "did you mean"), a value out of range; all of them in one message, each with its key.
    """
    read = plain_yaml.read(text)
    if not isinstance(read, dict):
        raise ProjectError(f"received a {type(read).__name__}; expected keys such as {', '.join(_first_keys(model))}")
    plain = plain_yaml.as_json(read)
    try:
        return model.model_validate_json(plain, strict=True)
    except ValidationError as error:
        raise ProjectError(explain(error, model)) from error


def _first_keys(model: type[Value]) -> list[str]:
    return [name for name, field in model.model_fields.items() if field.is_required()] or list(model.model_fields)[:4]


def read_project(path: Path) -> Project:
    """The project file at `path`.

    Raises: ProjectError: there is none, or as `parse_project`, with the path in front.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ProjectError(f"can't read the project file '{path}': {error}; name an emberflow.yaml, such as examples/watch/emberflow.yaml") from error
    try:
        return parse_project(text)
    except ProjectError as error:
        raise ProjectError(f"{path}: {error}") from error


def explain(error: ValidationError, model: type[Value]) -> str:
    """What pydantic found, one line a key, in our words."""
    return "\n".join(_explain_one(item, model) for item in error.errors(include_url=False))


def _explain_one(item: Mapping[str, Any], model: type[Value]) -> str:
    place = ".".join(str(part) for part in item["loc"] if part not in ("text", "DataFiles", "ArrayFiles"))
    if item["type"] == "extra_forbidden":
        return f"{place}: unknown key.{did_you_mean(str(item['loc'][-1]), _fields_beside(model, item['loc']))}"
    if item["type"] == "missing":
        return f"{place}: missing; expected {_description(model, item['loc']) or 'a value'}"
    cause = item.get("ctx", {}).get("error")
    if isinstance(cause, ProjectError):
        return f"{place}: {cause}" if place else str(cause)
    return f"{place}: received {item['input']!r}; {item['msg'][0].lower()}{item['msg'][1:]}"


def _fields_beside(model: type[Value], location: tuple[int | str, ...]) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = model.model_fields
    for part in location[:-1]:
        inner = getattr(fields.get(str(part)), "annotation", None)
        if part in ("DataFiles", "ArrayFiles"):
            inner = {"DataFiles": DataFiles, "ArrayFiles": ArrayFiles}[part]
        if part == "layers":
            inner = LayerWish
        fields = getattr(inner, "model_fields", fields)
    return fields


def _description(model: type[Value], location: tuple[int | str, ...]) -> str | None:
    found = _fields_beside(model, location).get(str(location[-1]))
    return found.description if found else None


__all__ = ["ArrayFiles", "DataFiles", "FineTuning", "Format", "Project", "TaskKind", "Training", "expand_recipes", "parse_project", "read_project"]
