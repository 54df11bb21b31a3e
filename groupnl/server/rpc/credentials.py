"""The service's certificate, as grpc shows it."""

from typing import Any

import grpc

from groupnl.server.certificate import Certificate


def credentials(certificate: Certificate) -> Any:
    """What a port of grpc needs; new connections are shown what was read last."""

    def current() -> Any:
        chain, key = certificate.pem
        return grpc.ssl_server_certificate_configuration([(key, chain)])

    return grpc.dynamic_ssl_server_credentials(current(), current)
