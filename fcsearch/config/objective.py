"""Tasks, and the objectives of a search: figures on validation rows."""

from __future__ import annotations

import dataclasses
from typing import Literal

Task = Literal["classification", "regression"]


@dataclasses.dataclass(frozen=True)
class Objective:
    """A figure that a search improves: it drives Optuna, early stopping, the best epoch, the ranking and the report.

    Attributes:
        name: Its name in spaces; `val_<name>` is its column.
        task: The task that it measures.
        maximize: Whether more is better.
        meaning: A phrase that explains it, without a full stop.
        unit: `fraction` (shown as a percentage), `target` (that of the predicted column), or nothing.
    """

    name: str
    task: Task
    maximize: bool
    meaning: str
    unit: str = ""

    @property
    def column(self) -> str:
        """The name of the figure on validation rows."""
        return f"val_{self.name}"

    @property
    def title(self) -> str:
        """Its name to print, such as `balanced accuracy`."""
        return {"f1_macro": "macro F1", "roc_auc": "ROC AUC", "rmse": "RMSE", "mae": "MAE", "r2": "R2"}.get(
            self.name, self.name.replace("_", " ")
        )

    def show(self, value: float | None) -> str:
        """A value of it as text."""
        if value is None:
            return "-"
        return f"{100 * value:.2f}%" if self.unit == "fraction" else _number(value)

    def show_difference(self, value: float) -> str:
        """A difference of two values of it, or a standard error, as text."""
        return self.show_bare(value) + (" points" if self.unit == "fraction" else "")

    def show_bare(self, value: float) -> str:
        """The same without `points`, for tables that say so once."""
        return f"{100 * value:.2f}" if self.unit == "fraction" else _number(value)

    def gain(self, value: float) -> float:
        """The value, negated if less is better, so that more is always better."""
        return value if self.maximize else -value

    @property
    def is_share_of_rows(self) -> bool:
        """Whether it counts rows, so that their number tells the chance in it: of the fractions only the accuracy."""
        return self.name == "accuracy"

    @property
    def own(self) -> Objective:
        """The figure of its task that is always measured, also on training rows."""
        return OBJECTIVES[DEFAULT_OBJECTIVES[self.task]]

    @property
    def train_column(self) -> str:
        """The column of its task's figure on training rows."""
        return f"train_{self.own.name}"


def _number(value: float) -> str:
    """Four digits; thousands and millions are written out."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


_ALL = (
    Objective("accuracy", "classification", True, "Fraction of rows that are classified correctly", "fraction"),
    Objective("balanced_accuracy", "classification", True, "Mean over the classes of recall", "fraction"),
    Objective("f1_macro", "classification", True, "Mean F1 (harmonic mean of precision and recall) over the classes"),
    Objective(
        "roc_auc", "classification", True, "Area under the ROC curve (many classes: mean of one against the rest)"
    ),
    Objective(
        "average_precision",
        "classification",
        True,
        "Average precision of the rarer class (many classes: the mean)",
    ),
    Objective("log_loss", "classification", False, "Mean negative logarithm of the right class's probability"),
    Objective("rmse", "regression", False, "Root of the mean squared error", "target"),
    Objective("mae", "regression", False, "Mean absolute error", "target"),
    Objective("r2", "regression", True, "Fraction of the variance that is explained"),
)

OBJECTIVES: dict[str, Objective] = {objective.name: objective for objective in _ALL}

# The first is what is minimised where nothing else is said.
LOSSES_OF: dict[Task, tuple[str, ...]] = {
    "classification": ("softmax", "svm"),
    "regression": ("squared", "absolute", "huber"),
}
DEFAULT_OBJECTIVES: dict[Task, str] = {"classification": "accuracy", "regression": "rmse"}

# The training figure is measured on as many rows as validation has, but on no fewer than the first number, where there
# are so many, and on no more than the second (the seed's num_train_samples).
_LEAST_SAMPLE, _TRAINING_SAMPLE = 256, 1000


def training_sample(train_rows: int, val_rows: int) -> int:
    """How many of the training rows, the first, every trial's training figure is measured on."""
    return min(train_rows, max(val_rows, _LEAST_SAMPLE), _TRAINING_SAMPLE)
