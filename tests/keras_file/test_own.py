"""Classes of somebody's own in a configuration: found, named as the user names them, and left without a module."""

from typing import Any

import pytest

from emberflow.keras_file.own import ANYBODYS, NOBODYS, Own, by_given_names, is_own, names_in, not_given, said_names, with_named_functions

GIVEN = Own(frozenset({"pack>Mine", "Other", "act"}))
MINE = {"class_name": "Mine", "module": "evil", "registered_name": "pack>Mine", "config": {"by": 2}}
ACT = {"class_name": "function", "config": "act", "module": "evil", "registered_name": "function"}


@pytest.mark.parametrize(
    ("value", "own"),
    [
        (MINE, True),
        ({"class_name": "pack>Mine", "config": {}}, True),
        (ACT, True),
        ({**ACT, "config": "relu"}, False),
        ({**ACT, "config": 3}, False),
        ({"class_name": "Dense", "registered_name": "Dense"}, False),
        ({"class_name": "Dense", "registered_name": "pack>Dense"}, True),
        ({"class_name": "Lambda"}, False),
        ({"class_name": "StringLookup"}, False),
        ({"class_name": "TFOpLambda"}, False),
        ({"class_name": "Add", "module": "keras.src.ops.numpy"}, False),
    ],
)
def test_what_is_somebody_s_own_is_known(value: dict[str, Any], own: bool) -> None:
    """Neither what Keras has nor what is refused whoever is trusted: nobody can give code for that."""
    assert own is is_own(value)


@pytest.mark.parametrize(
    ("value", "names"),
    [
        (MINE, ["pack>Mine", "Mine"]),
        ({"class_name": "pack>Mine"}, ["pack>Mine", "Mine"]),
        ({"class_name": "Dense", "registered_name": "pack>Dense"}, ["pack>Dense"]),
        (ACT, ["act"]),
        ({**ACT, "config": "pack>act", "registered_name": "pack>act"}, ["pack>act", "act"]),
    ],
)
def test_a_class_may_be_called_by_any_of_its_names(value: dict[str, Any], names: list[str]) -> None:
    """The registered one counts first; none that Keras has for a class of its own."""
    assert names == said_names(value)


def test_names_are_the_user_s_and_modules_are_gone() -> None:
    """However deep; what isn't given stays as it is."""
    config = {"layers": [{"class_name": "Dense", "module": "keras.layers", "config": {"activation": ACT, "inner": [MINE]}}]}

    (layer,) = by_given_names(config, GIVEN)["layers"]

    assert {**ACT, "module": None, "registered_name": "act"} == layer["config"]["activation"]
    assert [{"class_name": "pack>Mine", "module": None, "registered_name": "pack>Mine", "config": {"by": 2}}] == layer["config"]["inner"]
    assert ("Dense", "keras.layers") == (layer["class_name"], layer["module"])
    assert {"pack>Mine", "act"} == names_in(config, GIVEN)
    assert config == by_given_names(config, NOBODYS)
    assert (frozenset(), {"pack>Mine", "act"}, {"pack>Mine"}) == tuple(not_given(config, Own(frozenset(n))) for n in (GIVEN.names, (), ("act",)))


def test_what_is_not_given_is_refused_with_what_is() -> None:
    """With a name that is near; without any, with both ways out."""
    assert (
        "layer 'a' (Mind): 'Mind' is no layer or setting of Keras but a class of somebody's own, whose code isn't in the file; custom_objects gives"
        " Mine, Other. Did you mean 'Mine'? Add it there"
    ) == str(Own(frozenset({"Mine", "Other"})).refusal("layer 'a' (Mind)", "Mind"))
    assert str(NOBODYS.refusal("here", "Mine")).endswith(
        "Build the model by module:function, or bring it as a SavedModel or .tflite; or, if you trust whoever made the file, give your own copy of"
        " that code, which is run with what the file says: `trust_model_code: true` and `custom_objects: module:function`, or --trust-model-code and"
        " --custom-objects"
    )


def test_before_the_user_was_asked_any_name_is_given() -> None:
    """So that a file can be looked at without importing anything."""
    assert "pack>Mine" == ANYBODYS.find(MINE)


def test_an_activation_is_named_and_nothing_else() -> None:
    """A Lambda layer's function keeps its form."""
    config = {"recurrent_activation": ACT, "activation": {**MINE}, "function": ACT, "list": [{"activation": ACT}]}

    assert {"recurrent_activation": "act", "activation": MINE, "function": ACT, "list": [{"activation": "act"}]} == with_named_functions(config)
