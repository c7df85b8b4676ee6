"""run.json: typed for its readers, whole for every version."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from fcsearch.errors import RunError
from fcsearch.results import Manifest, RunDirectory
from fcsearch.results.upgrade import FORMAT

# What the first version wrote, as short as it could be.
OLDEST = {
    "format": 1,
    "name": "old",
    "state": "complete",
    "seed": 3,
    "created_at": "2026-01-01T12:00:00+00:00",
    "workers": [{"node": "a", "gpus": 0}, {"node": "b", "gpus": 0}],
    "space": {"trials": 7},
    "dataset": {"name": "digits", "spec": {"source": "digits"}, "rows": {"train": 10, "val": 5}},
}


def write(run: RunDirectory, values: dict[str, Any]) -> None:
    (run.path / "run.json").write_text(json.dumps(values))


def stored(run: RunDirectory) -> dict[str, Any]:
    return json.loads((run.path / "run.json").read_text())


def test_an_old_manifest_is_read(empty_run: RunDirectory) -> None:
    write(empty_run, OLDEST)
    found = RunDirectory.open(empty_run.path).manifest()
    assert (found.workers, found.planned, found.options, found.error) == (2, 7, {}, None)
    assert found.created_at == datetime(2026, 1, 1, 12, tzinfo=UTC)
    assert (found.dataset.rows.train, found.dataset.rows.test, found.dataset.class_names) == (10, None, None)
    assert empty_run.dataset_spec().source == "digits"


def test_update_replaces_fields_and_leaves_all_other_keys_as_they_are(empty_run: RunDirectory) -> None:
    write(empty_run, {**OLDEST, "later": {"deep": [1]}})
    empty_run.update_manifest({"state": "failed", "error": "no", "finished_at": datetime(2026, 1, 2, tzinfo=UTC)})
    changes = {"state": "failed", "error": "no", "finished_at": "2026-01-02T00:00:00+00:00"}
    assert stored(empty_run) == {**OLDEST, "later": {"deep": [1]}, **changes}


def test_update_refuses_what_no_run_has(empty_run: RunDirectory) -> None:
    before = stored(empty_run)
    with pytest.raises(ValidationError, match="state"):
        empty_run.update_manifest({"state": "done"})
    assert stored(empty_run) == before


def test_what_the_trials_are_counts_before_what_the_space_says() -> None:
    assert Manifest(space={"trials": 7}, options={"trials": 9}).planned == 9
    assert Manifest(options={"trials": None}).planned is None


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"name": "x",', r"run.json must hold JSON; found: Expecting .* line 1 column 14"),
        ("[1]", r"must hold a JSON object; found list"),
        (b"\xff\xfe\x00", r"run.json must hold JSON"),
        ("[" * 100_000, r"run.json must hold JSON"),
        ('{"format": 2, "state": "done"}', r"must be the manifest of a run; found 'done' for state \(input should be"),
        ('{"format": 2, "options": null}', r"found None for options \(input should be a valid dictionary\)"),
        ('{"format": 2, "created_at": "yesterday"}', r"found 'yesterday' for created_at \(input should be a valid da"),
        ('{"format": 2, "dataset": {"rows": {"val": "many"}}}', r"found 'many' for dataset.rows.val \("),
    ],
)
def test_a_damaged_manifest_says_where_and_what_to_do(
    empty_run: RunDirectory, content: str | bytes, message: str
) -> None:
    (empty_run.path / "run.json").write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(RunError, match=message + r".*; restore a copy of it"):
        RunDirectory.open(empty_run.path)
    with pytest.raises(RunError, match=message):
        empty_run.update_manifest({"state": "complete"})


@pytest.mark.parametrize("read", [RunDirectory.space, RunDirectory.dataset_spec])
def test_what_is_not_said_is_asked_for_in_vain(tmp_path: Path, read: Any) -> None:
    run = RunDirectory.create(tmp_path / "bare", Manifest())
    with pytest.raises(RunError, match=r"bare/run.json must hold the run's \w+; found none; restore a copy of it"):
        read(run)


def test_it_is_readable_json(empty_run: RunDirectory) -> None:
    empty_run.update_manifest({"error": "Ж"})
    text = (empty_run.path / "run.json").read_text()
    assert text == json.dumps(stored(empty_run), indent=2, ensure_ascii=False) + "\n"
    assert stored(empty_run) == {"format": FORMAT, "name": "new", "state": "running", "error": "Ж"}
