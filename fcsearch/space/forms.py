"""The forms of the rows that a space searches among: each is made before the first trial, and kept in memory."""

from __future__ import annotations

from collections.abc import Mapping

from fcsearch.config import OWN_FORM, WITH_BINS, InputForm
from fcsearch.space.nodes import Node
from fcsearch.space.parameters import Parameter

# Each takes the memory of all its rows.
_MOST = 24


def input_forms(parameters: Mapping[str, Parameter]) -> tuple[InputForm, ...]:
    """The forms that trials of these parameters learn, beside the dataset's own."""
    return tuple(form for form in _said(parameters) if form != OWN_FORM)


def learns_own_form(parameters: Mapping[str, Parameter]) -> bool:
    """Whether trials of these parameters may learn the dataset's own form."""
    said = parameters.get("preprocessing")
    return said is None or bool(said.when) or OWN_FORM in _said(parameters)


def check_forms(parameters: Mapping[str, Parameter], node: Node) -> None:
    """Raise SpaceError for a space, whose parameters stand in `node`, of too many forms."""
    count = len(input_forms(parameters))
    if count > _MOST and isinstance(node.value, dict):
        raise node.value["bins"].fail_key(
            "parameters.bins",
            f"preprocessing and bins must make at most {_MOST} forms of the rows, as all of them lie in memory; found "
            f"{count}. Name a few choices of bins, or give the range a step",
        )


def _said(parameters: Mapping[str, Parameter]) -> list[InputForm]:
    """The forms that the parameters name."""
    if "preprocessing" not in parameters:
        return []
    words = [str(word) for word in parameters["preprocessing"].finite_values() or ()]
    counts = _bins(parameters.get("bins"))
    return [InputForm(word, bins) for word in words for bins in (counts if word in WITH_BINS else (0,))]


def _bins(parameter: Parameter | None) -> tuple[int, ...]:
    """Every number of bins that a trial may say."""
    if parameter is None:
        return (OWN_FORM.bins,)
    said = dict.fromkeys(int(count) for count in parameter.finite_values() or ())
    always = all(condition.parent == "preprocessing" for condition in parameter.when)
    return tuple(said if always else {**said, OWN_FORM.bins: None})
