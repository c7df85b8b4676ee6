"""What every page that fcsearch writes is held to."""

import json
import re
from collections import Counter
from html.parser import HTMLParser
from typing import Any

VOID = {"meta", "br", "img", "input", "link", "hr"}


class Checker(HTMLParser):
    """Collects ids and references, and notes tags that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.references: list[str] = []
        self.tags: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.ids.update(value for name, value in attrs if name == "id" and value)
        self.references += [value for name, value in attrs if name in ("src", "href", "xlink:href") and value]
        self.references += [f"#{value}" for name, value in attrs if name == "aria-labelledby" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(page: str) -> Checker:
    checker = Checker()
    checker.feed(page)
    checker.close()
    assert checker.open == []
    assert [name for name, count in checker.ids.items() if count > 1] == []
    assert {reference for reference in checker.references if reference[1:] not in checker.ids} == set()
    return checker


def data_of(page: str) -> dict[str, Any]:
    """What the page's script reads."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    return json.loads(text)


def without_scripts(page: str) -> str:
    return re.sub(r"<script.*?</script>", "", page, flags=re.DOTALL)


def commands_in(page: str) -> str:
    """The page without what keeps the words of its commands whole: as they are copied."""
    return re.sub(r'<span class="word">(.*?)</span>', r"\1", page)
