"""Operators: each one that a model uses has a method in TFLM's resolver, or is named."""

import pytest
import tflite

from emberflow.errors import BundleError
from emberflow.firmware.operators import RESOLVER_METHODS, resolver_methods


def test_every_operator_is_one_of_the_format():
    assert [name for name in RESOLVER_METHODS if not hasattr(tflite.BuiltinOperator, name)] == []


def test_every_method_spells_its_operator():
    spelled = {name: "add" + name.replace("_", "").lower() for name in RESOLVER_METHODS}

    assert {name: method.lower() for name, method in RESOLVER_METHODS.items()} == spelled


def test_each_operator_is_registered_once_in_alphabetical_order():
    assert resolver_methods(["SOFTMAX", "CONV_2D", "SOFTMAX"]) == ("AddConv2D", "AddSoftmax")


def test_operators_without_a_method_are_named():
    with pytest.raises(BundleError, match=r"received a model with CONV_3D, LSTM; expected operators .* Did you mean 'CONV_2D'\? Replace the layer"):
        resolver_methods(["CONV_2D", "LSTM", "CONV_3D"])
