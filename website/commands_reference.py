"""The reference of the commands for the docs, from their `--help`."""

from __future__ import annotations

import inspect

import click

from fcsearch.cli import cli


def commands_markdown() -> str:
    """Every command as a section of Markdown: usage, what it does, its arguments and options, an example."""
    context = click.Context(cli, info_name="fcsearch")
    return "\n\n".join(_section(name, context) for name in cli.list_commands(context)) + "\n"


def _section(name: str, parent: click.Context) -> str:
    command = cli.get_command(parent, name)
    if command is None:
        raise KeyError(name)
    context = click.Context(command, info_name=name, parent=parent)
    # A paragraph that begins with \b keeps its lines: the example.
    text, _, example = inspect.cleandoc(command.help or "").partition("\b\nExample:\n")
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    paragraphs = [" ".join(part.split()) for part in text.split("\n\n") if part.strip()]
    lines = "\n".join(f"$ {line.strip()}" for line in example.strip().splitlines())
    parts = [f"## {name}", f"`{usage}`", *map(_plain, paragraphs), f"```console\n{lines}\n```"]
    return "\n\n".join([*parts, *_options(command, context)])


def _options(command: click.Command, context: click.Context) -> list[str]:
    """A table of the options, if there are any."""
    records = [option.get_help_record(context) for option in command.params if isinstance(option, click.Option)]
    rows = [f"| `{_cell(names)}` | {_cell(_plain(text))} |" for names, text in filter(None, records)]
    return ["\n".join(["| option | meaning |", "| --- | --- |", *rows])] if rows else []


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _plain(text: str) -> str:
    """The text, with characters of markup escaped."""
    return text.replace("*", "\\*").replace("<", "&lt;").replace("[default:", "\\[default:")
