"""Configurations of Keras models: what names more than layers and their settings is refused, in either form."""

import json
from typing import Any

import pytest

from emberflow.errors import ModelError
from emberflow.keras_file.config import check, parse, version_of
from emberflow.keras_file.own import Own


def model(*layers: dict[str, Any]) -> dict[str, Any]:
    """A Sequential model of these layers."""
    return {"class_name": "Sequential", "module": "keras", "registered_name": None, "config": {"name": "m", "layers": list(layers)}}


def layer(kind: str, module: str | None = "keras.layers", registered: str | None = None, **config: Any) -> dict[str, Any]:
    return {"class_name": kind, "module": module, "registered_name": registered, "config": {"name": "odd", **config}}


def function(name: Any, module: str = "builtins") -> dict[str, Any]:
    return {"class_name": "function", "config": name, "module": module, "registered_name": "function"}


POLICY = {"class_name": "DTypePolicy", "module": "keras", "config": {"name": "mixed_float16"}, "registered_name": None}


@pytest.mark.parametrize(
    "config",
    [
        model(layer("Dense", units=3, activation="relu", dtype=POLICY, kernel_initializer={"class_name": "Zeros", "config": {}})),
        model({"class_name": "Dense", "config": {"name": "d", "activation": "relu6"}}),  # HDF5 names no module
        model(layer("Dense", activation=function("hard_silu"))),
        model(layer("Dense", activation=layer("LeakyReLU", negative_slope=0.1))),
        model(layer("Add", module="keras.src.ops.numpy", registered="Add")),
        model(layer("Cumsum", module="keras.src.ops.numpy", registered="Cumsum")),  # the bridge refuses it, by its name
        model(layer("TFOpLambda", module="tf_keras.src.layers.core.tf_op_layer", registered="TFOpLambda", function="__operators__.add")),
        model(layer("TFOpLambda", module="keras.layers.core", function="math.abs")),
        model({"class_name": "Functional", "config": {"name": "block1/inner", "layers": []}}),
    ],
)
def test_layers_and_their_settings_pass(config: dict[str, Any]) -> None:
    """Of both Kerases, in both forms."""
    check(config)


BY_NAME = "more than compute, such as write files; use layers of Keras instead"
TRUST = "or, if you trust whoever made the file, let its code run with your rights: `trust_model_code: true`, or --trust-model-code"
COPY = "give your own copy of that code, which is run with what the file says: `trust_model_code: true` and `custom_objects: module:function`, or"


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (
            layer("Lambda", function={"class_name": "__lambda__"}),
            "'odd' (Lambda) carries Python code, which would run on this machine; replace it by layers",
        ),
        ({"class_name": "Lambda", "config": {"name": "odd", "function": ["4wEA", None, None]}}, TRUST),
        (layer("Dense", activation={"class_name": "__lambda__", "config": {}}), "layer 'odd' (Dense) carries Python code"),
        (layer("TorchModuleWrapper"), "holds a pickled PyTorch module, which runs code when it is read (CVE-2025-49655); bring the model as .tflite"),
        (layer("TFSMLayer", filepath="x"), "loads a SavedModel from a path that it names (CVE-2026-1462); bring that SavedModel itself"),
        (layer("StringLookup", vocabulary="/etc/passwd"), "'odd' (StringLookup) reads a file that it names (CVE-2025-12058)"),
        (layer("TextVectorization"), "'odd' (TextVectorization) reads a file that it names"),
        (layer("TensorFlowOpLayer", node_def="x"), "'odd' (TensorFlowOpLayer) calls any function of TensorFlow by its name"),
        (layer("PruneLowMagnitude"), "is a wrapper of TensorFlow Model Optimization; save what tfmot.sparsity.keras.strip_pruning gives"),
        (layer("QuantizeWrapperV2"), "Model Optimization; bring the float model from before quantization"),
        (layer("Dense", dtype={"class_name": "QuantizedDTypePolicy", "config": {}}), "'odd' (Dense) is quantized by Keras; bring the float model"),
        (layer("TFOpLambda", function="io.write_file"), f"'odd' (TFOpLambda) calls tf.io.write_file, which may do {BY_NAME}"),
        (layer("TFOpLambda", function="py_function"), f"calls tf.py_function, which may do {BY_NAME}"),
        (layer("TFOpLambda", function=["math.add"]), f"calls tf.['math.add'], which may do {BY_NAME}"),
        (
            layer("Mine", module="my_layers", registered="pack>Mine"),
            "'Mine' is no layer or setting of Keras but a class of somebody's own, whose code",
        ),
        (layer("Dens"), "Did you mean 'Dense'? Build the model by module:function, or bring it as a SavedModel or .tflite"),
        (layer("system", module="os"), "'system' is no layer or setting of Keras"),
        (layer("Dense", module="os"), "layer 'odd' (Dense): 'Dense' is to come from the module 'os' (CVE-2025-1550); expected one of Keras"),
        (layer("Dense", module="keras_hub.models"), "is to come from the module 'keras_hub.models' (CVE-2025-1550)"),
        (
            layer("Dense", registered="pack>Dense"),
            "'pack>Dense' is no layer or setting of Keras but a class of somebody's own, whose code isn't in the file (or an operator such as +, of ",
        ),
        (
            layer("Dense", activation=function("system", "os")),
            "names the function 'system' of 'os' (CVE-2025-1550, CVE-2025-9906); expected an activation",
        ),
        (layer("Dense", activation=function("mine", "my_layers")), f"Replace it; or, if you trust whoever made the file, {COPY}"),
        (layer("Dense", activation=function("enable_unsafe_deserialization", "keras.config")), "names the function 'enable_unsafe_deserialization'"),
        (layer("Dense", activation=function("rellu")), "names the function 'rellu' of 'builtins'"),
        (layer("Dense", activation=function(3)), "names the function '3'"),
        (layer("Dense", activation="my_own"), "layer 'odd' (Dense): the activation 'my_own' is none of Keras's."),
        (layer("LSTM", recurrent_activation="sigmod"), "the recurrent_activation 'sigmod' is none of Keras's. Did you mean 'sigmoid'?"),
        (layer("Dense", name="../../x"), "its name '../../x' is a path (CVE-2026-12479); expected a name"),
        (
            layer("Dense", bias={"class_name": "__numpy__", "config": {"value": [1], "dtype": "(100000,)f4"}}),
            "received '(100000,)f4' as a number format",
        ),
        ({"class_name": 3, "config": {}}, "received '3' as the name of a class; expected text"),
        (layer("TimeDistributed", layer=layer("Lambda")), "layer 'odd' (Lambda) carries Python code"),
        (layer("InputLayer", sparse=True), "layer 'odd' (InputLayer) takes sparse tensors; expected dense ones, of numbers"),
        (layer("InputLayer", ragged=True, sparse=False), "takes ragged tensors"),
        (layer("InputLayer", dtype="string"), "layer 'odd' (InputLayer) takes text; expected numbers: make them outside of the model"),
        (layer("__typespec__", module="subprocess"), "names a class of any module"),
    ],
)
def test_anything_else_is_refused(config: dict[str, Any], said: str) -> None:
    """With the layer, the reason, and what to do; however deep it lies."""
    for whole in (model(config), model(layer("TimeDistributed", layer=model(config)))):
        with pytest.raises(ModelError) as told:
            check(whole)

        assert said in str(told.value)


def test_a_subclassed_model_is_refused() -> None:
    """Its layers can't be seen."""
    with pytest.raises(ModelError, match="the file holds a MyModel; expected a Sequential or functional Keras model, whose layers can be seen"):
        check({**model(), "class_name": "MyModel"})


def test_trust_lets_code_through_and_nothing_else() -> None:
    """A class of somebody's own beside a Lambda layer is still refused, and so is a function that a Lambda names: its code isn't in the file."""
    code = layer("Lambda", function={"class_name": "__lambda__", "config": {"code": "4wEA", "defaults": None}})
    named = layer("Lambda", function={"class_name": "function", "module": "os", "config": "system"})

    check(model(code), trust_code=True)
    with pytest.raises(ModelError, match="'Mine' is no layer"):
        check(model(code, layer("Mine")), trust_code=True)
    with pytest.raises(ModelError, match=r"layer 'odd' \(Lambda\) names the function 'system' of 'os' .* give your own copy of that code"):
        check(model(code, named), trust_code=True)
    check(model(code, named), trust_code=True, own=Own(frozenset({"system"})))


@pytest.mark.parametrize(
    "given",
    [
        layer("Mine", module="evil", registered="pack>Mine"),
        {"class_name": "pack>Mine", "config": {"name": "odd"}},
        layer("Dense", activation=function("act", "evil")),
        layer("Dense", activation="act"),
        layer("Dense", module="evil", registered="pack>Dense"),
    ],
)
def test_what_the_user_gives_passes_and_nothing_else(given: dict[str, Any]) -> None:
    """By any of its names; what lies in it is looked at as before, and what is refused whoever is trusted stays so."""
    own = Own(frozenset({"pack>Mine", "act", "pack>Dense", "Lambda", "TFOpLambda"}))
    call = layer("TFOpLambda", function="io.write_file")

    check(model(given), trust_code=True, own=own)
    for inside, said in ((call, "calls tf.io.write_file"), (layer("StringLookup"), "reads a file"), (layer("Yours"), "'Yours' is no layer")):
        with pytest.raises(ModelError, match=said):
            check(model({**given, "config": {**given["config"], "inner": inside}}), trust_code=True, own=own)


def test_bottomless_configurations_are_refused() -> None:
    """Before Python's own limit."""
    deep: dict[str, Any] = layer("Dense")
    for _ in range(80):
        deep = layer("TimeDistributed", layer=deep)

    for config in (model(deep), model(layer("Dense", units=[0] * 300_000))):
        with pytest.raises(ModelError, match="nested deeper than 100 or holds more than 200,000 values; no model needs that"):
            check(config)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"{", "config.json isn't JSON: Expecting property name"),
        (b"\xff\xfe", "config.json isn't JSON: "),
        (b"[" * 100_000, "config.json isn't JSON: "),
        (b"[]", "config.json isn't the configuration of a Keras model; save the model again"),
        (b"{}", "config.json isn't the configuration of a Keras model"),
        (b'{"class_name": "Sequential", "config": 3}', "config.json isn't the configuration of a Keras model"),
    ],
)
def test_what_is_no_configuration_is_told(text: bytes, said: str) -> None:
    """Damaged or something else."""
    with pytest.raises(ModelError) as told:
        parse(text, "config.json")

    assert str(told.value).startswith(said)


def test_what_belongs_to_training_is_left_out() -> None:
    """Optimizer and loss name classes of their own; mixed precision is of the machine that trained."""
    inner = {**layer("Dense", dtype=POLICY), "compile_config": {"loss": function("system", "os")}}
    whole = {**model(inner, layer("Dense", dtype="mixed_bfloat16")), "compile_config": {"optimizer": "adam"}}

    clean = parse(json.dumps(whole).encode(), "config.json")

    assert "compile_config" not in json.dumps(clean)
    assert [each["config"]["dtype"] for each in clean["config"]["layers"]] == [{**POLICY, "config": {"name": "float32"}}, "float32"]


@pytest.mark.parametrize(
    ("said", "config", "version"),
    [
        ("3.15.1", {}, 3),
        ("4.0", {}, 3),
        ("2.21.0", {}, 2),
        ("1.2", {}, 2),
        ("", {"batch_shape": [None, 3]}, 3),
        ("", {"batch_input_shape": [None, 3]}, 2),
    ],
)
def test_the_version_is_what_the_file_says_or_looks_like(said: str, config: dict[str, Any], version: int) -> None:
    """Keras 3 renamed the key of an input's shape."""
    assert version_of(config, said) == version
