"""Records of runs: written, and the last one found."""

import re
import runpy
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from emberflow.errors import ProjectError
from emberflow.gate import unchanged
from emberflow.runs import bundle_folder, last_record, new_run_id, read_decision, run_folder, write_decision, write_record

RECORD = runpy.run_path(str(Path(__file__).with_name("a_record.py")))["RECORD"]


def record(run_id: str, project: str = "watch"):
    """The hand-made record under another name."""
    return RECORD.model_copy(update={"project": project, "provenance": RECORD.provenance.model_copy(update={"run_id": run_id})})


def refuse(home, project):
    with pytest.raises(ProjectError) as raised:
        last_record(home, project)
    return str(raised.value)


def test_run_ids_sort_by_time():
    """In UTC, to the second, and two of one second differ."""
    then = datetime(2026, 11, 22, 23, 30, 1, tzinfo=timezone(timedelta(hours=9)))
    made = [new_run_id(then + timedelta(days=days)) for days in (0, 1, 40)]

    assert re.fullmatch("20261122-143001-[0-9a-f]{4}", made[0])
    assert made == sorted(made)
    assert len({new_run_id(then) for _ in range(8)}) > 1


def test_folders_lie_under_home():
    """A folder a run, by project."""

    assert Path("home/runs/watch/r1") == run_folder(Path("home"), "watch", "r1")
    assert Path("home/bundles/watch/r1") == bundle_folder(Path("home"), "watch", "r1")


def test_a_record_is_read_as_it_was_written(tmp_path):
    """To the last digit; UTF-8, so that a label may be anything."""
    written = RECORD.model_copy(update={"splits": RECORD.splits.model_copy(update={"labels": ("größer", "小")})})
    path = write_record(tmp_path, written)

    assert tmp_path / "runs" / "smart-watch" / "20260412-083107-kqzt" / "record.json" == path
    assert written == last_record(tmp_path, "smart-watch") == last_record(tmp_path, None)


def test_the_newest_is_found_whatever_was_written_last(tmp_path):
    """By run, not by file date; over all projects when none is named."""
    for run_id, project in (("20261103-000000-aaaa", "watch"), ("20261105-000000-aaaa", "heart"), ("20261101-000000-ffff", "watch")):
        write_record(tmp_path, record(run_id, project))
    (tmp_path / "runs" / "watch" / "20261109-000000-aaaa").mkdir()  # a run that never ended

    assert last_record(tmp_path, "watch").provenance.run_id == "20261103-000000-aaaa"
    assert last_record(tmp_path, None).provenance.run_id == "20261105-000000-aaaa"


def test_an_unknown_project_is_told(tmp_path):
    """With those there are, and the nearest; files among the folders don't count."""
    write_record(tmp_path, record("20261101-000000-aaaa", "watch"))
    write_record(tmp_path, record("20261101-000000-aaaa", "heart"))
    (tmp_path / "runs" / "notes.txt").touch()

    assert f"no run of 'wacth' under '{tmp_path}'; known are heart, watch. Did you mean 'watch'?" == refuse(tmp_path, "wacth")


def test_an_empty_home_is_told(tmp_path):
    """With the command that fills it."""

    assert f"no run of 'watch' under '{tmp_path}'; known are none." == refuse(tmp_path, "watch")
    assert f"no finished run under '{tmp_path}'; start one with `emberflow run examples/watch/emberflow.yaml`" == refuse(tmp_path, None)


def test_a_run_that_never_ended_is_no_run(tmp_path):
    """Its folder is there, its record isn't."""
    run_folder(tmp_path, "watch", "20261101-000000-aaaa").mkdir(parents=True)

    assert f"no finished run under '{tmp_path}'; start one with `emberflow run examples/watch/emberflow.yaml`" == refuse(tmp_path, "watch")


@pytest.mark.parametrize("content", [b"", b"{", b'{"project": "watch"}', b"[]", b"\xff", b'{"project": "watch", "new_key": 1}'])
def test_a_record_of_another_version_is_told(content, tmp_path):
    """Or one cut short."""
    path = write_record(tmp_path, record("20261101-000000-aaaa"))
    path.write_bytes(content)

    assert f"'{path}' was written by another version of Emberflow; run again" == refuse(tmp_path, "watch")


def test_the_time_of_a_run_may_be_local():
    """An id says UTC wherever it was made."""
    then = datetime(2026, 11, 22, 12, tzinfo=UTC)

    assert new_run_id(then)[:15] == new_run_id(then.astimezone(timezone(timedelta(hours=-5))))[:15] == "20261122-120000"


def test_what_the_gate_decided_is_read_as_it_was_written(tmp_path):
    """Beside the record; nothing where there is none, or where another version wrote it."""
    folder = write_record(tmp_path, RECORD).parent
    assert read_decision(tmp_path, RECORD) is None

    write_decision(folder, unchanged(7, 7, "the champion"))
    assert unchanged(7, 7, "the champion") == read_decision(tmp_path, RECORD)

    (folder / "gate.json").write_text("{}")
    assert read_decision(tmp_path, RECORD) is None
