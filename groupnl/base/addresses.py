"""Addresses that people type: of a page, of what listens at a host's port, of a file that lies elsewhere."""

import re
import urllib.parse
from typing import Annotated

from pydantic import AfterValidator

_SCHEMES = ("http", "https")
_HOST = re.compile(r"[A-Za-z0-9_.\-]+|[0-9A-Fa-f:.]+:[0-9A-Fa-f:.]*")  # a name or IPv4; IPv6
_PRINTED = re.compile(r"[!-~]+")
# Of a path, URL:// has become URL:/.
_LOGIN = re.compile(r"(//|\w:/)[^/\s]*@")
# Behind any path, also where an error names no more of an address. What may be a sentence's own at the end stays.
_QUERY = re.compile(r"((?:\w:/+[^?'\"\n]*|/[^?\s]*)\?)[^\s#]*[^\s#'\")\]>.,;:]")


def _is_address(text: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:  # brackets without an end, a port of letters or above 65535
        return False
    fits = _HOST.fullmatch(host) is not None and _PRINTED.fullmatch(text) is not None and "@" not in parts.netloc
    return fits and port != 0 and not parts.netloc.endswith(":")


def _url(text: str) -> str:
    if text.partition("://")[0].lower() not in _SCHEMES or not _is_address(text):
        raise ValueError("it must be an address, such as http://127.0.0.1:8083")
    return text


def _host_and_port(text: str) -> str:
    if not re.fullmatch(r"[^/?#]+:[0-9]+", text) or not _is_address(f"//{text}"):
        raise ValueError("it must be an address with its port, HOST:PORT, the port from 1 to 65535")
    return text


Url = Annotated[str, AfterValidator(_url)]
"""The address of a page or service: http or https."""
HostAndPort = Annotated[str, AfterValidator(_host_and_port)]
"""Where something listens: HOST:PORT, of IPv6 [HOST]:PORT."""


def without_secrets(text: str) -> str:
    """A text whose addresses may be shown: without what may be secret in them, passwords and signatures."""
    return _QUERY.sub(r"\1...", _LOGIN.sub(r"\1", text))
