# SPDX-License-Identifier: MIT
"""A hook of mkdocs: links that leave docs/ lead into the source tree, which a site does not have.

Their words stay. In a checkout, and wherever the Markdown is shown beside the source, they work.
"""

import re


def on_page_markdown(markdown: str, **_: object) -> str:
    """The page with each link to ``../…`` replaced by its words."""
    return re.sub(r"\[([^]]+)\]\((?:\.\./)+(?!decisions/)[^)]*\)", r"\1", markdown)
