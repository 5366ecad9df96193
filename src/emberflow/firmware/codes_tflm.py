"""The application for TensorFlow Lite for Microcontrollers of a model with several inputs or outputs: codes in, codes out. Knows paths and templates.

src/    the model as bytes, sizes and scales of its borders, test vectors
tflm/   main, what the board gives and gets, CMakeLists.txt, README.md
"""

from emberflow.errors import BundleError
from emberflow.firmware.chip.program import vector_sources
from emberflow.firmware.codes_folder import CodesProduct, words_of
from emberflow.firmware.operators import resolver_methods
from emberflow.firmware.sources import render_words

_PAGES = {
    "src/borders.h": "several/tflm/borders.h",
    "src/model_data.h": "model_data.h",
    "src/model_data.c": "model_data.c",
    "tflm/main.cc": "several/tflm/main.cc",
    "tflm/application.h": "several/tflm/application.h",
    "tflm/CMakeLists.txt": "several/tflm/CMakeLists.txt",
    "tflm/README.md": "several/tflm/README.md",
}


def render_codes_tflm(product: CodesProduct) -> dict[str, bytes]:
    """Every file of the application, by its path; the same bytes for the same product.

    Raises: BundleError: TFLM doesn't run the model, or an operator has no method in its resolver.
    """
    if product.arena_bytes is None:
        raise BundleError(f"received no arena size for {product.name}: TFLM does not run this model; expected one that it runs")
    words = words_of(product) | {"arena_bytes": product.arena_bytes, "resolver_methods": resolver_methods(product.operators)}
    vectors = vector_sources(product.name, product.tested, len(product.inputs), len(product.outputs), sizes="borders")
    return render_words(_PAGES, words) | {f"src/{file}": text for file, text in vectors.items()}
