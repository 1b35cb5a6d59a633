#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The catalogues of translations: `make translations`; with --compile FOLDER, what programs read.

All texts of the command go into cli/locale/faceauth.pot: those inside `_(…)` and `plural(…)`, and
the help of every verb and option. Each language's .po then gets the new ones, untranslated, and
loses those that are no more.
"""

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path
from typing import IO

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from cli import language
from cli.main import faceauth

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = language.FOLDER / f"{language.DOMAIN}.pot"
HEADER = (
    "# SPDX-License-Identifier: MIT\n# Made by packaging/make_catalogue.py (make translations)."
)
CLICKS_OWN = ("Usage:", "Options", "Commands", "Show this message and exit.", "default: {default}")
CALLS = {"_": (1,), "plural": (1, 2)}


def template() -> Catalog:
    """All texts that can be translated, in English."""
    catalogue = Catalog(project=language.DOMAIN, header_comment=HEADER, fuzzy=False)
    for text in (*CLICKS_OWN, *helps(faceauth, click.Context(faceauth))):
        catalogue.add(text)
    for _file, _line, words, *_ in extract_from_dir(ROOT / "cli", keywords=CALLS):
        catalogue.add(words)
    return catalogue


def helps(command: click.Command, context: click.Context) -> Iterator[str]:
    """The help of a command, of its options, and of all commands below it."""
    options = [one.help for one in command.params if isinstance(one, click.Option)]
    yield from (cleandoc(text) for text in [command.help, *options] if text)
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from helps(below, context)


def languages() -> list[Path]:
    """The catalogue of each language."""
    return sorted(language.FOLDER.glob(f"*/LC_MESSAGES/{language.DOMAIN}.po"))


def update() -> None:
    texts = template()
    with TEMPLATE.open("wb") as file:
        write(file, texts)
    for path in languages():
        with path.open("rb") as file:
            catalogue = read_po(file, locale=path.parts[-3])
        catalogue.update(texts, no_fuzzy_matching=True)
        with path.open("wb") as file:
            write(file, catalogue)


def write(file: IO[bytes], catalogue: Catalog) -> None:
    write_po(file, catalogue, width=100, ignore_obsolete=True, sort_output=True)


def compile_below(folder: Path) -> None:
    """Write each .po below the folder as the .mo beside it."""
    for path in folder.glob("*/LC_MESSAGES/*.po"):
        with path.open("rb") as source, path.with_suffix(".mo").open("wb") as target:
            write_mo(target, read_po(source, locale=path.parts[-3]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compile"]:
        compile_below(Path(sys.argv[2]))
    else:
        update()
