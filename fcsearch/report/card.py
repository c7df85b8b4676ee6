"""The model card of an exported model: what it is, how good it is, how to use it, and its limits."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fcsearch import __version__
from fcsearch.config import HYPERPARAMETERS, TrialConfig
from fcsearch.config.input_form import OWN_FORM
from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.evaluation import Measurement, standard_error
from fcsearch.inference.choosing import Chosen
from fcsearch.inference.exported import TOLERANCE, Exported
from fcsearch.nn import FullyConnectedNet
from fcsearch.report.build import opening_of_run
from fcsearch.report.card_usage import usage
from fcsearch.report.features import feature_lines, features_in
from fcsearch.report.judgement import Caution, Verdict
from fcsearch.report.known import known_measurements
from fcsearch.report.lacking import lacking_words
from fcsearch.report.verdict import NOT_SHOWN, Opening, figure_of, judge, not_above_baseline, not_ahead, with_ranking
from fcsearch.report.words import capitalised, class_list, percent, plural, points, value_text
from fcsearch.results import Run, objective_of, rank_trials
from fcsearch.results.manifest import DatasetEntry
from fcsearch.selection import answers_by_refit, chosen_trial, ensemble_answers_by_refit

_MAX_CLASSES = 50


def model_card(chosen: Chosen, exported: Exported, form: str, name: str) -> str:
    """The card, in Markdown. It names no path, host or user of this machine.

    Args:
        chosen: The model.
        exported: The exported form.
        form: `torch`, `onnx` or `safetensors`.
        name: The exported file's name, without its folder.
    """
    found = _measured(chosen)
    opening = _opening(chosen, found)
    sections = {
        "What it is": _what(chosen),
        "Data": _data(chosen),
        "How good it is": _figures(chosen, found, opening),
        "How it was made": _making(chosen),
        "How to use it": usage(chosen, exported, form, name),
        "Limits": _limits(chosen, exported, opening),
    }
    parts = [f"# Model card: {name}"]
    for title, lines in sections.items():
        parts += [f"## {title}", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _what(chosen: Chosen) -> Iterator[str]:
    transform = chosen.predictor.transform
    names = transform.class_names
    if transform.target is not None:
        mean, deviation = (OBJECTIVES["mae"].show(value) for value in dataclasses.astuple(transform.target))
        yield (
            f"A regression: it predicts {_code(transform.label) if transform.label else 'a number'}, whose mean is "
            f"{mean} and standard deviation {deviation} in the training rows."
        )
    else:
        shown = ", ".join(map(_code, names[:_MAX_CLASSES]))
        more = f" and {len(names) - _MAX_CLASSES:,} more" if len(names) > _MAX_CLASSES else ""
        yield f"A classifier of {plural(len(names), 'class')}: {shown}{more}."
    yield ""
    for member in chosen.predictor.members:
        net = member.network
        weight = "" if member.weight == 1 else f", weight {member.weight:.3g}"
        learned = "weights and biases" if net.embedding is None else "weights, biases and frequencies"
        yield f"- Fully connected network {_layers(net)}, {net.activation}, {net.num_parameters:,} {learned}{weight}"


def _layers(net: FullyConnectedNet) -> str:
    """What becomes of a network's features, layer by layer."""
    dims = "-".join(map(str, (len(net.params["W1"]), *net.hidden_dims, net.num_classes)))
    if (sizes := net.embedding) is None:
        return dims
    frequencies = "frequency" if sizes.frequencies == 1 else "frequencies"
    return (
        f"of {plural(net.input_dim, 'feature')}, of which {plural(sizes.numbers, 'number')} embedded in "
        f"{plural(sizes.dim, 'feature')} each by {sizes.frequencies:,} {frequencies}, then {dims}"
    )


def _data(chosen: Chosen) -> Iterator[str]:
    described = _described(chosen.run)
    if described.name:
        yield f"- Dataset: {_code(Path(described.name).name)}"
    yield f"- Fingerprint: {_code(chosen.facts.get('dataset') or 'unknown')}"
    rows = described.rows
    named = [(rows.train, "for training"), (rows.val, "for validation"), (rows.test, "for test")]
    if rows.train and rows.val and _is_refit(chosen):
        named[:2] = [(rows.train + rows.val, "for training (a refit: those for validation too)")]
    if counts := [f"{count:,} {word}" for count, word in named if count]:
        yield f"- Rows: {', '.join(counts)}"
    for line in described.split_words():
        yield f"- Split: {_code(line)}"
    if (label := chosen.predictor.transform.label) is not None:
        yield f"- Label: the column {_code(label)}"
    embedded = any(member.network.embedding is not None for member in chosen.predictor.members)
    for line in feature_lines(features_in(chosen.predictor.transform, described.spec or {}, embedded=embedded)):
        yield f"- {capitalised(line)}"


def _is_refit(chosen: Chosen) -> bool:
    """Whether the network, or the ensemble's, learned from validation rows too."""
    if chosen.run is None or len(chosen.trials) == 1:
        return False
    return not chosen.trials or ensemble_answers_by_refit(chosen.run.directory)


def _figures(chosen: Chosen, found: Sequence[Measurement], opening: Opening) -> Iterator[str]:
    if opening.verdict is not None:
        yield from (f"**{opening.verdict.beginning}:** {opening.verdict.reason}", "")
    if opening.caution is not None:
        yield from (f"**{opening.caution}**", "")
    if not found:
        yield from _validation_alone(chosen)
        return
    objective = OBJECTIVES[found[0].objective]
    bases = [item.base_line for item in found if item.base_line]
    balanced = ["balanced accuracy"] if objective.task == "classification" else []
    columns = ("rows", objective.title, "standard error", *balanced, "baseline")
    yield f"| {' | '.join(columns)} |"
    yield f"| {' | '.join('---' for _ in columns)} |"
    for item in found:
        yield f"| {item.rows:,} {item.place} rows | {' | '.join(_cells(item, objective))} |"
    if bases:
        method = bases[-1].method
        if objective.name == "accuracy":
            method = f"always answering the commonest class, {_code(bases[-1].answer)}"
        yield ""
        yield f"The baseline is that of {method}.{' ± is one standard error.' if balanced else ''}"
    if (last := found[-1].classification) and (missing := last.without_rows):
        yield f"No row measured was of {class_list(missing)}."
    if any(item.folds for item in found):
        yield ""
        yield (
            "Out-of-fold rows are predicted by networks of the same configuration that did not see them; a figure is "
            "the mean over the folds."
        )


def _cells(item: Measurement, objective: Objective) -> Iterator[str]:
    yield objective.show(item.value)
    yield objective.show_difference(item.standard_error)
    if objective.task == "classification":
        figures = item.classification
        yield f"{percent(figures.balanced_accuracy)} ± {points(figures.balanced_error)}" if figures else "-"
    yield objective.show(item.base_line.value if item.base_line else None)


def _measured(chosen: Chosen) -> list[Measurement]:
    if chosen.run is None:
        return []
    directory = chosen.run.directory
    known = known_measurements(directory)
    if len(chosen.trials) == 1:
        single = (known.validation, known.test.measurement)
        return [item for item in single if item and chosen.trials == (item.trial_id,)]
    if not chosen.trials:
        digest = directory.models.refit_digest()
        fitted = [(known.test.measurement, known.test.digest)]
        fitted += [(known.refit.test, known.refit.digest)] if known.refit else []
        measured = [item for item, of in fitted if item and of == digest]
        beside = known.validation
        if beside and beside.folds and beside.trial_id == chosen.facts.get("trial_id"):
            return [beside, *measured]
        return measured
    other = known.ensemble
    fitted_again = directory.models.ensemble_digest() if ensemble_answers_by_refit(directory) else None
    if other is None or set(other.members) != set(chosen.trials) or other.digest != fitted_again:
        return []
    return [item for item in (other.validation, other.test) if item]


def _opening(chosen: Chosen, found: Sequence[Measurement]) -> Opening:
    """As the run's report; of a model that is not the run's answer by its own figures."""
    if chosen.run is None:
        return Opening()
    run = chosen.run.directory
    if chosen.trials == (chosen_trial(run),) or (not chosen.trials and answers_by_refit(run)):
        return opening_of_run(run, known_measurements(run))
    verdict = _own_verdict(found, trials=len(rank_trials(chosen.run.trials)))
    who = "the ensemble" if len(chosen.trials) > 1 else "the network"
    tests = [item for item in found if item.split == "test"]
    behind = not_ahead(tests[0], who) if tests and verdict is None else None
    return Opening(verdict, Caution(behind) if behind else None)


def _own_verdict(found: Sequence[Measurement], *, trials: int) -> Verdict | None:
    """By the rows that chose the model, if they did; else by the test rows alone, which may be few."""
    figure = figure_of(found[0], "its") if found else None
    if figure is None:
        return None
    test = next((item for item in found if item.split == "test"), None)
    short = not_above_baseline(figure) if found[0] is test else None
    verdict = Verdict(NOT_SHOWN, short) if short else judge(figure, trials=trials, test=test)
    return verdict and with_ranking(verdict, found[0], test, trials=trials)


def _validation_alone(chosen: Chosen) -> Iterator[str]:
    rows, row = _described(chosen.run).rows.val, _row(chosen)
    objective = _objective(chosen)
    value: float | None = row.get(objective.column) if row else None
    if value is None:
        why = "its trials were not measured together" if chosen.run else "it was exported without its run"
        yield f"Not known: {why}. Measure the model before you use it."
        return
    error = f", standard error {points(standard_error(value, rows))}" if rows and objective.name == "accuracy" else ""
    if row and (spread := row.get("val_standard_error")) is not None:
        error = f", mean over folds, standard error {objective.show_difference(spread)}"
    yield f"Validation {objective.title} {objective.show(value)}{error}. It was not measured on test rows."


def _making(chosen: Chosen) -> Iterator[str]:
    yield f"- Exported by fcsearch {__version__}"
    if chosen.run is not None:
        seed, count = chosen.run.manifest.seed, plural(len(chosen.run.trials), "trial")
        yield f"- It is {chosen.name}, a run of {count}, seed {seed}"
        for lack in lacking_words(chosen.run.directory, chosen.trials):
            yield f"- {capitalised(lack)}"
    row, config = _row(chosen), chosen.facts.get("config")
    values = row or (TrialConfig.from_json(config).parameters() if config else {})
    # The form of the rows that the dataset says stands above, in words.
    told = {"hidden_dim"} | ({"preprocessing"} if values.get("preprocessing") == OWN_FORM.preprocessing else set())
    named = {key: values[key] for key in HYPERPARAMETERS if values.get(key) is not None and key not in told}
    if named:
        yield f"- Hyperparameters: {', '.join(f'{key} {value_text(value)}' for key, value in named.items())}"


def _limits(chosen: Chosen, exported: Exported, opening: Opening) -> Iterator[str]:
    yield "- It is made for rows like those that it was trained on. It was not measured on others."
    if chosen.run is not None and len(chosen.run.trials) > 1:
        objective = _objective(chosen)
        # Nobody is to quote the figure of a network that is not to be used.
        usable = opening.verdict is None and not (opening.caution and opening.caution.forbids)
        yield (
            f"- It was chosen among {plural(len(chosen.run.trials), 'trial')} by its validation {objective.title}, "
            f"which is therefore too {'high' if objective.maximize else 'low'} on average."
            + (f" The test {objective.title}, if there is one, is the figure to quote." if usable else "")
        )
    losses = {member.network.loss_name for member in chosen.predictor.members}
    reason = "; it was trained by margins (svm), not by likelihood" if "svm" in losses else ""
    temperature = chosen.predictor.temperature
    if chosen.predictor.transform.target is not None:
        yield "- A prediction is a single number, without an interval: the figures above say how far off it may be."
    elif temperature == 1:
        yield f"- Probabilities are the softmax of the network's scores{reason}; they are not calibrated."
    else:
        yield (
            f"- Probabilities are calibrated by a temperature of {temperature:.3g}, fitted on the validation rows, "
            f"which also chose the network{reason}."
        )
    if any(item.kind == "category" for item in chosen.predictor.transform.inputs):
        yield "- A category that the training rows do not have counts as none of the known ones."
    if any(item.fill is not None for item in chosen.predictor.transform.inputs):
        yield "- A missing value is filled with the training rows' median, or their most frequent category."
    if exported.difference is not None:
        yield (
            f"- Checked when it was exported: {_checked(chosen)} fcsearch's to {max(exported.difference, 1e-9):.1g} "
            f"(at most {TOLERANCE:g} is allowed), on made-up rows with gaps and categories that are not known."
        )


def _checked(chosen: Chosen) -> str:
    regression = chosen.predictor.transform.target is not None
    return "predictions, in standard deviations of the target, are" if regression else "probabilities are"


def _objective(chosen: Chosen) -> Objective:
    """What the run went by; of a model without its run what its task goes by."""
    if chosen.run is not None:
        return objective_of(chosen.run.trials)
    return OBJECTIVES["rmse" if chosen.predictor.transform.target else "accuracy"]


def _described(run: Run | None) -> DatasetEntry:
    return (run.manifest.dataset if run else None) or DatasetEntry()


def _row(chosen: Chosen) -> dict[str, Any] | None:
    """The trial's row of the run, where the model is one trial of a run."""
    if chosen.run is None or len(chosen.trials) != 1:
        return None
    rows: list[dict[str, Any]] = chosen.run.trials.to_pylist()
    return next((row for row in rows if row["trial_id"] == chosen.trials[0]), None)


def _code(text: str) -> str:
    """Text as Markdown shows it letter by letter, on one line."""
    plain = " ".join(str(text).split()).replace("`", "'")
    return f"`{plain}`" if plain else "` `"
