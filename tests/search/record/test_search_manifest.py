"""The manifest of a search that starts."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from search_helpers import make_space

from fcsearch.data import load_dataset
from fcsearch.search.api import plan_search
from fcsearch.search.options import SearchOptions
from fcsearch.search.record.manifest import new_manifest


def test_a_run_begins_when_its_command_did_and_not_up_to_a_second_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = make_space(tmp_path, dataset={"source": "digits", "num_train": 200})
    plan = plan_search(space, SearchOptions(pool="local", workers=1), path=tmp_path / "run")
    moment = datetime(2026, 1, 1, 12, 0, 0, 900_000, tzinfo=UTC)
    monkeypatch.setattr("fcsearch.search.record.manifest.moment_of", lambda _: moment)
    made = new_manifest(plan, load_dataset(plan.space.dataset), ["fcsearch", "run"], began=time.monotonic())
    assert made.created_at == moment
