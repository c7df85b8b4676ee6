"""Small spaces, and outcomes that no training was needed for."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
import yaml
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from fcsearch.results import Manifest, RunDirectory
from fcsearch.search.planning.trials import PlannedTrial
from fcsearch.search.pool.messages import MemberOutcome, PackOutcome, Place
from fcsearch.search.record.ledger import Ledger
from fcsearch.search.record.outcomes import epoch_records, trial_records
from fcsearch.search.record.pack_record import PackRecord
from fcsearch.space import SearchSpace, load_space
from fcsearch.training import EpochMetrics, MemberResult, TrialConfig

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PLACE = Place("here (10.0.0.1)", "cpu")

PARAMETERS: dict[str, Any] = {
    "learning_rate": {"low": 1e-4, "high": 1e-1, "log": True},
    "epochs": 4,
    "hidden_dim": {"choices": [8, 16]},
    "update_rule": {"choices": ["sgd", "sgd_momentum"]},
    "momentum": {"low": 0.8, "high": 0.99, "when": {"update_rule": "sgd_momentum"}},
}


def make_space(folder: Path, **keys: Any) -> SearchSpace:
    """A small space on digits; `keys` are those of a space file."""
    file = folder / "space.yaml"
    file.write_text(
        yaml.safe_dump({"name": "small", "parameters": PARAMETERS, "sampler": "random", **keys}, sort_keys=False)
    )
    return load_space(file)


def write_table(path: Path, target: Callable[[np.ndarray[Any, Any]], np.ndarray[Any, Any]], label: str) -> Path:
    """400 rows of three features, and a label that is a function of them."""
    X = np.random.default_rng(0).normal(size=(400, 3))
    rows = [",".join(map(str, [*map(float, x), y])) for x, y in zip(X, target(X).tolist(), strict=True)]
    path.write_text("\n".join([f"a,b,c,{label}", *rows]) + "\n")
    return path


def make_run(folder: Path, space: SearchSpace, *, name: str = "run") -> RunDirectory:
    """A run directory as a search makes it, without rows."""
    return RunDirectory.create(folder / name, Manifest(name=name, state="running", space=space.to_json()))


def journal(run: RunDirectory) -> list[optuna.trial.FrozenTrial]:
    """The trials as the file has them, read by Optuna's own backend."""
    storage = JournalStorage(JournalFileBackend(str(run.journal_path)))
    return optuna.load_study(study_name=run.path.name, storage=storage).get_trials()


def result(config: TrialConfig, accuracies: Sequence[float | None], state: Any = "complete") -> MemberResult:
    """A trial with these validation accuracies, epoch by epoch; None: the loss was not finite."""
    epochs = tuple(
        EpochMetrics(
            epoch=epoch,
            train_loss=None if value is None else 1 - value,
            train={} if value is None else {"accuracy": value},
            val_loss=None if value is None else 1 - value,
            val={} if value is None else {"accuracy": value},
            learning_rate=config.learning_rate,
            seconds=0.5,
        )
        for epoch, value in enumerate(accuracies, start=1)
    )
    finite = [value for value in accuracies if value is not None]
    best = accuracies.index(max(finite)) + 1 if finite else None
    return MemberResult(
        config, state, epochs, "accuracy", best, 10, 0.5 * len(epochs), {"W1": torch.ones(2, 2)} if best else {}
    )


def outcome(pack_id: int, results: Mapping[int, MemberResult], *, log: tuple[str, ...] = ()) -> PackOutcome:
    """A pack whose members, by trial, had these results."""
    members = tuple(MemberOutcome(trial_id, found, NOW) for trial_id, found in results.items())
    return PackOutcome(pack_id, members, PLACE, NOW, log, trained_at=NOW if members else None)


def record(ledger: Ledger, found: PackOutcome) -> None:
    """Record a pack that keeps no models."""
    ledger.record(PackRecord(found.pack_id, trial_records(found), epoch_records(found)))


def trials(count: int, *, first: int = 0, **parameters: Any) -> list[PlannedTrial]:
    """Trials of one configuration."""
    return [PlannedTrial(number, TrialConfig(**parameters)) for number in range(first, first + count)]
