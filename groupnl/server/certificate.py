"""The certificate that the service shows over TLS: proved before it is shown, exchanged while it runs."""

import ssl
from contextlib import suppress
from pathlib import Path

from groupnl.errors import ConfigError

_TURNS = 4  # of a handshake; TLS 1.2 takes more than 1.3
_PROTOCOLS = ["http/1.1"]


class Certificate:
    """A certificate.

    Args:
        chain: PEM file of the certificate, and of those between it and its root.
        key: PEM file of its key.

    Attributes:
        files: that it is read from.
        pem: what they held when they were read last, the chain and its key.
        context: for a listening socket; its handshakes show what was read last.

    Raises:
        ConfigError: it cannot be shown.
    """

    def __init__(self, chain: Path, key: Path) -> None:
        self.files = chain, key
        self.pem: tuple[bytes, ...] = ()
        self.context = _context()
        self._current = self.context
        self.context.sni_callback = self._show_current
        self.reload()

    def reload(self) -> None:
        """Read the files again; who is connected notices nothing.

        Raises:
            ConfigError: what they hold cannot be shown; what was read before stays.
        """
        self._current = _proved(*self.files)
        self.pem = tuple(file.read_bytes() for file in self.files)

    def _show_current(self, connection: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
        connection.context = self._current


def trusting(chain: Path) -> ssl.SSLContext:
    """For a client that trusts this certificate alone, under whichever name it is reached.

    Raises:
        ConfigError: the file holds none.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        client.load_verify_locations(chain)
    except ssl.SSLError:
        raise ConfigError(f"--tls-cert {chain} holds no certificate in PEM's form (BEGIN CERTIFICATE)") from None
    except OSError as error:
        raise ConfigError(f"cannot read --tls-cert {chain} ({error.strerror})") from None
    return client


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(_PROTOCOLS)
    return context


def _proved(chain: Path, key: Path) -> ssl.SSLContext:
    """What shows the certificate, after a client that trusts it has accepted it."""
    client, server = trusting(chain), _context()
    try:
        server.load_cert_chain(chain, key, password=lambda: _locked(key))
        _shake_hands(client, server)
    except ssl.SSLCertVerificationError as error:
        raise ConfigError(f"--tls-cert {chain} cannot be shown: {error.verify_message}") from None
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            raise ConfigError(f"--tls-key {key} is the key of another certificate than --tls-cert {chain}") from None
        reason = error.reason or "it holds no key in PEM's form, such as BEGIN PRIVATE KEY"
        raise ConfigError(f"--tls-key {key} cannot be used with --tls-cert {chain}: {reason}") from None
    except OSError as error:
        raise ConfigError(f"cannot read --tls-key {key} ({error.strerror})") from None
    return server


def _locked(key: Path) -> str:
    raise ConfigError(f"--tls-key {key} is locked with a password; give one without (openssl pkey -in FILE -out NEW)")


def _shake_hands(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """A handshake in memory; raises what a client would meet."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_TURNS):
        for end in ends:
            with suppress(ssl.SSLWantReadError):
                end.do_handshake()
