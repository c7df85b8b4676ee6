"""`fcsearch export`: a model as a file that needs no fcsearch, or a run's trials for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from fcsearch.cli.shared_options import model_options

_MODELS = ("torch", "onnx", "safetensors")
_TRIALS = ("csv", "optuna", "tensorboard", "mlflow", "wandb")


@click.command()
@click.argument("which", metavar="[RUN|MODEL]", required=False)
@click.option(
    "--format",
    "form",
    type=click.Choice([*_MODELS, *_TRIALS]),
    help="What to write. Default: by the ending of FILE (.pt2, .onnx, .safetensors).",
)
@click.option(
    "--out",
    metavar="FILE|FOLDER",
    required=True,
    type=click.Path(path_type=Path),
    help="The file to write; for trials, the folder.",
)
@model_options
def export(which: str | None, form: str | None, out: Path, model: str | None, root: Path | str) -> None:
    """Write a model, or the trials of a run, for other programs.

    A model, with its preprocessing, is a file with a model card beside it (FILE.md). onnx: an ONNX model with an input
    for each column of the table, or for the array of images or lists; it needs the extra fcsearch[onnx], and is
    checked with onnxruntime. torch: a torch.export program, which torch.export.load reads. safetensors: the weights,
    and what `fcsearch predict` needs to use them.

    Trials are written with their configurations, results and learning curves. csv: tables, with a column for the run's
    name. optuna: a journal for Optuna and its dashboard. tensorboard: event files with hyperparameters. mlflow: an
    experiment in mlflow.db. wandb: offline runs, which `wandb sync` uploads. The last three need the extra of the same
    name, such as fcsearch[mlflow]. All but csv can hold several runs in one FOLDER.

    RUN is a run directory, or the name of a run in the runs' folder; the newest run if not given. MODEL is a single
    .safetensors file.

    \b
    Example:
      fcsearch export customers --out customers.onnx
      fcsearch export runs/digits --model 12 --format torch --out digits.pt2
      fcsearch export customers --format tensorboard --out board
    """
    if form in _TRIALS:
        _export_trials(which, form, out, model, root)
    else:
        _export_model(which, form, out, model, root)


def _export_trials(which: str | None, form: str, out: Path, model: str | None, root: Path | str) -> None:
    from fcsearch.errors import UsageError
    from fcsearch.results import RunDirectory, resolve_run
    from fcsearch.results.export import write_trials

    if model is not None:
        raise UsageError(f"--format {form} writes the trials of a run; found --model {model}; leave it out")
    for path in write_trials(RunDirectory.open(resolve_run(which, root)), form, out):
        click.echo(f"wrote {path}")


def _export_model(which: str | None, form: str | None, out: Path, model: str | None, root: Path | str) -> None:
    from fcsearch.cli.console import print_sentence
    from fcsearch.inference.choosing import choose_model
    from fcsearch.report.export_files import export_with_card
    from fcsearch.report.lacking import lacking_notes

    chosen = choose_model(which, model, root)
    written = export_with_card(chosen, form, out)
    difference = written.exported.difference
    checked = "" if difference is None else f"; predictions agree to {max(difference, 1e-9):.1g}"
    print_sentence(f"wrote {chosen.name} as {written.form} to {written.files[0]}{checked}")
    for path in written.files[1:]:
        click.echo(f"  {path}")
    for note in lacking_notes(chosen.run.directory, chosen.trials) if chosen.run else ():
        print_sentence(note)
