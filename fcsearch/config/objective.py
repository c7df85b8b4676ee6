"""Tasks, and the figures on validation rows by which a search can go."""

from __future__ import annotations

import dataclasses
from typing import Literal

Task = Literal["classification", "regression"]

TASKS: tuple[Task, ...] = ("classification", "regression")


@dataclasses.dataclass(frozen=True)
class Objective:
    """A figure that a search improves: Optuna, early stopping, the best epoch, the ranking and the report go by it.

    Attributes:
        name: Its name in spaces; `val_<name>` is its column.
        task: Which task it measures.
        maximize: Whether more is better.
        meaning: A phrase for people, without a full stop.
        unit: `fraction` (shown as a percentage), `target` (that of the column that is predicted), or nothing.
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
        """Its name for people, such as `balanced accuracy`."""
        return {"f1_macro": "macro F1", "roc_auc": "ROC AUC", "rmse": "RMSE", "mae": "MAE", "r2": "R2"}.get(
            self.name, self.name.replace("_", " ")
        )

    def show(self, value: float | None) -> str:
        """A value of it for people."""
        if value is None:
            return "-"
        return f"{100 * value:.2f}%" if self.unit == "fraction" else _number(value)

    def show_difference(self, value: float) -> str:
        """A difference of two values of it, or a standard error, for people."""
        return self.show_bare(value) + (" points" if self.unit == "fraction" else "")

    def show_bare(self, value: float) -> str:
        """The same without `points`, for tables that say so once."""
        return f"{100 * value:.2f}" if self.unit == "fraction" else _number(value)

    def gain(self, value: float) -> float:
        """The value as one of which more is better."""
        return value if self.maximize else -value

    @property
    def own(self) -> Objective:
        """The figure of its task that is always measured, on training rows too."""
        return OBJECTIVES[DEFAULT_OBJECTIVES[self.task]]

    @property
    def train_column(self) -> str:
        """The column of the training figure beside it: of its own task's figure."""
        return f"train_{self.own.name}"


def _number(value: float) -> str:
    """Four digits; thousands and millions are written out."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e9 else f"{value:.4g}"


_ALL = (
    Objective("accuracy", "classification", True, "Share of rows that are right", "fraction"),
    Objective("balanced_accuracy", "classification", True, "Mean of the classes' shares that are right", "fraction"),
    Objective("f1_macro", "classification", True, "Mean over the classes of F1, of precision and recall"),
    Objective("roc_auc", "classification", True, "Area under the ROC curve (many classes: mean of one against rest)"),
    Objective("average_precision", "classification", True, "Mean precision over the rows of the positive class"),
    Objective("log_loss", "classification", False, "Mean negative logarithm of the right class's probability"),
    Objective("rmse", "regression", False, "Root of the mean squared error", "target"),
    Objective("mae", "regression", False, "Mean absolute error", "target"),
    Objective("r2", "regression", True, "Share of the variance that is explained"),
)

OBJECTIVES: dict[str, Objective] = {objective.name: objective for objective in _ALL}

# The first is what is minimised where nothing else is said.
LOSSES_OF: dict[Task, tuple[str, ...]] = {
    "classification": ("softmax", "svm"),
    "regression": ("squared", "absolute", "huber"),
}
DEFAULT_OBJECTIVES: dict[Task, str] = {"classification": "accuracy", "regression": "rmse"}
