"""The parts of every page: its style, its scripts and their permissions, and embedded JSON."""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from importlib import resources
from typing import Any

import jinja2
from markupsafe import Markup, escape

from fcsearch.privacy import Privacy

LIBRARIES = ("vega.min.js", "vega-lite.min.js", "vega-embed.min.js")
_CHARTS = (*(f"vendor/{name}" for name in LIBRARIES), "charts.js")
_CODE = re.compile("`([^`]+)`")


def page_environment(privacy: Privacy) -> jinja2.Environment:
    """Templates of this folder; everything that they print goes through `privacy`.

    Their filters `sentence` and `command` set what stands between backticks as code, and keep words of a command whole.
    """
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(asset),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: privacy.of(value) if type(value) is str else value,
    )
    environment.filters["sentence"] = lambda text: _sentence(privacy.of(text))
    environment.filters["command"] = lambda text: _command(privacy.of(text))
    return environment


def _sentence(text: str) -> Markup:
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(text))))


def _command(text: str) -> Markup:
    # A browser would break a line within `--out`, too.
    return Markup(" ").join(Markup('<span class="word">{}</span>').format(word) for word in text.split(" "))


def page_scripts(*names: str) -> list[str]:
    """The scripts of a page: those that draw its charts, and others by name."""
    return [asset(name) for name in (*_CHARTS, *names)]


def page_frame(scripts: Sequence[str]) -> dict[str, Any]:
    """The style and scripts for the template of a page."""
    return {
        "style": Markup(asset("page.css")),
        "scripts": [Markup(script) for script in scripts],
        "policy": _policy(scripts),
    }


def json_text(value: Mapping[str, Any]) -> Markup:
    """JSON that is safe inside an element: nothing in it can end the element."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))


def _policy(scripts: Sequence[str]) -> str:
    """The page's Content-Security-Policy: it may run these scripts, and load nothing."""
    hashes = " ".join(f"'sha256-{_hash(script)}'" for script in scripts)
    return f"default-src 'none'; style-src 'unsafe-inline'; script-src {hashes}; base-uri 'none'; form-action 'none'"


@functools.cache
def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()


@functools.cache
def asset(name: str) -> str:
    """A file that is part of the pages."""
    return resources.files("fcsearch.report.page").joinpath(name).read_text("utf-8")
