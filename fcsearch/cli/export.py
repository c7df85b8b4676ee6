"""`fcsearch export`: a model as a file that needs no fcsearch, with a card beside it."""

from __future__ import annotations

from pathlib import Path

import click

from fcsearch.cli.model_options import model_options


@click.command()
@click.argument("which", metavar="[RUN|MODEL]", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice(["torch", "onnx", "safetensors"]),
    help="What to write. Default: what the ending of FILE says (.pt2, .onnx, .safetensors).",
)
@click.option("--out", metavar="FILE", required=True, type=click.Path(path_type=Path), help="The file to write.")
@model_options
def export(which: str | None, form: str | None, out: Path, model: str | None, root: Path) -> None:
    """Write a model, with its preprocessing, as a file for other programs, and a model card beside it (FILE.md).

    onnx: an ONNX model with an input for each column of the table, or for the array of images or lists; it needs the
    extra fcsearch[onnx], and is checked with onnxruntime. torch: a torch.export program, which torch.export.load
    reads. safetensors: the weights, and what `fcsearch predict` needs to use them.

    RUN is a run directory, or the name of a run in the runs' folder, the newest run if not given; MODEL a .safetensors
    file by itself.

    \b
    Example:
      fcsearch export customers --out customers.onnx
      fcsearch export runs/digits --model 12 --format torch --out digits.pt2
    """
    from fcsearch.inference.choosing import choose_model
    from fcsearch.inference.exporting import export_model, form_of, write_export
    from fcsearch.inference.sink import check_place
    from fcsearch.report.card import model_card

    form = form_of(out, form)
    check_place(out)
    chosen = choose_model(which, model, root)
    exported = export_model(chosen, form)
    files = write_export(exported, out, model_card(chosen, exported, form, out.name))
    checked = "" if exported.difference is None else f"; predictions agree to {max(exported.difference, 1e-9):.1g}"
    click.echo(f"wrote {chosen.name} as {form} to {files[0]}{checked}")
    for path in files[1:]:
        click.echo(f"  {path}")
