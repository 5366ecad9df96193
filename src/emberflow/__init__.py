"""Emberflow: from a trained Keras model and its data to firmware that provably runs on the chip."""

__version__ = "0.1.0"
