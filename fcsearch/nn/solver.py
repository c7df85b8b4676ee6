"""The training loop of one network: minibatches, update rule, accuracies, the best weights."""

from __future__ import annotations

import json
import logging
import math
from collections.abc import Iterator, Mapping
from typing import Any, Never

import torch
from torch import Tensor

from fcsearch.errors import ConfigError, DataError
from fcsearch.nn.networks import FullyConnectedNet
from fcsearch.nn.option_checks import number, one_of
from fcsearch.nn.random import generator, key
from fcsearch.nn.schedules import LR_SCHEDULES, scheduled_rate
from fcsearch.nn.storage import write_bytes
from fcsearch.nn.update_rules import DEFAULTS, RULES, Config, UpdateRule, sgd

logger = logging.getLogger(__name__)

_OPTIONS = (
    *("update_rule", "optim_config", "lr_decay", "batch_size", "num_epochs", "num_train_samples", "num_val_samples"),
    *("print_every", "print_acc_every", "verbose", "checkpoint_name", "lr_schedule", "seed", "device"),
)
_DATA = ("X_train", "y_train", "X_val", "y_val")
_WEIGHTS = "weights_train"


class Solver:
    """Trains a network and keeps the weights that were best on the validation rows.

    An epoch takes the training rows in a new order, in full minibatches only; the rows left over differ from epoch to
    epoch. Packs do the same, so a trial without dropout gives the same result here. Accuracies are measured before the
    first step (epoch 0) and after every epoch. Training ends early when the loss is no longer finite.

    Args:
        model: The network; its `params` change during training, and are `best_params` at the end.
        data: `X_train` (N, d1, ..., dk), `y_train` (N,), `X_val`, `y_val`: tensors or NumPy arrays; labels are integers
            in [0, C). `weights_train` (N,), at least 0, may say how much each training row counts in the loss.
        update_rule: A function of `fcsearch.nn.update_rules`, its name, or another function of that kind.
        optim_config: Settings of the update rule, such as `learning_rate`; None for its defaults. Its `weight_decay`
            applies to weight matrices, not to biases.
        lr_decay: Factor on the learning rate after every epoch, in (0, 1], under the `exponential` schedule.
        batch_size: Rows in a minibatch.
        num_epochs: Passes over the training rows.
        num_train_samples: Rows drawn for every training accuracy; None for all.
        num_val_samples: Rows drawn for every validation accuracy; None for all.
        print_every: Steps between two log lines of the loss.
        print_acc_every: Epochs between two log lines of the accuracies.
        verbose: Whether to log progress, at level INFO to the logger `fcsearch.nn.solver`:
            `logging.basicConfig(level=logging.INFO)` shows it.
        checkpoint_name: Path prefix: after every epoch, `<prefix>_epoch_<n>.safetensors` (the network) and
            `<prefix>_epoch_<n>.json` (options and history) are written. None: no checkpoints.
        lr_schedule: `exponential` (by lr_decay), or `cosine` over num_epochs, again with every call of `train`; see
            `fcsearch.nn.schedules`.
        seed: Seed of the minibatch order, the dropout masks and the rows drawn for accuracies: with the same seed and
            initial network, training repeats exactly. None: taken from torch's global generator.
        device: The device to train on; the network is moved there. None: the network's own.

    Attributes:
        loss_history: The loss of every step.
        train_acc_history: Training accuracy after 0, 1, ... epochs, in [0, 1].
        val_acc_history: Validation accuracy after 0, 1, ... epochs, in [0, 1].
        best_val_acc: The highest validation accuracy so far.
        best_params: The weights that reached it first, by name.
        epoch: Epochs begun.

    Raises:
        ConfigError: an unknown option, or a value outside its range.
        DataError: data that the network cannot be trained on.
    """

    def __init__(
        self,
        model: FullyConnectedNet,
        data: Mapping[str, Any],
        update_rule: UpdateRule | str = sgd,
        optim_config: Mapping[str, float] | None = None,
        lr_decay: float = 1.0,
        batch_size: int = 100,
        num_epochs: int = 10,
        num_train_samples: int | None = 1000,
        num_val_samples: int | None = None,
        print_every: int = 10,
        print_acc_every: int = 1,
        verbose: bool = True,
        checkpoint_name: str | None = None,
        *,
        lr_schedule: str = "exponential",
        seed: int | None = None,
        device: torch.device | str | None = None,
        **unknown: Never,
    ) -> None:
        one_of("Solver option", unknown, _OPTIONS)
        counts = {"batch_size": batch_size, "num_epochs": num_epochs, "print_every": print_every}
        counts["print_acc_every"] = print_acc_every
        samples = {"num_train_samples": num_train_samples, "num_val_samples": num_val_samples}
        for name, count in {**counts, **{name: n for name, n in samples.items() if n is not None}}.items():
            number(name, count, minimum=1, whole=True)
        if not 0 < lr_decay <= 1:
            raise ConfigError(f"lr_decay must be a number in (0, 1]; found {lr_decay!r}")
        one_of("learning-rate schedule", [lr_schedule], LR_SCHEDULES)
        self.model = model if device is None else model.to(device)
        self.update_rule, self.optim_config = _rule(update_rule, optim_config or {})
        self.lr_schedule = lr_schedule
        self.lr_decay = lr_decay
        self.batch_size = batch_size
        self.num_epochs = num_epochs
        self.num_train_samples = num_train_samples
        self.num_val_samples = num_val_samples
        self.print_every = print_every
        self.print_acc_every = print_acc_every
        self.verbose = verbose
        self.checkpoint_name = checkpoint_name
        self.seed = int(torch.randint(2**62, ())) if seed is None else seed
        one_of("data key", data, (*_DATA, _WEIGHTS))
        self.X_train, self.y_train = _split(data, "train", self.model)
        self.weights_train = _weights(data.get(_WEIGHTS), self.X_train)
        self.X_val, self.y_val = _split(data, "val", self.model)
        self._reset()

    def _reset(self) -> None:
        self.epoch = 0
        self.best_val_acc = 0.0
        self.best_params: dict[str, Tensor] = {}
        self.loss_history: list[float] = []
        self.train_acc_history: list[float] = []
        self.val_acc_history: list[float] = []
        self.optim_configs: dict[str, Config] = {name: self._settings(name) for name in self.model.params}
        self._factor = 1.0  # of the schedule, now in the learning rates

    def _settings(self, parameter: str) -> Config:
        """The update rule's settings for one parameter: biases and frequencies (`f0`) do not decay."""
        settings = dict(self.optim_config)
        if not parameter.startswith("W") and "weight_decay" in settings:
            settings["weight_decay"] = 0.0
        return settings

    def train(self) -> None:
        """Train for `num_epochs`, and put the best weights into the model; called again, it continues from them."""
        dropout_seed = self.model.dropout_seed
        try:
            if not self.val_acc_history:
                self._record_accuracies()
            for number in range(1, self.num_epochs + 1):
                self.epoch += 1
                self._schedule(number)
                if not self._train_epoch():
                    break
                self._record_accuracies()
                self._save_checkpoint()
        finally:
            self.model.dropout_seed = dropout_seed
        self.model.params = _copies(self.best_params)

    def check_accuracy(self, X: Tensor, y: Tensor, num_samples: int | None = None, batch_size: int = 1000) -> float:
        """Measure the fraction of rows whose highest score is that of their label, without dropout.

        Args:
            X: Rows (N, d1, ..., dk), on the model's device.
            y: Labels (N,).
            num_samples: Rows to draw, the same ones in the same epoch; None for all.
            batch_size: Rows scored at a time.
        """
        if num_samples is not None and num_samples < len(X):
            drawn = torch.randperm(len(X), generator=generator(self.seed, "sample", self.epoch))[:num_samples]
            X, y = X[drawn.to(X.device)], y[drawn.to(y.device)]
        batches = zip(torch.split(X, batch_size), torch.split(y, batch_size), strict=True)
        right = sum((self.model.loss(rows).argmax(dim=1) == labels).sum() for rows, labels in batches)
        return float(right) / len(X)

    def _schedule(self, number: int) -> None:
        """Set the learning rates for the epoch `number` of this call of `train`."""
        epoch = number if self.lr_schedule == "cosine" else self.epoch
        factor = scheduled_rate(self.lr_schedule, 1.0, epoch=epoch, epochs=self.num_epochs, lr_decay=self.lr_decay)
        # By a factor, since a user's rule may have its own rate, and may change it.
        change = factor / self._factor if self._factor else 0.0
        for config in self.optim_configs.values():
            if "learning_rate" in config:
                config["learning_rate"] *= change
        self._factor = factor

    def _train_epoch(self) -> bool:
        """Make one pass over the training rows; False as soon as the loss is not finite."""
        for rows in self._minibatches():
            if not self._step(rows):
                logger.warning("the loss is not finite in epoch %d: training ends; try a lower rate", self.epoch)
                return False
        return True

    def _minibatches(self) -> Iterator[Tensor]:
        order = torch.randperm(len(self.X_train), generator=generator(self.seed, "order", self.epoch))
        size = min(self.batch_size, len(order))
        full = order[: len(order) // size * size]
        return iter(torch.split(full.to(self.X_train.device), size))

    def _step(self, rows: Tensor) -> bool:
        """Make one update; returns whether its loss was finite."""
        steps = len(self.loss_history)
        self.model.dropout_seed = key(self.seed, "dropout", steps)
        X, y = self.X_train[rows], self.y_train[rows]
        if self.weights_train is None:
            loss, grads = self.model.loss(X, y)
        else:
            loss, grads = self.model.loss(X, y, self.weights_train[rows])
        self.loss_history.append(float(loss))
        if self.verbose and steps % self.print_every == 0:
            logger.info("(Iteration %d) loss: %f", steps + 1, self.loss_history[-1])
        for name, w in self.model.params.items():
            next_w, self.optim_configs[name] = self.update_rule(w, grads[name], self.optim_configs[name])
            self.model.params[name] = next_w
        return math.isfinite(self.loss_history[-1])

    def _record_accuracies(self) -> None:
        self.train_acc_history.append(self.check_accuracy(self.X_train, self.y_train, self.num_train_samples))
        self.val_acc_history.append(self.check_accuracy(self.X_val, self.y_val, self.num_val_samples))
        if not self.best_params or self.val_acc_history[-1] > self.best_val_acc:
            self.best_val_acc = self.val_acc_history[-1]
            self.best_params = _copies(self.model.params)
        if self.verbose and self.epoch % self.print_acc_every == 0:
            accuracies = self.train_acc_history[-1], self.val_acc_history[-1]
            logger.info("(Epoch %d / %d) train acc: %f; val_acc: %f", self.epoch, self.num_epochs, *accuracies)

    def _save_checkpoint(self) -> None:
        if self.checkpoint_name is None:
            return
        prefix = f"{self.checkpoint_name}_epoch_{self.epoch}"
        names = ("epoch", "optim_config", "lr_schedule", "lr_decay", "batch_size", "seed", "best_val_acc")
        histories = ("loss_history", "train_acc_history", "val_acc_history")
        state = {name: getattr(self, name) for name in (*names, *histories)}
        self.model.save(f"{prefix}.safetensors")
        write_bytes(f"{prefix}.json", json.dumps({"update_rule": self.update_rule.__name__, **state}).encode())


def _copies(params: Mapping[str, Tensor]) -> dict[str, Tensor]:
    # A user's update rule may write to its arguments.
    return {name: w.clone() for name, w in params.items()}


def _rule(update_rule: UpdateRule | str, settings: Mapping[str, float]) -> tuple[UpdateRule, dict[str, float]]:
    """Look the rule up by name, and check the settings of those that are known."""
    if isinstance(update_rule, str):
        one_of("update rule", [update_rule], RULES)
        update_rule = RULES[update_rule]
    for name, value in settings.items():
        number(f"optim_config[{name!r}]", value, minimum=0)
    defaults = next((DEFAULTS[name] for name, rule in RULES.items() if rule is update_rule), None)
    if defaults is None:
        return update_rule, dict(settings)
    one_of(f"{update_rule.__name__} setting", settings, defaults)
    return update_rule, {**defaults, **settings}


def _split(data: Mapping[str, Any], name: str, model: FullyConnectedNet) -> tuple[Tensor, Tensor]:
    """Take the rows and labels of one split to the model's device, checked."""
    missing = [wanted for wanted in (f"X_{name}", f"y_{name}") if wanted not in data]
    if missing:
        raise DataError(f"data must hold {', '.join(_DATA)}; found no {missing[0]}")
    X, y = (
        value if isinstance(value, Tensor) else torch.tensor(value) for value in (data[f"X_{name}"], data[f"y_{name}"])
    )
    if y.dim() != 1 or len(y) == 0 or len(X) != len(y):
        raise DataError(
            f"X_{name} and y_{name} must hold one row and one label for each of at least 1 example; "
            f"found the shapes {tuple(X.shape)} and {tuple(y.shape)}"
        )
    if y.is_floating_point() or int(y.min()) < 0 or int(y.max()) >= model.num_classes:
        raise DataError(
            f"y_{name} must hold integers in [0, {model.num_classes}), the network's classes; "
            f"found {y.dtype} from {y.min().item()} to {y.max().item()}"
        )
    return X.to(device=model.device, dtype=model.dtype), y.to(device=model.device, dtype=torch.int64)


def _weights(given: Any, rows: Tensor) -> Tensor | None:
    """The weights of the training rows, checked, on the rows' device and in their type."""
    if given is None:
        return None
    weights = torch.as_tensor(given).to(rows)
    if weights.shape != rows.shape[:1]:
        raise DataError(
            f"{_WEIGHTS} must hold one number for each of the {len(rows)} training rows; found the shape "
            f"{tuple(weights.shape)}"
        )
    usable = (weights >= 0) & weights.isfinite()
    if not usable.all():
        raise DataError(f"{_WEIGHTS} must hold finite numbers of at least 0; found {weights[~usable][0].item():g}")
    return weights
