"""What decides who may do what: the keys and the certificate of one start of our own server."""

import logging
from typing import NamedTuple

from groupnl.base import environment
from groupnl.errors import ConfigError
from groupnl.server.certificate import Certificate
from groupnl.server.config import ServeConfig, is_loopback
from groupnl.server.keys.key import MANAGE, METRICS, PREDICT
from groupnl.server.keys.key_file import is_open
from groupnl.server.keys.keys import Keys
from groupnl.server.rereading import Rereading
from groupnl.server.web.door import Door
from groupnl.server.web.hosts import LOOPBACK, Hosts

logger = logging.getLogger(__name__)


class Access(NamedTuple):
    """Who may do what.

    Attributes:
        keys: of clients; None: nobody is asked for one.
        metrics_keys: the same for the metrics; decided at the start, so that nothing opens while it runs.
        certificate: of the inference port; None: it speaks no TLS.
        public: door of the inference port.
        management: door of the management port; None: there is no such port, and the socket alone is left.
        rereading: of keys and certificate.
    """

    keys: Keys | None
    metrics_keys: Keys | None
    certificate: Certificate | None
    public: Door
    management: Door | None
    rereading: Rereading


def read_access(config: ServeConfig) -> Access:
    """Read keys and certificate.

    Raises:
        ConfigError: they cannot be used.
    """
    keys = Keys(config.keys, environment.given_keys()) if config.has_keys else None
    metrics_keys = keys if keys is not None and keys.has(METRICS) else None
    if metrics_keys is None and not (config.allow_open or is_loopback(config.metrics_host)):
        raise ConfigError(
            f"the metrics on {config.metrics_host}:{config.metrics_port} can be reached from other machines, and no "
            "key has the scope metrics; make one (groupnl keys new), or allow it without (--allow-open)"
        )
    certificate = None
    if config.tls_cert is not None and config.tls_key is not None:
        certificate = Certificate(config.tls_cert, config.tls_key)
    _warn(config, keys)
    hosts = Hosts(config.allowed_hosts) if config.allowed_hosts else None
    sources = [source for source in (keys, certificate) if source is not None]
    return Access(
        keys, metrics_keys, certificate, Door(PREDICT, keys, hosts), _management(config, keys), Rereading(sources)
    )


def _management(config: ServeConfig, keys: Keys | None) -> Door | None:
    if config.management_port is None or keys is None or not keys.has(MANAGE):
        return None
    return Door(MANAGE, keys, Hosts({*LOOPBACK, config.management_host}, config.management_port), takes_pages=False)


def _warn(config: ServeConfig, keys: Keys | None) -> None:
    """Say what works, but hardly as it was meant."""
    if config.management_port is not None and (keys is None or not keys.has(MANAGE)):
        logger.warning(
            "--management-port %d stays closed: no key has the scope manage; the socket is there",
            config.management_port,
        )
    if keys is not None and not keys.has(PREDICT):
        logger.warning("no key has the scope predict: nobody can ask for predictions")
    for file in (config.keys, config.tls_key):
        if file is not None and is_open(file):
            logger.warning("others may read %s; let it be its owner's alone (chmod 600)", file)
