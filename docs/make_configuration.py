#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/configuration.md and packaging/config.toml from the dataclasses of faceauthd.config.

A test compares both files with what this makes, so that they cannot grow old:
run it again after changing a setting.
"""

import textwrap
from collections.abc import Iterator
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

from faceauthd.config import BUILT_IN_SERVICES, DEFAULT_PATH, SECTIONS, Config, ServiceConfig
from faceauthd.setting import doc_of, in_toml, kind_of

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "configuration.md"
DEFAULT_FILE = ROOT / "packaging" / "config.toml"
WIDTH = 100

PREFACE = f"""\
<!-- SPDX-License-Identifier: MIT -->
<!-- Made by docs/make_configuration.py from faceauthd/config.py; change that instead. -->
# Configuration

`{DEFAULT_PATH}` is TOML. What it does not say has the default given here; without the file,
everything has. A wrong file is refused as a whole, with one line that says where and what is
wrong, and the running daemon keeps what it had. `faceauth config check` tells beforehand, and
`faceauth config set` has the daemon read the file again at once; who wrote it otherwise runs
`systemctl reload faceauthd`, which fails where the file is wrong.

The file decides who is let in. It must be root's or the daemon's own, and writable by nobody
else: otherwise it is refused.
"""

SERVICES = """\
## `[service.NAME]`

What one PAM service asks for, by its name in `/etc/pam.d`, in lower case. A display manager, or
another service of root's that is in no session, is answered only where it has a section. What a
service does not say is as in `[verify]`.

| key | allowed |
| --- | --- |
{rows}

Built in, and kept unless the file says otherwise for that key:
{built_in}.

```toml
[service.sudo]
fmr = 0.00001         # stricter than elsewhere
bpcer = 0.12          # so is liveness: it may refuse the user in up to 12 % of the tries

[service.swaylock]
liveness = []         # a photograph will do: say so only if you mean it
```
"""


def settings(section: type[Any]) -> list["Field[Any]"]:
    return [one for one in fields(section) if one.metadata]


def page() -> str:
    """docs/configuration.md."""
    parts = [PREFACE, "## At the top of the file\n", table(Config)]
    for name, section in SECTIONS.items():
        parts += [f"## `[{name}]`\n", f"{section.__doc__}\n", table(section)]
    rows = "\n".join(
        f"| `{one.name}` | {kind_of(one).allowed} |" for one in settings(ServiceConfig)
    )
    built_in = ", ".join(
        f"`[service.{name}]` `{line}`"
        for name, service in BUILT_IN_SERVICES.items()
        for line in said(service)
    )
    return "\n".join([*parts, SERVICES.format(rows=rows, built_in=built_in)])


def table(section: type[Any]) -> str:
    rows = [
        f"| `{one.name}` | `{in_toml(one.default)}` | {kind_of(one).allowed} | {doc_of(one)} |"
        for one in settings(section)
    ]
    return "\n".join(
        ["| key | default | allowed | meaning |", "| --- | --- | --- | --- |", *rows, ""]
    )


def default_file() -> str:
    """packaging/config.toml: every setting, commented out, at its default."""
    lines = [
        "# SPDX-License-Identifier: MIT",
        "# Configuration of faceauth. Every line is at its default; uncomment to change it.",
        "# Made by docs/make_configuration.py; docs/configuration.md says what is allowed.",
        "",
        *commented(Config),
    ]
    for name, section in SECTIONS.items():
        lines += [f"[{name}]", *commented(section)]
    for name, service in BUILT_IN_SERVICES.items():
        lines += [f"[service.{name}]", *(f"#{line}" for line in said(service)), ""]
    return "\n".join(lines)


def said(service: ServiceConfig) -> list[str]:
    """What a service says for itself, as TOML."""
    values = {one.name: getattr(service, one.name) for one in settings(ServiceConfig)}
    return [f"{name} = {in_toml(value)}" for name, value in values.items() if value is not None]


def commented(section: type[Any]) -> Iterator[str]:
    for one in settings(section):
        text = f"{doc_of(one)} Allowed: {kind_of(one).allowed}."
        yield from textwrap.wrap(text, WIDTH, initial_indent="# ", subsequent_indent="# ")
        yield f"#{one.name} = {in_toml(one.default)}"
        yield ""


if __name__ == "__main__":
    PAGE.write_text(page())
    DEFAULT_FILE.write_text(default_file())
