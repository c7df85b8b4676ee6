"""A model of a run, one network or several, measured on rows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.data.dataset import Dataset, Split
from fcsearch.data.transform import TargetScale
from fcsearch.errors import DataError
from fcsearch.evaluation.baseline import base_line, base_line_of_targets
from fcsearch.evaluation.binomial import standard_error
from fcsearch.evaluation.classification import classify
from fcsearch.evaluation.measurement import Measurement
from fcsearch.evaluation.significance import lead_of
from fcsearch.evaluation.uncertainty import bootstrap_error
from fcsearch.nn.losses import loss_of, squared_loss
from fcsearch.nn.params import rows_at_a_time
from fcsearch.results import RunDirectory, objective_of
from fcsearch.selection import Member, Part, columns_of, forms_of, load_member
from fcsearch.selection.calibration import calibration_of
from fcsearch.training.judging import outputs
from fcsearch.training.objectives import FIGURES, Truth

# Smaller probabilities count as this one in a logarithm.
_LEAST = 1e-7


def measure(run: RunDirectory, trial_id: int, dataset: Dataset, split_name: str) -> Measurement:
    """Measure a trial's saved model.

    Args:
        run: The run directory.
        trial_id: A trial whose model was kept.
        dataset: In the form that the model learned, or with it among its forms.
        split_name: `train`, `val` or `test`.

    Raises:
        RunError: the model was not kept.
        DataError: the split is empty, or the dataset does not fit the model.
    """
    part = Part(1.0, trial_id, run.models.path(trial_id))
    return measure_model(run, [load_member(run, part)], dataset, split_name)


def measure_model(run: RunDirectory, members: Sequence[Member], dataset: Dataset, split_name: str) -> Measurement:
    """Measure the networks of a model together; the rest as `measure`."""
    return measure_and_score(run, members, dataset, split_name)[0]


def measure_and_score(
    run: RunDirectory, members: Sequence[Member], dataset: Dataset, split_name: str
) -> tuple[Measurement, Tensor]:
    """The same, and the scores (1, C, V) of the rows, to which no temperature was applied."""
    for form in forms_of(members):
        metadata = next(model_metadata(run, member) for member in members if member.form == form)
        require_fit(dataset.in_form(form), metadata)
    split = rows_of(members, dataset, split_name)
    if not len(split.y):
        raise DataError(f"the {split_name} split of {dataset.name} must have rows; found none; choose another split")
    return measure_members(
        run, members, split, split_name, dataset.class_names, dataset.fingerprint, target=dataset.transform.target
    )


def rows_of(members: Sequence[Member], dataset: Dataset, split_name: str) -> Split:
    """The rows of a split as the input of a model: every form that its networks were trained on, side by side."""
    parts: list[Split] = [getattr(dataset.in_form(form), split_name) for form in forms_of(members)]
    if len(parts) == 1:
        return parts[0]
    return dataclasses.replace(parts[0], X=np.concatenate([part.X for part in parts], axis=1))


def model_metadata(run: RunDirectory, member: Member) -> dict[str, Any]:
    """The metadata saved with a network: which data it was trained on."""
    return run.models.metadata(member.trial_id or 0, path=member.path)


def measure_members(
    run: RunDirectory,
    members: Sequence[Member],
    rows: Split,
    split_name: str,
    class_names: Sequence[str],
    fingerprint: str,
    *,
    target: TargetScale | None = None,
) -> tuple[Measurement, Tensor]:
    """Measure the networks of a model together on some rows with features and labels.

    Args:
        run: The run, whose objective is measured.
        members: The networks, and their weights.
        rows: At least one row, as returned by `rows_of`.
        split_name: The name of the rows.
        class_names: Name of each class; none for a regression.
        fingerprint: That of the data.
        target: How a regression's targets are standardised.

    Returns:
        The measurement, and the scores (1, C, V) of the rows, to which no temperature was applied.

    Raises:
        DataError: the run's objective is not defined on these rows.
    """
    objective, described = objective_of(run.trials()), run.manifest().dataset
    positive = described.positive if described else 1
    truth = truth_of(rows, len(class_names), positive, target)
    raw, loss = score(members, rows, truth)
    scores = raw
    if target is None and (calibration := calibration_of(run, members)):
        # The figures are those of the predicted probabilities.
        scores = raw / calibration.temperature
    found = measurement_of(scores, rows, truth, objective, class_names, split_name=split_name, fingerprint=fingerprint)
    found = dataclasses.replace(
        with_lead(found, [(scores, truth)]),
        trial_id=members[0].trial_id if len(members) == 1 else None,
        networks=len(members),
        loss=loss if math.isfinite(loss) else None,
    )
    return found, raw


def measurement_of(
    scores: Tensor,
    rows: Split,
    truth: Truth,
    objective: Objective,
    class_names: Sequence[str],
    *,
    split_name: str,
    fingerprint: str,
) -> Measurement:
    """The figures of scores (1, C, V) for some rows, without loss and lead; arguments, errors as `measure_members`."""
    figures = _figures(objective, scores, truth)
    if objective.name not in figures:
        such = "rows of more than one class" if truth.num_classes else "rows of different targets"
        place = "" if split_name == "all" else f"{split_name} "
        raise DataError(
            f"{objective.title} needs rows on which it is defined, such as {such}; found {len(rows):,} {place}"
            f"row{'' if len(rows) == 1 else 's'} on which it is not a number; measure on other rows"
        )
    value = figures[objective.name]
    if objective.name == "accuracy":
        error = standard_error(value, len(rows))
    else:
        error = bootstrap_error(objective.name, scores, truth)
    if truth.num_classes:
        by_class = classify(rows.y, scores[0].max(0).indices.numpy(), class_names)
        counts = [entry.rows for entry in by_class.classes]
        bases = {name: base_line(class_names, counts, name, positive=truth.positive) for name in figures}
    else:
        by_class, bases = None, {name: base_line_of_targets(rows.y, name) for name in figures}
    return Measurement(
        trial_id=None,
        split=split_name,
        fingerprint=fingerprint,
        rows=len(rows),
        value=value,
        standard_error=error,
        loss=None,
        classification=by_class,
        objective=objective.name,
        figures=figures,
        base_line=bases[objective.name],
        base_figures={name: base.value for name, base in bases.items()},
        positive=class_names[truth.positive] if truth.num_classes == 2 else None,
    )


def with_lead(found: Measurement, parts: Sequence[tuple[Tensor, Truth]]) -> Measurement:
    """The measurement with the lead of its value over its baseline; `parts` as `lead_of`."""
    if found.base_line is None:
        return found
    gain = OBJECTIVES[found.objective].gain(found.value - found.base_line.value)
    return dataclasses.replace(found, lead=lead_of(found.objective, gain, parts))


def require_fit(dataset: Dataset, metadata: Mapping[str, Any]) -> None:
    """Raise DataError unless a model with this metadata can be measured on the dataset."""
    wanted = (metadata["input_dim"], metadata["num_classes"])
    found = (dataset.input_dim, dataset.num_classes)
    if found != wanted:
        labels = f"{wanted[1]} classes" if wanted[1] else "0 classes, as for a regression"
        raise DataError(
            f"the dataset must have {wanted[0]} features and {labels}, like the model; {dataset.name} has "
            f"{found[0]} and {found[1]}; measure on data of the same form"
        )
    if (names := metadata.get("class_names")) and list(names) != list(dataset.class_names):
        raise DataError(
            f"the classes must be {', '.join(names)}, like the model's; found {', '.join(dataset.class_names)} in "
            f"{dataset.name}; measure on data with the same labels"
        )


def truth_of(rows: Split, num_classes: int, positive: int, target: TargetScale | None) -> Truth:
    """The labels of some rows, to compare scores with."""
    y = torch.from_numpy(rows.y)
    if target is None:
        return Truth(y, num_classes, positive)
    return Truth((y.double() - target.offset) / target.scale, 0, scale=target.scale)


def score(members: Sequence[Member], rows: Split, truth: Truth) -> tuple[Tensor, float]:
    """The scores (1, C, V) in float64, and the mean loss over the rows, without smoothing and the L2 term.

    The rows are as returned by `rows_of`. For a single network, the loss is its own. For several classifiers, the
    scores are the logarithms of their mean probabilities, and the loss is the negative logarithm of the right class's;
    for several regressions, the scores are the mean of their scores, and the loss is its mean squared error.
    """
    if len(members) > 1:
        return _score_together(members, rows, truth)
    model = members[0].net
    total, parts, size = 0.0, [], rows_at_a_time(model.params)
    for start in range(0, len(rows), size):
        part = slice(start, start + size)
        scores, y = model.loss(torch.from_numpy(rows.X[part])), truth.y[part]
        y = y if truth.num_classes else y.to(scores.dtype)
        total += float(loss_of(model.loss_name, scores, y, huber_delta=model.huber_delta)[0]) * len(y)
        parts.append(scores.double())
    return torch.cat(parts).T.contiguous().unsqueeze(0), total / len(rows)


def _score_together(members: Sequence[Member], rows: Split, truth: Truth) -> tuple[Tensor, float]:
    parts = [
        member.weight * outputs(member.net, torch.from_numpy(np.ascontiguousarray(rows.X[:, columns]))).double()
        for member, columns in zip(members, columns_of(members), strict=True)
    ]
    mean = torch.stack(parts).sum(0)
    if truth.num_classes:
        scores = mean.clamp(min=_LEAST).log()
        loss = -scores.gather(1, truth.y.unsqueeze(1)).mean()
    else:
        scores, (loss, _) = mean, squared_loss(mean, truth.y)
    return scores.T.contiguous().unsqueeze(0), float(loss)


def _figures(objective: Objective, scores: Tensor, truth: Truth) -> dict[str, float]:
    """Every objective of the task; those that are not defined on these rows are left out."""
    names = [name for name, other in OBJECTIVES.items() if other.task == objective.task]
    figures = {name: float(FIGURES[name](scores, truth)) for name in names}
    return {name: value for name, value in figures.items() if math.isfinite(value)}
