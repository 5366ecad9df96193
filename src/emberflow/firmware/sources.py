"""The files of an application, as text by their path in the bundle. Knows the templates; refuses to know records and directories."""

import io
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
import numpy as np

from emberflow.errors import BundleError
from emberflow.firmware import literals
from emberflow.firmware.application import Application
from emberflow.firmware.operators import resolver_methods

FLOAT_TOLERANCE = 1e-4
SOURCES = (
    "model_data.h",
    "model_data.c",
    "standardization.h",
    "preprocess.h",
    "preprocess.c",
    "postprocess.h",
    "postprocess.c",
    "labels.h",
    "test_vectors.h",
    "test_vectors.c",
)
TFLM = ("tflm/main.cc", "tflm/application.h", "tflm/CMakeLists.txt", "tflm/README.md")
_TEMPLATES = Path(__file__).parent / "templates"
_IN_ARCHIVE = (8 * 1024**2, 128)  # characters and samples of test vectors


@cache
def _templates() -> jinja2.Environment:
    templates = jinja2.Environment(  # noqa: S701 - C and Python, not HTML: the filters escape
        loader=jinja2.FileSystemLoader(_TEMPLATES), undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    templates.filters |= {
        name: getattr(literals, name)
        for name in (
            "byte_rows",
            "comment",
            "double_literal",
            "float_literal",
            "float_rows",
            "number_rows",
            "python_float",
            "python_floats",
            "sample_rows",
            "string_literal",
        )
    }
    templates.filters["python_literal"] = ascii
    return templates


def _words(app: Application) -> dict[str, Any]:
    vectors, borders = app.test_vectors, app.vectors.borders
    return {
        "name": app.name,
        "NAME": app.name.upper(),
        "model": app.model,
        "model_sha256": app.model_sha256,
        "arena_bytes": app.arena_bytes,
        "labels": app.labels,
        "standardization": app.standardization,
        "input_shape": app.input_shape,
        "input_size": int(np.prod(app.input_shape)),
        "channels": app.channels,
        "input": app.input,
        "input_scale": vectors.input_scale,
        "input_zero_point": vectors.input_zero_point,
        "output": app.output,
        "output_count": vectors.outputs.shape[1],
        "output_scale": vectors.output_scale,
        "output_zero_point": vectors.output_zero_point,
        "vectors": vectors,
        "has_truth": app.has_truth,
        "test_count": len(vectors),
        "float_tolerance": FLOAT_TOLERANCE,
        "task": app.decision.kind.value,
        "thresholds": app.decision.thresholds,
        "limits": app.decision.limits(borders.output),
        "steps": (steps := app.decision.steps(borders)),
        "step_limit": steps.limit(app.decision.thresholds[0]) if steps else None,
        "values_scale": app.decision.target,
        "unit": app.decision.unit,
        "decisions": app.decisions(vectors),
    }


def render(app: Application, templates: Mapping[str, str], **more: Any) -> dict[str, bytes]:
    """The files of `templates`, which gives the name of a template under templates/ by the path of its file; `more` words for them."""
    return render_words(templates, _words(app) | more)


def render_words(templates: Mapping[str, str], words: Mapping[str, Any]) -> dict[str, bytes]:
    """As `render`, with nothing but `words`."""
    environment = _templates()
    return {path: environment.get_template(f"{template}.j2").render(words).encode() for path, template in templates.items()}


def render_sources(app: Application) -> dict[str, bytes]:
    """The C sources under `src/`: model, pre- and postprocessing, labels, test vectors (at most 16, and about 100 KiB of text).

    Raises: BundleError: a number among them is not finite.
    """
    return render(app, {f"src/{name}": name for name in SOURCES})


def render_tflm(app: Application) -> dict[str, bytes]:
    """The application for TensorFlow Lite for Microcontrollers under `tflm/`.

    Raises: BundleError: TFLM doesn't run the model, or an operator has no method in its resolver.
    """
    if app.arena_bytes is None:
        raise BundleError(f"received no arena size for {app.name}: TFLM does not run this model; expected a variant that it runs, such as int8")
    return render(app, {path: path for path in TFLM}, resolver_methods=resolver_methods(app.operators))


def render_linux(app: Application) -> dict[str, bytes]:
    """The application for Linux-class devices under `linux/`: a Python file and up to 128 test vectors.

    Raises: BundleError: a number among them is not finite.
    """
    stream, vectors = io.BytesIO(), app.vectors.within(*_IN_ARCHIVE)
    np.savez_compressed(stream, raw=vectors.raw, inputs=vectors.inputs, outputs=vectors.outputs, labels=vectors.labels)
    return render(app, {"linux/main.py": "linux/main.py"}) | {"linux/test_vectors.npz": stream.getvalue()}
