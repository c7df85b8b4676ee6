"""The state that Optuna's CMA-ES keeps in the journal is restored, and runs nothing."""

import pickle
import re
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.storages import JournalStorage

from fcsearch.errors import RunError
from fcsearch.search.planning.cmaes_sampler import restore
from fcsearch.search.planning.samplers import make_sampler
from fcsearch.search.record.journal import JournalFile
from fcsearch.space import SamplerSpec


class Hostile:
    """What runs a command when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def study(folder: Path, **options: Any) -> optuna.Study:
    sampler = make_sampler(SamplerSpec("cmaes", options), seed=0)
    storage = JournalStorage(JournalFile(folder / "study.journal"))
    return optuna.create_study(storage=storage, study_name="s", sampler=sampler, load_if_exists=True)


def objective(trial: optuna.Trial) -> float:
    return trial.suggest_float("x", -1, 1) ** 2 + trial.suggest_float("y", -1, 1) ** 2


def states(found: optuna.Study) -> list[int]:
    return [trial.number for trial in found.get_trials() if any("optimizer" in name for name in trial.system_attrs)]


def test_its_own_state_is_restored(tmp_path: Path) -> None:
    first = study(tmp_path, n_startup_trials=1)
    first.optimize(objective, n_trials=12)
    before = states(first)
    assert before
    again = study(tmp_path, n_startup_trials=1)
    again.optimize(objective, n_trials=12)
    assert len(again.trials) == 24
    assert max(states(again)) > max(before)


def test_anything_else_is_refused_before_it_runs(tmp_path: Path) -> None:
    found = study(tmp_path, n_startup_trials=1)
    found.optimize(objective, n_trials=12)
    made = tmp_path / "made"
    text = pickle.dumps(Hostile(made)).hex()
    journal = tmp_path / "study.journal"
    # The state is cut into several attributes.
    first = re.sub(r'("cma:optimizer:0":) ?"[0-9a-f]+"', rf'\1"{text}"', journal.read_text())
    journal.write_text(re.sub(r'("cma:optimizer:[1-9]\d*":) ?"[0-9a-f]+"', r'\1""', first))
    assert text in journal.read_text()
    with pytest.raises(RunError, match=r"must hold CMA-ES's own state; found in trial \d+: UnpicklingError"):
        study(tmp_path, n_startup_trials=1).optimize(objective, n_trials=1)
    assert not made.exists()


@pytest.mark.parametrize("text", ["", "zz", "80", pickle.dumps(eval).hex()])
def test_text_that_is_no_state(text: str) -> None:
    with pytest.raises(RunError, match="trial 3"):
        restore(text, 3)
