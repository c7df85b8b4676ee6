"""The best configurations over several seeds, and what can be used in the winner's place, in words."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from fcsearch.report.findings import Evidence
from fcsearch.report.measured import Alternative
from fcsearch.report.words import listing, percent, plural, points
from fcsearch.selection import Confirmation, Confirmed

_NAMES = {"ensemble": "the ensemble", "refit": "the network fitted again on training and validation rows"}
_COLUMNS = ("trial", "mean", "deviation", "seeds", "search", "winner's lead", "")


def of_the_confirmation(found: Confirmation | None) -> Iterator[Evidence]:
    """What other seeds say of the winner."""
    if found is None or not found.done:
        return
    if not found.complete:
        yield Evidence(
            "unconfirmed",
            f"The confirmation is not complete: {found.done} of {found.asked} trainings are done (`fcsearch confirm` "
            "goes on with it), and until then the best of the search counts as the winner",
        )
        return
    winner = found.winner
    if winner is None:
        yield Evidence("unconfirmed", "No configuration had a result with other seeds: all of them diverged or failed")
        return
    spread = f", standard deviation {points(winner.deviation)}" if winner.deviation is not None else ""
    yield Evidence(
        "confirmed",
        f"Trained again with {plural(len(found.seeds), 'other seed')}, trial {winner.trial_id} has "
        f"{percent(winner.mean)} on average{spread}: the best of the {len(found.configurations)} configurations that "
        "were confirmed",
    )
    if found.ties:
        names = listing([str(trial) for trial in found.ties])
        noun = "trial" if len(found.ties) == 1 else "trials"
        yield Evidence(
            "tie",
            f"It is a tie with {noun} {names}: chance explains the difference, so choose among them by size or speed",
        )
    elif len(found.configurations) > 1:
        yield Evidence("lead", "Chance does not explain its lead over the others that were confirmed")
    if found.bias is not None:
        direction, why = (
            ("higher", ": what choosing the best of many measurements adds") if found.bias > 0 else ("lower", "")
        )
        yield Evidence(
            "bias",
            f"The search's own values of these are {points(abs(found.bias))} {direction} on average than with other "
            f"seeds{why}",
        )
    lost = [str(entry.trial_id) for entry in found.configurations if entry.lost]
    if lost:
        noun = "trial" if len(lost) == 1 else "trials"
        yield Evidence("unstable", f"With some of the seeds {noun} {listing(lost)} diverged or failed")


def of_the_alternatives(found: Sequence[Alternative]) -> Iterator[Evidence]:
    """Whether the ensemble, or the network fitted again, is worth having."""
    for model in found:
        if model.versus is None:
            continue
        versus, noun = model.versus, "test" if model.versus.split == "test" else "validation"
        size = f" of {len(model.members)} networks" if model.model == "ensemble" else ""
        gain = f"{'+' if versus.difference >= 0 else '-'}{points(abs(versus.difference))}"
        verdict = (
            f"more than chance explains, so it is worth having: `--model {model.model}`"
            if versus.worth_having
            else "within what chance explains, so it is not shown to be worth having"
        )
        yield Evidence(
            model.model,
            f"{_NAMES[model.model].capitalize()}{size} has {percent(versus.single + versus.difference)} of the {noun} "
            f"rows right, {gain} against the winner alone (two standard errors: {points(2 * versus.error)}): {verdict}",
        )


def confirmed_line(found: Confirmation | None) -> list[tuple[str, str, str]]:
    """The winner's figure over seeds: which, how much, and a remark; nothing where there is none."""
    winner = found.winner if found else None
    if found is None or winner is None:
        return []
    spread = f", standard deviation {points(winner.deviation)}" if winner.deviation is not None else ""
    tie = f"; a tie with {listing([str(trial) for trial in found.ties])}" if found.ties else ""
    return [
        ("confirmed", percent(winner.mean), f"validation, mean of {plural(len(winner.values), 'seed')}{spread}{tie}")
    ]


def alternative_lines(found: Sequence[Alternative | None]) -> list[tuple[str, str, str]]:
    """The test figures of models that can be used in the winner's place."""
    lines = []
    for model in found:
        if model is not None and model.test is not None:
            size = f" of {len(model.members)} networks" if model.model == "ensemble" else ""
            remark = f"{model.model}{size}; standard error {points(model.test.standard_error)}; measured once"
            lines.append((f"test, {model.model}", percent(model.test.accuracy), remark))
    return lines


def confirmation_cells(found: Confirmation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """The configurations over seeds as a table: its columns, and a row of texts for each."""
    return _COLUMNS, [_cells(entry, first=number == 0) for number, entry in enumerate(found.configurations)]


def _cells(entry: Confirmed, *, first: bool) -> tuple[str, ...]:
    lead = ""
    if not first and entry.difference is not None:
        error = f" ± {100 * entry.difference_error:.2f}" if entry.difference_error is not None else ""
        lead = f"{100 * entry.difference:.2f}{error}"
    return (
        str(entry.trial_id),
        percent(entry.mean),
        "-" if entry.deviation is None else f"{100 * entry.deviation:.2f}",
        str(len(entry.values)) + (f" ({entry.lost} lost)" if entry.lost else ""),
        percent(entry.search_value),
        lead,
        "winner" if first else "tie" if entry.tied else "",
    )
