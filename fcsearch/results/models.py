"""Saved networks of a run's best trials: one self-contained safetensors file per trial."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fcsearch.config import InputForm
from fcsearch.errors import RunError
from fcsearch.results.files import (
    names_in,
    read_if_there,
    read_json,
    remove,
    transform_name,
    write_json,
    write_whole,
)
from fcsearch.results.model_file import digest_of, facts_in, model_texts, with_facts

if TYPE_CHECKING:
    import torch

    from fcsearch.nn.networks import FullyConnectedNet

_MODEL = re.compile(r"trial-(\d+)\.safetensors")
_REMEDY = "remove it, and `fcsearch confirm` makes it again"


class Models:
    """The folder of saved models: `trial-000012.safetensors` holds the network of trial 12 at its best epoch.

    `FullyConnectedNet.load` reads the files too.
    """

    def __init__(self, folder: Path, *, transform: Path, aside: Path) -> None:
        self.folder = folder
        self._transform = transform
        self._aside = aside

    def path(self, trial_id: int) -> Path:
        """Where the trial's model is, or would be."""
        return self.folder / f"trial-{trial_id:06d}.safetensors"

    @property
    def refit_path(self) -> Path:
        """The path of the refit, the network trained on training and validation rows."""
        return self.folder / "refit.safetensors"

    def member_refit_path(self, trial_id: int) -> Path:
        """Where a member of the ensemble is as it was fitted again, or would be."""
        return self.folder / f"refit-{trial_id:06d}.safetensors"

    @property
    def ensemble_path(self) -> Path:
        """The path of the file with the ensemble's networks and weights."""
        return self.folder / "ensemble.json"

    def save(
        self,
        trial_id: int,
        weights: Mapping[str, torch.Tensor],
        metadata: Mapping[str, Any],
        *,
        path: Path | None = None,
    ) -> None:
        """Write the network of a trial at its best epoch, whole or not at all, with the transform of its rows.

        Args:
            trial_id: The trial.
            weights: W1 (D, H), b1 (H,), ... by name.
            metadata: JSON types: `config`, `input_dim`, `num_classes`, `class_names` and the `dataset` fingerprint.
            path: The file, if not the trial's own.
        """
        from fcsearch.results.network_files import network_content

        texts = model_texts(metadata, self._transform_text(InputForm.of(metadata["config"])))
        content = network_content(weights, metadata["config"], texts)
        write_whole(path or self.path(trial_id), lambda stream: stream.write(content), aside=self._aside)

    def copy_refit(self, member: int) -> None:
        """Keep the network that was fitted again as that of a member of the ensemble, too."""
        content = self.refit_path.read_bytes()
        write_whole(self.member_refit_path(member), lambda stream: stream.write(content), aside=self._aside)

    def add_facts(self, trial_id: int, facts: Mapping[str, Any], *, path: Path | None = None) -> None:
        """Add facts (JSON types) to a network's metadata; arguments and errors as `metadata`, which returns them."""
        path, known = path or self.kept(trial_id), self.metadata(trial_id, path=path)
        content = with_facts(path, {**known, **facts})
        write_whole(path, lambda stream: stream.write(content), aside=self._aside)

    def load(self, trial_id: int) -> FullyConnectedNet:
        """The trial's network, on the CPU; RunError if it was not kept or the file is damaged."""
        from fcsearch.results.network_files import load_network

        return load_network(self.kept(trial_id))

    def load_refit(self, *, member: int | None = None) -> FullyConnectedNet:
        """The network that learned from training and validation rows, on the CPU; RunError if there is none.

        Args:
            member: The trial of the ensemble whose network it is; None: the run's own.
        """
        from fcsearch.results.network_files import load_network

        return load_network(self.kept_refit() if member is None else self.member_refit_path(member))

    def kept_refit(self) -> Path:
        """Its file; RunError if there is none."""
        if not self.refit_path.is_file():
            raise RunError(
                f"{self.folder.parent} must have a refit; found no {self.refit_path.name}; "
                f"make it with `fcsearch confirm {self.folder.parent} --refit`"
            )
        return self.refit_path

    def refit_digest(self) -> str:
        """What tells it from every other: SHA-256 of its weights; RunError if there is none or its file is damaged."""
        return digest_of(self.kept_refit())

    def ensemble_digest(self) -> str:
        """What tells the ensemble's networks, as they were fitted again, from others; RunError as `refit_digest`."""
        digests = [digest_of(self.member_refit_path(trial_id)) for trial_id in self.ensemble()]
        return hashlib.sha256("".join(digests).encode()).hexdigest()

    def save_ensemble(self, members: Mapping[int, float], facts: Mapping[str, Any]) -> None:
        """Record which trials make the ensemble.

        Args:
            members: The weight of each trial's prediction; they sum to 1.
            facts: Other facts about it (JSON types).
        """
        listed = [{"trial_id": trial_id, "weight": weight} for trial_id, weight in members.items()]
        write_json(self.ensemble_path, {"members": listed, **facts}, aside=self._aside)

    def ensemble(self) -> dict[int, float]:
        """The weight of each trial's prediction in the ensemble; empty if there is no ensemble.

        Raises:
            RunError: the file is damaged.
        """
        stored = self.ensemble_facts()
        try:
            members = stored["members"] if stored else []
            return {int(member["trial_id"]): float(member["weight"]) for member in members}
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.ensemble_path} must name members and weights; found neither; {_REMEDY}") from error

    def ensemble_facts(self) -> dict[str, Any]:
        """The whole content of the ensemble's file; empty if there is none."""
        return read_json(self.ensemble_path, remedy=_REMEDY) if self.ensemble_path.is_file() else {}

    def metadata(self, trial_id: int, *, path: Path | None = None) -> dict[str, Any]:
        """The metadata saved with the trial's network, or with that of another file; RunError as in `load`."""
        return facts_in(path or self.kept(trial_id))

    def input_form(self, trial_id: int, *, path: Path | None = None) -> InputForm:
        """The form of the rows that a network was trained on; arguments and errors as `metadata`."""
        return InputForm.of(self.metadata(trial_id, path=path).get("config", {}))

    def saved(self) -> list[int]:
        """The trials that have a model, in order."""
        return sorted(int(match[1]) for name in names_in(self.folder) if (match := _MODEL.fullmatch(name)))

    def prune(self, keep: Collection[int]) -> None:
        """Remove the models of all other trials."""
        for trial_id in set(self.saved()) - set(keep):
            remove(self.path(trial_id))

    def prune_refits(self, members: Collection[int]) -> None:
        """Remove what was fitted again of trials that are not members of the ensemble."""
        kept = {self.member_refit_path(trial_id) for trial_id in members}
        for path in set(self.folder.glob("refit-*.safetensors")) - kept:
            remove(path)

    def _transform_text(self, form: InputForm) -> str | None:
        found = read_if_there(self._transform.with_name(transform_name(form)))
        return None if found is None else found.decode()

    def kept(self, trial_id: int) -> Path:
        """The trial's file; RunError if there is none."""
        path = self.path(trial_id)
        if not path.is_file():
            saved = ", ".join(map(str, self.saved())) or "none"
            raise RunError(
                f"trial {trial_id} must have a saved model; found models of trials: {saved}; train it again with "
                f"`fcsearch train --run {self.folder.parent} --trial {trial_id}`"
            )
        return path
