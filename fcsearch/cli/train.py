"""`fcsearch train`: one network, by a pack of one or by the Solver."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.network_options import changed, for_task, parameter_options, require_read
from fcsearch.cli.number_types import AnyInteger, Integer
from fcsearch.cli.shared_options import dataset_options, dataset_overrides, output_format
from fcsearch.config import TrialConfig
from fcsearch.config.objective import DEFAULT_OBJECTIVES, OBJECTIVES, Objective
from fcsearch.config.states import UNFINISHED
from fcsearch.errors import FcsearchError, UsageError

if TYPE_CHECKING:
    import torch

    from fcsearch.cli.engines import Trained
    from fcsearch.data import Dataset, DatasetSpec
    from fcsearch.evaluation import Measurement
    from fcsearch.space.overrides import Override

# Of a space, what says how rows are read: the dataset, and what may stand beside it.
_DATASET_KEYS = ("dataset", "task", "class_weight", "folds")


@click.command()
@click.option("--run", help="Take the configuration and the dataset from this run: a folder, a name, or a URL.")
@click.option("--trial", type=AnyInteger(), help="Which trial of the run; its best one if not given.")
@dataset_options
@click.option("--set", "overrides", multiple=True, metavar="KEY=VALUE", help="Change the dataset: dataset.drop=id.")
@parameter_options
@click.option(
    "--engine",
    type=click.Choice(["pack", "solver"]),
    default="pack",
    show_default=True,
    help="pack: what a search runs. solver: the plain network and Solver, step by step.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--threads", type=Integer(min=1), default=1, show_default=True, help="CPU threads.")
@click.option("--test", "asked", is_flag=True, help="Measure the network on the test rows: once, when all is chosen.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the best weights (safetensors).")
@output_format
def train(
    run: str | None,
    trial: int | None,
    dataset: str | None,
    label: str | None,
    data_dir: str | None,
    overrides: tuple[str, ...],
    engine: str,
    device: str,
    threads: int,
    asked: bool,
    save: Path | None,
    form: str,
    **parameters: Any,
) -> None:
    """Train one network, from options or from a trial of a run, and measure it on the validation rows.

    Without --run and --dataset it is trained on digits. Test rows are measured with --test only: a network that was
    chosen by them is worth less on other rows than they say.

    A trial that is trained again on the same kind of device gives the same result as in its run. One that did not come
    to its end there, as early stopping or the end of the search came first, is trained for all its epochs: to what it
    had reached, and on. Options override the run's configuration or the defaults.

    \b
    Example:
      fcsearch train --dataset digits --hidden-dims 128,64 --update-rule adam --learning-rate 1e-3 --dropout 0.25
      fcsearch train --dataset customers.csv --label churn --set dataset.drop=customer_id --epochs 20
      fcsearch train --run runs/dropout --trial 12 --save best.safetensors
    """
    import torch

    from fcsearch.cli.engines import measure_test, save_network, train_by_pack, train_by_solver
    from fcsearch.data import load_dataset
    from fcsearch.inference.sink import check_file_place

    if trial is not None and run is None:
        raise UsageError("--trial needs the trial's run; found no --run: add it, as in --run runs/dropout")
    config, spec, further = _starting_point(run, trial)
    _check_keys(overrides)
    spec = _dataset(spec, dataset, dataset_overrides(overrides, label, data_dir))
    config = changed(config, parameters)
    require_read(config, parameters)
    where = _device(device)
    if save is not None:
        check_file_place(save, by="save")
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    rows = load_dataset(spec, [config.input_form]).in_form(config.input_form)
    if left_out := rows.left_out():
        from fcsearch.text import printable

        _say(f"columns left out: {printable(left_out)}")
    echo = click.echo if form == "text" else _silent
    config = for_task(config, rows.task)
    require_read(config, parameters)  # again: the task may have changed the loss
    if further and parameters["epochs"] is None:
        _say(further)
    if rows.others:
        _say(_of_the_folds(rows, engine, tested=asked))
    trained = (train_by_pack if engine == "pack" else train_by_solver)(config, rows, where, echo)
    objective = OBJECTIVES[DEFAULT_OBJECTIVES[rows.task]]
    test = measure_test(trained, config, rows) if asked else None
    if form == "json":
        figures = {objective.column: trained.value, **(_test_facts(test) if test else {})}
        facts = {"engine": trained.engine, "state": trained.state, "best_epoch": trained.best_epoch, **figures}
        size = {"num_parameters": trained.num_parameters, "seconds": trained.seconds}
        click.echo(json.dumps({"config": config.to_json(), "dataset": rows.describe(), **facts, **size}, indent=2))
    else:
        _summarise(trained, objective, test)
    # The figures are out before anything else can fail.
    if save is not None and trained.weights:
        save_network(trained, config, rows, save)
        echo(f"saved to {save}")
    if trained.state == "diverged":
        raise FcsearchError(_diverged(trained, config, save))


def _silent(_: str) -> None:
    """Print nothing: programs get only the JSON."""


def _say(note: str) -> None:
    from fcsearch.cli.console import print_sentence

    print_sentence(f"fcsearch: {note}", sys.stderr)


def _of_the_folds(rows: Dataset, engine: str, *, tested: bool) -> str:
    """Which network of several folds the figures are of."""
    first = f"that of fold 1 of {len(rows.folds)}, trained on {len(rows.train):,} rows"
    if engine == "solver":
        return f"the network is {first}: it alone is trained"
    kept = "kept, and measured on the test rows," if tested else "kept"
    return f"validation figures are means over {len(rows.folds)} folds; the network that is {kept} is {first}"


def _starting_point(run: str | None, trial: int | None) -> tuple[TrialConfig, DatasetSpec, str | None]:
    """The configuration and the dataset that the options override, and that the trial was not trained to its end."""
    from fcsearch.data import DatasetSpec
    from fcsearch.report.lacking import trained_so_far
    from fcsearch.results import open_run, resolve_run
    from fcsearch.results.ranking import trial_row
    from fcsearch.results.records import row_config

    if run is None:
        return TrialConfig(), DatasetSpec(), None
    opened = open_run(resolve_run(run))
    row = opened.best if trial is None else trial_row(opened.trials, trial, run=opened.path)
    short = row["state"] in ("stopped", UNFINISHED)
    why = "its search ended" if row["state"] == UNFINISHED else "early stopping ended it"
    note = f"trial {row['trial_id']} {trained_so_far(row)} when {why}: here it trains for all of them"
    return row_config(row), opened.directory.dataset_spec(), note if short else None


def _dataset(spec: DatasetSpec, source: str | None, changes: Sequence[str | Override]) -> DatasetSpec:
    """The dataset as a space would have it that said `spec`, or only `source`."""
    from fcsearch.space import SearchSpace

    if source is None and not changes:
        return spec
    said = (spec if source is None else type(spec)()).to_json()
    space = SearchSpace.from_mapping({"dataset": said, "parameters": {"epochs": 1}})
    return space.changed(changes, dataset=source).dataset


def _check_keys(overrides: Sequence[str]) -> None:
    """Refuse to set what is no option of the dataset; UsageError."""
    for override in overrides:
        key = override.partition("=")[0].strip()
        if key.split(".")[0] not in _DATASET_KEYS:
            raise UsageError(
                f"--set must change the dataset here, as in --set dataset.drop=customer_id; found --set {override}. "
                "Hyperparameters are options, such as --epochs 10"
            )


def _device(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
    except RuntimeError:  # whose text lists every kind of device that torch knows
        raise UsageError(f"--device must be cpu, cuda, or one of several, such as cuda:1; found {name!r}") from None
    try:
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device must be a device of this machine, such as cpu; found {name!r}: {error}") from error
    return device


def _summarise(trained: Trained, objective: Objective, test: Measurement | None) -> None:
    click.echo(f"{trained.state} in {trained.seconds:.1f} s, {trained.num_parameters:,} parameters")
    title = objective.title
    if trained.value is not None:
        click.echo(f"validation {title} {trained.value:.4f} at epoch {trained.best_epoch}, the best")
    if test is not None:
        from fcsearch.cli.console import print_figures
        from fcsearch.report.summary_lines import measured_lines

        click.echo(f"on {test.rows:,} test rows, with the weights of that epoch")
        print_figures(measured_lines(test))


def _test_facts(test: Measurement) -> dict[str, float | None]:
    baseline = None if test.base_line is None else test.base_line.value
    names = f"test_{test.objective}", "test_standard_error", "test_baseline"
    return dict(zip(names, (test.value, test.standard_error, baseline), strict=True))


def _diverged(trained: Trained, config: TrialConfig, save: Path | None) -> str:
    """That training diverged, what to change, and what there is of it."""
    lower = "--learning-rate, --reg or --weight-scale" if config.reads("weight_scale") else "--learning-rate or --reg"
    if trained.best_epoch is None:
        kept = "" if save is None else "; nothing was saved"
    else:
        kept = f"; the figures{'' if save is None else f' and {save}'} are of epoch {trained.best_epoch}, before that"
    return f"the loss must stay finite; found one that is not: training diverged{kept}. To train on, lower {lower}"
