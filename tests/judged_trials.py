"""Trials of a search, and what the report says of them."""

import dataclasses
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.evaluation import Measurement, base_line, classify, standard_error
from fcsearch.report.grounds import Grounds
from fcsearch.report.judgement import Trust
from fcsearch.report.measured import FinalTest
from fcsearch.report.model import Dataset, Importance, Work
from fcsearch.report.trust import assess
from fcsearch.selection.calibration import Calibration

NO_TEST = FinalTest(note="its model is gone")
DATASET = Dataset("d", "f", 1000, 400, 400, 2)
COUNTS = {"train": (960, 40), "val": (384, 16), "test": (384, 16)}
SPACE: dict[str, Any] = {
    "parameters": {
        "learning_rate": {"low": 1e-4, "high": 0.1, "log": True},
        "epochs": {"low": 5, "high": 50},
        "depth": {"low": 2, "high": 5},
        "hidden_dim": {"choices": [16, 64, 128, 256]},
        "dropout": {"low": 0.1, "high": 0.5},
        "reg": {"low": 1e-6, "high": 1e-2, "log": True},
        "momentum": {"low": 0.8, "high": 0.99},
        "update_rule": {"choices": ["sgd", "sgd_momentum", "adam"]},
    }
}


def row(trial_id: int, accuracy: float, **changes: Any) -> dict[str, Any]:
    return {
        "trial_id": trial_id,
        "val_accuracy": accuracy,
        "train_accuracy": accuracy,
        "num_parameters": 1000,
        "epochs": 10,
        "best_epoch": 8,
        "learning_rate": 0.01,
        "depth": 3,
        "hidden_dim": 64,
        "dropout": 0.2,
        "reg": 1e-4,
        "momentum": 0.9,
        "update_rule": "sgd",
        **changes,
    }


# They have been tried inside the ranges, and are worse.
OTHERS = [row(trial_id, 0.5, reg=trial_id / 1e6) for trial_id in (100, 101, 102)]


def judged(
    ranked: Sequence[dict[str, Any]],
    test: FinalTest = NO_TEST,
    *,
    state: str = "complete",
    space: dict[str, Any] = SPACE,
    dataset: Dataset = DATASET,
    counts: dict[str, int] | None = None,
    planned: int | None = None,
    objective: Objective = OBJECTIVES["accuracy"],
    calibration: Calibration | None = None,
    importances: Mapping[str, Importance] = MappingProxyType({}),
    **known: Any,
) -> Trust:
    """What is said of these trials; `counts` are those of the states, else all are complete."""
    work = Work(planned, counts or {"complete": len(ranked)}, 1, 1.0, 60.0, 1.0, {}, "out of memory")
    grounds = Grounds(ranked, test, state, dataset, objective, **known)
    return assess(grounds, work=work, space=space, calibration=calibration, importances=importances)


def trust(*best: dict[str, Any], test: FinalTest = NO_TEST, diverged: int = 0, **changes: Any) -> Trust:
    """The same of these, where others are worse, and the validation rows have a baseline."""
    ranked = [*best, *OTHERS]
    classes = changes.pop("class_counts", COUNTS)
    dataset = dataclasses.replace(changes.pop("dataset", DATASET), class_names=("no", "yes"), class_counts=classes)
    base = base_line(("no", "yes"), classes["val"]) if classes else None
    counts = {"complete": len(ranked), "diverged": diverged}
    return judged(ranked, test, dataset=dataset, counts=counts, base=base, **changes)


def measured(split: str, recall: tuple[float, float]) -> Measurement:
    labels = np.repeat([0, 1], COUNTS[split])
    right = np.concatenate(
        [np.arange(rows) < round(share * rows) for rows, share in zip(COUNTS[split], recall, strict=True)]
    )
    found = classify(labels, np.where(right, labels, 1 - labels), ["no", "yes"])
    accuracy = float(right.mean())
    error = standard_error(accuracy, 400)
    return Measurement(0, split, "f", 400, accuracy, error, 0.1, found, base_line=found.base_line)


def said(found: Trust) -> str:
    return "\n".join(found.remarks)
