"""`fcsearch export-trials`: a run's tables for other programs."""

from __future__ import annotations

from pathlib import Path

import click


@click.command("export-trials")
@click.argument("run", required=False)
@click.option("--out", metavar="FOLDER", required=True, type=click.Path(path_type=Path), help="Where the files go.")
@click.option(
    "--dir", "root", type=click.Path(path_type=Path), default="runs", show_default=True, help="The runs' folder."
)
def export_trials(run: str | None, out: Path, root: Path) -> None:
    """Write a run's trials and epochs as CSV files, for programs that do not read Parquet.

    FOLDER gets trials.csv, epochs.csv and, where there are any, confirmations.csv, with a column for the run's name: so
    several runs can be put together. What is there is replaced. RUN is a run directory, or the name of a run in the
    runs' folder, the newest run if not given. (`fcsearch export` writes a model.)

    \b
    Example:
      fcsearch export-trials dropout --out tables
      fcsearch export-trials --out tables
    """
    from fcsearch.results import RunDirectory, resolve_run
    from fcsearch.results.csv_files import write_csv_files

    for path in write_csv_files(RunDirectory.open(resolve_run(run, root)), out):
        click.echo(f"wrote {path}")
