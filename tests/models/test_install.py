# SPDX-License-Identifier: MIT
"""Installing: the registered bytes or nothing, from an HTTPS server of our own that misbehaves."""

import hashlib
import ipaddress
import os
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from models import install as installing
from models.errors import ModelError
from models.install import install, remove, verify
from models.registry import Model, ModelFile, model
from tests.harness.data import SHARED, needs
from tests.models.foreign import NOBODY, foreign_folder, needs_root

CONTENT = bytes(range(256)) * 1024
NAME = "tiny.onnx"


@dataclass
class Server:
    """An HTTPS server; ``behave`` answers a request, ``ranges`` are the Range headers so far."""

    port: int = 0
    ranges: list[str | None] = field(default_factory=list)
    behave: Callable[[BaseHTTPRequestHandler], None] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}/{NAME}"


def send(handler: BaseHTTPRequestHandler, body: bytes, announced: int | None = None) -> None:
    """All of ``body``, or what the request's Range asks for."""
    wanted = handler.headers["Range"]
    start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
    handler.send_response(206 if wanted else 200)
    handler.send_header("Content-Length", str((announced or len(body)) - start))
    handler.end_headers()
    handler.wfile.write(body[start:])


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.ranges.append(self.headers["Range"])
            assert state.behave is not None
            state.behave(self)

        def log_message(self, *_: object) -> None:
            pass

    pem = certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    listener = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listener.socket = context.wrap_socket(listener.socket, server_side=True)
    state.port = listener.server_address[1]
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield state
    listener.shutdown()
    thread.join()
    listener.server_close()


def certificate(folder: Path) -> Path:
    """A key and a certificate for 127.0.0.1 that signs itself, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "faceauth test")])
    address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime.now(UTC) - timedelta(days=1))
        .not_valid_after(datetime.now(UTC) + timedelta(days=1))
        .add_extension(address, critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path = folder / "server.pem"
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Registers the model "tiny", with its one file at the address given."""

    def register(url: str) -> None:
        file = ModelFile(NAME, len(CONTENT), hashlib.sha256(CONTENT).hexdigest(), url)
        about = Model("tiny", "tiny-1", "detection", "", "MIT", "", "", (file,), {})
        monkeypatch.setattr(installing, "model", lambda _name: about)

    return register


def hidden(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("."))


def test_downloads_once(tmp_path: Path, server: Server, tiny: Callable[[str], None]) -> None:
    tiny(server.url)
    server.behave = lambda handler: send(handler, CONTENT)
    models_dir = tmp_path / "models"
    told: list[int] = []
    target = install("tiny", models_dir, on_progress=lambda _file, here: told.append(here))
    assert (target / NAME).read_bytes() == CONTENT
    assert told == sorted(told) and told[-1] == len(CONTENT)
    assert hidden(models_dir) == []
    verify("tiny", models_dir)
    assert install("tiny", models_dir) == target
    assert len(server.ranges) == 1, "what is there and right is not fetched again"


def test_takes_up_a_download_that_broke_off(
    tmp_path: Path, server: Server, tiny: Callable[[str], None]
) -> None:
    tiny(server.url)
    server.behave = lambda handler: send(handler, CONTENT[:100_000], announced=len(CONTENT))
    with pytest.raises(ModelError, match="try again"):
        install("tiny", tmp_path / "models")
    assert not (tmp_path / "models" / "tiny").exists()
    server.behave = lambda handler: send(handler, CONTENT)
    target = install("tiny", tmp_path / "models")
    assert (target / NAME).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=100000-"]
    assert hidden(tmp_path / "models") == []


def test_the_daemon_may_read_it_whatever_the_umask(
    tmp_path: Path, server: Server, tiny: Callable[[str], None]
) -> None:
    tiny(server.url)
    server.behave = lambda handler: send(handler, CONTENT)
    before = os.umask(0o077)
    try:
        target = install("tiny", tmp_path / "faceauth" / "models")
    finally:
        os.umask(before)
    paths = (target.parents[1], target.parent, target, target / NAME)
    assert [path.stat().st_mode & 0o777 for path in paths] == [0o755, 0o755, 0o755, 0o644]


@pytest.mark.parametrize("body", [CONTENT[:-1] + b"\0", CONTENT + b"\0", b"\0" * len(CONTENT)])
def test_other_bytes_are_not_installed(
    tmp_path: Path, server: Server, tiny: Callable[[str], None], body: bytes
) -> None:
    tiny(server.url)
    server.behave = lambda handler: send(handler, body)
    with pytest.raises(ModelError, match="SHA-256 differs"):
        install("tiny", tmp_path)
    assert not (tmp_path / "tiny").exists()
    assert hidden(tmp_path) == [], "nor taken for a beginning next time"


def test_reads_no_more_than_the_registered_size(
    tmp_path: Path, server: Server, tiny: Callable[[str], None]
) -> None:
    stopped = threading.Event()

    def endless(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        try:
            while True:
                handler.wfile.write(CONTENT)
        except OSError:
            stopped.set()

    tiny(server.url)
    server.behave = endless
    with pytest.raises(ModelError, match="SHA-256 differs"):
        install("tiny", tmp_path)
    assert stopped.wait(30)


@pytest.mark.parametrize("elsewhere", ["http://127.0.0.1:9/x", "ftp://127.0.0.1/x", "file:///etc"])
def test_is_not_led_away_from_https(
    tmp_path: Path, server: Server, tiny: Callable[[str], None], elsewhere: str
) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(302)
        handler.send_header("Location", elsewhere)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    tiny(server.url)
    server.behave = redirect
    with pytest.raises(ModelError, match=r"HTTPS|the server says 302"):
        install("tiny", tmp_path)
    assert not (tmp_path / "tiny").exists()


def test_follows_a_redirect_to_https(
    tmp_path: Path, server: Server, tiny: Callable[[str], None]
) -> None:
    def redirect(handler: BaseHTTPRequestHandler) -> None:
        if handler.path != "/moved":
            handler.send_response(302)
            handler.send_header("Location", "/moved")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
        else:
            send(handler, CONTENT)

    tiny(server.url)
    server.behave = redirect
    assert (install("tiny", tmp_path) / NAME).read_bytes() == CONTENT


def test_a_server_without_a_known_certificate_is_refused(
    tmp_path: Path, server: Server, tiny: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    tiny(server.url)
    server.behave = lambda handler: send(handler, CONTENT)
    with pytest.raises(ModelError, match="CERTIFICATE_VERIFY_FAILED"):
        install("tiny", tmp_path)


def test_gives_up_a_server_that_falls_silent(
    tmp_path: Path, server: Server, tiny: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    over = threading.Event()

    def silent(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(CONTENT)))
        handler.end_headers()
        handler.wfile.write(CONTENT[:10])
        over.wait(30)

    tiny(server.url)
    server.behave = silent
    monkeypatch.setattr(installing, "STALL", 0.3)
    with pytest.raises(ModelError, match=r"timed out.*try again"):
        install("tiny", tmp_path)
    over.set()


@pytest.mark.parametrize("code", [404, 416, 500])
def test_an_error_of_the_server_is_one_line(
    tmp_path: Path, server: Server, tiny: Callable[[str], None], code: int
) -> None:
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(code)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    tiny(server.url)
    server.behave = refuse
    with pytest.raises(ModelError, match=f"the server says {code}"):
        install("tiny", tmp_path)


@pytest.mark.parametrize("url", ["http://127.0.0.1/x", "file:///etc/passwd"])
def test_a_plain_address_is_not_even_tried(
    tmp_path: Path, tiny: Callable[[str], None], url: str
) -> None:
    tiny(url)
    with pytest.raises(ModelError, match="only HTTPS"):
        install("tiny", tmp_path)


@needs("models")
def test_an_official_file_is_converted_and_known_again(tmp_path: Path) -> None:
    official = tmp_path / "official"
    official.mkdir()
    file = model("minifasnet").files[0]
    assert file.made_from is not None
    name = file.made_from.name
    weights = (SHARED / "models" / "minifasnet" / name).read_bytes()
    (official / name).write_bytes(weights)
    target = install("minifasnet", tmp_path / "models", official)
    assert [path.name for path in target.iterdir()] == [file.name]
    data = (target / file.name).read_bytes()
    assert hashlib.sha256(data).hexdigest() == file.made_sha256
    verify("minifasnet", tmp_path / "models")
    (target / file.name).write_bytes(data[:-1] + b"x")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        verify("minifasnet", tmp_path / "models")
    (official / name).write_bytes(weights[:-1] + b"x")
    with pytest.raises(ModelError, match=rf"{name}: not the registered file"):
        install("minifasnet", tmp_path / "models", official)


@needs("models")
def test_a_conversion_that_goes_wrong_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    official = tmp_path / "official"
    official.mkdir()
    name = "2.7_80x80_MiniFASNetV2.pth"
    (official / name).symlink_to(SHARED / "models" / "minifasnet" / name)
    monkeypatch.setattr(installing, "convert", lambda _path: b"another network")
    with pytest.raises(ModelError, match="the conversion gave another network"):
        install("minifasnet", tmp_path / "models", official)

    def broken(_path: Path) -> bytes:
        raise ImportError("No module named 'onnx'")

    monkeypatch.setattr(installing, "convert", broken)
    with pytest.raises(ModelError, match="minifasnet: it cannot be converted: No module named"):
        install("minifasnet", tmp_path / "models", official)
    assert list((tmp_path / "models").iterdir()) == []


@pytest.mark.parametrize("name", ["yunet", "mobilefacenet", "minifasnet"])
@needs("models")
def test_installs_verifies_and_removes_from_a_folder(tmp_path: Path, name: str) -> None:
    target = install(name, tmp_path, SHARED / "models" / name)
    assert sorted(path.name for path in target.iterdir()) == [model(name).files[0].name]
    verify(name, tmp_path)
    network = target / model(name).files[0].name
    network.write_bytes(b"changed")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        verify(name, tmp_path)
    install(name, tmp_path, SHARED / "models" / name)
    verify(name, tmp_path)
    remove(name, tmp_path)
    assert list(tmp_path.iterdir()) == []
    for verb in (verify, remove):
        with pytest.raises(ModelError, match="not installed"):
            verb(name, tmp_path)


@needs_root
def test_a_link_in_the_daemons_folder_leads_root_nowhere(
    tmp_path: Path,
    server: Server,
    tiny: Callable[[str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Who took over the daemon's user must not have root write where that user could not."""
    tiny(server.url)
    server.behave = lambda handler: send(handler, CONTENT)
    (precious := tmp_path / "precious").write_text("root's")
    with foreign_folder() as theirs:
        certificate = theirs.with_name("server.pem")
        certificate.write_bytes(Path(os.environ["SSL_CERT_FILE"]).read_bytes())
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        link = theirs / f".{hashlib.sha256(CONTENT).hexdigest()}.partial"
        link.symlink_to(precious)
        with pytest.raises(ModelError, match="Permission denied"):
            install("tiny", theirs)
        assert precious.read_text() == "root's"
        link.unlink()
        target = install("tiny", theirs)
        assert {path.stat().st_uid for path in (target, target / NAME)} == {NOBODY}
        remove("tiny", theirs)
        assert list(theirs.iterdir()) == []


@needs_root
def test_roots_own_files_are_copied_into_the_daemons_folder(
    tmp_path: Path, tiny: Callable[[str], None]
) -> None:
    tiny("")
    (tmp_path / NAME).write_bytes(CONTENT)
    tmp_path.chmod(0o700)
    with foreign_folder() as theirs:
        assert (install("tiny", theirs / "models", tmp_path) / NAME).read_bytes() == CONTENT
        assert (theirs / "models").stat().st_uid == NOBODY


def test_a_wrong_folder_changes_nothing(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.mkdir()
    with pytest.raises(ModelError, match="has no file"):
        install("yunet", tmp_path / "models", wrong)
    (wrong / model("yunet").files[0].name).write_bytes(b"x")
    with pytest.raises(ModelError, match="SHA-256 differs"):
        install("yunet", tmp_path / "models", wrong)
    (wrong / model("yunet").files[0].name).unlink()
    os.mkfifo(wrong / model("yunet").files[0].name)
    with pytest.raises(ModelError, match="Not a regular file"):
        install("yunet", tmp_path / "models", wrong)
    assert list((tmp_path / "models").iterdir()) == []


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ModelError, match="cannot be"):
        install("yunet", tmp_path / "file", tmp_path)


def test_what_a_package_brings_is_left_to_pip(tmp_path: Path) -> None:
    verify("dlib", tmp_path)
    for verb in (install, remove):
        with pytest.raises(ModelError, match="face_recognition_models: pip"):
            verb("dlib", tmp_path)
