#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The catalogues of translations: `make translations`; with --compile FOLDER, what programs read.

All texts of the command and of the PAM module go into a template (.pot) each; a language's .po then
gets the new ones, untranslated, and loses those that are no more. No text of the PAM module is
marked in it, nor is the help of a verb: both are found by looking at what is shown.
"""

import sys
from collections.abc import Iterable, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import IO

import click
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

import pam_module.language
from cli import language
from cli.lazy import Verbs
from cli.main import faceauth
from pam_module import attempt, contract

ROOT = Path(__file__).resolve().parents[1]
HEADER = (
    "# SPDX-License-Identifier: MIT\n# Made by packaging/make_catalogue.py (make translations)."
)
CLICKS_OWN = ("Usage:", "Options", "Commands", "Show this message and exit.", "default: {default}")
CALLS = {"_": (1,), "later": (1,), "plural": (1, 2)}
Text = str | tuple[str, ...]


def templates() -> Iterator[tuple[Path, Catalog]]:
    """The file and the English texts of each domain."""
    command = (*CLICKS_OWN, *helps(faceauth, click.Context(faceauth)), *marked())
    yield template(language.FOLDER, language.DOMAIN, command)
    answers = [message for _, message in attempt.RESULTS.values() if message]
    said = (attempt.PROMPT, attempt.LOOKING, *contract.GESTURES.values(), *answers)
    yield template(Path(pam_module.language.FOLDER), pam_module.language.DOMAIN, said)


def template(folder: Path, domain: str, texts: Iterable[Text]) -> tuple[Path, Catalog]:
    catalogue = Catalog(project=domain, header_comment=HEADER, fuzzy=False)
    for text in texts:
        catalogue.add(text)
    return folder / f"{domain}.pot", catalogue


def marked() -> Iterator[Text]:
    """What stands inside `_(…)`, `later(…)` and `plural(…)`."""
    for _file, _line, text, *_ in extract_from_dir(ROOT / "cli", keywords=CALLS):
        yield text


def helps(command: click.Command, context: click.Context) -> Iterator[str]:
    """The help of a command, of its options, and of all commands below it."""
    options = [one.help for one in command.params if isinstance(one, click.Option)]
    yield from (cleandoc(text) for text in [command.help, *options] if text)
    if isinstance(command, click.Group):
        yield from command.purposes.values() if isinstance(command, Verbs) else ()
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below
            yield from helps(below, context)


def languages(template: Path) -> list[Path]:
    """A template's catalogue in each language."""
    return sorted(template.parent.glob(f"*/LC_MESSAGES/{template.stem}.po"))


def update() -> None:
    for path, texts in templates():
        with path.open("wb") as file:
            write(file, texts)
        for translation in languages(path):
            with translation.open("rb") as file:
                catalogue = read_po(file, locale=translation.parts[-3])
            catalogue.update(texts, no_fuzzy_matching=True)
            with translation.open("wb") as file:
                write(file, catalogue)


def write(file: IO[bytes], catalogue: Catalog) -> None:
    write_po(file, catalogue, width=100, ignore_obsolete=True, sort_output=True)


def compile_below(folder: Path) -> None:
    """Write each .po below the folder as the .mo beside it."""
    for path in folder.rglob("*.po"):
        with path.open("rb") as source, path.with_suffix(".mo").open("wb") as target:
            write_mo(target, read_po(source, locale=path.parts[-3]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--compile"]:
        compile_below(Path(sys.argv[2]))
    else:
        update()
