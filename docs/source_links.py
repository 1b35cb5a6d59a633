# SPDX-License-Identifier: MIT
"""A hook of mkdocs for what lies outside of docs/: pages of the top folder, and links to sources.

A site has no source tree: of a link into it the words stay. In a checkout, and wherever the
Markdown is shown beside the source, such links work.
"""

import re
from pathlib import Path
from typing import Any

TOP = Path(__file__).resolve().parents[1]
FROM_TOP = {"security.md": "SECURITY.md", "changelog.md": "CHANGELOG.md"}


def on_page_markdown(markdown: str, *, page: Any, **_: object) -> str:
    """The page's text; of a page in FROM_TOP that of its file there."""
    if page.file.src_uri in FROM_TOP:
        markdown = (TOP / FROM_TOP[page.file.src_uri]).read_text().replace("](docs/", "](")
    return re.sub(r"\[([^]]+)\]\((?:\.\./)+(?!decisions/)[^)]*\)", r"\1", markdown)
