"""groupnl.server.certificate: what can be shown, what is refused before it is shown, and the change while it runs."""

import socket
import ssl
import subprocess
import threading
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from support.certificates import make_certificate

from groupnl.errors import ConfigError
from groupnl.server.certificate import Certificate, trusting


@pytest.mark.parametrize("algorithm", ["rsa:2048", "ec:prime256v1"])
def test_a_certificate_is_shown(tmp_path: Path, algorithm: str) -> None:
    chain, key = make_certificate(tmp_path, "one", algorithm=algorithm)
    assert _subject_of_handshake(Certificate(chain, key), trusting(chain)) == "one"


def test_old_versions_of_tls_are_refused(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path, "one")
    client = trusting(chain)
    client.minimum_version = ssl.TLSVersion.TLSv1_2
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    assert _subject_of_handshake(Certificate(chain, key), client) == "one"
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.minimum_version = ssl.TLSVersion.TLSv1_1
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        client.maximum_version = ssl.TLSVersion.TLSv1_1
    with pytest.raises((ssl.SSLError, ConnectionError)):
        _subject_of_handshake(Certificate(chain, key), client)


@pytest.mark.parametrize("second", ["rsa:2048", "ec:prime256v1"])
def test_new_handshakes_show_the_new_certificate(tmp_path: Path, second: str) -> None:
    chain, key = make_certificate(tmp_path, "one", algorithm="rsa:2048")
    certificate = Certificate(chain, key)
    make_certificate(tmp_path, "two", algorithm=second)
    (tmp_path / "two.pem").replace(chain)
    with pytest.raises(ConfigError, match=r"one\.key is the key of another|cannot be used"):
        certificate.reload()
    (tmp_path / "two.key").replace(key)
    certificate.reload()
    assert _subject_of_handshake(certificate, trusting(chain)) == "two"


def test_what_cannot_be_shown_is_named(tmp_path: Path) -> None:
    chain, key = make_certificate(tmp_path, "one")
    other, other_key = make_certificate(tmp_path, "other")
    expired, expired_key = make_certificate(tmp_path, "expired", days=-1)
    odd = tmp_path / "odd"
    odd.write_text("nothing")
    locked = tmp_path / "locked.key"
    subprocess.run(["openssl", "pkey", "-aes256", "-passout", "pass:x", "-in", key, "-out", locked], check=True)
    cases = [
        (chain, other_key, r"other\.key is the key of another certificate than --tls-cert .*one\.pem"),
        (expired, expired_key, r"expired\.pem cannot be shown: certificate has expired"),
        (odd, key, "odd holds no certificate"),
        (chain, odd, "odd cannot be used .*it holds no key"),
        (tmp_path / "none", key, "cannot read --tls-cert .*none"),
        (chain, tmp_path / "none", "cannot read --tls-key .*none"),
        (chain, locked, r"locked\.key is locked with a password"),
    ]
    for first, second, problem in cases:
        with pytest.raises(ConfigError, match=problem):
            Certificate(first, second)
    assert other.exists()


def _subject_of_handshake(certificate: Certificate, client: ssl.SSLContext) -> str:
    """The name that a client sees, over sockets."""
    ours, theirs = socket.socketpair()
    with closing(ours), closing(theirs):
        server = threading.Thread(target=_accept, args=(certificate, theirs))
        server.start()
        try:
            with client.wrap_socket(ours) as connection:
                connection.recv(1)
                shown = connection.getpeercert()
        finally:
            ours.close()
            server.join()
    assert shown
    ((_, name),) = cast(tuple[tuple[str, str], ...], shown["subject"][0])
    return name


def _accept(certificate: Certificate, theirs: socket.socket) -> None:
    try:
        with certificate.context.wrap_socket(theirs, server_side=True) as connection:
            connection.send(b".")
    except (ssl.SSLError, OSError):
        theirs.close()
