"""Fetching the packages: through npm, verified, once."""

import io
import tarfile
from pathlib import Path

import pytest
from support.icon_packages import write_tarball

from groupnl.datasets.icons.sources import NOTO, PACKAGES, Package, fetch, integrity_of, read_members
from groupnl.errors import ConfigError


@pytest.fixture
def package(tmp_path: Path) -> Package:
    (tmp_path / "registry").mkdir()
    tarball = write_tarball(tmp_path / "registry" / f"{NOTO.name}-{NOTO.version}.tgz", {"a.txt": b"a"})
    return NOTO.model_copy(update={"integrity": integrity_of(tarball)})


def install_npm(monkeypatch: pytest.MonkeyPatch, folder: Path, script: str) -> None:
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_a_package_is_fetched_once(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = tmp_path / "calls"
    install_npm(monkeypatch, tmp_path / "bin", f'echo "$1 $2" >> {calls}; cp {tmp_path}/registry/*.tgz "$4"')
    monkeypatch.chdir(tmp_path)
    tarball = fetch(package, Path("cache"))  # relative: npm runs in another folder
    assert fetch(package, Path("cache")) == tarball
    assert read_members(tarball, lambda path: True) == {"a.txt": b"a"}
    assert calls.read_text() == f"pack {package.name}@{package.version}\n"
    assert [path.name for path in Path("cache").iterdir()] == [tarball.name]


def test_missing_npm_is_named(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ConfigError, match=r"npm.*emoji-datasource-google@16.0.0.*install Node"):
        fetch(package, tmp_path / "cache")


def test_npms_own_words_are_passed_on(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_npm(monkeypatch, tmp_path / "bin", "echo no such host >&2; exit 1")
    with pytest.raises(ConfigError, match="no such host"):
        fetch(package, tmp_path / "cache")


def test_other_bytes_never_reach_the_cache(package: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install_npm(monkeypatch, tmp_path / "bin", f"echo x > {package.name}-{package.version}.tgz")
    with pytest.raises(ConfigError, match="does not serve the published package"):
        fetch(package, tmp_path / "cache")
    assert not list((tmp_path / "cache").iterdir())


def test_a_changed_file_in_the_cache_is_refused(package: Package, tmp_path: Path) -> None:
    registry = tmp_path / "registry"
    (registry / f"{package.name}-{package.version}.tgz").write_bytes(b"changed")
    with pytest.raises(ConfigError, match="delete the file"):
        fetch(package, registry)


def test_only_regular_files_are_read(tmp_path: Path) -> None:
    tarball = tmp_path / "links.tgz"
    with tarfile.open(tarball, "w:gz") as archive:
        link = tarfile.TarInfo("package/link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        plain = tarfile.TarInfo("package/../../plain")
        plain.size = 1
        archive.addfile(plain, io.BytesIO(b"x"))
    assert read_members(tarball, lambda path: True) == {"../../plain": b"x"}
    assert [path.name for path in tmp_path.iterdir()] == ["links.tgz"]


def test_a_damaged_tarball_is_named(tmp_path: Path) -> None:
    tarball = tmp_path / "damaged.tgz"
    tarball.write_bytes(write_tarball(tmp_path / "whole.tgz", {"a": bytes(100_000)}).read_bytes()[:-30])
    with pytest.raises(ConfigError, match=r"damaged\.tgz"):
        read_members(tarball, lambda path: True)


def test_every_package_is_pinned_and_licensed() -> None:
    assert all(package.integrity.startswith("sha512-") for package in PACKAGES)
    assert {package.name: package.licence for package in PACKAGES} == {
        "emoji-datasource-google": "Apache-2.0",
        "emoji-datasource-twitter": "CC-BY-4.0",
        "fluentui-emoji": "MIT",
        "openmoji": "CC-BY-SA-4.0",
    }
