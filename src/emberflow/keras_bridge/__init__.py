"""The only package that decides which Keras is used: everything becomes Keras 2 (tf_keras), which TFMOT takes. Knows layers, not training."""

from emberflow.keras_bridge.files import load, load_own, save
from emberflow.keras_bridge.graph import leaves
from emberflow.keras_bridge.guest import kind_of
from emberflow.keras_bridge.own import own_classes
from emberflow.keras_bridge.proof import largest_difference
from emberflow.keras_bridge.rebuild import to_keras_2
from emberflow.keras_bridge.which import Layer, Model, Tensor, is_keras_2, keras
from emberflow.keras_bridge.wiring import Call, Reference, Wiring, one_or_all, read_wiring

__all__ = [
    "Call",
    "Layer",
    "Model",
    "Reference",
    "Tensor",
    "Wiring",
    "is_keras_2",
    "keras",
    "kind_of",
    "largest_difference",
    "leaves",
    "load",
    "load_own",
    "one_or_all",
    "own_classes",
    "read_wiring",
    "save",
    "to_keras_2",
]
