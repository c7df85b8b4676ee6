"""The verdict on a search that does not show that anything was learned, in the same words wherever it is said."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from fcsearch.config.objective import OBJECTIVES
from fcsearch.evaluation import BaseLine, Lead, Measurement
from fcsearch.report.grounds import Grounds
from fcsearch.report.judgement import Caution, Verdict
from fcsearch.report.measured import Alternative
from fcsearch.report.words import plural
from fcsearch.selection import Confirmed
from fcsearch.selection.confirmation import error_by_rows

NOTHING = "nothing was learned"
NOT_SHOWN = "it is not shown that anything was learned"
RANKING_ALONE = "only the ranking of the rows is shown to be learned"
# Of these a ranking is no part: they are of the answers, or of their probabilities.
_WITHOUT_RANKING = ("accuracy", "balanced_accuracy", "f1_macro", "log_loss")
_NO_TEST, _LATER = "no test rows were measured", "the test rows are measured once the winner is settled"


@dataclass(frozen=True)
class Figure:
    """A figure, and the baseline of the same rows in the same objective.

    Attributes:
        name: It, in words that begin a clause.
        value: Its value.
        lead: Its lead over the baseline.
        base: The baseline.
    """

    name: str
    value: float
    lead: Lead
    base: BaseLine


def lead_over(base: BaseLine, value: float, error: float) -> Lead:
    """The lead of a value of which only its own standard error is known."""
    objective = OBJECTIVES[base.objective]
    return Lead(objective.gain(value - base.value), error, paired=False)


def figure_of(found: Measurement, whose: str) -> Figure | None:
    """The figure of a measurement, of which `whose` says whose it is; None if it has no baseline."""
    if (base := found.base_line) is None:
        return None
    lead = found.lead or lead_over(base, found.value, found.standard_error)
    name = f"{whose} {found.place} {OBJECTIVES[found.objective].title}{_over(found.folds)}"
    return Figure(name, found.value, lead, base)


def _over(folds: int | None) -> str:
    return f" (mean of {folds} folds)" if folds else ""


def not_above_baseline(figure: Figure) -> str | None:
    """A clause that says that a figure is not better than the baseline by more than chance explains; None if it is."""
    lead, base = figure.lead, figure.base
    if lead.is_real:
        return None
    objective, answer = OBJECTIVES[base.objective], base.short
    shown, side = f"{figure.name}, {objective.show(figure.value)}", "above" if objective.maximize else "below"
    below = f"{side} the {objective.show(base.value)} of {answer}"
    if lead.error is not None:
        what = "standard errors of the difference, row by row" if lead.paired else "standard errors"
        return f"{shown}, is not more than two {what} ({objective.show_difference(2 * lead.error)}) {below}."
    if lead.gain <= 0 or lead.chance is None:
        return f"{shown}, is not {below}."
    share = f"{100 * lead.chance:.2g}%"
    return f"{shown}, is {below}, but {share} of all random orders of its answers do as well on these rows."


def not_ahead(found: Measurement, who: str = "the network") -> str | None:
    """A sentence that says that a model is not shown to be better than the baseline of some rows; None if it is."""
    figure = figure_of(found, "its")
    if figure is None or figure.lead.is_real:
        return None
    objective, base = OBJECTIVES[found.objective], figure.base
    every = found.split == "all"
    many = f"{'all' if every else 'the'} {found.rows:,} {'' if every else f'{found.place} '}rows"
    rows = many if found.rows > 1 else "this one row"
    behind = f"{base.short}, whose {objective.title} is {objective.show(base.value)}"
    if figure.lead.gain <= 0:
        return f"On {rows} {who} is not ahead of {behind}."
    return f"On {rows} {who} is ahead of {behind}, but by no more than chance explains."


def judge(figure: Figure, *, trials: int, test: Measurement | None, untested: str = _NO_TEST) -> Verdict | None:
    """The verdict on the best of many trials; None if it has learned something.

    Rows that played no part in the choice settle it, where they show a lead: they are measured once, for one network.

    Args:
        figure: Its figure on the rows that it was chosen by.
        trials: Of how many different ones it is the best. Their epochs are not counted: one differs little from the
            next.
        test: The network on the test rows, if they were measured.
        untested: Why they were not, otherwise.
    """
    unseen = figure_of(test, "its") if test else None
    if unseen is not None and unseen.lead.is_real:
        return None
    if short := not_above_baseline(figure):
        return Verdict(NOTHING, short)
    if figure.lead.is_real_among(trials):
        return None
    objective, base = OBJECTIVES[figure.base.objective], figure.base
    by_chance = (
        f"{figure.name}, {objective.show(figure.value)}, leads the baseline, {objective.show(base.value)}, by no more "
        f"than chance explains for the best of {trials:,} trials on these rows"
    )
    if test is None:
        return Verdict(NOT_SHOWN, f"{by_chance}; and {untested}.")
    settled = not_above_baseline(unseen) if unseen else None
    return Verdict(NOT_SHOWN, f"{by_chance}; and {settled}" if settled else f"{by_chance}.")


def with_ranking(found: Verdict, validation: Measurement | None, test: Measurement | None, *, trials: int) -> Verdict:
    """The verdict on a figure of the answers; where the network clearly ranks the rows, that it has learned this.

    It is a second look at the same rows, so that chance explains twice as much. The test rows settle it, if they were
    measured.

    Args:
        found: By the objective.
        validation: The network on the rows that it was chosen by, if they were measured.
        test: The same on the test rows.
        trials: Of how many different ones it is the best on the validation rows.
    """
    rows = test or validation
    if rows is None or rows.objective not in _WITHOUT_RANKING or (lead := rows.ranking) is None:
        return found
    if not lead.is_real_among(2 if test else 2 * trials):
        return found
    ranked = OBJECTIVES["roc_auc"]
    figure = f"its ROC AUC on the {rows.place} rows{_over(rows.folds)}, {ranked.show(rows.figures[ranked.name])}"
    beyond = f"clearly leads the {ranked.show(0.5)} of ranking them at random"
    reason = f"{found.reason.removesuffix('.')}; but {figure}, {beyond}."
    return replace(found, claim=RANKING_ALONE, reason=reason, by_objective=found.claim)


@dataclass(frozen=True)
class Opening:
    """What a report says first: a verdict, a caution, or neither.

    Attributes:
        verdict: That nothing was learned, that it is not shown, or only of the ranking of the rows.
        caution: What else must be known of the network before it is used.
    """

    verdict: Verdict | None = None
    caution: Caution | None = None


def opening_of(known: Grounds) -> Opening:
    """What the report on a search says first."""
    found = _verdict_on(known)
    if found is None:
        behind = not_ahead(known.test.measurement) if known.test.measurement else None
        return Opening(caution=Caution(behind) if behind else None)
    other = _best_ahead(known.alternatives)
    seeds = _learned_with_other_seeds(known) if found.claim == NOTHING else None
    if other is None and seeds is not None and not _is_behind(known.value_of(known.winner), seeds, known):
        # What chance explains of the one, it explains of the other.
        mean = f"{known.objective.show(seeds.mean)} on average, which chance does not tell apart from that"
        found, seeds = replace(found, reason=f"{found.reason} With other seeds its configuration has {mean}."), None
    if other is None and seeds is None:
        return Opening(with_ranking(found, _validated(known), known.test.measurement, trials=known.tries))
    shown = _shows_no_lead(found, known)
    if other is not None:
        return Opening(caution=_the_other_model(shown, *other))
    return Opening(caution=_another_seed(shown, seeds, known) if seeds else None)


def _validated(known: Grounds) -> Measurement | None:
    """The network on the validation rows; None if it was not measured, or with folds only on those of the first."""
    found = known.validation
    return found if found is not None and bool(known.dataset.folds) == (found.folds is not None) else None


def _verdict_on(known: Grounds) -> Verdict | None:
    """The verdict on the network alone: by its validation rows, else by the value of the search's best trial."""
    best, validation, figure = known.ranked[0], _validated(known), None
    error = known.error_of(best)
    if validation is not None:
        figure = figure_of(validation, "the best network's")
    elif known.base is not None and error is not None:
        name, value = f"the best validation {known.objective.title} of all trials", known.value_of(best)
        figure = Figure(name, value, lead_over(known.base, value, error), known.base)
    if figure is None:
        return None
    later = known.test.is_to_come and bool(known.dataset.test_rows)
    untested = _LATER if later else _NO_TEST
    found = judge(figure, trials=known.tries, test=known.test.measurement, untested=untested)
    return found and replace(found, so_far=later or known.state != "complete")


def _learned_with_other_seeds(known: Grounds) -> Confirmed | None:
    """The configuration over other seeds, if it leads the baseline with them; None if that is not shown.

    Such seeds played no part in the choice, but the rows did: the lead must be real for the best of all trials.
    """
    winner = known.confirmation.winner if known.confirmation else None
    if winner is None or winner.mean is None or known.base is None:
        return None
    by_rows = _error_of_mean(known, winner.mean)
    if by_rows is None:
        return None
    by_seeds = (winner.deviation or 0.0) / math.sqrt(len(winner.values))
    lead = lead_over(known.base, winner.mean, math.hypot(by_rows, by_seeds))
    return winner if lead.is_real_among(known.tries) else None


def _error_of_mean(known: Grounds, mean: float) -> float | None:
    """The standard error, by the rows, of the mean with other seeds: with folds that of the network's own value."""
    if known.dataset.folds and known.validation is not None and known.validation.folds:
        # Over the folds it may be too small: a network that always gives one answer has the same value in each.
        return known.validation.standard_error
    return known.error_of({**known.winner, known.objective.column: mean})


def _shows_no_lead(found: Verdict, known: Grounds) -> str:
    """That the kept network is not to be used, and why."""
    base, objective, chosen = known.base, known.objective, known.winner
    beside = f"{base.short}, which has {objective.show(base.value)}" if base else "the baseline"
    lead = f"shows no lead over {beside}"
    if found.claim == NOT_SHOWN:
        trials = plural(known.tries, "trial")
        lead = f"is ahead of {beside}, by no more than chance explains for the best of {trials}"
    figure = f"its validation {objective.title}{_over(known.dataset.folds)}, {objective.show(known.value_of(chosen))}"
    return f"Do not use the network of trial {chosen['trial_id']}: {figure}, {lead}"


def _best_ahead(alternatives: Sequence[Alternative]) -> tuple[str, Figure] | None:
    """What can be used and really leads the baseline of the test rows, by most; None if nothing does."""
    figures = ((other.model, figure_of(other.test, "its")) for other in alternatives if other.test)
    ahead = [(model, figure) for model, figure in figures if figure is not None and figure.lead.is_real]
    return max(ahead, key=lambda pair: pair[1].lead.gain, default=None)


def _the_other_model(shown: str, model: str, figure: Figure) -> Caution:
    """That something else of the run has learned."""
    value = OBJECTIVES[figure.base.objective].show(figure.value)
    return Caution(f"{shown}. The {model} has {value} on the test rows: use `--model {model}`.", True, model)


def _is_behind(value: float, found: Confirmed, known: Grounds) -> bool:
    """Whether a figure is worse than the configuration over its seeds by more than chance explains."""
    gain = known.objective.gain(found.mean or 0.0) - known.objective.gain(value)
    by_seeds = (found.deviation or 0.0) / math.sqrt(len(found.values))
    return gain > 2 * math.hypot(by_seeds, _error_by_rows(gain, known))


def _error_by_rows(gain: float, known: Grounds) -> float:
    data = known.dataset
    rows = (data.train_rows or 0) + (data.val_rows or 0) if data.folds else data.val_rows
    return error_by_rows(gain, known.objective, rows or None)


def _another_seed(shown: str, found: Confirmed, known: Grounds) -> Caution:
    """That the network's configuration has learned with other seeds, and one of those that do as well as any."""
    objective = known.objective
    gains = {seed: objective.gain(value) for seed, value in found.values.items()}
    most = max(gains.values())
    # The best of them is so by chance, where chance explains its lead.
    seed = min(seed for seed, gain in gains.items() if most - gain <= 2 * _error_by_rows(most - gain, known))
    # With folds, one training is not what the run uses: that is the refit.
    how = "Search again" if known.dataset.folds else "Train it again"
    sentence = (
        f"{shown}. Its configuration learns with other seeds: it has {objective.show(found.mean)} on average over "
        f"{plural(len(found.values), 'seed')}. {how} with one of them, such as `--seed {seed}`."
    )
    return Caution(sentence, forbids=True, seed=seed)
