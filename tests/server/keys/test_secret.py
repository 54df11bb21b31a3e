"""groupnl.server.keys.secret: what is too weak for a key."""

import pytest

from groupnl.server.keys.secret import hash_of, new_secret, weakness


def test_new_ones_are_strong_and_differ() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    assert [weakness(secret) for secret in made] == [None] * 100


def test_hash() -> None:
    # `printf %s owl | sha256sum`
    assert hash_of("owl") == "10f7127b980b0b06ef157749f8a02cca1c606d22642729dcb2d24dbbf2bf30df"


@pytest.mark.parametrize(
    "secret",
    [
        "57f6dd87d153c5129c58f37ce3fc294e",
        "7CrO1ekx6iEsr2sx5TVY6fRvBLlZxw",
        "4AFDF9FE684B1E4EE6B86461E4D37B043465C58421F4C196396D3DF10D756E8A",
    ],
)
def test_strong_enough(secret: str) -> None:
    assert weakness(secret) is None


@pytest.mark.parametrize(
    ("secret", "problem"),
    [
        ("hunter2", "it has 42 bits"),
        ("0123456789abcdef0123456789abcde", "it has 124 bits"),  # 31 hexadecimal digits
        ("1234567890" * 3, "it has 99 bits"),
        ("A" * 64, "different signs"),
        ("grünrWX4rgUo27Bw5MGMD4w3S4LXou2jJjQ_WmTQDUFOaro", "cannot carry"),
        ("", "cannot carry"),
    ],
)
def test_too_weak(secret: str, problem: str) -> None:
    told = weakness(secret)
    assert told is not None
    assert problem in told
    assert not secret or secret not in told
