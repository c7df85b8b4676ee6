"""The rows that a pack is trained on, resident on its device, and the minibatches drawn from them."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from fcsearch.config import OWN_FORM, InputForm
from fcsearch.config.objective import DEFAULT_OBJECTIVES, OBJECTIVES, Task, training_sample
from fcsearch.errors import ConfigError, DataError
from fcsearch.nn.random import generator
from fcsearch.training.objectives import Truth

if TYPE_CHECKING:
    from fcsearch.data.training_arrays import TrainingArrays

# Rows are gathered for several steps at once, as many as fit this size, so that one gather serves every lane.
_CHUNK_BYTES = 4 * 2**20
# Rows that are evaluated at once: few enough that a layer's activations stay near a CPU's cache.
_EVALUATED_ROWS = 384
# What differs from step to step is computed, and taken to the device, for a stretch of epochs at once: at most so many
# epochs, and more than one only where they have so few steps and rows together.
_STRETCH_EPOCHS = 16
_STRETCH_STEPS = 256
_STRETCH_ROWS = 2**20


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Training and validation rows on one device; with folds those of the first fold, with the others in `others`.

    Attributes:
        X_train: (N, D) features, float32 or float64.
        y_train: (N,) int64 labels in [0, num_classes); for a regression standardised targets, in the features' type.
        X_val: (V, D) features.
        y_val: (V,) labels or targets.
        num_classes: Number of classes C; 0 for a regression.
        objective: The figure on validation rows that decides which epoch is best: a key of OBJECTIVES for the task.
        positive: Of two classes, the one that `average_precision` is measured for.
        target_scale: The value of a standardised target of 1 in the target's own unit.
        row_weights: (N,) how much each training row counts in the loss, at least 0 and 1 on average, in the features'
            type; None: all equally. Figures on validation rows and on the training sample have no weights.
        others: The rows of the other folds, whose features may differ; a trial is trained on each fold separately, and
            its figures are the mean over them.
        form: The form of these rows.
        numbers: How many of the features, the first, are numbers, which a network may embed; others are of categories.
        forms: The same rows in other forms; a trial is trained on the one that its configuration names.
    """

    X_train: Tensor
    y_train: Tensor
    X_val: Tensor
    y_val: Tensor
    num_classes: int
    objective: str = "accuracy"
    positive: int = 1
    target_scale: float = 1.0
    row_weights: Tensor | None = None
    others: tuple[TrainingData, ...] = ()
    form: InputForm = OWN_FORM
    numbers: int = 0
    forms: tuple[TrainingData, ...] = ()

    def __post_init__(self) -> None:
        if OBJECTIVES[self.objective].task != self.task:
            raise DataError(f"the objective must be one of {self.task}; found {self.objective}")
        for name, X, y in (("training", self.X_train, self.y_train), ("validation", self.X_val, self.y_val)):
            if X.dim() != 2 or y.dim() != 1 or len(X) != len(y) or len(X) == 0:
                raise DataError(
                    f"the {name} split must be features (N, D) and labels (N,) with N at least 1;"
                    f" found {tuple(X.shape)} and {tuple(y.shape)}"
                )
        if self.row_weights is not None and self.row_weights.shape != self.y_train.shape:
            raise DataError(
                f"row_weights must hold one number for each of the {len(self.y_train)} training rows; found the shape "
                f"{tuple(self.row_weights.shape)}"
            )
        if self.X_train.shape[1] != self.X_val.shape[1]:
            raise DataError(
                "training and validation rows must have equally many features;"
                f" found {self.X_train.shape[1]} and {self.X_val.shape[1]}"
            )

    @classmethod
    def from_arrays(
        cls,
        X_train: Any,
        y_train: Any,
        X_val: Any,
        y_val: Any,
        *,
        num_classes: int,
        objective: str | None = None,
        positive: int = 1,
        target_scale: float = 1.0,
        row_weights: Any = None,
        others: Sequence[TrainingArrays] = (),
        form: InputForm = OWN_FORM,
        numbers: int = 0,
        forms: Sequence[TrainingArrays] = (),
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> TrainingData:
        """Move NumPy arrays or tensors to the device; those already there in the right type are not copied.

        `others` has these arguments for each other fold, `forms` for each other form.
        """

        def features(X: Any) -> Tensor:
            return torch.as_tensor(X).to(device=device, dtype=dtype)

        def labels(y: Any) -> Tensor:
            return torch.as_tensor(y).to(device=device, dtype=torch.int64 if num_classes else dtype)

        if objective is None:
            objective = DEFAULT_OBJECTIVES["classification" if num_classes else "regression"]
        arrays = features(X_train), labels(y_train), features(X_val), labels(y_val)
        weights = None if row_weights is None else features(row_weights)
        folds, known = (
            tuple(cls.from_arrays(**part, device=device, dtype=dtype) for part in parts) for parts in (others, forms)
        )
        return cls(*arrays, num_classes, objective, positive, target_scale, weights, folds, form, numbers, known)

    def in_form(self, form: InputForm) -> TrainingData:
        """The same rows in another form; ConfigError if they are not there in it."""
        for known in (self, *self.forms):
            if known.form == form:
                return known
        known_forms = ", ".join(str(known.form) for known in (self, *self.forms))
        raise ConfigError(f"a trial needs its rows in the form {form}; found {known_forms}")

    @property
    def folds(self) -> tuple[TrainingData, ...]:
        """The rows of each fold; without folds these rows alone."""
        return (self, *self.others)

    @property
    def task(self) -> Task:
        """Classification or regression."""
        return "classification" if self.num_classes else "regression"

    @property
    def outputs(self) -> int:
        """Columns of the scores: one per class, one for a regression."""
        return max(1, self.num_classes)

    @functools.cached_property
    def truth(self) -> Truth:
        """The labels or targets of the validation rows, to compare scores with."""
        return Truth(self.y_val, self.num_classes, self.positive, self.target_scale)

    @property
    def input_dim(self) -> int:
        """Number of features D."""
        return self.X_train.shape[1]

    @property
    def device(self) -> torch.device:
        """Where the rows are, and so where packs train."""
        return self.X_train.device

    @property
    def dtype(self) -> torch.dtype:
        """The type that packs compute in."""
        return self.X_train.dtype

    @functools.cached_property
    def rows(self) -> tuple[int, int]:
        """Rows of the training sample, on which training figures are measured, and of validation."""
        return training_sample(len(self.X_train), len(self.X_val)), len(self.X_val)

    @functools.cached_property
    def train_sample(self) -> list[Batch]:
        """The first training rows, on which every trial's training figure is measured."""
        return self._batches(self.X_train[: self.rows[0]], self.y_train[: self.rows[0]])

    @functools.cached_property
    def validation(self) -> list[Batch]:
        """The validation rows."""
        return self._batches(self.X_val, self.y_val)

    def _batches(self, X: Tensor, y: Tensor) -> list[Batch]:
        """Rows in parts of nearly equal size: of two sizes at most."""
        parts = zip(
            torch.tensor_split(X, -(-len(X) // _EVALUATED_ROWS)),
            torch.tensor_split(y, -(-len(y) // _EVALUATED_ROWS)),
            strict=True,
        )
        return [Batch(x, labels, self.targets(labels.unsqueeze(0))) for x, labels in parts]

    def targets(self, labels: Tensor) -> Tensor:
        """The targets of the losses, (..., C, N): labels (..., 1, N) one-hot, or a regression's targets unchanged."""
        return one_hot(labels, self.num_classes, self.dtype) if self.num_classes else labels


@dataclasses.dataclass(frozen=True)
class Batch:
    """Rows `x` (N, D), their labels or targets (N,), and what losses compare scores with, `targets` (C, N).

    `row_weights` (N,) says how much each counts in the loss; None: all alike. The minibatches of several steps have an
    axis of steps before these.
    """

    x: Tensor
    labels: Tensor
    targets: Tensor
    row_weights: Tensor | None = None

    def steps(self) -> Iterator[Batch]:
        """Those of several steps, one by one."""
        parts = [self.x, self.labels, self.targets, *([] if self.row_weights is None else [self.row_weights])]
        return (Batch(*tensors) for tensors in zip(*parts, strict=True))


class Minibatches:
    """The minibatches of one seed and batch size; the order of an epoch depends only on these and the epoch.

    As in `fcsearch.nn.Solver` an epoch has N // batch_size steps (at least one); the rows left over differ from epoch
    to epoch, since each epoch is a new permutation.

    Args:
        data: The rows.
        seed: Seed of the order.
        batch_size: Rows per step; more than there are means all of them.
    """

    def __init__(self, data: TrainingData, *, seed: int, batch_size: int) -> None:
        self.data = data
        self._seed = seed
        self.batch_size = min(batch_size, len(data.X_train))
        self.steps = len(data.X_train) // self.batch_size
        row_bytes = data.input_dim * data.X_train.element_size()
        self._chunk_steps = max(1, min(self.steps, _CHUNK_BYTES // (row_bytes * self.batch_size)))

    def stretch(self, epoch: int) -> range:
        """The epochs that are prepared together with this one (from 1): the same for each of them."""
        rows = self.steps * self.batch_size
        size = max(1, min(_STRETCH_EPOCHS, _STRETCH_STEPS // self.steps, _STRETCH_ROWS // rows))
        first = (epoch - 1) // size * size + 1
        return range(first, first + size)

    def order(self, epoch: int) -> Tensor:
        """Which training rows the steps of an epoch (from 1) take, (steps, batch_size), on the CPU."""
        drawn = torch.randperm(len(self.data.X_train), generator=generator(self._seed, "order", epoch))
        return drawn[: self.steps * self.batch_size].view(self.steps, self.batch_size)

    def epoch(self, epoch: int, *, most: int | None = None) -> Iterator[Batch]:
        """Yield the steps of an epoch (from 1), in chunks that are gathered together, of at most so many steps."""
        order = self.order(epoch).to(self.data.device)
        for rows in torch.split(order, min(self._chunk_steps, most or self._chunk_steps)):
            yield self.gather(rows)

    def gather(self, rows: Tensor) -> Batch:
        """The minibatches of some steps, whose rows are (steps, batch_size), with the steps as the first axis."""
        data, (steps, size) = self.data, rows.shape
        x = data.X_train.index_select(0, rows.flatten()).view(steps, size, -1)
        labels = data.y_train.index_select(0, rows.flatten()).view(steps, 1, size)
        weights = (
            None if data.row_weights is None else data.row_weights.index_select(0, rows.flatten()).view(rows.shape)
        )
        return Batch(x, labels.squeeze(1), data.targets(labels), weights)


def one_hot(labels: Tensor, num_classes: int, dtype: torch.dtype) -> Tensor:
    """Class-first one-hot targets (..., C, N) of labels (..., 1, N)."""
    classes = torch.arange(num_classes, device=labels.device).unsqueeze(1)
    targets = torch.empty(torch.broadcast_shapes(labels.shape, classes.shape), device=labels.device, dtype=dtype)
    return torch.eq(labels, classes, out=targets)
