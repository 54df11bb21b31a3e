"""A request's first line and headers: what the parser takes, but two readers may understand differently."""

import re
from collections.abc import Sequence
from urllib.parse import unquote_to_bytes

from groupnl.errors import ExpectationError, RefusedError, TransferCodingError, VersionError

Headers = Sequence[tuple[bytes, bytes]]  # names in small letters
_VERSIONS = ("1.0", "1.1")
_HOST = re.compile(rb"(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9\-._~%!$&'()*+,;=]*)(?::[0-9]{0,5})?")
_ABSOLUTE = re.compile(rb"https?://(?P<host>[^/?#]*)(?:[/?].*)?", re.IGNORECASE)
_HIDDEN = re.compile(rb"%(?:2f|5c|00)", re.IGNORECASE)  # an encoded slash, a backslash, NUL
_LONGEST = 80  # signs of what a client has written


def head_fault(method: str, target: bytes, version: str, headers: Headers) -> RefusedError | None:
    """Why a request is not answered, whatever it asks for; None: its head is clear.

    Args:
        method: in capitals.
        target: what stands behind the method.
        version: of HTTP.
        headers: in their order.
    """
    if version not in _VERSIONS:
        return VersionError(f"HTTP/{version} is not spoken here; send HTTP/1.1.")
    return (
        _fault_of_target(method, target)
        or _fault_of_host(target, version, [value for name, value in headers if name == b"host"])
        or _fault_of_codings(version, [value for name, value in headers if name == b"transfer-encoding"])
        or _fault_of_expectations([value for name, value in headers if name == b"expect"])
    )


def framing(headers: Headers) -> bytes:
    """The header that says where a request's body ends; empty where it has none.

    Args:
        headers: of a request without fault, so that there is one at most.
    """
    for name, value in headers:
        if name == b"transfer-encoding" or (name == b"content-length" and int(value)):
            return name + b": " + value
    return b""


def _fault_of_target(method: str, target: bytes) -> RefusedError | None:
    if method == "CONNECT":
        return RefusedError("CONNECT is for proxies; this is none.")
    if target == b"*" and method == "OPTIONS":
        return None
    match = _ABSOLUTE.fullmatch(target)
    if b"#" in target or not (target.startswith(b"/") or match):
        return RefusedError(f"{_shown(target)} is no address of a service; it must begin with /.")
    path = target.partition(b"?")[0]
    if _HIDDEN.search(path) or {b".", b".."} & set(unquote_to_bytes(path).split(b"/")):
        return RefusedError(f"The address {_shown(path)} has . or .. as a part, or an encoded slash or NUL.")
    return None


def _fault_of_host(target: bytes, version: str, hosts: list[bytes]) -> RefusedError | None:
    if len(hosts) > 1 or (not hosts and version != "1.0"):
        return RefusedError(f"The request has {len(hosts)} Host headers; it must have one.")
    for host in hosts:
        if not _HOST.fullmatch(host):
            return RefusedError(f"The Host header {_shown(host)} is no name of a host.")
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute and absolute["host"].lower() != host.lower():
            return RefusedError(f"The address names the host {_shown(absolute['host'])}, the Host header another.")
    return None


def _fault_of_codings(version: str, codings: list[bytes]) -> RefusedError | None:
    if codings and version == "1.0":
        return RefusedError("HTTP/1.0 has no Transfer-Encoding; send a Content-Length.")
    if codings and [coding.strip().lower() for coding in codings] != [b"chunked"]:
        return TransferCodingError("The only Transfer-Encoding that is read here is chunked.")
    return None


def _fault_of_expectations(expectations: list[bytes]) -> RefusedError | None:
    for expectation in expectations:
        if expectation.strip().lower() != b"100-continue":
            return ExpectationError(f"Expect: {_shown(expectation)} cannot be met; there is 100-continue alone.")
    return None


def _shown(text: bytes) -> str:
    return repr(text[:_LONGEST].decode("latin-1"))
