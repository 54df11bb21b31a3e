"""groupnl.server.store_sources: archives from elsewhere, over real HTTP and fsspec's other storages."""

import hashlib
import multiprocessing
import threading
from collections.abc import Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import fsspec
import pytest
from support.tiny import tiny_checkpoint

from groupnl.archive.pack import pack
from groupnl.errors import ArchiveError, ConfigError, OptionError, ServerError
from groupnl.server.config import ServeConfig, load_config
from groupnl.server.store import ServedModel, served_models
from groupnl.server.store_sources import FOLDER, Source, fetch, with_fetched

BYTES = bytes(range(256)) * 40_000  # more than one chunk
DIGEST = hashlib.sha256(BYTES).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves a folder, and notes what it was asked.

    Attributes:
        asked: method and address of each request.
    """

    asked: list[str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Folder(SimpleHTTPRequestHandler):
    server: Server

    def log_message(self, *_: object) -> None:
        self.server.asked.append(f"{self.command} {self.path}")


class HalfAnswer(BaseHTTPRequestHandler):
    """Promises more than it sends."""

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BYTES)))
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(BYTES[: len(BYTES) // 2])

    def log_message(self, *_: object) -> None:
        pass


def serving(handler: type[BaseHTTPRequestHandler] | partial) -> Iterator[Server]:
    with Server(("127.0.0.1", 0), handler) as server:
        server.asked = []
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def http(tmp_path: Path) -> Iterator[Server]:
    folder = tmp_path / "elsewhere"
    folder.mkdir()
    (folder / "pets.mar").write_bytes(BYTES)
    yield from serving(partial(Folder, directory=str(folder)))


@pytest.fixture
def half() -> Iterator[Server]:
    yield from serving(HalfAnswer)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "store"


def files_of(store: Path) -> list[str]:
    return sorted(file.relative_to(store / FOLDER).as_posix() for file in store.rglob("*") if file.is_file())


def test_fetched_once_and_kept_for_the_next_start(http: Server, store: Path) -> None:
    said: list[str] = []
    source = Source(f"{http.url}/pets.mar", DIGEST)
    archive = fetch(source, store, said.append)
    assert archive == store / FOLDER / DIGEST / "pets.mar"
    assert archive.read_bytes() == BYTES
    assert said == [f"fetching {http.url}/pets.mar"]
    asked = list(http.asked)
    assert "GET /pets.mar" in asked
    assert fetch(source, store, said.append) == archive
    assert http.asked == asked
    assert len(said) == 1


def test_another_file_is_refused_with_both_digests_and_nothing_is_kept(http: Server, store: Path) -> None:
    with pytest.raises(ArchiveError, match=rf"pets\.mar is another file: its SHA-256 is {DIGEST}, not {'0' * 64}"):
        fetch(Source(f"{http.url}/pets.mar", "0" * 64), store, print)
    assert files_of(store) == [f"{'0' * 64}/lock"]


def test_what_was_changed_here_is_fetched_again(http: Server, store: Path) -> None:
    said: list[str] = []
    source = Source(f"{http.url}/pets.mar", DIGEST)
    archive = fetch(source, store, said.append)
    archive.write_bytes(BYTES[:-1])
    assert fetch(source, store, said.append).read_bytes() == BYTES
    assert "it was changed, and is fetched again" in said[1]


def test_a_fetch_that_breaks_off_leaves_nothing(half: Server, store: Path) -> None:
    with pytest.raises(ServerError, match=r"cannot fetch http://127\.0\.0\.1:\d+/pets\.mar \("):
        fetch(Source(f"{half.url}/pets.mar", DIGEST), store, print)
    assert files_of(store) == [f"{DIGEST}/lock"]


def test_what_a_killed_fetch_left_is_begun_anew(http: Server, store: Path) -> None:
    left = store / FOLDER / DIGEST / ".pets.mar.partial"
    left.parent.mkdir(parents=True)
    left.write_bytes(b"x" * 2 * len(BYTES))
    assert fetch(Source(f"{http.url}/pets.mar", DIGEST), store, print).read_bytes() == BYTES
    assert not left.exists()


def test_services_that_start_together_fetch_once(http: Server, store: Path) -> None:
    context = multiprocessing.get_context("spawn")
    source = Source(f"{http.url}/pets.mar", DIGEST)
    starts = [context.Process(target=fetch, args=(source, store, print)) for _ in range(2)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert [start.exitcode for start in starts] == [0, 0]
    assert http.asked.count("GET /pets.mar") == 1
    assert files_of(store) == [f"{DIGEST}/lock", f"{DIGEST}/pets.mar"]


def test_an_address_where_nothing_is_tells_no_signature(http: Server, store: Path) -> None:
    url = f"{http.url}/missing.mar?signature=secret"
    with pytest.raises(ServerError, match=r"cannot fetch http://\S+/missing\.mar\?\.\.\. ") as told:
        fetch(Source(url, DIGEST), store, print)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("user", ["user:secret@", "user:p@secret@", "@secret@", ""])
def test_a_password_is_not_shown(user: str) -> None:
    source = Source(f"http://{user}a.example/v@2/pets.mar?sig=secret@b", DIGEST)
    assert source.shown == "http://a.example/v@2/pets.mar?..."


def test_nobody_listens(store: Path) -> None:
    with pytest.raises(ServerError, match=r"cannot fetch http://127\.0\.0\.1:1/pets\.mar \("):
        fetch(Source("http://user:secret@127.0.0.1:1/pets.mar", DIGEST), store, print)


def test_a_storage_that_nobody_knows(store: Path) -> None:
    with pytest.raises(ServerError, match=r"cannot fetch nowhere://a/pets\.mar \(Protocol not known: nowhere\)"):
        fetch(Source("nowhere://a/pets.mar", DIGEST), store, print)


def test_a_storage_whose_package_is_missing(store: Path) -> None:
    """Neither this nor any other storage's is among what tests need."""
    with pytest.raises(ConfigError, match=r"^s3://bucket/pets\.mar: .*s3.* is not installed: .*'\.\[s3\]'"):
        fetch(Source("s3://bucket/pets.mar", DIGEST), store, print)


def test_a_store_that_cannot_be_written(http: Server, store: Path) -> None:
    store.write_text("no folder")
    with pytest.raises(
        ConfigError, match=r"cannot write archives to \S+ \(Not a directory\); choose another --model-store"
    ):
        fetch(Source(f"{http.url}/pets.mar", DIGEST), store, print)
    assert http.asked == []


@pytest.mark.parametrize(
    ("place", "told"),
    [
        (
            "s3://bucket/pets.mar",
            r"pets\.mar needs its SHA-256, and it has none: write pets=s3://bucket/pets\.mar#sha256=",
        ),
        ("s3://bucket/pets.mar#sha256=12", "needs its SHA-256, not 'sha256=12'"),
        (f"s3://bucket/pets.mar#{DIGEST}", f"needs its SHA-256, not '{DIGEST}'"),
        (f"s3://bucket/pets#sha256={DIGEST}", r"must end in the name of an archive, NAME\.mar, not in 'pets'"),
    ],
)
def test_addresses_that_are_refused_before_anything_is_fetched(place: str, told: str, store: Path) -> None:
    config = ServeConfig(models=(f"good=memory://a/good.mar#sha256={DIGEST}", f"pets={place}"), model_store=store)
    with pytest.raises(ConfigError, match=told):
        with_fetched(config, print)
    assert not store.exists()


def test_a_candidate_is_called_as_its_file() -> None:
    good = f"m=https://a/new.mar?sig=b/c.d#sha256={DIGEST}"
    assert load_config(None, {"candidates": [good]}).candidates == (good,)
    with pytest.raises(OptionError, match="the candidate is called as its file"):
        load_config(None, {"candidates": [f"m=https://a/-.mar#sha256={DIGEST}"]})


def test_what_lies_here_stays_as_it_is(store: Path) -> None:
    config = ServeConfig(models=("a", "b=/srv/b.mar"), candidates=("a=c.mar",), model_store=store)
    assert with_fetched(config, print) == config
    assert not store.exists()


def test_models_and_candidates_are_served_from_where_they_were_fetched(tmp_path: Path, store: Path) -> None:
    archive = pack(tiny_checkpoint(tmp_path), tmp_path, "tiny").read_bytes()
    digest = hashlib.sha256(archive).hexdigest()
    fsspec.filesystem("memory").pipe("/shelf/tiny.mar", archive)
    (tmp_path / "new.mar").write_bytes(archive)
    config = ServeConfig(
        models=(f"pets=memory://shelf/tiny.mar#sha256={digest.upper()}",),
        candidates=(f"pets={(tmp_path / 'new.mar').as_uri()}#sha256={digest}",),
        model_store=store,
    )
    fetched = with_fetched(config, print)
    assert served_models(fetched) == [ServedModel("pets", store / FOLDER / digest / "tiny.mar")]
    assert fetched.candidate_of("pets") == store / FOLDER / digest / "new.mar"
