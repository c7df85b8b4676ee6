"""A run directory such as a search leaves, made in a moment: results by a formula, models by least squares."""

import functools
import itertools
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend

from fcsearch.config import TrialConfig
from fcsearch.data import DatasetSpec, load_dataset
from fcsearch.data.dataset import Dataset
from fcsearch.results import Manifest, RunDirectory

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
PACK_SIZE = 8
EPOCHS = 10
_LOW, _HIGH = 1e-4, 1.0

DISTRIBUTIONS: dict[str, Any] = {
    "learning_rate": optuna.distributions.FloatDistribution(_LOW, _HIGH, log=True),
    "depth": optuna.distributions.IntDistribution(2, 4),
    "hidden_dim": optuna.distributions.CategoricalDistribution([16, 64, 128]),
    "dropout": optuna.distributions.FloatDistribution(0.0, 0.5),
    "update_rule": optuna.distributions.CategoricalDistribution(["sgd", "sgd_momentum", "adam"]),
    "momentum": optuna.distributions.FloatDistribution(0.8, 0.99),
    "init": optuna.distributions.CategoricalDistribution(["kaiming", "normal"]),
}
SPACE = {
    "name": "synthetic",
    "sampler": {"name": "tpe"},
    "trials": 48,
    "early_stopping": {"method": "asha", "min_epochs": 3, "reduction_factor": 3},
    "parameters": {
        "learning_rate": {"low": _LOW, "high": _HIGH, "log": True},
        "depth": {"low": 2, "high": 4},
        "hidden_dim": {"choices": [16, 64, 128]},
        "dropout": {"low": 0.0, "high": 0.5},
        "update_rule": {"choices": ["sgd", "sgd_momentum", "adam"]},
        "momentum": {"low": 0.8, "high": 0.99, "when": {"update_rule": ["sgd_momentum"]}},
        "init": {"choices": ["kaiming", "normal"]},
        "epochs": {"value": EPOCHS},
    },
}


@functools.cache
def digits() -> Dataset:
    return load_dataset(DatasetSpec("digits"))


def manifest(name: str, **changes: Any) -> Manifest:
    """What a search writes into run.json."""
    values = {
        "name": name,
        "space": {**SPACE, "name": name},
        "dataset": digits().describe(),
        "seed": 0,
        "options": {"trials": None, "seed": 0},
        "command": ["fcsearch", "run", "--space", "search_spaces/full.yaml"],
        "state": "complete",
        "created_at": START.isoformat(),
        "finished_at": (START + timedelta(seconds=96)).isoformat(),
        "error": None,
        **changes,
    }
    return Manifest.model_validate(values)


def make_run(path: Path, *, trials: int = 48, models: int = 3, **changes: Any) -> RunDirectory:
    """Write a run directory.

    Args:
        path: Must not exist.
        trials: How many are done.
        models: How many of the best keep their weights.
        changes: Manifest keys that differ from a complete run's.
    """
    run = RunDirectory.create(path, manifest(path.name, **changes))
    rows = add_trials(run, range(trials))
    best = sorted((row for row in rows if row["state"] == "complete"), key=lambda row: -row["val_accuracy"])[:models]
    for row in best:
        save_model(run, row)
    if rows:
        write_journal(run, rows)
    return run


def change_dataset(run: RunDirectory, **changes: Any) -> None:
    """Have run.json say something else of the dataset."""
    described = run.manifest().dataset
    run.update_manifest({"dataset": {**described.model_dump(mode="json", exclude_unset=True), **changes}})


def add_trials(run: RunDirectory, trial_ids: range) -> list[dict[str, Any]]:
    """Write these trials in packs; returns their rows."""
    done = []
    for start in range(trial_ids.start, trial_ids.stop, PACK_SIZE):
        pack = [trial_row(trial_id) for trial_id in range(start, min(start + PACK_SIZE, trial_ids.stop))]
        run.write_pack(run.next_pack_id(), pack, [epoch for row in pack for epoch in epoch_rows(row)])
        done += pack
    return done


def trial_row(trial_id: int) -> dict[str, Any]:
    """The trial's row: good at learning rates near 0.01, diverged above 0.5, a few stopped."""
    rng = np.random.default_rng(trial_id)
    rule = str(rng.choice(["sgd", "sgd_momentum", "adam"]))
    config = TrialConfig.from_parameters(
        {
            "learning_rate": float(10 ** rng.uniform(np.log10(_LOW), np.log10(_HIGH))),
            "depth": int(rng.integers(2, 5)),
            "hidden_dim": int(rng.choice([16, 64, 128])),
            "dropout": float(rng.uniform(0, 0.5)),
            "update_rule": rule,
            "init": "normal" if rng.random() < 0.5 else "kaiming",
            "epochs": EPOCHS,
            **({"momentum": float(rng.uniform(0.8, 0.99))} if rule == "sgd_momentum" else {}),
        },
        seed=0,
    )
    distance = abs(np.log10(config.learning_rate) + 2)
    accuracy = float(np.clip(0.985 - 0.06 * distance**2 - 0.02 * config.dropout + rng.normal(0, 0.003), 0.1, 1.0))
    state = "diverged" if config.learning_rate > 0.5 else "stopped" if accuracy < 0.9 else "complete"
    ran = {"diverged": 1, "stopped": 3, "complete": EPOCHS}[state]
    finished = START + timedelta(seconds=6 + 12 * (trial_id // PACK_SIZE + 1))
    result = {
        "val_accuracy": accuracy,
        "best_epoch": ran - (state == "complete"),
        "train_accuracy": min(1.0, accuracy + 0.01),
        "train_loss": 1 - accuracy,
        "val_loss": 1.1 - accuracy,
        "final_val_accuracy": accuracy - 0.002,
        "final_train_accuracy": min(1.0, accuracy + 0.012),
    }
    sizes = (64, *config.hidden_dims, 10)
    return {
        "trial_id": trial_id,
        "state": state,
        **config.parameters(),
        "seed": 0,
        **(result if state != "diverged" else {}),
        "epochs_run": ran,
        "num_parameters": sum((rows + 1) * columns for rows, columns in itertools.pairwise(sizes)),
        "train_seconds": 0.8,
        "device": "cpu",
        "node": f"node-{trial_id // PACK_SIZE % 2 + 1}",
        "started_at": finished - timedelta(seconds=12),
        "finished_at": finished,
        "error": None,
    }


def epoch_rows(row: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The trial's epochs, up to the figures of its row."""
    if row["state"] == "diverged":
        return [
            {"trial_id": row["trial_id"], "epoch": 1, "train_loss": float("nan"), "learning_rate": 1.0, "seconds": 0.1}
        ]
    epochs = []
    for epoch in range(1, row["epochs_run"] + 1):
        share = 1 - 0.5 ** min(epoch / row["best_epoch"] * 6, 6) if epoch < row["best_epoch"] else 1.0
        epochs.append(
            {
                "trial_id": row["trial_id"],
                "epoch": epoch,
                "train_loss": 2.3 - (2.3 - row["train_loss"]) * share,
                "train_accuracy": row["train_accuracy"] * share,
                "val_loss": 2.3 - (2.3 - row["val_loss"]) * share,
                "val_accuracy": row["val_accuracy"] * share
                if epoch <= row["best_epoch"]
                else row["final_val_accuracy"],
                "learning_rate": row["learning_rate"],
                "seconds": 0.08,
            }
        )
    return epochs


def make_table_run(path: Path, source: Path, **options: Any) -> RunDirectory:
    """A run of one trial on a table, with its model: what `fcsearch run --dataset source` would leave."""
    data = load_dataset(DatasetSpec(str(source), **options))
    run = RunDirectory.create(path, manifest(path.name, dataset=data.describe()))
    run.keep_transform(data.transform)
    row = {**trial_row(0), "state": "complete", "hidden_dims": (32,)}
    run.write_pack(run.next_pack_id(), [row], [])
    save_model(run, row, data)
    return run


def save_model(run: RunDirectory, row: Mapping[str, Any], data: Dataset | None = None) -> None:
    """Save a network that classifies the digits well: random hidden units, and an output fitted by least squares."""
    data = data or digits()
    rng = np.random.default_rng(row["trial_id"])
    hidden, sizes = data.train.X.astype(np.float64), (data.input_dim, *row["hidden_dims"])
    weights = {}
    for layer, (rows, columns) in enumerate(itertools.pairwise(sizes), start=1):
        weights[f"W{layer}"] = rng.normal(0, np.sqrt(2 / rows), (rows, columns))
        weights[f"b{layer}"] = np.zeros(columns)
        hidden = np.maximum(hidden @ weights[f"W{layer}"], 0)
    design = np.hstack([hidden, np.ones((len(hidden), 1))])
    ridge = design.T @ design + 10 * np.eye(design.shape[1])
    output = np.linalg.solve(ridge, design.T @ np.eye(data.num_classes)[data.train.y])
    weights[f"W{len(sizes)}"], weights[f"b{len(sizes)}"] = output[:-1], output[-1]
    names = ("dropout", "input_dropout", "reg", "loss", "label_smoothing", "learning_rate", "epochs", "seed")
    config = {name: row[name] for name in names}
    run.models.save(
        row["trial_id"],
        {name: torch.from_numpy(value).float() for name, value in weights.items()},
        {
            "config": {**config, "hidden_dims": list(row["hidden_dims"])},
            **data.model_metadata(),
        },
    )


def write_journal(run: RunDirectory, rows: list[dict[str, Any]]) -> None:
    """Tell Optuna of the trials, as a search would."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    storage = JournalStorage(JournalFileBackend(str(run.journal_path)))
    study = optuna.create_study(study_name=run.path.name, direction="maximize", storage=storage)
    states = {"complete": optuna.trial.TrialState.COMPLETE}
    for row in rows:
        named = {name: kind for name, kind in DISTRIBUTIONS.items() if row[name] is not None}
        state = states.get(row["state"], optuna.trial.TrialState.PRUNED)
        study.add_trial(
            optuna.trial.create_trial(
                state=state,
                params={name: row[name] for name in named},
                distributions=named,
                value=row["val_accuracy"] if row["state"] == "complete" else None,
            )
        )
