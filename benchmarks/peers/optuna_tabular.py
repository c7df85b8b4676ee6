"""Optuna with torch.nn on a table, as one would write it by hand: TPE, early stopping by ASHA, a process a core."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import optuna
import pandas as pd
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from torch import nn

EPOCHS = (10, 20, 40)


class OptunaNet:
    """Searches, and keeps the best network.

    Args:
        features: Makes numbers of the columns; fitted on the training rows.
        seed: Of the sampler and the networks.
        scorer: What is maximized on the validation rows, as scikit-learn has it.
        budget: Seconds after which no trial starts any more.
        cores: How many to use.
    """

    def __init__(self, features: Any, seed: int, scorer: Any, budget: float, cores: int) -> None:
        self.features, self.seed, self.scorer, self.budget, self.cores = features, seed, scorer, budget, cores

    def fit(self, X_train: pd.DataFrame, X_val: pd.DataFrame, y_train: pd.Series, y_val: pd.Series) -> OptunaNet:
        """Search on the given training and validation rows."""
        self.regression = bool(pd.api.types.is_numeric_dtype(y_train))
        self.classes_ = np.array([]) if self.regression else np.unique(y_train)
        self.mean, self.deviation = (y_train.mean(), y_train.std()) if self.regression else (0.0, 1.0)
        target = (
            ((y_train - self.mean) / self.deviation).to_numpy(np.float32)
            if self.regression
            else np.searchsorted(self.classes_, y_train)
        )
        train = torch.from_numpy(self.features.fit_transform(X_train).astype(np.float32)), torch.from_numpy(target)
        val = torch.from_numpy(self.features.transform(X_val).astype(np.float32)), y_val
        folder = Path(tempfile.mkdtemp())
        searches = (joblib.delayed(self._search)(folder, train, val, number) for number in range(self.cores))
        joblib.Parallel(self.cores)(searches)
        study = optuna.load_study(study_name="tables", storage=_storage(folder))
        self.net = torch.load(folder / f"{study.best_trial.number}.pt", weights_only=False)
        return self

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        """The predictions, in the target's unit; for classes, their names."""
        return self._predicted(self._outputs(self.net, torch.from_numpy(self.features.transform(X).astype(np.float32))))

    def predict_proba(self, X: pd.DataFrame) -> np.ndarray:
        """The probabilities of the classes."""
        outputs = self._outputs(self.net, torch.from_numpy(self.features.transform(X).astype(np.float32)))
        return torch.softmax(outputs.double(), 1).numpy()

    def _search(self, folder: Path, train: Any, val: Any, number: int) -> None:
        torch.set_num_threads(1)
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        study = optuna.create_study(
            study_name="tables",
            storage=_storage(folder),
            load_if_exists=True,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=1000 * self.seed + number, n_startup_trials=16),
            pruner=optuna.pruners.SuccessiveHalvingPruner(min_resource=3, reduction_factor=3),
        )
        study.optimize(lambda trial: self._train(trial, folder, train, val), timeout=self.budget)

    def _train(self, trial: optuna.Trial, folder: Path, train: Any, val: Any) -> float:
        X, y = train
        torch.manual_seed(1000 * self.seed + trial.number)
        depth, width = trial.suggest_int("depth", 2, 4), trial.suggest_categorical("hidden_dim", [64, 128, 256, 512])
        dropout = trial.suggest_categorical("dropout", [0.0, 0.1, 0.25, 0.5])
        epochs, batch = (
            trial.suggest_categorical("epochs", EPOCHS),
            trial.suggest_categorical("batch_size", [64, 128, 256]),
        )
        layers: list[nn.Module] = []
        for index in range(depth - 1):
            layers += [nn.Linear(X.shape[1] if index == 0 else width, width), nn.ReLU(), nn.Dropout(dropout)]
        net = nn.Sequential(*layers, nn.Linear(width, len(self.classes_) or 1))
        optimizer = torch.optim.AdamW(
            net.parameters(),
            lr=trial.suggest_float("learning_rate", 3e-4, 1e-2, log=True),
            weight_decay=trial.suggest_float("weight_decay", 1e-3, 1.0, log=True),
            fused=True,
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs * (len(X) // batch))
        loss = nn.MSELoss() if self.regression else nn.CrossEntropyLoss()
        best = -np.inf
        for epoch in range(epochs):
            net.train()
            order = torch.randperm(len(X))
            for step in range(len(X) // batch):
                rows = order[step * batch : (step + 1) * batch]
                outputs = net(X[rows])
                error = loss(outputs[:, 0] if self.regression else outputs, y[rows])
                optimizer.zero_grad(set_to_none=True)
                error.backward()
                optimizer.step()
                schedule.step()
            score = self._score(net, *val)
            if score > best:
                best = score
                torch.save(net, folder / f"{trial.number}.pt")
            trial.report(score, epoch + 1)
            if trial.should_prune():
                raise optuna.TrialPruned
        return best

    def _score(self, net: nn.Module, X: torch.Tensor, y: pd.Series) -> float:
        return float(self.scorer(_Frozen(self, self._outputs(net, X)), None, y))

    def _outputs(self, net: nn.Module, X: torch.Tensor) -> torch.Tensor:
        net.eval()
        with torch.inference_mode():
            outputs: torch.Tensor = net(X)
            return outputs

    def _predicted(self, outputs: torch.Tensor) -> np.ndarray:
        if self.regression:
            return np.asarray(outputs[:, 0].numpy() * self.deviation + self.mean)
        return np.asarray(self.classes_[outputs.argmax(1).numpy()])


class _Frozen:
    """Outputs that were made already, as an estimator that scikit-learn's scorers take."""

    def __init__(self, owner: OptunaNet, outputs: torch.Tensor) -> None:
        self._owner, self._outputs = owner, outputs
        self._estimator_type = "regressor" if owner.regression else "classifier"
        self.classes_ = owner.classes_

    def __sklearn_tags__(self) -> Any:
        """What scikit-learn asks of an estimator."""
        from sklearn.utils import ClassifierTags, InputTags, RegressorTags, Tags, TargetTags

        return Tags(
            estimator_type=self._estimator_type,
            target_tags=TargetTags(required=True),
            classifier_tags=None if self._owner.regression else ClassifierTags(),
            regressor_tags=RegressorTags() if self._owner.regression else None,
            transformer_tags=None,
            input_tags=InputTags(),
        )

    def predict(self, _: None) -> np.ndarray:
        """The predictions."""
        return self._owner._predicted(self._outputs)

    def predict_proba(self, _: None) -> np.ndarray:
        """The probabilities of the classes."""
        return torch.softmax(self._outputs.double(), 1).numpy()


def _storage(folder: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(folder / "journal")))
