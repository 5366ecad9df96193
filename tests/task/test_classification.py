"""The rules of single-label classification: shapes, probabilities, decisions."""

import numpy as np
import pytest

from emberflow.errors import DataError
from emberflow.task.classification import Classification
from emberflow.task.rules import Part, Run

RULES = Classification()
TRUTH = np.array([0, 0, 1, 1])
PROBABILITIES = np.float32([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])


def test_one_sigmoid_becomes_two_columns():
    """The probability of class 1 gets its complement in front."""
    outputs = np.float32([[0.25], [1.0]])

    assert RULES.predictions(Run.of_floats(outputs, outputs), None).tolist() == [[0.75, 0.25], [0.0, 1.0]]


def test_several_outputs_stay_as_they_are():
    """Also when they come with axes of length one."""
    outputs = PROBABILITIES.reshape(4, 1, 1, 2)

    assert RULES.predictions(Run.of_floats(outputs, outputs), None).tolist() == PROBABILITIES.tolist()


def test_the_largest_probability_decides():
    """The first of equal ones."""
    assert RULES.decide(np.float32([[0.5, 0.5], [0.2, 0.8]]), ()).decided.tolist() == [0, 1]


def test_rows_of_the_confusion_are_true_labels():
    """One 0 was taken for a 1."""
    assert RULES.figures(TRUTH, RULES.decide(PROBABILITIES, ())) == {"confusion": ((1, 1), (0, 2))}


@pytest.mark.parametrize(
    ("outputs", "labels", "fits"), [((3,), 3, True), ((1,), 2, True), ((1,), 3, False), ((2,), 3, False), ((4, 3), 3, False), ((None,), 3, False)]
)
def test_a_model_gives_an_output_a_label(outputs, labels, fits):
    """Or one for two labels."""
    assert RULES.gives(outputs, labels, (8,)) is fits


@pytest.mark.parametrize("outputs", [[[0.5, 0.6]], [[-0.1, 1.1]], [[np.nan, 0.5]], [[1.5]]])
def test_what_is_no_probability_is_told(outputs):
    """Logits, rows that don't add up to 1, NaN."""
    assert RULES.find_fault(np.float32(outputs)) == "probabilities: end it with softmax (or sigmoid for two labels)"


def test_probabilities_have_no_fault():
    """A single sigmoid needn't add up to anything."""
    assert (RULES.find_fault(PROBABILITIES), RULES.find_fault(np.float32([[0.3]]))) == ("", "")


@pytest.mark.parametrize(("truth", "classes", "applies"), [([0, 1, 1], 2, True), ([0, 0, 1], 3, False), ([0, 0], 1, False)])
def test_roc_auc_needs_samples_of_every_class(truth, classes, applies):
    """And two classes."""
    answers = RULES.decide(np.full((len(truth), classes), 0.5, np.float32), ())

    assert (RULES.metrics["roc_auc"].obstacle(np.array(truth), answers) == "") is applies


def test_labels_are_needed():
    """As everywhere."""
    with pytest.raises(DataError, match="expected at least two different names"):
        RULES.name_labels(("a",), None)
    with pytest.raises(DataError, match="no y"):
        RULES.read_truth(Part("test", (2, 3), None, 2))


def test_words_and_losses():
    """For model card and Keras; nothing is chosen, and what is drawn is spread over the labels."""
    assert RULES.describe(("a", "b")) == "a classifier of 2 labels"
    assert (RULES.loss(1, "mse"), RULES.loss(3, "mse")) == ("binary_crossentropy", "sparse_categorical_crossentropy")
    assert RULES.choose(PROBABILITIES, TRUTH, 0.99) == ()
    assert RULES.strata(TRUTH) is TRUTH
    assert RULES.absent(TRUTH, ("a", "b", "c")) == ("c",)
