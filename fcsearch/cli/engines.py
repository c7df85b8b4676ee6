"""The two ways in which `fcsearch train` trains one network: as a pack of one, or by the plain net and its Solver."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from fcsearch.config import RULE_SETTINGS, TrialConfig
from fcsearch.config.objective import DEFAULT_OBJECTIVES, OBJECTIVES
from fcsearch.data import Dataset
from fcsearch.errors import UsageError
from fcsearch.evaluation import Measurement
from fcsearch.evaluation.measuring import measurement_of, truth_of
from fcsearch.nn import Embedding, FullyConnectedNet, Solver
from fcsearch.results.model_file import model_texts
from fcsearch.training import EpochMetrics, TrainingData, train_pack
from fcsearch.training.judging import network, scores_of


@dataclasses.dataclass(frozen=True)
class Trained:
    """One network, trained.

    Attributes:
        engine: What trained it.
        state: How it ended.
        best_epoch: The epoch with the best figure on the validation rows.
        value: That figure: the task's default objective; None if none was finite.
        num_parameters: Weights and biases.
        seconds: How long it took.
        weights: Those of the best epoch, by name, on the CPU; empty if there is none.
    """

    engine: str
    state: str
    best_epoch: int | None
    value: float | None
    num_parameters: int
    seconds: float
    weights: dict[str, torch.Tensor]


def train_by_pack(config: TrialConfig, rows: Dataset, device: torch.device, echo: Callable[[str], None]) -> Trained:
    """Train as a search does."""
    objective = OBJECTIVES[DEFAULT_OBJECTIVES[rows.task]]
    data = TrainingData.from_arrays(**rows.training_arrays(objective.name), device=device)
    _tell_sample(echo, objective.title, data.rows[0], len(data.X_train))

    def tell(epoch: int, metrics: Any) -> tuple[int, ...]:
        values: EpochMetrics = metrics[0]
        name = objective.title
        train = f"train loss {_number(values.train_loss)}  train {name} {_number(values.train.get(objective.name))}"
        val = f"val loss {_number(values.val_loss)}  val {name} {_number(values.val.get(objective.name))}"
        echo(f"epoch {epoch:>3} / {config.epochs}  {train}  {val}")
        return ()

    result = train_pack([config], data, on_epoch=tell)[0]
    return Trained(
        engine="pack",
        state=result.state,
        best_epoch=result.best_epoch,
        value=result.best.val[objective.name] if result.best else None,
        num_parameters=result.num_parameters,
        seconds=result.seconds,
        weights=result.weights,
    )


def train_by_solver(config: TrialConfig, rows: Dataset, device: torch.device, echo: Callable[[str], None]) -> Trained:
    """Train step by step, as the document does."""
    if rows.task != "classification":
        raise UsageError("--engine solver is for classes; a regression is trained with --engine pack")
    net = _plain_net(config, rows, device)
    names = ("learning_rate", "weight_decay", *RULE_SETTINGS[config.update_rule])
    settings = {name: getattr(config, name) for name in names}
    data = {"X_train": rows.train.X, "y_train": rows.train.y, "X_val": rows.val.X, "y_val": rows.val.y}
    if rows.row_weights is not None:
        data["weights_train"] = rows.row_weights
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
    _tell_sample(echo, "accuracy", solver.num_train_samples, len(rows.train), drawn=", drawn anew in each epoch")
    began = time.perf_counter()
    with _echoing("fcsearch.nn.solver", echo):
        solver.train()
    complete, best = len(solver.val_acc_history) == config.epochs + 1, solver.val_acc_history.index(solver.best_val_acc)
    # Epoch 0 is before the first step: where training diverged, it is no result.
    found = complete or best > 0
    return Trained(
        engine="solver",
        state="complete" if complete else "diverged",
        best_epoch=best if found else None,
        value=solver.best_val_acc if found else None,
        num_parameters=sum(w.numel() for w in net.params.values()),
        seconds=time.perf_counter() - began,
        weights={name: w.cpu() for name, w in solver.best_params.items()} if found else {},
    )


def _plain_net(config: TrialConfig, rows: Dataset, device: torch.device) -> FullyConnectedNet:
    return FullyConnectedNet(
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
        activation=config.activation,
        embedding=Embedding.of_numbers(rows.numbers, config.embedding_sizes),
        frequency_scale=config.frequency_scale,
    )


@contextlib.contextmanager
def _echoing(name: str, echo: Callable[[str], None]) -> Iterator[None]:
    """Print what a logger says in this block, and only print it."""

    def tell(record: logging.LogRecord) -> bool:
        echo(record.getMessage())
        return False

    log = logging.getLogger(name)
    log.setLevel(logging.INFO)
    log.addFilter(tell)
    try:
        yield
    finally:
        log.removeFilter(tell)


def save_network(trained: Trained, config: TrialConfig, rows: Dataset, path: Path) -> None:
    """Write the network with the weights of its best epoch, and its transform; ConfigError if the file is refused."""
    metadata = {"config": config.to_json(), **rows.model_metadata()}
    network(config, trained.weights).save(path, texts=model_texts(metadata, rows.transform.to_json()))


def measure_test(trained: Trained, config: TrialConfig, rows: Dataset) -> Measurement | None:
    """The network on the test rows, by the task's objective, beside the baseline; None without weights or test rows."""
    if not trained.weights or not len(rows.test):
        return None
    scores = scores_of(network(config, trained.weights), torch.from_numpy(rows.test.X)).double()
    truth = truth_of(rows.test, rows.num_classes, rows.positive, rows.transform.target)
    return measurement_of(
        scores.T.contiguous().unsqueeze(0),
        rows.test,
        truth,
        OBJECTIVES[DEFAULT_OBJECTIVES[rows.task]],
        rows.class_names,
        split_name="test",
        fingerprint=rows.fingerprint,
    )


def _tell_sample(echo: Callable[[str], None], title: str, sample: int | None, rows: int, *, drawn: str = "") -> None:
    """Say on how many of the training rows their figure is measured, where these are not all."""
    if sample is not None and sample < rows:
        echo(f"train {title} is that of a sample of {sample:,} training rows{drawn}")


def _number(value: float | None) -> str:
    return "     -" if value is None else f"{value:.4f}"
