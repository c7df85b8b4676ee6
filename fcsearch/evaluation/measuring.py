"""A saved model, measured on a split of its dataset."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from fcsearch.data.dataset import Dataset, Split
from fcsearch.errors import DataError
from fcsearch.evaluation.classification import classify
from fcsearch.evaluation.measurement import Measurement
from fcsearch.evaluation.uncertainty import standard_error
from fcsearch.nn import FullyConnectedNet, softmax_loss, svm_loss
from fcsearch.results import RunDirectory

_LOSSES = {"softmax": softmax_loss, "svm": svm_loss}
# Rows scored at a time: large splits must not need memory for all their hidden layers at once.
_ROWS = 4096


def measure(run: RunDirectory, trial_id: int, dataset: Dataset, split_name: str) -> Measurement:
    """Measure a trial's saved model.

    Args:
        run: The run directory.
        trial_id: A trial whose model was kept.
        dataset: Preprocessed as the model's was.
        split_name: `train`, `val` or `test`.

    Raises:
        RunError: the model was not kept.
        DataError: the split is empty, or the dataset does not fit the model.
    """
    split: Split = getattr(dataset, split_name)
    if not len(split.y):
        raise DataError(f"the {split_name} split of {dataset.name} must have rows; found none; choose another split")
    _require_fit(dataset, run.models.metadata(trial_id))
    return measure_rows(run, trial_id, split, split_name, dataset.class_names, dataset.fingerprint)


def measure_rows(
    run: RunDirectory, trial_id: int, rows: Split, split_name: str, class_names: Sequence[str], fingerprint: str
) -> Measurement:
    """Measure a trial's saved model on some rows, which have the model's features and classes.

    Args:
        run: The run directory.
        trial_id: A trial whose model was kept.
        rows: At least one.
        split_name: What the rows are called.
        class_names: Name of each class.
        fingerprint: Of what the rows are from.

    Raises:
        RunError: the model was not kept.
    """
    loss, predicted = _score(run.models.load(trial_id), rows)
    accuracy = float((predicted == rows.y).mean())
    return Measurement(
        trial_id=trial_id,
        split=split_name,
        fingerprint=fingerprint,
        rows=len(predicted),
        accuracy=accuracy,
        standard_error=standard_error(accuracy, len(predicted)),
        loss=loss if math.isfinite(loss) else None,
        classification=classify(rows.y, predicted, class_names),
    )


def _require_fit(dataset: Dataset, metadata: Mapping[str, Any]) -> None:
    wanted = (metadata["input_dim"], metadata["num_classes"])
    found = (dataset.input_dim, dataset.num_classes)
    if found != wanted:
        raise DataError(
            f"the dataset must have {wanted[0]} features and {wanted[1]} classes, as the model has; {dataset.name} has "
            f"{found[0]} and {found[1]}; measure on data of the same form"
        )
    if (names := metadata.get("class_names")) and list(names) != list(dataset.class_names):
        raise DataError(
            f"the classes must be {', '.join(names)}, as the model's were; found {', '.join(dataset.class_names)} in "
            f"{dataset.name}; measure on data with the same labels"
        )


def _score(model: FullyConnectedNet, split: Split) -> tuple[float, npt.NDArray[np.int64]]:
    """The mean loss over the rows, without the L2 term, and the predicted class of each row."""
    total = 0.0
    predicted = []
    for start in range(0, len(split.y), _ROWS):
        X = torch.from_numpy(split.X[start : start + _ROWS])
        y = torch.from_numpy(split.y[start : start + _ROWS])
        scores = model.loss(X)
        total += float(_LOSSES[model.loss_name](scores, y)[0]) * len(y)
        predicted.append(scores.argmax(dim=-1).numpy())
    return total / len(split.y), np.concatenate(predicted)
