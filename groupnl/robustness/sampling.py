"""Which requests are answered again, and with which random numbers: functions of the request's key alone.

So replicas of a service, and a twin that gets the same traffic, choose alike, and what was done can be done again.
"""

import hashlib

_BITS = 64


def request_key(given: str | None, image: bytes | bytearray) -> str:
    """The key of a request: what the client gave, or the hash of the image's bytes where it gave nothing.

    Args:
        given: the header `X-Request-Key`, or None.
        image: the encoded image.
    """
    return given or hashlib.blake2b(image, digest_size=16).hexdigest()


def is_sampled(key: str, share: float) -> bool:
    """Whether the request is among the share, 0 to 1, that is answered again."""
    return _number("sample", key) < int(share * 2**_BITS)


def seed_of(key: str, corruption: str, severity: int, seed: int) -> int:
    """Seed of the corruption's random numbers, 0 to 2**63 - 1.

    Args:
        key: of the request.
        corruption: its name.
        severity: 1 to 5.
        seed: of the service (`shadow.seed`).
    """
    return _number(str(seed), corruption, str(severity), key) >> 1


def _number(*parts: str) -> int:
    digest = hashlib.blake2b("\0".join(parts).encode(errors="surrogateescape"), digest_size=_BITS // 8).digest()
    return int.from_bytes(digest, "big")
