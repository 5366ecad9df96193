"""Data checked, standardized, and drawn from; worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from emberflow.dataset import Dataset, Preparation, Samples, Sampling, from_arrays, prepare
from emberflow.errors import DataError
from emberflow.standardization import Standardization
from emberflow.task import TaskKind


def part(start: float, samples: int = 4) -> Samples:
    """Samples of shape (2, 3), all different, with labels 0 1 0 1 ..."""
    x = start + np.arange(samples * 6, dtype=np.float32).reshape(samples, 2, 3)
    return Samples(x, np.arange(samples) % 2)


DATA = Dataset(part(0), part(1000), part(2000), ("still", "moving"))


def ready(dataset: object, standardize: bool = True, calibration_samples: int = 200, seed: int = 1):
    made = prepare(dataset, Preparation(standardize=standardize, calibration_samples=calibration_samples, seed=seed))
    return replace(made, parts={name: (np.asarray(x), y) for name, (x, y) in made.parts.items()})


def refuse(dataset: object) -> str:
    with pytest.raises(DataError) as raised:
        ready(dataset)
    return str(raised.value)


def test_standardization_worked_out_by_hand():
    """Per channel, over samples and time of the training part alone."""
    # channel 0: 1 3 5 7, mean 4, variance (9 + 1 + 1 + 9) / 4 = 5; channel 1: 0 0 4 4, mean 2, variance 4
    train = Samples(np.array([[[1, 0], [3, 0]], [[5, 4], [7, 4]]]), np.array([0, 1]))
    other = Samples(np.array([[[4, 2], [4, 6]]]), np.array([1]))
    made = ready(Dataset(train, other, other, ("a", "b")))

    assert Standardization(mean=(4, 2), std=(float(np.float32(5**0.5)), 2)) == made.standardization
    assert made.parts["test"][0].tolist() == [[[0, 0], [0, 2]]]
    assert np.array_equal(np.float32([[-3, -1], [3, 3]])[:, 0] / np.float32(5**0.5), made.parts["train"][0][[0, 1], [0, 1], 0])
    assert {np.dtype(np.float32)} == {x.dtype for x, _ in made.parts.values()}
    assert {np.dtype(np.int64)} == {y.dtype for _, y in made.parts.values()}


def test_without_standardization_the_numbers_stay():
    """In float32."""
    made = ready(DATA, standardize=False)

    assert made.standardization is None
    assert np.array_equal(DATA.test.x, made.parts["test"][0])


def test_vectors_are_what_the_sensor_gives():
    """Not standardized; at most 128, from the test part."""
    made = ready(replace(DATA, test=part(5000, 300)))

    assert made.parts["vectors"][0].shape == (128, 2, 3)
    assert made.parts["vectors"][0].min() >= 5000


def test_standardization_over_several_chunks_is_numpys():
    """Sums are taken 4,096 samples at a time, in float64."""
    x = np.random.default_rng(0).normal(1e4, 1, (9000, 2)).astype(np.float32)
    made = ready(
        replace(DATA, train=Samples(x, np.arange(9000) % 2), validation=Samples(x[:2] + 9, DATA.test.y[:2]), test=Samples(x[:2] + 8, DATA.test.y[:2]))
    )

    assert np.allclose(x.mean(0, dtype=np.float64), made.standardization.mean, rtol=1e-7)
    assert np.allclose(x.std(0, dtype=np.float64), made.standardization.std, rtol=1e-6)


numbers = st.floats(-1e4, 1e4, width=32)


@settings(deadline=None)
@given(st.lists(st.tuples(numbers, numbers), min_size=1, max_size=20), st.tuples(numbers, numbers), st.tuples(*[st.floats(0.125, 1e4, width=32)] * 2))
def test_undoing_gives_the_raw_values_back(rows, mean, std):
    """Up to rounding in float32: half a unit in the last place of the largest number involved, four times."""
    x = np.array(rows, np.float32)
    scale = Standardization(mean=mean, std=std)

    assert scale.apply(x).dtype == np.float32
    assert np.allclose(x, scale.undo(scale.apply(x)), rtol=0, atol=3e4 * 2.0**-22)


def test_a_constant_channel_is_centred_and_warned_of():
    """It can't be divided by its deviation, 0."""
    x = np.stack([np.full(4, 123.456, np.float32), np.arange(4, dtype=np.float32)], axis=1)
    made = ready(replace(DATA, train=Samples(x, DATA.train.y), validation=Samples(x + 9, DATA.train.y), test=Samples(x + 8, DATA.train.y)))

    assert made.standardization.std[0] == 1
    assert made.parts["train"][0][:, 0].tolist() == [0, 0, 0, 0]
    assert made.warnings == ("channel 0 is constant over the training part; it is centred, not scaled",)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_numbers_that_are_not_finite_are_counted(bad):
    """With the first one's place; 1e300 is finite in float64, but not in float32."""
    x = np.zeros((5000, 2, 3))
    x[4500, 1, 2] = x[4200, 0, 1] = x[4999] = bad  # 1 + 1 + 6, all in the second chunk of 4,096

    expected = (
        "the train part holds 8 values that are NaN or infinite in float32 (the first in sample 4200 at (0, 1));"
        " expected finite numbers: drop those samples or fill the gaps before the split"
    )
    assert expected == refuse(replace(DATA, train=Samples(x, np.zeros(5000, int))))


def test_first_of_several_chunks_is_the_first():
    """One in each of two."""
    x = np.zeros((5000, 3))
    x[17, 2] = x[4999, 0] = np.nan

    message = refuse(replace(DATA, train=Samples(x, np.zeros(5000, int))))
    assert message.startswith("the train part holds 2 values that are NaN or infinite in float32 (the first in sample 17 at (2,));")


X = DATA.test.x


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        ((X, [0, 1, 0, 1]), "the test part is a tuple; expected an emberflow.dataset.Samples(x, y)"),
        (Samples(X[:0], np.array([], int)), "the test part is empty; expected at least one sample"),
        (Samples(X[:, :1], DATA.test.y), "the test part has samples of shape (1, 3); expected (2, 3), as in the train part"),
        (
            Samples(X.astype(complex), DATA.test.y),
            "the test part's x has dtype complex128 and shape (4, 2, 3); expected real numbers of shape (samples, ...)",
        ),
        (
            Samples(X.astype(object), DATA.test.y),
            "the test part's x has dtype object and shape (4, 2, 3); expected real numbers of shape (samples, ...)",
        ),
        (Samples(np.zeros(4), DATA.test.y), "the test part's x has dtype float64 and shape (4,); expected real numbers of shape (samples, ...)"),
        (
            Samples(np.zeros((4, 0)), DATA.test.y),
            "the test part's x has dtype float64 and shape (4, 0); expected real numbers of shape (samples, ...)",
        ),
        (Samples(X, DATA.test.y[:3]), "the test part has x of shape (4, 2, 3) and y of shape (3,), int64; expected y of shape (4,), integers"),
        (Samples(X, DATA.test.y * 1.0), "the test part has x of shape (4, 2, 3) and y of shape (4,), float64; expected y of shape (4,), integers"),
        (Samples(X, np.eye(4, dtype=int)), "the test part has x of shape (4, 2, 3) and y of shape (4, 4), int64; expected y of shape (4,), integers"),
        (Samples(X, DATA.test.y, [1, 2]), "the test part has group of shape (2,); expected (4,), one for each sample"),
        (
            Samples(X, [0, 2, 1, -1]),
            "the test part has 2 labels outside 0 to 1 (the first is 2 at sample 1); expected the position of one of the 2 label names",
        ),
    ],
)
@pytest.mark.parametrize("name", ["test", "calibration"])
def test_a_part_that_can_not_be_used_is_refused(samples, message, name):
    """By its name; the calibration part as any other."""

    assert message.replace("the test part", f"the {name} part") == refuse(replace(DATA, **{name: samples}))


@pytest.mark.parametrize("name", ["train", "validation"])
def test_the_other_parts_are_checked_too(name):
    """An empty one would stop the training later, and say less."""

    assert f"the {name} part is empty; expected at least one sample" == refuse(replace(DATA, **{name: Samples(X[:0], np.array([], int))}))


def test_only_the_calibration_part_may_be_left_out():
    """It is drawn from the training part then."""

    assert refuse(replace(DATA, validation=None)) == "the validation part is a NoneType; expected an emberflow.dataset.Samples(x, y)"
    assert ready(replace(DATA, calibration=None)).parts["calibration"][0].shape == (4, 2, 3)


def test_ragged_samples_are_refused():
    """Recordings of different lengths, not yet cut into windows."""
    message = refuse(replace(DATA, train=Samples([[1, 2, 3], [1, 2]], [0, 1])))

    assert message.startswith("the train part's x is no array: ")
    assert message.endswith("; expected samples that are all of one shape")


@pytest.mark.parametrize(("received", "kind"), [(None, "NoneType"), ((1, 2), "tuple"), ({"train": 1}, "dict")])
def test_what_is_no_dataset_is_refused(received, kind):
    """The commonest mistake in a data function is to forget the return."""

    assert f"received a {kind} from the data function; expected an emberflow.dataset.Dataset" == refuse(received)


@pytest.mark.parametrize(("labels", "told"), [((), "none"), (("a",), "a"), (("a", "b", "a"), "a, b, a"), ((1, "1"), "1, 1")])
def test_labels_are_at_least_two_different_names(labels, told):
    """Numbers are taken as names."""

    assert f"received the labels {told}; expected at least two different names" == refuse(replace(DATA, labels=labels))


def test_channel_names_are_as_many_as_channels():
    """Else a report would name the wrong one."""
    sampling = Sampling(rate_hz=50, channels=("x", "y"))

    assert refuse(replace(DATA, sampling=sampling)) == "received 2 channel names (x, y); expected 3, the last axis of x"
    assert ready(replace(DATA, sampling=Sampling(channels=("x", "y", "z")))).sampling.channels == ("x", "y", "z")


@pytest.mark.parametrize("rate_hz", [0, -50])
def test_a_sampling_rate_is_positive(rate_hz):
    """Or left out."""
    with pytest.raises(ValidationError, match="rate_hz\n  Input should be greater than 0"):
        Sampling(rate_hz=rate_hz)


def test_samples_of_the_train_part_elsewhere_are_warned_of_by_count():
    """Two of five, though the test part has another dtype."""
    test = Samples(np.concatenate([DATA.train.x[:2], part(3000, 3).x]).astype(np.float64), [0, 1, 0, 1, 0])

    expected = ("2 of 5 test samples are also in the train part: the test figures are too good",)
    assert expected == ready(replace(DATA, test=test)).warnings


def test_samples_that_differ_after_the_point_are_not_the_same():
    """Whole numbers for training, fractions for the test: 0.5 is not 0."""
    train = Samples(np.arange(8, dtype=np.int16).reshape(4, 2), [0, 1, 0, 1])
    other = Samples(train.x + 0.5, train.y)

    assert ready(Dataset(train, other, other, ("a", "b"))).warnings == ()


def test_groups_in_two_parts_are_warned_of_by_count():
    """The same person's windows on both sides."""
    train, validation, test = (
        replace(one, group=group) for one, group in [(DATA.train, [1, 2, 3, 3]), (DATA.validation, [4] * 4), (DATA.test, [3, 2, 9, 9])]
    )

    expected = ("2 groups are in both the train and the test part (2, 3): split by group, not by sample",)
    assert expected == ready(Dataset(train, validation, test, DATA.labels)).warnings


def test_groups_of_two_types_are_compared_one_by_one():
    """Numbers with words, bytes of no type with text: NumPy finds no type for both; 3 and 3.0 are one."""
    odd = np.array([b"ab", b"cd", b"ef", b"gh"], "V2")
    train, test = replace(DATA.train, group=np.array([1.0, 2, 3, 3])), replace(DATA.test, group=[3, 4, 5, 5])
    assert ("1 groups are in both the train and the test part (3): split by group, not by sample",) == ready(
        Dataset(train, DATA.validation, test, DATA.labels)
    ).warnings

    for group in (odd, np.array(list("abcd")), np.array(["2026-01-01"] * 4, "M8[D]")):
        assert () == ready(Dataset(train, DATA.validation, replace(DATA.test, group=group), DATA.labels)).warnings


def test_a_group_that_is_no_text_is_refused():
    """Numbers beyond Unicode in the place of letters, as a damaged file has them."""
    damaged = np.frombuffer(np.full(4, 0x7FFFFFFF, np.int32).tobytes(), "U1")

    expected = "the train part has a group that can't be read: .*; expected a number or a word for each sample"
    with pytest.raises(DataError, match=expected):
        ready(Dataset(replace(DATA.train, group=damaged), DATA.validation, replace(DATA.test, group=[1] * 4), DATA.labels))


def test_no_more_than_five_groups_are_named():
    """All are counted."""
    people = [f"p{i}" for i in range(8)]
    train, test = replace(part(0, 8), group=people), replace(part(2000, 8), group=people)

    expected = ("8 groups are in both the train and the test part (p0, p1, p2, p3, p4): split by group, not by sample",)
    assert expected == ready(replace(DATA, train=train, test=test)).warnings


def test_a_label_without_samples_is_warned_of():
    """In which part, and which."""
    test = Samples(DATA.test.x, np.zeros(4, int))

    expected = ("the validation part has no sample of fast", "the test part has no sample of moving, fast")
    made = ready(replace(DATA, train=Samples(part(0, 4).x, [0, 1, 2, 2]), test=test, labels=("still", "moving", "fast")))
    assert expected == made.warnings


def test_a_calibration_part_is_standardized_as_the_others():
    """And taken whole."""
    made = ready(replace(DATA, calibration=part(0, 3)), calibration_samples=1)

    assert np.array_equal(made.parts["train"][0][:3], made.parts["calibration"][0])


@settings(deadline=None)
@given(st.lists(st.integers(1, 30), min_size=2, max_size=5), st.integers(1, 100), st.integers(0, 9))
def test_calibration_is_spread_over_the_classes(sizes, count, seed):
    """As equal in number as the part allows: no class has two more than one that isn't used up; each sample at most once."""
    y = np.repeat(np.arange(len(sizes)), sizes)
    x = np.arange(len(y), dtype=np.float32)[:, None]
    labels = tuple(f"class {i}" for i in range(len(sizes)))
    other = Samples(x + 1000, y)
    made = ready(Dataset(Samples(x, y), other, other, labels), standardize=False, calibration_samples=count, seed=seed)
    drawn_x, drawn_y = made.parts["calibration"]
    drawn = np.bincount(drawn_y, minlength=len(sizes))

    assert min(count, len(y)) == len(drawn_y) == len(np.unique(drawn_x))
    assert np.array_equal(y[drawn_x[:, 0].astype(int)], drawn_y)
    assert all(drawn.max() - n <= 1 for n, size in zip(drawn, sizes, strict=True) if n < size)


def test_the_same_seed_draws_the_same_samples():
    """Another draws others: 5 of 100 are the same once in 75 million."""
    data = replace(DATA, train=part(0, 100))
    first, again, other = (ready(data, calibration_samples=5, seed=seed).parts["calibration"][0] for seed in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_dataset_of_arrays_by_part():
    """What files give; group and calibration may be missing."""
    arrays = {"x": X, "y": DATA.test.y}
    made = from_arrays({"train": {**arrays, "group": [1, 2, 3, 4]}, "validation": arrays, "test": arrays}, ("a", "b"), Sampling(unit="g"))

    assert (made.train.group, made.test.group, made.calibration, made.sampling.unit) == ([1, 2, 3, 4], None, None, "g")


def test_values_of_a_regression_are_standardized_by_the_training_part():
    """0 and 4: mean 2, deviation 2; the values themselves stay, in float32, with their unit."""
    x = part(0, 2).x
    data = Dataset(Samples(x, np.array([0, 4])), Samples(x + 50, np.array([1.5, 2])), Samples(x + 90, np.array([2.5, 7])), target_unit="K")

    made = prepare(data, Preparation(kind=TaskKind.REGRESSION, standardize_target=True))

    assert made.target == Standardization(mean=(2,), std=(2,))
    assert made.parts["test"][1].tolist() == [[2.5], [7]]
    assert (made.labels, made.target_unit, made.warnings) == (("value",), "K", ())


def test_a_value_that_never_changes_is_warned_of():
    """It is centred, not scaled."""
    same = replace(part(0), y=np.ones(4))
    made = prepare(Dataset(same, part(100), part(200)), Preparation(kind=TaskKind.REGRESSION, standardize_target=True))

    assert made.warnings == ("value 0 is constant over the training part; it is centred, not scaled",)


def test_normal_samples_need_no_truth():
    """But the test part does."""
    data = Dataset(Samples(part(0).x), Samples(part(100).x), part(200))

    made = prepare(data, Preparation(kind=TaskKind.ANOMALY))

    assert made.labels == ("normal", "anomaly")
    assert made.parts["train"][1].tolist() == [0, 0, 0, 0]
    with pytest.raises(DataError, match=r"the test part has x of shape \(4, 2, 3\) and no y"):
        prepare(replace(data, test=Samples(part(200).x)), Preparation(kind=TaskKind.ANOMALY))
