"""Pictures of pages and of terminals."""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.text import Text

ROOT = Path(__file__).parents[1]
# Colours of a page's picture; with fewer, the rare ones become brown. A third of a megabyte at most.
_COLOURS = 255
# Rich's own SVG fetches a font; a code host shows a picture that fetches nothing.
_SVG = """<svg class="rich-terminal" viewBox="0 0 {width} {height}" xmlns="http://www.w3.org/2000/svg">
<style>
.{unique_id}-matrix {{
    font-family: ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace;
    font-size: {char_height}px; line-height: {line_height}px;
}}
.{unique_id}-title {{ font-size: 18px; font-weight: bold; font-family: system-ui, sans-serif; }}
{styles}
</style>
<defs>
<clipPath id="{unique_id}-clip-terminal">
<rect x="0" y="0" width="{terminal_width}" height="{terminal_height}"/>
</clipPath>
{lines}
</defs>
{chrome}
<g transform="translate({terminal_x}, {terminal_y})" clip-path="url(#{unique_id}-clip-terminal)">
{backgrounds}
<g class="{unique_id}-matrix">
{matrix}
</g>
</g>
</svg>
"""


def of_page(page: Path, where: Path, *, width: int, height: int, scale: float = 1.0) -> None:
    """Write what Chromium shows of a page from its top, or say that there is no Chromium.

    Args:
        page: The page.
        where: A PNG file.
        width: Of the window, in pixels.
        height: Of the window, in pixels.
        scale: Pixels of the picture for one of the window.
    """
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print(f"left out: {where.relative_to(ROOT)} needs Chromium")
        return
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        shot = Path(folder) / "shot.png"
        command = [
            browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--virtual-time-budget=60000",
            f"--user-data-dir={folder}/profile", f"--window-size={width},{height}",
            f"--force-device-scale-factor={scale}", f"--screenshot={shot}", page.as_uri(),
        ]  # fmt: skip
        subprocess.run(command, check=True, capture_output=True)
        found = Image.open(io.BytesIO(shot.read_bytes())).convert("RGB").quantize(_COLOURS)
    where.parent.mkdir(exist_ok=True)
    found.save(where, optimize=True)
    _wrote(where)


def of_terminal(shown: str, where: Path, *, title: str, columns: int) -> None:
    """Write a terminal's picture.

    Args:
        shown: Its text, with the codes of colours.
        where: An SVG file.
        title: Of its window.
        columns: Its width.
    """
    console = Console(record=True, width=columns, file=io.StringIO(), force_terminal=True, color_system="truecolor")
    console.print(Text.from_ansi(shown), soft_wrap=True)
    svg = console.export_svg(title=title, code_format=_SVG, unique_id="terminal")
    where.write_text(re.sub(r"[ \t]+$", "", svg, flags=re.MULTILINE), "utf-8")
    _wrote(where)


def _wrote(where: Path) -> None:
    print(f"wrote {where.relative_to(ROOT)}, {where.stat().st_size // 1000} kB")
