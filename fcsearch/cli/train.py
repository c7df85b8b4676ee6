"""`fcsearch train`: one network, by a pack of one or by the Solver."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from fcsearch.cli.dataset_options import dataset_options
from fcsearch.config import HYPERPARAMETERS, RULE_SETTINGS, Hyperparameter, TrialConfig
from fcsearch.errors import UsageError

if TYPE_CHECKING:
    import torch

    from fcsearch.data import Dataset, DatasetSpec


class _Widths(click.ParamType[tuple[int, ...]]):
    """Integers separated by commas."""

    name = "widths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """The integers as a tuple."""
        try:
            return tuple(int(part) for part in value.split(",") if part.strip())
        except ValueError:
            self.fail(f"integers separated by commas are needed, such as 512,256; found {value!r}", param, ctx)


_TYPES: dict[str, Any] = {"integer": int, "number": float, "widths": _Widths()}


def _parameter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add an option for each hyperparameter; `depth` and `hidden_dim` are a space's way to say `--hidden-dims`."""
    command = click.option("--seed", type=int, help="Key of every random draw.")(command)
    for parameter in reversed(HYPERPARAMETERS.values()):
        if parameter.name not in ("depth", "hidden_dim"):
            kind = _TYPES.get(parameter.kind) or click.Choice(parameter.words)
            option = f"--{parameter.name.replace('_', '-')}"
            command = click.option(option, type=kind, help=_help(parameter))(command)
    return command


def _help(parameter: Hyperparameter) -> str:
    if parameter.name == "hidden_dims":
        return "Units of each hidden layer, such as 512,256; '' for none."
    if parameter.under is None:
        return f"{parameter.meaning}."
    return f"{parameter.meaning}; for {parameter.under[0]} {' and '.join(parameter.under[1])}."


@click.command()
@click.option("--run", type=click.Path(path_type=Path), help="Take the configuration and the dataset from this run.")
@click.option("--trial", type=int, help="Which trial of the run; its best one if not named.")
@dataset_options
@_parameter_options
@click.option(
    "--engine",
    type=click.Choice(["pack", "solver"]),
    default="pack",
    show_default=True,
    help="pack: what a search runs. solver: the plain network and Solver, step by step.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda, cuda:1, ...")
@click.option("--threads", type=click.IntRange(min=1), default=1, show_default=True, help="CPU threads.")
@click.option("--save", type=click.Path(path_type=Path, dir_okay=False), help="Write the best weights (safetensors).")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
def train(
    run: Path | None,
    trial: int | None,
    dataset: str | None,
    label: str | None,
    data_dir: str | None,
    engine: str,
    device: str,
    threads: int,
    save: Path | None,
    output: str,
    **parameters: Any,
) -> None:
    """Train one network, from options or from a trial of a run, and measure it on the test rows.

    Without --run and --dataset it learns digits.

    A trial that is trained again on the same kind of device gives the result that it had in its run. Options change
    what the run or the defaults say.

    \b
    Example:
      fcsearch train --dataset digits --hidden-dims 128,64 --update-rule adam --learning-rate 1e-3 --dropout 0.25
      fcsearch train --run runs/dropout --trial 12 --save best.safetensors
    """
    import torch

    from fcsearch.data import load_dataset

    if trial is not None and run is None:
        raise UsageError("--trial needs the run that the trial is of; found no --run: add it, as in --run runs/dropout")
    config, spec = _starting_point(run, trial)
    spec = _dataset(spec, dataset, label, data_dir)
    config = _changed(config, parameters)
    where = _device(device)
    if save is not None and not save.absolute().parent.is_dir():
        raise UsageError(f"--save must name a file in a folder that exists; found {save}; make the folder first")
    torch.set_num_threads(threads)
    torch.set_flush_denormal(True)
    rows = load_dataset(spec)
    if left_out := rows.left_out():
        click.echo(f"fcsearch: columns left out: {left_out}", err=True)
    echo = click.echo if output == "text" else _silent
    trained = (_train_pack if engine == "pack" else _train_solver)(config, rows, where, echo)
    weights = trained.pop("weights")
    trained["test_accuracy"] = _save_and_test(weights, config, rows, save)
    if output == "json":
        click.echo(json.dumps({"config": config.to_json(), "dataset": rows.describe(), **trained}, indent=2))
        return
    _summarise(trained, save)


def _silent(_: str) -> None:
    """Print nothing: programs get the JSON alone."""


def _starting_point(run: Path | None, trial: int | None) -> tuple[TrialConfig, DatasetSpec]:
    """The configuration and the dataset that the options change."""
    from fcsearch.data import DatasetSpec
    from fcsearch.results import open_run

    if run is None:
        return TrialConfig(), DatasetSpec()
    opened = open_run(run)
    return opened.config(trial), opened.directory.dataset_spec()


def _dataset(spec: DatasetSpec, source: str | None, label: str | None, data_dir: str | None) -> DatasetSpec:
    import dataclasses

    if source is not None:
        spec = type(spec)(source)
    given: dict[str, Any] = {"label": label, "data_dir": data_dir}
    return dataclasses.replace(spec, **{name: value for name, value in given.items() if value is not None})


def _changed(config: TrialConfig, parameters: dict[str, Any]) -> TrialConfig:
    import dataclasses

    given = {name: value for name, value in parameters.items() if value is not None}
    for name in tuple(given):
        known = HYPERPARAMETERS.get(name)
        if known is not None and known.implies_parent and known.under:
            given.setdefault(known.under[0], known.under[1][0])
    return dataclasses.replace(config, **given)


def _device(name: str) -> torch.device:
    import torch

    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"--device must be one that this machine has, such as cpu; found {name!r}: {error}") from error
    return device


def _train_pack(
    config: TrialConfig, rows: Dataset, device: torch.device, echo: Callable[[str], None]
) -> dict[str, Any]:
    from fcsearch.training import EpochMetrics, TrainingData, train_pack

    data = TrainingData.from_arrays(
        rows.train.X, rows.train.y, rows.val.X, rows.val.y, num_classes=rows.num_classes, device=device
    )

    def tell(epoch: int, metrics: Any) -> tuple[int, ...]:
        values: EpochMetrics = metrics[0]
        train = f"train loss {_number(values.train_loss)}  train accuracy {_number(values.train_accuracy)}"
        val = f"val loss {_number(values.val_loss)}  val accuracy {_number(values.val_accuracy)}"
        echo(f"epoch {epoch:>3} / {config.epochs}  {train}  {val}")
        return ()

    result = train_pack([config], data, on_epoch=tell)[0]
    return {
        "engine": "pack",
        "state": result.state,
        "best_epoch": result.best_epoch,
        "val_accuracy": result.best.val_accuracy if result.best else None,
        "num_parameters": result.num_parameters,
        "seconds": result.seconds,
        "weights": result.weights,
    }


def _train_solver(
    config: TrialConfig, rows: Dataset, device: torch.device, echo: Callable[[str], None]
) -> dict[str, Any]:
    import logging
    import time

    from fcsearch.nn import FullyConnectedNet, Solver

    class Echo(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            echo(record.getMessage())

    net = FullyConnectedNet(
        config.hidden_dims,
        rows.input_dim,
        rows.num_classes,
        config.dropout,
        config.reg,
        config.initial_scale,
        seed=config.seed,
        device=device,
        loss=config.loss,
        input_dropout=config.input_dropout,
        label_smoothing=config.label_smoothing,
    )
    names = ("learning_rate", "weight_decay", *RULE_SETTINGS[config.update_rule])
    settings = {name: getattr(config, name) for name in names}
    data = {"X_train": rows.train.X, "y_train": rows.train.y, "X_val": rows.val.X, "y_val": rows.val.y}
    solver = Solver(
        net,
        data,
        update_rule=config.update_rule,
        optim_config=settings,
        lr_schedule=config.lr_schedule,
        lr_decay=config.lr_decay,
        batch_size=config.batch_size,
        num_epochs=config.epochs,
        print_every=max(1, len(rows.train) // config.batch_size),
        seed=config.seed,
    )
    log = logging.getLogger("fcsearch.nn.solver")
    log.setLevel(logging.INFO)
    log.propagate = False
    handler = Echo()
    log.addHandler(handler)
    began = time.perf_counter()
    try:
        solver.train()
    finally:
        log.removeHandler(handler)
    return {
        "engine": "solver",
        "state": "complete" if len(solver.val_acc_history) == config.epochs + 1 else "diverged",
        "best_epoch": solver.val_acc_history.index(solver.best_val_acc),
        "val_accuracy": solver.best_val_acc,
        "num_parameters": sum(w.numel() for w in net.params.values()),
        "seconds": time.perf_counter() - began,
        "weights": {name: w.cpu() for name, w in solver.best_params.items()},
    }


def _save_and_test(
    weights: dict[str, torch.Tensor], config: TrialConfig, rows: Dataset, save: Path | None
) -> float | None:
    """The best weights' accuracy on the test rows, None if there are neither; writes the network if asked to."""
    import torch

    from fcsearch.nn.networks import FullyConnectedNet
    from fcsearch.nn.settings import NETWORK_SETTINGS, NetworkSettings
    from fcsearch.results.models import model_texts

    if not weights:
        return None
    settings = NetworkSettings(**{name: getattr(config, name) for name in NETWORK_SETTINGS})
    net = FullyConnectedNet.from_params(weights, settings)
    if save is not None:
        metadata = {"config": config.to_json(), **rows.model_metadata()}
        net.save(save, texts=model_texts(metadata, rows.transform.to_json()))
    if not len(rows.test):
        return None
    right = net.loss(torch.from_numpy(rows.test.X)).argmax(1) == torch.from_numpy(rows.test.y)
    return int(right.sum()) / len(right)


def _summarise(trained: dict[str, Any], save: Path | None) -> None:
    click.echo(f"{trained['state']} in {trained['seconds']:.1f} s, {trained['num_parameters']:,} parameters")
    if trained["val_accuracy"] is not None:
        click.echo(f"validation accuracy {trained['val_accuracy']:.4f} at epoch {trained['best_epoch']}, the best")
    if trained["test_accuracy"] is not None:
        click.echo(f"test accuracy       {trained['test_accuracy']:.4f} with the weights of that epoch")
    if save is not None and trained["val_accuracy"] is not None:
        click.echo(f"saved to {save}")


def _number(value: float | None) -> str:
    return "     -" if value is None else f"{value:.4f}"
