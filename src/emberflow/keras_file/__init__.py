"""Keras model files from strangers: looked through before Keras sees them. Knows the two forms; refuses to load them."""

from emberflow.keras_file.content import Form, recognize
from emberflow.keras_file.copy import Checked, checked

__all__ = ["Checked", "Form", "checked", "recognize"]
