"""Puts the pages of the site together, from the Markdown that a code host shows as it is.

The README becomes the first page. Links between pages stay links between pages; files of the repository that a page
links to come along as text, since the site has no other place for them.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
CONFIG = Path(__file__).parent / "zensical.toml"
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")
_INLINE = re.compile(r"`[^`\n]+`")
_CODE = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)
# Browsers show these as they are; other files as text.
_SHOWN = {".png", ".svg", ".html"}


def page_of(path: Path) -> str | None:
    """What a file of the repository is called as a page of the site; None if it is none."""
    if path.suffix != ".md" or path.parent not in (ROOT, ROOT / "docs"):
        return None
    return "index.md" if path == ROOT / "README.md" else path.name.lower()


def assemble(target: Path) -> None:
    """Write the pages, what they link to, and the site's settings into an empty folder."""
    shutil.rmtree(target, ignore_errors=True)
    docs = target / "docs"
    docs.mkdir(parents=True)
    shutil.copy(CONFIG, target)
    shutil.copy(CONFIG.with_name("site.css"), docs)
    for source in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").glob("*.md")]:
        (docs / str(page_of(source))).write_text(_moved(source, docs), "utf-8")


def _moved(source: Path, docs: Path) -> str:
    """A page's text with its links as they are on the site."""
    text = source.read_text("utf-8")
    pieces, end = [], 0
    for code in _CODE.finditer(text):
        pieces += [_relinked(text[end : code.start()], source, docs), code[0]]
        end = code.end()
    return "".join([*pieces, _relinked(text[end:], source, docs)])


def _relinked(text: str, source: Path, docs: Path) -> str:
    # A code host takes `A\|B` in a table for A|B, the site takes it as it is.
    text = _INLINE.sub(lambda code: code[0].replace("\\|", "|"), text)
    return _LINK.sub(lambda link: _target(link[1], source, docs) + (link[2] or ""), text)


def _target(link: str, source: Path, docs: Path) -> str:
    if ":" in link:
        return link
    path = Path(os.path.normpath(source.parent / link))
    if not path.exists():
        sys.exit(f"{source.relative_to(ROOT)}: every link must lead somewhere; found {link}")
    return page_of(path) or _copied(path, docs)


def _copied(path: Path, docs: Path) -> str:
    """Where the site has a file of the repository, or the list of a folder's files."""
    inside = path.relative_to(ROOT)
    place = Path("files") / (inside if path.suffix in _SHOWN else inside.with_name(inside.name + ".txt"))
    (docs / place).parent.mkdir(parents=True, exist_ok=True)
    if path.is_dir():
        (docs / place).write_text("\n".join(sorted(entry.name for entry in path.iterdir())) + "\n", "utf-8")
    else:
        shutil.copy(path, docs / place)
    return place.as_posix()


if __name__ == "__main__":
    assemble(Path(sys.argv[1]))
