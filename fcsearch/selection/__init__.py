"""Which model of a run to use: the winner over several seeds, an ensemble, or a single trial."""

from fcsearch.selection.confirmation import Confirmation, Confirmed, chosen_trial, confirmation_of, is_settled
from fcsearch.selection.members import (
    Member,
    Part,
    columns_of,
    forms_of,
    load_member,
    load_members,
    model_parts,
)
from fcsearch.selection.refits import (
    answering_refit,
    answers_by_refit,
    diverged_refits,
    ensemble_answers_by_refit,
    lacks_refits,
)

__all__ = [
    "Confirmation",
    "Confirmed",
    "Member",
    "Part",
    "answering_refit",
    "answers_by_refit",
    "chosen_trial",
    "columns_of",
    "confirmation_of",
    "diverged_refits",
    "ensemble_answers_by_refit",
    "forms_of",
    "is_settled",
    "lacks_refits",
    "load_member",
    "load_members",
    "model_parts",
]
