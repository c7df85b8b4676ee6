"""How a run has ended, in words: the same in every command and report."""

from __future__ import annotations


def ending(state: str, ended_by: str | None, *, done: int, planned: int | None) -> str:
    """The state of a run; a search that its time budget ended early is not called complete.

    Args:
        state: As `RunDirectory.state` says.
        ended_by: As the manifest says.
        done: Trials that are done.
        planned: Trials that the run is to have, if that is known.
    """
    if state == "complete" and ended_by == "time_budget" and planned is not None and done < planned:
        return "ended by its time budget"
    return state


def ending_and_trials(state: str, ended_by: str | None, *, done: int, planned: int | None, unfinished: int = 0) -> str:
    """`ending`, and how many trials are done: `ended by its time budget, 147 of 1,500 trials, 6 unfinished`."""
    whole = f" of {planned:,}" if planned is not None and planned > done else ""
    noun = "trial" if done == 1 and not whole else "trials"
    left = f", {unfinished:,} unfinished" if unfinished else ""
    return f"{ending(state, ended_by, done=done, planned=planned)}, {done:,}{whole} {noun}{left}"
