"""A model of a run, one network or several, measured on rows."""

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
from fcsearch.nn import softmax_loss, svm_loss
from fcsearch.results import RunDirectory
from fcsearch.selection import Member
from fcsearch.selection.judging import outputs

_LOSSES = {"softmax": softmax_loss, "svm": svm_loss}
# Rows scored at a time: large splits must not need memory for all their hidden layers at once.
_ROWS = 4096
# The logarithm of no probability is smaller than that of this one.
_LEAST = 1e-7


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
    members = [Member(1.0, run.models.load(trial_id), trial_id)]
    return measure_model(run, members, dataset, split_name)


def measure_model(run: RunDirectory, members: Sequence[Member], dataset: Dataset, split_name: str) -> Measurement:
    """Measure the networks of a model together; the rest as `measure`."""
    split: Split = getattr(dataset, split_name)
    if not len(split.y):
        raise DataError(f"the {split_name} split of {dataset.name} must have rows; found none; choose another split")
    require_fit(dataset, model_metadata(run, members))
    return measure_members(members, split, split_name, dataset.class_names, dataset.fingerprint)


def model_metadata(run: RunDirectory, members: Sequence[Member]) -> dict[str, Any]:
    """What was saved beside a model's networks: of what data they are."""
    path = run.models.refit_path if members[0].trial_id is None else None
    return run.models.metadata(members[0].trial_id or 0, path=path)


def measure_members(
    members: Sequence[Member], rows: Split, split_name: str, class_names: Sequence[str], fingerprint: str
) -> Measurement:
    """Measure the networks of a model together on some rows, which have their features and classes.

    Args:
        members: The networks, and their weights.
        rows: At least one.
        split_name: What the rows are called.
        class_names: Name of each class.
        fingerprint: Of what the rows are from.
    """
    loss, predicted = _score(members, rows)
    accuracy = float((predicted == rows.y).mean())
    return Measurement(
        trial_id=members[0].trial_id if len(members) == 1 else None,
        networks=len(members),
        split=split_name,
        fingerprint=fingerprint,
        rows=len(predicted),
        accuracy=accuracy,
        standard_error=standard_error(accuracy, len(predicted)),
        loss=loss if math.isfinite(loss) else None,
        classification=classify(rows.y, predicted, class_names),
    )


def require_fit(dataset: Dataset, metadata: Mapping[str, Any]) -> None:
    """Raise DataError unless a model with this metadata can be measured on the dataset."""
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


def predict_classes(members: Sequence[Member], X: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """The class of each row (N,) that the weighted mean of the members' probabilities has highest."""
    return _mean_outputs(members, X).argmax(dim=-1).numpy()


def _score(members: Sequence[Member], split: Split) -> tuple[float, npt.NDArray[np.int64]]:
    """The mean loss over the rows, and the predicted class of each row.

    The loss is a single network's own, without the L2 term; that of several is the negative logarithm of the right
    class's mean probability.
    """
    if len(members) > 1:
        mean = _mean_outputs(members, split.X)
        right = mean.gather(1, torch.from_numpy(split.y).unsqueeze(1))
        return float(-right.clamp(min=_LEAST).log().mean()), mean.argmax(dim=-1).numpy()
    model, total = members[0].net, 0.0
    predicted = []
    for start in range(0, len(split.y), _ROWS):
        X = torch.from_numpy(split.X[start : start + _ROWS])
        y = torch.from_numpy(split.y[start : start + _ROWS])
        scores = model.loss(X)
        total += float(_LOSSES[model.loss_name](scores, y)[0]) * len(y)
        predicted.append(scores.argmax(dim=-1).numpy())
    return total / len(split.y), np.concatenate(predicted)


def _mean_outputs(members: Sequence[Member], X: npt.NDArray[np.float32]) -> torch.Tensor:
    rows = torch.from_numpy(X)
    return torch.stack([weight * outputs(net, rows) for weight, net, _ in members]).sum(0)
