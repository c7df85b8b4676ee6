"""The forms in which a dataset's rows can be learned from, each what another preprocessing makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

# Preprocessings that cut numbers into bins.
WITH_BINS = ("piecewise",)
# Those whose numbers the network embeds, and how they are scaled before that.
EMBEDDED = {"periodic": "quantile"}


class InputForm(NamedTuple):
    """What numbers become before a network sees them.

    Attributes:
        preprocessing: A value of the dataset's option of that name, or `periodic`; `dataset`: what that option says.
        bins: Bins of a number at `piecewise`; 0: what the dataset says, else as many as suit the rows.
    """

    preprocessing: str = "dataset"
    bins: int = 0

    def __str__(self) -> str:
        return f"{self.preprocessing} {self.bins}" if self.bins else self.preprocessing

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> InputForm:
        """The form that hyperparameters by name say; where they say none, the dataset's own."""
        preprocessing = values.get("preprocessing") or OWN_FORM.preprocessing
        return cls(preprocessing, (values.get("bins") or 0) if preprocessing in WITH_BINS else 0)


# What the dataset's own options say.
OWN_FORM = InputForm()
