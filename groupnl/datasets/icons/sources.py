"""Where the drawings come from: pinned npm packages, fetched once and read straight from their tarballs.

First step of `groupnl data icons`. npm itself does the fetching, so its configuration (mirror, proxy, cache)
holds; the pinned hash makes sure that the bytes are the expected ones wherever they came from.
"""

import base64
import hashlib
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from groupnl.errors import ConfigError

FETCH_TIMEOUT_S = 600
MAX_MEMBER_BYTES = 16 * 1024 * 1024


class Package(BaseModel):
    """One npm package of drawings.

    Attributes:
        name: on npm; unscoped.
        version: exact.
        integrity: npm's hash of the tarball: ``sha512-`` and base64.
        styles: the drawing styles taken from it.
        licence: SPDX identifier of the drawings (the package's code may have another).
        attribution: the credit that goes with the drawings.
        evidence: where the package itself states the licence of the drawings.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    version: str
    integrity: str
    styles: tuple[str, ...]
    licence: str
    attribution: str
    evidence: str


NOTO = Package(
    name="emoji-datasource-google",
    version="16.0.0",
    integrity="sha512-ZRexfzs7MVoLnmzZmNsO4TKhnAJp5D++Vm6PpUpH/jEQQlemp3l88CjZ+DoZ2faM9R4QxZkOPJCoT8DlPhfQ3A==",
    styles=("noto",),
    licence="Apache-2.0",
    attribution="Noto Emoji 2.048, Copyright Google LLC; packed by Cal Henderson (emoji-data).",
    evidence="README.md (the package's LICENSE, MIT, is that of its code)",
)
TWEMOJI = Package(
    name="emoji-datasource-twitter",
    version="16.0.0",
    integrity="sha512-7F+uCuHH+7Qnrc15P5tnbvKkg9E6tlzi4MnT2uW1RlN4pLYTza6cP/dstIfSDMtpjFLWuZewWg8jBbuL2eyELQ==",
    styles=("twemoji",),
    licence="CC-BY-4.0",
    attribution="Twemoji 16.0.1 (jdecked/twemoji), Copyright Twitter, Inc and other contributors; "
    "packed by Cal Henderson (emoji-data).",
    evidence="README.md (the package's LICENSE, MIT, is that of its code)",
)
FLUENT = Package(
    name="fluentui-emoji",
    version="1.3.0",
    integrity="sha512-JTXXwqIie2rWTgOkIJDJxr0WtwTz2WU4kdOq8buLVThYwQ264aFR2jdTyuon2oEbLqqGMT64zI4btyn1saB2xw==",
    styles=("fluent-flat", "fluent-modern"),
    licence="MIT",
    attribution="Fluent Emoji, Copyright Microsoft Corporation; packed by Mohammad Abu Mattar.",
    evidence="LICENSE and package.json",
)
OPENMOJI = Package(
    name="openmoji",
    version="17.0.0",
    integrity="sha512-EBnYrNGdcdw+OSXmENeNE1yBNRu6tOraTmoOyUbJkTmvT/+XETp8RZLSJFzD3lrPc5N9CzsyPnRTk0Vp4UaI9w==",
    styles=("openmoji",),
    licence="CC-BY-SA-4.0",
    attribution="OpenMoji, the open-source emoji and icon project, by Benedikt Groß, Daniel Utz and "
    "the OpenMoji contributors (openmoji.org).",
    evidence="LICENSE.txt, README.md and package.json",
)
PACKAGES = (NOTO, TWEMOJI, FLUENT, OPENMOJI)


def integrity_of(tarball: Path) -> str:
    """Hash a file as npm does: ``sha512-`` and base64."""
    with tarball.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha512").digest()
    return "sha512-" + base64.b64encode(digest).decode()


def fetch(package: Package, cache: Path) -> Path:
    """Return the package's tarball in `cache`, fetching it with npm when it is not there yet.

    Raises:
        ConfigError: npm is missing or fails, or the bytes are not the pinned ones.
    """
    tarball = cache / f"{package.name}-{package.version}.tgz"
    if not tarball.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            fresh = Path(folder) / tarball.name
            _npm_pack(package, fresh)
            _verify(fresh, package, "the mirror that npm uses does not serve the published package")
            fresh.replace(tarball)
    _verify(tarball, package, "delete the file and run again")
    return tarball


def _verify(tarball: Path, package: Package, advice: str) -> None:
    found = integrity_of(tarball)
    if found != package.integrity:
        raise ConfigError(f"{tarball} has the hash {found}, expected {package.integrity}; {advice}")


def _npm_pack(package: Package, tarball: Path) -> None:
    spec = f"{package.name}@{package.version}"
    npm = shutil.which("npm")
    if npm is None:
        raise ConfigError(f"npm, which fetches {spec}, is not installed; install Node.js 18 or newer with npm")
    command = [npm, "pack", spec, "--pack-destination", ".", "--loglevel", "error"]
    try:
        done = subprocess.run(  # noqa: S603 (a fixed command; no shell)
            command, cwd=tarball.parent, capture_output=True, text=True, timeout=FETCH_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(f"npm could not fetch {spec} in {FETCH_TIMEOUT_S} s; check the network") from error
    if done.returncode != 0 or not tarball.is_file():
        raise ConfigError(f"npm could not fetch {spec}: {done.stderr.strip()[-500:] or 'no reason given'}")


def read_members(tarball: Path, wanted: Callable[[str], bool]) -> dict[str, bytes]:
    """Read regular files out of an npm tarball, in memory: nothing is unpacked, so no path in it can do harm.

    Args:
        tarball: as `fetch` returns it.
        wanted: is asked with each path inside the package, without the leading ``package/``.

    Returns:
        path -> bytes of the wanted files.

    Raises:
        ConfigError: the tarball is damaged, or a wanted file is larger than any drawing should be.
    """
    members: dict[str, bytes] = {}
    try:
        with tarfile.open(tarball, "r|gz") as archive:
            for member in archive:
                path = member.name.partition("/")[2]
                if member.isfile() and wanted(path):
                    members[path] = _read_member(archive, member)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise ConfigError(f"cannot read {tarball}: {error}; delete the file and run again") from error
    return members


def _read_member(archive: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    if member.size > MAX_MEMBER_BYTES:
        raise ConfigError(f"{member.name} has {member.size} bytes, more than {MAX_MEMBER_BYTES}")
    stream = archive.extractfile(member)
    return stream.read() if stream else b""
