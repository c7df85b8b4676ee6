"""The update rules, and the settings of each."""

from __future__ import annotations

# Update rule -> the settings that it reads, besides the learning rate and weight decay.
RULE_SETTINGS: dict[str, tuple[str, ...]] = {
    "sgd": (),
    "sgd_momentum": ("momentum",),
    "rmsprop": ("decay_rate", "epsilon"),
    "adam": ("beta1", "beta2", "epsilon"),
    "nadam": ("beta1", "beta2", "epsilon"),
    "lion": ("beta1", "beta2"),
}


# Rules that are called otherwise with decoupled weight decay: here each is the rule, with `weight_decay`.
_DECOUPLED = {"adamw": "adam", "nadamw": "nadam", "sgdw": "sgd"}


def decoupled(word: str) -> str | None:
    """The rule that others call by this word if it has decoupled weight decay; None if there is none."""
    return _DECOUPLED.get(word.lower())


def readers(setting: str) -> tuple[str, tuple[str, ...]]:
    """The rules that read a setting, as the `under` of its entry."""
    return "update_rule", tuple(rule for rule, settings in RULE_SETTINGS.items() if setting in settings)
