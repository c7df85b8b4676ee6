"""Which model of a run to use: the winner over several seeds, an ensemble, or a single trial."""

from fcsearch.selection.confirmation import Confirmation, Confirmed, answers_by_refit, chosen_trial, confirmation_of
from fcsearch.selection.members import CHOICES, Member, columns_of, forms_of, load_member, load_members, model_weights

__all__ = [
    "CHOICES",
    "Confirmation",
    "Confirmed",
    "Member",
    "answers_by_refit",
    "chosen_trial",
    "columns_of",
    "confirmation_of",
    "forms_of",
    "load_member",
    "load_members",
    "model_weights",
]
