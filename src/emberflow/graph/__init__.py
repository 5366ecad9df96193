"""The graph inside a .tflite, typed. The only reader of the format; refuses to run, change or judge what it reads."""

from emberflow.graph.read import read_graph
from emberflow.graph.values import Graph, Operator, Quantization, Tensor

__all__ = ["Graph", "Operator", "Quantization", "Tensor", "read_graph"]
