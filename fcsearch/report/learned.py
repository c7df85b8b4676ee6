"""Whether a figure shows that something was learned, in the same words wherever it is said."""

from __future__ import annotations

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import BaseLine, beats


def not_above_baseline(name: str, value: float, error: float, base: BaseLine) -> str | None:
    """A clause that says that a figure does not beat the baseline by two standard errors; None if it does.

    Args:
        name: The figure, in words that begin the clause.
        value: It.
        error: Its standard error.
        base: The baseline of the same rows, in the same objective.
    """
    if beats(value, error, base):
        return None
    objective = OBJECTIVES[base.objective]
    answer = f"always answering {base.answer!r}" if objective.name == "accuracy" else base.method
    return (
        f"{name}, {objective.show(value)}, is not more than two standard errors "
        f"({objective.show_difference(2 * error)}) {'above' if objective.maximize else 'below'} the "
        f"{objective.show(base.value)} of {answer}."
    )
