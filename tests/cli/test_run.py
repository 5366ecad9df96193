"""`emberflow run`: what is told before anything is started. The run itself is tests/flows', for it starts Prefect."""

import pytest

from emberflow.cli.run import check_approval
from emberflow.errors import ProjectError


def test_who_wants_approval_needs_a_prefect_with_a_ui():
    """Else the run would wait a day for nobody."""
    with pytest.raises(ProjectError, match=r"wants a person's approval, .* this run's own Prefect has none; start `emberflow up` first"):
        check_approval(60.0, has_ui=False)

    check_approval(60.0, has_ui=True)
    check_approval(None, has_ui=False)
