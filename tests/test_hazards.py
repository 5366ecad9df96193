"""Operators that touch files, run Python or reach other machines are found wherever a SavedModel hides them; those that save its variables pass."""

from pathlib import Path
from typing import Any

import pytest

from emberflow.errors import ModelError
from emberflow.hazards import hazard_of, refuse_hazards
from emberflow.saved_model import FILE, read_saved_model

pytestmark = pytest.mark.xdist_group("tensorflow")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("reader", "'reader' holds the operator ReadFile in signature 'peep', which can read or write files; expected arithmetic alone."),
        ("writer", "'writer' holds the operator WriteFile in signature 'serving_default', which can read or write files;"),
        ("caller", "'caller' holds the operator PyFunc in signature 'serving_default', which can run Python;"),
        ("lookup", "'lookup' holds the operator InitializeTableFromTextFileV2 in no signature, at '.*', which can read or write files;"),
    ],
)
def test_an_operator_that_can_do_harm_is_named_with_its_signature(saved_models: Path, name: str, said: str) -> None:
    """In a function that is called in a branch, and in one that runs when the model is loaded; with the way to allow it."""
    with pytest.raises(ModelError, match=f"^{said}.*let it run with your rights: `trust_model_code: true`, or --trust-model-code$"):
        read_saved_model(saved_models / name)

    assert read_saved_model(saved_models / name, trusted=True).signatures


@pytest.mark.parametrize("name", ["adder", "classifier", "open_steps", "pair", "exported", "saved_by_keras"])
def test_arithmetic_passes(saved_models: Path, name: str) -> None:
    """With the operators that save and restore its variables, which every SavedModel holds."""
    assert b"SaveV2" in (saved_models / name / FILE).read_bytes()
    assert read_saved_model(saved_models / name).signatures


def changed(saved_models: Path, change: Any) -> bytes:
    from tensorflow.core.protobuf import saved_model_pb2

    message = saved_model_pb2.SavedModel.FromString((saved_models / "classifier" / FILE).read_bytes())
    graph = message.meta_graphs[0]
    change(graph, {function.signature.name: function for function in graph.graph_def.library.function})
    return graph.SerializeToString()


def name_of(functions: dict[str, Any], part: str) -> str:
    return next(name for name in functions if part in name)


def calls_the_saver(graph: Any, functions: dict[str, Any]) -> None:
    node = functions[name_of(functions, "inference_raw")].node_def.add(name="call", op="PartitionedCall")
    node.attr["f"].func.name = name_of(functions, "traced_save")


def calls_it_by_its_name(graph: Any, functions: dict[str, Any]) -> None:
    functions[name_of(functions, "inference_raw")].node_def.add(name="call", op=name_of(functions, "traced_save"))


def calls_it_from_a_list(graph: Any, functions: dict[str, Any]) -> None:
    node = functions[name_of(functions, "inference_raw")].node_def.add(name="call", op="Case")
    node.attr["branches"].list.func.add(name=name_of(functions, "traced_restore"))


def makes_it_an_object(graph: Any, functions: dict[str, Any]) -> None:
    node = graph.object_graph_def.nodes.add()
    node.bare_concrete_function.concrete_function_name = name_of(functions, "traced_restore")


def saves_elsewhere(graph: Any, functions: dict[str, Any]) -> None:
    functions[name_of(functions, "inference_raw")].node_def.add(name="save", op="SaveV2")


def reads_in_the_saver(graph: Any, functions: dict[str, Any]) -> None:
    functions[name_of(functions, "traced_save")].node_def.add(name="read", op="ReadFile")


def reads_in_the_graph(graph: Any, functions: dict[str, Any]) -> None:
    graph.graph_def.node.add(name="read", op="MatchingFiles")


@pytest.mark.parametrize(
    ("change", "operator"),
    [
        (calls_the_saver, "(SaveV2|MergeV2Checkpoints|ShardedFilename) in signature 'raw'"),
        (calls_it_by_its_name, "(SaveV2|MergeV2Checkpoints) in signature 'raw'"),
        (calls_it_from_a_list, "RestoreV2 in signature 'raw'"),
        (makes_it_an_object, "RestoreV2 in no signature, at 'RestoreV2'"),
        (saves_elsewhere, "SaveV2 in signature 'raw'"),
        (reads_in_the_saver, "ReadFile in no signature, at 'read'"),
        (reads_in_the_graph, "MatchingFiles in no signature, at 'read'"),
    ],
)
def test_the_saver_is_no_place_to_hide(saved_models: Path, change: Any, operator: str) -> None:
    """It passes only as long as nothing else knows of it, and only with operators of its own."""
    refuse_hazards(changed(saved_models, lambda *_: None), "model")

    with pytest.raises(ModelError, match=f"'model' holds the operator {operator}, which can read or write files"):
        refuse_hazards(changed(saved_models, change), "model")


def test_a_graph_in_pieces_hides_nothing(saved_models: Path) -> None:
    """A message may come in several parts, which TensorFlow puts together: here the harmless one stands last."""
    from tensorflow.core.protobuf import meta_graph_pb2

    whole = meta_graph_pb2.MetaGraphDef.FromString(changed(saved_models, lambda *_: None))
    first = meta_graph_pb2.MetaGraphDef()
    first.graph_def.library.function.add().node_def.add(name="read", op="ReadFile")

    with pytest.raises(ModelError, match="holds the operator ReadFile in no signature, at 'read'"):
        refuse_hazards(first.SerializeToString() + whole.SerializeToString(), "model")


def test_two_functions_of_one_name_hide_nothing(saved_models: Path) -> None:
    """The harmless one stands last."""

    def double(graph: Any, functions: dict[str, Any]) -> None:
        harmless = functions[name_of(functions, "inference_raw")]
        again = graph.graph_def.library.function.add()
        again.CopyFrom(harmless)
        harmless.node_def.add(name="read", op="ReadFile")

    with pytest.raises(ModelError, match="holds the operator ReadFile in signature 'raw'"):
        refuse_hazards(changed(saved_models, double), "model")


@pytest.mark.parametrize(
    ("operator", "harm"),
    [
        ("EagerPyFunc", "run Python"),
        ("PyFuncStateless", "run Python"),
        ("TFRecordDatasetV2", "read or write files"),
        ("WholeFileReaderV2", "read or write files"),
        ("PrintV2", "read or write files"),
        ("DatasetFromGraph", "read or write files"),
        ("DebugIdentityV3", "read or write files"),
        ("FixedUnigramCandidateSampler", "read or write files"),
        ("CollectiveBcastRecvV2", "reach other machines or devices"),
        ("RpcCall", "reach other machines or devices"),
        ("_HostSend", "reach other machines or devices"),
        ("Conv2D", ""),
        ("ReadVariableOp", ""),
        ("TensorArrayWriteV3", ""),
        ("StatefulPartitionedCall", ""),
        ("XlaCallModule", ""),
        ("ResourceGather", ""),
    ],
)
def test_operators_are_told_apart_by_name(operator: str, harm: str) -> None:
    """Some of each kind, and some that only sound like it."""
    assert harm == hazard_of(operator)


def test_every_operator_of_tensorflow_that_names_a_file_is_a_hazard() -> None:
    """By the names of their inputs and attributes; but for those that only make up a name."""
    from tensorflow.core.framework import op_def_pb2
    from tensorflow.python.client import pywrap_tf_session

    known = op_def_pb2.OpList.FromString(pywrap_tf_session.TF_GetBuffer(pywrap_tf_session.TF_GetAllOpList()))
    words = ("filename", "file_pattern", "file_name", "vocab_file", "checkpoint_prefix", "directory", "logdir", "url")
    files = {op.name for op in known.op for arg in (*op.input_arg, *op.attr) if any(word in arg.name for word in words)}

    assert len(files) > 30
    assert [] == sorted(name for name in files if not hazard_of(name) and not name.startswith("Sharded"))
