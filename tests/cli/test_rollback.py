"""`emberflow rollback` as it is typed: a process of its own, against a real Prefect API and a real MLflow store."""

import os
import subprocess
import sys

import pytest
import yaml

from emberflow.adapters.registry import Registry
from emberflow.adapters.tracking import Tracker
from emberflow.version import Aliases
from tests.adapters.a_registry import register

pytestmark = [pytest.mark.xdist_group("flows"), pytest.mark.slow]


def rollback(folder, *words):
    from prefect.settings import PREFECT_API_URL

    command = [sys.executable, "-c", "from emberflow.cli import main; main()", "rollback", *words, "--home", str(folder / "home")]
    surroundings = os.environ | {"PREFECT_API_URL": PREFECT_API_URL.value()}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings, cwd=folder)


def test_the_version_before_serves_again_and_a_third_one_is_not_there(prefect_api, tmp_path):
    """Two versions: back to the first, said in one sentence. A project without any ends with 1, a file that is none with 2."""
    for name in ("watch", "fresh"):
        settings = {"name": name, "baseline": "watch:build", "data": "watch:load", "target": "stm32f405"}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(settings))
    registry = Registry(Tracker.local(tmp_path / "home"), "watch")
    for middle in (4, 5):
        register(registry, middle)
    registry.promote(1, None)
    registry.promote(2, 1)

    done = rollback(tmp_path, "watch.yaml")

    assert "rolled back to version 1: version 2 is the previous one now\n" == done.stdout, done.stderr
    assert (0, Aliases(champion=1, previous=2)) == (done.returncode, registry.aliases())

    nothing = rollback(tmp_path, "fresh.yaml")
    assert (1, "emberflow: 'fresh' has nothing to roll back to: no version serves yet") == (
        nothing.returncode,
        nothing.stderr.strip().splitlines()[-1].split(";")[0],
    )


def test_a_project_file_that_is_none_is_told_before_prefect_is_started(prefect_api, tmp_path):
    """With 2, as everywhere."""
    wrong = rollback(tmp_path, "missing.yaml")

    assert 2 == wrong.returncode
    assert "can't read the project file 'missing.yaml'" in wrong.stderr
