"""Keras model files from strangers: looked through before Keras sees them. Knows the two forms; refuses to load them."""

from emberflow.keras_file.content import Form, recognize
from emberflow.keras_file.copy import Checked, checked
from emberflow.keras_file.own import ANYBODYS, NOBODYS, Own, by_given_names, not_given, with_named_functions

__all__ = ["ANYBODYS", "NOBODYS", "Checked", "Form", "Own", "by_given_names", "checked", "not_given", "recognize", "with_named_functions"]
