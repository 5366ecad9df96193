"""What was found, added up."""

from emberflow.inspection.findings import Inspection, MemoryFacts, OperatorFacts


def operator(index, constant_bytes):
    return OperatorFacts(
        index=index, name="CONV_2D", layers=("a", "b"), shape=(1, 2), dtype="int8", parameters=5, macs=7, constant_bytes=constant_bytes, alive_bytes=3
    )


def found(*constant_bytes):
    return Inspection(
        model="m",
        form="int8",
        file_bytes=9,
        constants_of="the file",
        operators=tuple(operator(index, count) for index, count in enumerate(constant_bytes)),
        memory=MemoryFacts(arena_bytes=None, peak_bytes=3, peak_index=0, occupants=()),
        runtimes=(),
    )


def test_totals_are_sums_over_the_operators():
    """Two of them."""
    both = found(30, 10)

    assert (10, 14, 40) == (both.parameters, both.macs, both.constant_bytes)
    assert [0.75, 0.25] == [both.share(each) for each in both.operators]
    assert "a" == both.operators[0].layer


def test_nothing_has_no_share_of_nothing():
    """A model without weights."""
    nothing = found(0)

    assert 0.0 == nothing.share(nothing.operators[0])


def test_findings_survive_json():
    """What --json prints can be read back."""
    assert found(30, 10) == Inspection.model_validate_json(found(30, 10).model_dump_json())
