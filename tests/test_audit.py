"""`make audit`: never green where nothing was checked."""

import os
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

AUDIT = Path(__file__).parents[1] / ".ci" / "audit.py"
judge = runpy.run_path(str(AUDIT))["judge"]
GOOD = {"name": "numpy", "version": "2.4.6", "vulns": []}
BAD = {"name": "pyyaml", "version": "5.1", "vulns": [{"id": "PYSEC-2020-96", "fix_versions": ["5.4"]}, {"id": "PYSEC-1", "fix_versions": []}]}
UNKNOWN = {"name": "rich", "skip_reason": "Dependency not found on PyPI and could not be audited: rich (15.0.0)"}


@pytest.mark.parametrize(
    ("packages", "code", "last"),
    [
        ([GOOD, GOOD], 0, "2 packages were checked"),
        ([GOOD, BAD], 1, "2 packages were checked"),
        ([GOOD, UNKNOWN], 3, "1 of 2 packages were not checked: the service knows nothing of them; run it where"),
        ([BAD, UNKNOWN], 1, "1 of 2 packages were not checked: the service knows nothing of them; run it where"),
        ([UNKNOWN], 3, "1 of 1 packages were not checked: the service knows nothing of them; run it where"),
    ],
)
def test_what_was_not_checked_is_not_called_safe(packages, code, last):
    """A mirror of the index knows no advisories, and pip-audit ends with 0 there."""
    found, told = judge({"dependencies": packages}, "")

    assert code == found
    assert told[-1].startswith(last)
    if BAD in packages:
        assert told[:2] == ["pyyaml 5.1: PYSEC-2020-96, mended in 5.4", "pyyaml 5.1: PYSEC-1, mended in no version yet"]


def test_without_a_service_it_ends_with_a_code_of_its_own(tmp_path):
    """The real pip-audit, behind a proxy that isn't there."""
    (tmp_path / "lock").write_text(f"six==1.17.0 --hash=sha256:{'0' * 64}\n")
    nowhere = os.environ | {"HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}

    done = subprocess.run([sys.executable, AUDIT, "osv", tmp_path / "lock"], env=nowhere, capture_output=True, text=True, check=False, timeout=300)

    assert 3 == done.returncode
    assert done.stdout.startswith("nothing was checked: the advisory service can't be reached (")
    assert "make audit SERVICE=osv" in done.stdout
