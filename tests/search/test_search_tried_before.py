"""A search that begins with the trials of an earlier run tries none of the space's `tries` again."""

from pathlib import Path

import pyarrow as pa
import pytest
from begun_searches import PARAMETERS, search
from engine_helpers import RecordingView
from in_process_pool import InProcess
from inline_pool import Killed, killed_at
from optuna.trial import TrialState
from search_helpers import journal

from fcsearch.results import RunDirectory
from fcsearch.search.api import resume_search, saved_options
from fcsearch.search.options import SearchOptions
from fcsearch.search.record.beginning import read_beginning


def test_what_the_earlier_run_has_tried_is_not_tried_again(tmp_path: Path) -> None:
    tries = [{"learning_rate": 0.03, "hidden_dim": 8}, {"learning_rate": 0.04}, {"learning_rate": 0.05}]
    before = search(tmp_path, "before", begin={}, tries=tries[:2], trials=3).run
    assert before.trials()["learning_rate"].to_pylist()[:2] == [0.03, 0.04]
    begin, view = {"start_from": str(before.path)}, RecordingView()
    run = search(tmp_path, "later", begin=begin, tries=tries, trials=3, view=view).run
    assert view.lines["comes first"] == "learning_rate=0.05; 2 more are left out, as tried by before"
    assert run.space().tries == ({"learning_rate": 0.05},)
    first, *others = run.trials()["learning_rate"].to_pylist()
    assert first == 0.05
    assert not {0.03, 0.04} & {*others}
    # One that an option names is asked for.
    again = {**begin, "tries": ("learning_rate=0.03,hidden_dim=8",)}
    run = search(tmp_path, "asked", begin=again, tries=tries[:2], trials=2, view=view).run
    asked = "learning_rate=0.03,hidden_dim=8; 2 more are left out, as tried by before"
    assert view.lines["comes first"] == asked
    assert run.trials()["learning_rate"].to_pylist()[0] == 0.03


def test_what_the_earlier_run_has_not_tried_in_full_is_tried(tmp_path: Path) -> None:
    before = search(tmp_path, "before", begin={}, tries=[{"learning_rate": 0.03, "hidden_dim": 8}], trials=2).run
    begin, view = {"start_from": str(before.path)}, RecordingView()
    others = [{"learning_rate": 0.03, "hidden_dim": 16}, {"learning_rate": 0.031, "hidden_dim": 8}]
    run = search(tmp_path, "later", begin=begin, tries=others, trials=3).run
    assert run.trials()["learning_rate"].to_pylist()[:2] == [0.03, 0.031]
    # Its trials lie outside this space, and so the sampler does not know them.
    same = [{"learning_rate": 0.03, "hidden_dim": 8}]
    longer = {**PARAMETERS, "epochs": 4}
    run = search(tmp_path, "longer", begin=begin, tries=same, parameters=longer, trials=2, view=view).run
    assert view.lines["comes first"] == "learning_rate=0.03,hidden_dim=8"
    assert run.trials()["learning_rate"].to_pylist()[0] == 0.03


def test_what_the_earlier_run_left_unfinished_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tries = [{"learning_rate": rate} for rate in (0.03, 0.04, 0.05)]
    run = search(tmp_path, "before", begin={}, tries=tries, trials=3).run
    rows = run.trials()
    states = pa.array(["stopped", "unfinished", "complete"], rows.schema.field("state").type)
    cut = rows.set_column(rows.schema.get_field_index("state"), rows.schema.field("state"), states)
    monkeypatch.setattr(RunDirectory, "trials", lambda _: cut)
    described = run.manifest().dataset
    assert described is not None
    options = SearchOptions(start_from=str(run.path))
    found = read_beginning(run.space(), options, trials=3, fingerprint=described.fingerprint)
    assert len(found.observations) == 3
    assert found.tried == (tries[0], tries[2])


def test_a_run_without_what_was_tried_goes_on_as_it_began(tmp_path: Path) -> None:
    rates = [number / 1000 for number in range(11, 41)]
    tries = [{"learning_rate": rate} for rate in rates]
    before = search(tmp_path, "before", begin={}, tries=tries[:3], trials=3).run
    begin = {"start_from": str(before.path)}
    with pytest.raises(Killed):
        search(tmp_path, "cut", begin=begin, tries=tries, pool=killed_at(0), trials=30)
    run, view = RunDirectory.open(tmp_path / "cut"), RecordingView()
    asked = sum(trial.state != TrialState.WAITING for trial in journal(run)[3:])
    assert 0 < asked < 25
    resume_search(run, saved_options(run), view=view, open_pool=InProcess())
    left = [f"learning_rate={rate}" for rate in rates[3:][asked:]]
    assert view.lines["comes first"] == f"{len(left)} configurations, the first {left[0]}"
    assert run.trials()["learning_rate"].to_pylist()[:27] == rates[3:]
    assert run.trials()["trial_id"].to_pylist() == list(range(3, 33))
