"""Archives that lie elsewhere, ``NAME=URL#sha256=HEX``: fetched into the model store, and kept there for other starts.

An address may lead to another file tomorrow, and a server may be another's: what is served is what the SHA-256 says.
"""

import hashlib
import re
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple
from urllib.parse import urldefrag, urlsplit

from groupnl.base.addresses import without_secrets
from groupnl.base.atomic_file import replacing
from groupnl.base.folder_lock import waited_for
from groupnl.base.say import Say
from groupnl.errors import ArchiveError, ConfigError, ServerError, not_installed
from groupnl.server.config import ServeConfig

FOLDER = "fetched"  # of the model store; a folder in it for each SHA-256
_REMOTE = "://"
_DIGEST = re.compile(r"sha256=([0-9a-fA-F]{64})")
_EXTRAS = {"s3": "s3", "gs": "gs"}  # that have what speaks to a storage
_CHUNK_BYTES = 4 * 1024 * 1024
_CONNECT_S = 30.0
_SILENCE_S = 60.0


class Source(NamedTuple):
    """An archive that lies elsewhere.

    Attributes:
        url: its address, as fsspec takes it.
        sha256: of the whole file, 64 hexadecimal digits.
    """

    url: str
    sha256: str

    @property
    def name(self) -> str:
        """Of the file."""
        return PurePosixPath(urlsplit(self.url).path).name

    @property
    def shown(self) -> str:
        """The address without what may be secret: a password, or a signature."""
        return without_secrets(self.url)


def with_fetched(config: ServeConfig, say: Say) -> ServeConfig:
    """The same configuration with archives that lie on this machine; those that lie elsewhere are fetched.

    Args:
        config: of a start; its model store is written to if there is anything to fetch.
        say: told what is fetched.

    Raises:
        ConfigError: an address without its SHA-256 or that is no archive's, or a package is missing.
        ServerError: the file cannot be fetched.
        ArchiveError: it is another one.
        WriteError: the disk does not take it.
    """
    models, candidates = _parsed(config.models), _parsed(config.candidates)
    return config.model_copy(
        update={
            "models": tuple(_local(item, source, config.model_store, say) for item, source in models),
            "candidates": tuple(_local(item, source, config.model_store, say) for item, source in candidates),
        }
    )


def fetch(source: Source, model_store: Path, say: Say) -> Path:
    """The archive on this machine, whole and with the SHA-256 that was asked for.

    Others that want it at the same time wait. A fetch that was killed leaves a hidden file, which the next one begins
    anew; any other end leaves nothing.

    Args:
        source: where it lies.
        model_store: folder of the archives.
        say: told what is fetched.

    Raises:
        ConfigError, ServerError, ArchiveError, WriteError: see `with_fetched`.
    """
    archive = model_store / FOLDER / source.sha256 / source.name
    if _is_whole(archive, source, say):
        return archive
    with _turn(archive.parent):
        if not _is_whole(archive, source, say):  # by now
            say(f"fetching {source.shown}")
            with replacing(archive) as partial:
                _download(source, partial)
    return archive


def _parsed(items: tuple[str, ...]) -> list[tuple[str, Source | None]]:
    """All of them before any is fetched, so that a mistyped one costs no time."""
    return [(item, _source(item)) for item in items]


def _source(item: str) -> Source | None:
    """What an item of the configuration names; None where that lies on this machine."""
    name, _, place = item.partition("=")
    if _REMOTE not in place:
        return None
    url, fragment = urldefrag(place)
    digest = _DIGEST.fullmatch(fragment)
    shown = without_secrets(url)
    if digest is None:
        given = f"not {fragment!r}" if fragment else "and it has none"
        raise ConfigError(
            f"the archive {shown} needs its SHA-256, {given}: write {name}={shown}#sha256= and the 64 hexadecimal "
            "digits that sha256sum prints"
        )
    source = Source(url, digest[1].lower())
    if PurePosixPath(source.name).suffix != ".mar":
        raise ConfigError(f"the address {shown} must end in the name of an archive, NAME.mar, not in {source.name!r}")
    return source


def _local(item: str, source: Source | None, model_store: Path, say: Say) -> str:
    return item if source is None else f"{item.partition('=')[0]}={fetch(source, model_store, say)}"


def _is_whole(archive: Path, source: Source, say: Say) -> bool:
    """Whether it was fetched before, and is as it was."""
    if not archive.exists():
        return False
    with archive.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != source.sha256:
        say(f"{archive} has the SHA-256 {found}: it was changed, and is fetched again")
    return found == source.sha256


@contextmanager
def _turn(folder: Path) -> Iterator[None]:
    """One process at a time; the others wait, because they want the same."""
    with ExitStack() as stack:
        try:
            stack.enter_context(waited_for(folder))
        except OSError as error:
            raise ConfigError(
                f"cannot write archives to {folder} ({error.strerror}); choose another --model-store"
            ) from None
        yield


def _download(source: Source, file: Path) -> None:
    digest = hashlib.sha256()
    with file.open("wb") as out, closing(_chunks(source)) as chunks:
        for chunk in chunks:
            digest.update(chunk)
            out.write(chunk)
    if digest.hexdigest() != source.sha256:
        raise ArchiveError(
            f"{source.shown} is another file: its SHA-256 is {digest.hexdigest()}, not {source.sha256}; nothing of it "
            "is kept. Name the file that is meant, or its SHA-256"
        )


def _chunks(source: Source) -> Generator[bytes, None, None]:
    """The file's bytes, in order."""
    scheme = urlsplit(source.url).scheme
    try:
        import fsspec

        with fsspec.open(source.url, "rb", **_options(scheme)) as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except ImportError as error:
        package = error.name or f"what speaks {scheme}:// ({error})"
        raise ConfigError(f"{source.shown}: {not_installed(package, _EXTRAS.get(scheme, 'storage'))}") from None
    except Exception as error:  # each storage has errors of its own
        reason = without_secrets(str(error) or type(error).__name__)
        raise ServerError(f"cannot fetch {source.shown} ({reason})") from error


def _options(scheme: str) -> dict[str, Any]:
    """How a storage is asked, beyond what its own variables and files of settings say."""
    if scheme not in ("http", "https"):
        return {}
    from aiohttp import ClientTimeout

    # By itself aiohttp ends a fetch after five minutes, however well it goes. In one piece: not all servers have parts.
    timeout = ClientTimeout(total=None, sock_connect=_CONNECT_S, sock_read=_SILENCE_S)
    return {"block_size": 0, "encoded": True, "client_kwargs": {"timeout": timeout, "trust_env": True}}
