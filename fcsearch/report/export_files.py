"""A model as a file for other programs, with its card beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from fcsearch.inference.choosing import Chosen
from fcsearch.inference.exported import Exported
from fcsearch.inference.exporting import export_model, form_of, write_export
from fcsearch.inference.sink import check_file_place
from fcsearch.report.card import model_card


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes:
        form: A key of FORMS.
        exported: The model in that form.
        files: The model's file, its card, and what else belongs to it.
    """

    form: str
    exported: Exported
    files: list[Path]


def export_with_card(chosen: Chosen, form: str | None, out: Path) -> Written:
    """Write a model and its card.

    Args:
        chosen: The model.
        form: A key of FORMS; None: by the ending of `out`.
        out: The file to write.

    Raises:
        UsageError: the ending and the form differ, packages are missing, or the file system refuses.
        FcsearchError: the exported model's predictions differ from fcsearch's.
    """
    form = form_of(out, form)
    check_file_place(out)
    exported = export_model(chosen, form)
    return Written(form, exported, write_export(exported, out, model_card(chosen, exported, form, out.name)))
