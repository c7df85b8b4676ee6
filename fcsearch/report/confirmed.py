"""The best configurations over several seeds, and the alternatives to the winner, in words."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from fcsearch.config.objective import OBJECTIVES, Objective
from fcsearch.report.findings import Evidence
from fcsearch.report.lacking import NOT_FITTED, diverged_words
from fcsearch.report.measured import Alternative, FinalTest
from fcsearch.report.model import Dataset
from fcsearch.report.words import capitalised, listing, plural, trial_list
from fcsearch.selection import Confirmation, Confirmed
from fcsearch.selection.calibration import Calibration

_NAMES = {"ensemble": "the ensemble", "refit": "the network fitted again on training and validation rows"}
_COLUMNS = ("trial", "mean", "deviation", "seeds", "search", "winner's lead", "")


def of_the_confirmation(found: Confirmation | None, *, searched: int) -> Iterator[Evidence]:
    """The winner's results with other seeds; `searched` is the number of trials that it was chosen from."""
    if found is None or not found.done:
        return
    if not found.complete:
        yield Evidence(
            "unconfirmed",
            f"The confirmation is not complete: {found.done} of {found.asked} trainings are done (`fcsearch confirm` "
            "continues it), and until then the best of the search counts as the winner",
        )
        return
    winner = found.winner
    if winner is None:
        yield Evidence(
            "unconfirmed", "No configuration that has all seeds had a result with them: each diverged or failed"
        )
        return
    objective, count = OBJECTIVES[found.objective], len(found.ranked)
    all_ranked = count == len(found.configurations)
    which = "that were confirmed" if all_ranked else "with all of these seeds"
    yield Evidence(
        "confirmed",
        f"Trained again with {plural(len(found.seeds), 'other seed')}, trial {winner.trial_id} has validation "
        f"{objective.title} {objective.show(winner.mean)} on average{_spread(winner, objective)}"
        + (f": the best of the {count} configurations {which}" if count > 1 else ""),
    )
    if found.ties:
        yield Evidence(
            "tie",
            f"It is a tie with {trial_list(found.ties)}: chance, by {_chances(objective)}, explains the difference, so "
            "choose among them by size or speed",
        )
    elif count > 1:
        yield Evidence(
            "lead",
            f"Chance, by {_chances(objective)}, does not explain its lead over the other "
            + ("confirmed configurations" if all_ranked else "configurations with all of these seeds"),
        )
    if found.ahead:
        are, have, them = ("is", "has", "it") if len(found.ahead) == 1 else ("are", "have", "them")
        yield Evidence(
            "unranked",
            f"With the seeds that both have, {trial_list(found.ahead)} {are} better than the winner by more than the "
            f"standard error, but {have} fewer seeds and so {are} not ranked: `fcsearch confirm` with a larger `--top` "
            f"ranks {them}",
        )
    if found.bias is not None:
        yield Evidence("bias", _bias(found.bias, objective, count=count, searched=searched))
    if lost := [entry.trial_id for entry in found.configurations if entry.lost]:
        yield Evidence("unstable", f"With some of the seeds {trial_list(lost)} diverged or failed")


def _bias(bias: float, objective: Objective, *, count: int, searched: int) -> str:
    """By how much the search's own values of so many configurations are better than those with other seeds."""
    values, verb = ("values of these", "are") if count > 1 else ("value of it", "is")
    shown = objective.show_difference(abs(bias))
    if shown == objective.show_difference(0.0):
        return f"The search's own {values} {verb} on average the same as with other seeds"
    flatters = bias > 0
    why = ": the effect of choosing the best of many measurements" if flatters and searched > count else ""
    side = "higher" if flatters == objective.maximize else "lower"
    return f"The search's own {values} {verb} {shown} {side} on average than with other seeds{why}"


def of_the_alternatives(found: Sequence[Alternative], diverged: Collection[int] = ()) -> Iterator[Evidence]:
    """Whether the ensemble, or the refit, is worth using; `diverged` are trials whose refits diverged."""
    for model in found:
        if model.versus is None:
            continue
        versus, noun = model.versus, "test" if model.versus.split == "test" else "validation"
        objective = OBJECTIVES[versus.objective]
        size = f" {_of(model)}" if model.model == "ensemble" else f", {_of(model)},"
        gap = f"{objective.show_difference(abs(versus.gain))} {'worse' if versus.gain < 0 else 'better'} than"
        lead = gap if versus.gain else "the same as"
        if versus.worth_having:
            verdict = f"more than chance explains, so it is worth using: `--model {model.model}`"
            if versus.split == "test":
                flattered = "high" if objective.maximize else "low"
                verdict += f". That is a choice by the test rows, after which its figure is a little too {flattered}"
        elif versus.gain < -2 * versus.error:
            verdict = "more than chance explains, so it is not worth using"
        else:
            verdict = "within what chance explains, so it is not shown to be worth using"
        if model.model == "ensemble" and versus.digest is not None and model.digest is None:
            lost = [trial for trial in model.members if trial in diverged]
            then = "" if lost else ", until `fcsearch resume` fits them"
            verdict += f". {capitalised(diverged_words(lost) if lost else NOT_FITTED)} than the winner{then}"
        yield Evidence(
            model.model,
            f"{_NAMES[model.model].capitalize()}{size} has {noun} {objective.title} "
            f"{objective.show(versus.single + versus.difference)}, {lead} the winner alone (two standard errors: "
            f"{objective.show_difference(2 * versus.error)}): {verdict}",
        )


def _of(model: Alternative) -> str:
    """How many networks an ensemble has, and of which trial a refit is."""
    first, *_ = model.members
    return f"of {plural(len(model.members), 'network')}" if model.model == "ensemble" else f"of trial {first}"


def of_the_folds(
    dataset: Dataset, test: FinalTest, trial_id: int, diverged: Collection[int] = ()
) -> Iterator[Evidence]:
    """Which network is used if a trial has one in each fold; nothing without folds. `diverged` as above."""
    if not dataset.folds or dataset.train_rows is None or dataset.val_rows is None:
        return
    rows = f"{dataset.train_rows + dataset.val_rows:,}"
    if test.refit:
        yield Evidence(
            "folds",
            f"The network to use is the refit: the winner, trained on the {rows} rows of all folds; `--model "
            f"{trial_id}` is that of the first fold, which was trained on {dataset.train_rows:,} of them",
        )
    else:
        refit = "it diverged" if trial_id in diverged else "`fcsearch confirm --refit` trains it"
        yield Evidence(
            "folds",
            f"The network is that of the first fold, trained on {dataset.train_rows:,} of {rows} rows: {refit} on all "
            "of them",
        )


def of_the_calibration(found: Calibration | None) -> Iterator[Evidence]:
    """The effect of the temperature on the probabilities."""
    if found is None:
        return
    if found.temperature == 1:
        yield Evidence(
            "calibration",
            f"Its probabilities are the network's own: no temperature lowers the log loss of the "
            f"{found.rows:,} validation rows, {found.log_loss_before:.4f}",
        )
        return
    yield Evidence(
        "calibration",
        f"Its probabilities are given at a temperature of {found.temperature:.3g}, fitted on the {found.rows:,} "
        f"validation rows: their log loss falls from {found.log_loss_before:.4f} to {found.log_loss_after:.4f}, and "
        "predicted classes do not change",
    )


def confirmed_line(
    found: Confirmation | None, folds: int | None = None, *, praised: bool = True
) -> list[tuple[str, str, str]]:
    """The winner's figure over seeds, and over folds: its name, value and a remark; empty if there is none.

    Where nothing was learned, it is no winner, and so nothing ties with it.
    """
    winner = found.winner if found else None
    if found is None or winner is None:
        return []
    objective = OBJECTIVES[found.objective]
    tie = f"; a tie with {listing([str(trial) for trial in found.ties])}" if found.ties and praised else ""
    each = f" in {folds} folds" if folds else ""
    remark = f"validation, mean of {plural(len(winner.values), 'seed')}{each}{_spread(winner, objective)}{tie}"
    return [("confirmed", objective.show(winner.mean), remark)]


def alternative_lines(found: Sequence[Alternative | None]) -> list[tuple[str, str, str]]:
    """The test figures of models that can be used instead of the winner."""
    lines = []
    for model in found:
        if model is not None and model.test is not None:
            objective = OBJECTIVES[model.test.objective]
            error = objective.show_difference(model.test.standard_error)
            remark = f"{model.model} {_of(model)}; standard error {error}"
            lines.append((f"test, {model.model}", objective.show(model.test.value), remark))
    return lines


def confirmation_cells(found: Confirmation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The configurations over seeds as a table: its columns, and a row of texts for each."""
    objective = OBJECTIVES[found.objective]
    if found.winner is None:
        done = [_cells(entry, objective) for entry in found.configurations]
        return _COLUMNS, [
            (*cells, "", _to_do(entry, len(found.seeds)))
            for cells, entry in zip(done, found.configurations, strict=True)
        ]
    standings = [_standing(entry, objective, first=place == 0) for place, entry in enumerate(found.configurations)]
    rows = zip(found.configurations, standings, strict=True)
    return _COLUMNS, [(*_cells(entry, objective), *standing) for entry, standing in rows]


def confirmation_remark(found: Confirmation) -> str:
    """What the table of the configurations shows; while trainings are missing, that nobody has won."""
    unit = confirmation_unit(found)
    if not found.complete:
        return f"{found.done} of {found.asked} trainings are done, so nobody has won yet; deviations in {unit}"
    return f"the best again with other seeds; {unit}, and the standard error of a lead"


def confirmation_unit(found: Confirmation) -> str:
    """The unit of the deviations and leads in the table."""
    objective = OBJECTIVES[found.objective]
    return "points" if objective.unit == "fraction" else objective.title


def _chances(objective: Objective) -> str:
    """What makes a lead by chance, as far as its error has it."""
    return "seeds and rows" if objective.is_share_of_rows else "seeds"


def _spread(winner: Confirmed, objective: Objective) -> str:
    deviation = winner.deviation
    return "" if deviation is None else f", standard deviation {objective.show_difference(deviation)}"


def _cells(entry: Confirmed, objective: Objective) -> tuple[str, ...]:
    return (
        str(entry.trial_id),
        objective.show(entry.mean),
        "-" if entry.deviation is None else objective.show_bare(entry.deviation),
        str(len(entry.values)) + (f" ({entry.lost} lost)" if entry.lost else ""),
        objective.show(entry.search_value),
    )


def _to_do(entry: Confirmed, seeds: int) -> str:
    """How many seeds a configuration lacks, if it is to have them."""
    left = 0 if entry.fewer_seeds else seeds - len(entry.values) - entry.lost
    return f"{left} to do" if left else ""


def _standing(entry: Confirmed, objective: Objective, *, first: bool) -> tuple[str, str]:
    """The winner's lead over the entry, and what that makes of it."""
    if first:
        return "", "winner"
    lead = ""
    if entry.difference is not None:
        error = f" ± {objective.show_bare(entry.difference_error)}" if entry.difference_error is not None else ""
        lead = f"{objective.show_bare(entry.difference)}{error}"
    return lead, "fewer seeds" if entry.fewer_seeds else "tie" if entry.tied else ""
