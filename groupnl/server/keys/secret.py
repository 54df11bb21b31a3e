"""The secret part of a key: what its client sends, and of which the service keeps a hash alone."""

import hashlib
import math
import re
import secrets
import string

LEAST_BITS = 128
_BYTES = 32
_FEWEST_SIGNS = 6  # different ones; fewer are a pattern, whatever the length
_ALPHABETS = (string.digits, string.digits + "abcdef", string.digits + "ABCDEF", string.ascii_lowercase)
_USUAL = 64  # signs of base64, which is what any other text is taken for
# What `Authorization: Bearer` can carry; see RFC 6750.
_BEARER = re.compile(r"[A-Za-z0-9\-._~+/]+=*", re.ASCII)


def new_secret() -> str:
    """One that nobody can guess."""
    return secrets.token_urlsafe(_BYTES)


def hash_of(secret: str) -> str:
    """SHA-256, hexadecimal. Nothing slower is needed: so many random bits cannot be tried."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def weakness(secret: str) -> str | None:
    """Why a secret cannot be used; None: it can. The secret itself is not told.

    How it was made cannot be seen: it is taken for random, of the smallest usual alphabet that has all its signs.
    """
    if not _BEARER.fullmatch(secret):
        return "it has signs that an Authorization header cannot carry; use letters, digits, - and _"
    size = next((len(signs) for signs in _ALPHABETS if set(secret) <= set(signs)), _USUAL)
    bits = int(len(secret) * math.log2(size))
    if bits < LEAST_BITS:
        return f"it has {bits} bits, if it is random; at least {LEAST_BITS} are needed"
    if len(set(secret)) < _FEWEST_SIGNS:
        return f"it has {len(set(secret))} different signs and is no random text"
    return None
