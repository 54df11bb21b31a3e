"""Requests as bytes that two readers of HTTP may understand differently, and what must be answered to them.

Where a refused request has a body, the body is another request, for `SMUGGLED`: it must never run.
"""

from typing import NamedTuple

SMUGGLED = "/smuggled"
PING = b"GET /ping HTTP/1.1\r\nHost: a\r\n\r\n"
_EVIL = b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n"
_UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAA\r\n"
_WEBSOCKET = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


class Case(NamedTuple):
    """What is sent on one connection.

    Attributes:
        name: for people.
        content: the bytes.
        statuses: of the answers, in their order. An error ends the connection.
    """

    name: str
    content: bytes
    statuses: list[int]


def _put(headers: bytes, body: bytes = b"") -> bytes:
    return b"PUT /predictions/owls HTTP/1.1\r\nHost: a\r\n" + headers + b"\r\n" + body


def _chunked(body: bytes) -> bytes:
    return _put(b"Transfer-Encoding: chunked\r\n", body)


def _get(target: bytes, headers: bytes = b"Host: a\r\n", version: bytes = b"HTTP/1.1", method: bytes = b"GET") -> bytes:
    return method + b" " + target + b" " + version + b"\r\n" + headers + b"\r\n"


_TAIL = b"\r\nimage\r\n0\r\n\r\n"
_LAST = b"0\r\n\r\n"

LENGTHS = [
    Case("length twice", _put(b"Content-Length: 5\r\nContent-Length: 5\r\n", b"image" + _EVIL), [400]),
    Case("two lengths", _put(b"Content-Length: 5\r\nContent-Length: 0\r\n", _EVIL), [400]),
    Case("a list of lengths", _put(b"Content-Length: 5, 5\r\n", b"image" + _EVIL), [400]),
    Case("+5", _put(b"Content-Length: +5\r\n", b"image" + _EVIL), [400]),
    Case("-5", _put(b"Content-Length: -5\r\n", b"image" + _EVIL), [400]),
    Case("0x5", _put(b"Content-Length: 0x5\r\n", b"image" + _EVIL), [400]),
    Case("5 5", _put(b"Content-Length: 5 5\r\n", b"image" + _EVIL), [400]),
    Case("5.0", _put(b"Content-Length: 5.0\r\n", b"image" + _EVIL), [400]),
    Case("1e1", _put(b"Content-Length: 1e1\r\n", b"image" + _EVIL), [400]),
    Case("empty length", _put(b"Content-Length: \r\n", b"image" + _EVIL), [400]),
    Case("2**64 + 5", _put(b"Content-Length: 18446744073709551621\r\n", b"image" + _EVIL), [400]),
    Case("length with zeros", _put(b"Content-Length: 005\r\n", b"image" + PING), [200, 200]),
    Case("length in blanks", _put(b"Content-Length:\t5 \r\n", b"image" + PING), [200, 200]),
    Case("underscore", _put(b"Content_Length: 50\r\nContent-Length: 5\r\n", b"image" + PING), [200, 200]),
    Case("blank before colon", _put(b"Content-Length : 5\r\n", b"image" + _EVIL), [400]),
]
CODINGS = [
    Case("length, coding", _put(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", _LAST + _EVIL), [400]),
    Case("coding, length", _put(b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", _LAST + _EVIL), [400]),
    Case("\\x0bcoding", _put(b"\x0bTransfer-Encoding: chunked\r\nContent-Length: 5\r\n", _LAST + _EVIL), [400]),
    Case("coding: \\x0bchunked", _put(b"Transfer-Encoding: \x0bchunked\r\n", _LAST + _EVIL), [400]),
    Case("coding :", _put(b"Transfer-Encoding : chunked\r\n", _LAST + _EVIL), [400]),
    Case("coding on a new line", _put(b"Transfer-Encoding:\r\n chunked\r\n", _LAST + _EVIL), [400]),
    Case("xchunked", _put(b"Transfer-Encoding: xchunked\r\n", _LAST + _EVIL), [501]),
    Case("identity", _put(b"Transfer-Encoding: identity\r\n", _EVIL), [501]),
    Case("gzip, chunked", _put(b"Transfer-Encoding: gzip, chunked\r\n", _LAST + _EVIL), [501]),
    Case("chunked, identity", _put(b"Transfer-Encoding: chunked, identity\r\n", _LAST + _EVIL), [400]),
    Case("chunked twice", _put(b"Transfer-Encoding: chunked\r\n" * 2, _LAST + _EVIL), [400]),
    Case("CHUNKED", _put(b"Transfer-Encoding: CHUNKED\r\n", b"5" + _TAIL + PING), [200, 200]),
    Case(
        "coding in 1.0",
        _get(b"/predictions/owls", b"Transfer-Encoding: chunked\r\n", b"HTTP/1.0", b"PUT") + _LAST + _EVIL,
        [400],
    ),
]
CHUNKS = [
    Case("chunks", _chunked(b"2\r\nim\r\n3\r\nage\r\n0\r\n\r\n" + PING), [200, 200]),
    Case("extension", _chunked(b"5;a=b" + _TAIL + PING), [200, 200]),
    Case("trailer", _chunked(b"5\r\nimage\r\n0\r\nX-Top-K: many\r\n\r\n" + PING), [200, 200]),
    Case("length in the trailer", _chunked(b"5\r\nimage\r\n0\r\nContent-Length: 50\r\n\r\n" + _EVIL), [400]),
    Case("chunk of 0x5", _chunked(b"0x5" + _TAIL + _EVIL), [400]),
    Case("chunk of -5", _chunked(b"-5" + _TAIL + _EVIL), [400]),
    Case("chunk of 2**64 + 5", _chunked(b"10000000000000005" + _TAIL + _EVIL), [400]),
    Case("chunk that ends late", _chunked(b"5\r\nimagex0\r\n\r\n" + _EVIL), [400]),
    Case("chunk without CR", _chunked(b"5\nimage\n0\n\n" + _EVIL), [400]),
    Case("chunk of '5 '", _chunked(b"5 " + _TAIL + _EVIL), [400]),
    Case("extension with LF", _chunked(b"5;\nxx" + _TAIL + _EVIL), [400]),
    Case("endless extension", _chunked(b"5;" + b"a" * 400_000), [431]),
    Case("endless trailer", _chunked(b"5\r\nimage\r\n0\r\nX: " + b"a" * 400_000), [431]),
]
LINES = [
    Case("LF", b"GET /ping HTTP/1.1\nHost: a\n\n", [400]),
    Case("LF between headers", _get(b"/ping", b"Host: a\nX: y\r\n"), [400]),
    Case("CR between headers", _get(b"/ping", b"Host: a\rX: y\r\n"), [400]),
    Case("folded", _put(b"X: b\r\n Content-Length: 5\r\n", _EVIL), [400]),
    Case("folded first", _get(b"/ping", b" Host: a\r\n"), [400]),
    Case("NUL in a header", _get(b"/ping", b"Host: a\r\nX: a\x00b\r\n"), [400]),
    Case("no colon", _get(b"/ping", b"Host: a\r\nX\r\n"), [400]),
    Case("no name", _get(b"/ping", b"Host: a\r\n: x\r\n"), [400]),
    Case("blank in a name", _get(b"/ping", b"Host: a\r\nX Y: x\r\n"), [400]),
    Case("empty lines first", b"\r\n\r\n" + PING, [200]),
    Case("large header", _get(b"/ping", b"Host: a\r\nX: " + b"a" * 40_000 + b"\r\n") + _EVIL, [431]),
    Case("many headers", _get(b"/ping", b"Host: a\r\n" + b"a: b\r\n" * 6_000) + _EVIL, [431]),
    Case("long address", _get(b"/" + b"a" * 40_000) + _EVIL, [431]),
]
METHODS = [
    Case("get", _get(b"/ping", method=b"get"), [400]),
    Case("FROB", _get(b"/ping", method=b"FROB"), [400]),
    Case("TRACE", _get(b"/ping", method=b"TRACE") + PING, [405, 200]),
    Case("PURGE", _get(b"/ping", method=b"PURGE") + PING, [405, 200]),
    Case("CONNECT", _get(b"a:80", method=b"CONNECT") + _EVIL, [400]),
    Case("CONNECT to a path", _get(b"/ping", method=b"CONNECT") + _EVIL, [400]),
    Case("HTTP/0.9", b"GET /ping\r\n\r\n" + _EVIL, [505]),
    Case("HTTP/1.2", _get(b"/ping", version=b"HTTP/1.2") + _EVIL, [400]),
    Case("HTTP/2.0", _get(b"/ping", version=b"HTTP/2.0") + _EVIL, [505]),
    Case("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0" + _EVIL, [400]),
    Case("TLS", bytes.fromhex("16030100a5010000a10303") + bytes(100), [400]),
    Case("h2c", _get(b"/ping", b"Host: a\r\n" + _UPGRADE) + PING, [200, 200]),
    Case("h2c with a body", _put(_UPGRADE + b"Content-Length: 5\r\n", b"image" + PING), [200, 200]),
    Case("h2c in chunks", _put(_UPGRADE + b"Transfer-Encoding: chunked\r\n", b"5" + _TAIL + PING), [200, 200]),
    Case("h2c, a bad chunk", _put(_UPGRADE + b"Transfer-Encoding: chunked\r\n", b"x" + _TAIL + _EVIL), [400]),
    Case(
        "h2c, a large body",
        _put(_UPGRADE + b"Content-Length: 4000\r\n", _EVIL + bytes(4000 - len(_EVIL)) + _EVIL),
        [413],
    ),
    Case("websocket", _get(b"/ping", b"Host: a\r\n" + _WEBSOCKET) + PING, [200, 200]),
]
HOSTS = [
    Case("no host", _get(b"/ping", b"") + _EVIL, [400]),
    Case("no host in 1.0", _get(b"/ping", b"", b"HTTP/1.0"), [200]),
    Case("two hosts", _get(b"/ping", b"Host: a\r\nHost: b\r\n") + _EVIL, [400]),
    Case("no name", _get(b"/ping", b"Host: a b/c\r\n") + _EVIL, [400]),
    Case("a name with an @", _get(b"/ping", b"Host: a@b\r\n") + _EVIL, [400]),
    Case("whole address", _get(b"http://a/ping") + PING, [200, 200]),
    Case("another host's address", _get(b"http://evil/models") + _EVIL, [400]),
]
TARGETS = [
    *(
        Case(target.decode("latin-1"), _get(target) + _EVIL, [400])
        for target in (
            b"a:80",
            b"*",
            b"?x",
            b"",
            b"/models x",
            b"/models#x",
            b"/models\x00",
            b"/models%00",
            b"/models/\xc3\xa4",
            b"/models/\xff",
            b"/predictions/../models",
            b"/predictions/%2e%2e/models",
            b"/predictions/.%2E/models",
            b"/./models",
            b"/models%2fowls",
            b"/models%5Cowls",
            b"ftp://a/models",
        )
    ),
    *(
        Case(target.decode("latin-1"), _get(target) + PING, [404, 200])
        for target in (
            b"//models",
            b"//evil/models",
            b"/models;a=b",
            b"/models/",
            b"/models/%c0%ae%c0%ae",
            b"/models/%zz",
            b"/models/%252e%252e",
            b"/models/%0d%0aSet-Cookie:a",
            b"/predictions\\..\\models",
            b"/MODELS",
        )
    ),
    Case("encoded letters", _get(b"/%6dodels?a=../b#"[:-1]) + PING, [200, 200]),
]
BODIES = [
    Case("Expect: foo", _put(b"Content-Length: 40\r\nExpect: foo\r\n", _EVIL), [417]),
    Case("Expect: 100", _put(b"Content-Length: 4000\r\nExpect: 100-continue\r\n", _EVIL), [413]),
    Case("body of a GET", _get(b"/ping", b"Host: a\r\nContent-Length: 38\r\n") + _EVIL, [200]),
    Case("body for nobody", _get(b"/no", b"Host: a\r\nContent-Length: 38\r\n", method=b"PUT") + _EVIL, [404]),
    Case("body that is too large", _put(b"Content-Length: 4000\r\n", _EVIL + bytes(3000)), [413]),
    Case("chunks that are too many", _chunked(b"fa0\r\n" + bytes(4000) + b"\r\n0\r\n\r\n" + _EVIL), [413]),
    Case("no length", _put(b"") + PING, [411, 200]),
    Case("after close", _get(b"/ping", b"Host: a\r\nConnection: close\r\n") + _EVIL, [200]),
    Case("after 1.0", _get(b"/ping", b"", b"HTTP/1.0") + _EVIL, [200]),
]
PIPELINES = [
    Case(
        "mixed",
        PING + _put(b"Content-Length: 5\r\n", b"image") + PING + _put(b"Content-Length: 3\r\n", b"bad") + _get(b"/no"),
        [200, 200, 200, 415, 404],
    ),
    Case("a bad one last", PING + _put(b"Content-Length: 5\r\n", b"image") + b"BAD\r\n\r\n" + _EVIL, [200, 200, 400]),
    Case("a bad chunk last", _put(b"Content-Length: 5\r\n", b"image") + _chunked(b"x\r\n" + _EVIL), [200, 400]),
    Case("a large one amid", PING + _put(b"Content-Length: 4000\r\n", bytes(4000)) + _EVIL, [200, 413]),
]
CASES = [*LENGTHS, *CODINGS, *CHUNKS, *LINES, *METHODS, *HOSTS, *TARGETS, *BODIES, *PIPELINES]
