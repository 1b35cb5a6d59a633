# SPDX-License-Identifier: MIT
"""Install registered models: from their official address, or from a folder.

Nothing is installed whose SHA-256 is not the registered one; that holds for an official file that
has to be converted, and for what the conversion gives. A model appears in ``models_dir`` as a
whole folder, by one rename; a download that broke off is taken up where it ended. Only HTTPS is
spoken, also after a redirect, and no more is read than the registered number of bytes.
"""

import contextlib
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import IO

from models import reading
from models.errors import ModelError
from models.liveness.files import make_folder, write_folder
from models.liveness.published import convert
from models.liveness.torchfile import WeightsError
from models.owner import as_owner
from models.registry import Model, ModelFile, model

STALL = 30.0  # seconds without a byte after which a download is given up
BLOCK = 64 * 1024
HTTPS = "https://"

Progress = Callable[[ModelFile, int], None]  # the file, and how many of its bytes are here
Get = Callable[[ModelFile], bytes]  # where a registered file comes from


def install(
    name: str,
    models_dir: Path,
    source: Path | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Put the model ``name`` into ``models_dir`` and return its folder.

    ``source`` is a folder that holds the files; without one they are fetched. A model that is
    there and right is left alone. Raises ModelError with one line; what was there then is there.
    """
    about = model(name)
    if about.package:
        raise ModelError(f"{name} is part of the Python package {about.package}: pip installs it")
    fetch: Get = partial(_fetched, models_dir, on_progress)
    get = fetch if source is None else partial(_copied, about, source)
    target = about.directory(models_dir)
    with contextlib.suppress(ModelError):
        verify(name, models_dir)
        return target
    try:
        with as_owner(models_dir):
            make_folder(models_dir)
            with _scratch(about, models_dir):
                pass  # who may not write there is told before anything is fetched
        files = {file.name: _bytes(about, file, get, source) for file in about.files}
        with as_owner(models_dir), _scratch(about, models_dir) as scratch:
            write_folder(scratch / name, files)
            _put(scratch / name, target)
    except OSError as error:
        raise ModelError(f"{name}: cannot be installed: {_words(error)}") from error
    return target


def verify(name: str, models_dir: Path) -> None:
    """ModelError with one line where the installed model ``name`` is missing or changed."""
    about = model(name)
    for file in about.files:
        about.read(file.name, models_dir)


def remove(name: str, models_dir: Path) -> None:
    """Take the installed model ``name`` away; ModelError where it is not there or cannot go."""
    about = model(name)
    if about.package:
        raise ModelError(f"{name} is part of the Python package {about.package}: pip removes it")
    if not about.is_installed(models_dir):
        raise ModelError(f"the model {name} is not installed")
    try:
        with as_owner(models_dir), _scratch(about, models_dir) as scratch:
            about.directory(models_dir).rename(scratch / name)  # it goes at once, or not
    except OSError as error:
        raise ModelError(f"{name}: cannot be removed: {_words(error)}") from error


@contextlib.contextmanager
def _scratch(about: Model, models_dir: Path) -> Iterator[Path]:
    """A hidden folder beside the models, gone with the block."""
    with tempfile.TemporaryDirectory(dir=models_dir, prefix=f".{about.name}-") as folder:
        yield Path(folder)


def _words(error: OSError) -> str:
    where = f"{error.filename}: " if error.filename else ""
    return f"{where}{error.strerror or error}"


def _put(fresh: Path, target: Path) -> None:
    """Move the folder ``fresh`` to ``target``; an old, wrong one gives way and is deleted."""
    with contextlib.suppress(FileNotFoundError):
        target.rename(fresh.with_name("replaced"))
    fresh.rename(target)


def _bytes(about: Model, file: ModelFile, get: Get, source: Path | None) -> bytes:
    """The registered file as it is, or else converted from the official one."""
    if file.made_from is None or (source is not None and (source / file.name).exists()):
        return get(file)
    return _converted(about, file, get(file.made_from))


def _converted(about: Model, file: ModelFile, official: bytes) -> bytes:
    """What our conversion makes of the official file. ModelError where that is not the known."""
    with tempfile.NamedTemporaryFile(suffix=f"-{file.name}") as stream:
        stream.write(official)
        stream.flush()
        try:
            data = convert(Path(stream.name))
        except (WeightsError, ImportError) as error:
            raise ModelError(f"{about.name}: it cannot be converted: {error}") from error
    if not file.is_right(data):
        raise ModelError(f"{about.name}: the conversion gave another network than the known one")
    return data


def _copied(about: Model, source: Path, file: ModelFile) -> bytes:
    try:
        data = reading.read(source / file.name)
    except FileNotFoundError:
        raise ModelError(f"{about.name}: {source} has no file {file.name}") from None
    if not file.is_right(data):
        raise ModelError(f"{source / file.name}: not the registered file (SHA-256 differs)")
    return data


def _fetched(models_dir: Path, on_progress: Progress | None, file: ModelFile) -> bytes:
    """The registered file, with the rights of the folder's owner: what is in it may be theirs."""
    with as_owner(models_dir):
        return _downloaded(models_dir / f".{file.sha256}.partial", on_progress, file)


def _downloaded(broken_off: Path, on_progress: Progress | None, file: ModelFile) -> bytes:
    try:
        _download(file, broken_off, on_progress)
    except urllib.error.HTTPError as error:
        broken_off.unlink(missing_ok=True)  # whatever the server minds, begin anew next time
        raise ModelError(f"{file.url}: the server says {error.code} {error.reason}") from error
    except (urllib.error.URLError, HTTPException, TimeoutError) as error:
        reason = getattr(error, "reason", "") or str(error) or type(error).__name__
        raise ModelError(f"{file.url}: {reason}; what has come is kept, try again") from error
    data = broken_off.read_bytes()
    if len(data) < file.size:
        raise ModelError(f"{file.url}: ended after {len(data)} of {file.size} bytes; try again")
    broken_off.unlink()
    if not file.is_right(data):
        raise ModelError(f"{file.url}: not the registered file (SHA-256 differs); not installed")
    return data


def _download(file: ModelFile, partial: Path, on_progress: Progress | None) -> None:
    """Bring ``partial`` to the file's size, and one byte beyond it at most."""
    here = partial.stat().st_size if partial.exists() else 0
    if here >= file.size:
        return
    if not file.url.startswith(HTTPS):
        raise urllib.error.URLError("only HTTPS is spoken")
    request = urllib.request.Request(file.url)  # noqa: S310 (looked at above)
    if here:
        request.add_header("Range", f"bytes={here}-")
    opener = urllib.request.build_opener(_OnlyHttps)
    with opener.open(request, timeout=STALL) as answer:
        resumed = answer.status == 206
        with partial.open("ab" if resumed else "wb") as stream:
            _take(answer, stream, file, here if resumed else 0, on_progress)


def _take(
    answer: IO[bytes], stream: IO[bytes], file: ModelFile, here: int, on_progress: Progress | None
) -> None:
    while here <= file.size and (block := answer.read(min(BLOCK, file.size + 1 - here))):
        stream.write(block)
        here += len(block)
        if on_progress:
            on_progress(file, min(here, file.size))


class _OnlyHttps(urllib.request.HTTPRedirectHandler):
    """Follows a redirect to HTTPS and to nothing else."""

    def redirect_request(  # type: ignore[no-untyped-def]
        self, req, fp, code, msg, headers, newurl
    ) -> urllib.request.Request | None:
        if not newurl.startswith(HTTPS):
            raise urllib.error.URLError(f"it was redirected to {newurl}, which is not HTTPS")
        return super().redirect_request(req, fp, code, msg, headers, newurl)
