"""Keys: their lines, their file, and what a running service makes of a change."""

import stat
from pathlib import Path

import pytest

from groupnl import cli
from groupnl.base.environment import child_environment
from groupnl.errors import ConfigError
from groupnl.server.keys.key import METRICS, PREDICT, Key, read_key
from groupnl.server.keys.key_file import add_key, read_key_file
from groupnl.server.keys.keys import Keys
from groupnl.server.keys.secret import hash_of, new_secret

SECRET = "HvrPrf9MgZErfFqATekaSSeX2Qpz3qbFBbh9oamTsOc"  # stands in tests' names, alike in each process
HASHED = f"sha256:{hash_of(SECRET)}"


@pytest.mark.parametrize(("scopes", "line"), [("predict", "web predict"), ("metrics,predict", "web predict,metrics")])
def test_a_line_and_its_key(scopes: str, line: str) -> None:
    key = read_key(f" web {scopes}\t{HASHED} ", "here", takes_secrets=False)
    assert key == Key("web", frozenset(scopes.split(",")), hash_of(SECRET))
    assert key.line == f"{line} {HASHED}"
    assert read_key(f"web {scopes} {SECRET}", "here", takes_secrets=True) == key


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (f"web {HASHED}", "2 words"),
        (f"web predict {HASHED} more", "4 words"),
        (f"a/b predict {HASHED}", "no name"),
        (f"web predict,root {HASHED}", "'web' has an unknown scope"),
        ("web predict sha256:12", "hash of the key 'web'"),
        (f"web predict {HASHED.upper()}", "key 'web'"),
        ("web predict hunter2", "'web' cannot be used: it has 42 bits"),
        (f"web predict {SECRET}", f"'web' stands there as it is; write {HASHED}"),
    ],
)
def test_lines_that_are_refused_by_name_without_telling_the_secret(line: str, problem: str) -> None:
    with pytest.raises(ConfigError, match="here") as caught:
        read_key(line, "here", takes_secrets=False)
    assert problem in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_command_prints_the_key_once_and_keeps_its_hash(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "keys.txt"
    made = {}
    for name, scopes in (("web", ["predict"]), ("ops", ["manage", "metrics"])):
        assert cli.main(["keys", "new", "--name", name, "--scope", *scopes, "--keys", str(file)]) == 0
        made[name] = capsys.readouterr().out.strip()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not any(secret in file.read_text() for secret in made.values())
    web, ops = read_key_file(file)
    assert web == Key("web", frozenset(["predict"]), hash_of(made["web"]))
    assert ops == Key("ops", frozenset(["manage", "metrics"]), hash_of(made["ops"]))
    assert cli.main(["keys", "new", "--name", "web", "--keys", str(file)]) == 1
    assert "has a key 'web' already" in capsys.readouterr().err
    assert cli.main(["keys", "new", "--name", "a b", "--keys", str(file)]) == 1
    assert "'a b' cannot be a key's name" in capsys.readouterr().err
    assert read_key_file(file) == [web, ops]


def test_a_file_that_others_may_change_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    add_key(file, Key("web", frozenset([PREDICT]), hash_of(SECRET)))
    for mode in (0o620, 0o602):
        file.chmod(mode)
        with pytest.raises(ConfigError, match=r"others may write keys into .*keys\.txt"):
            read_key_file(file)


def test_files_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    (tmp_path / "odd.txt").write_bytes(b"\xff")
    for name in ("nowhere.txt", "odd.txt"):
        with pytest.raises(ConfigError, match=f"cannot read the keys of .*{name}"):
            read_key_file(tmp_path / name)
    (tmp_path / "empty.txt").write_text("# none\n")
    with pytest.raises(ConfigError, match=r"empty\.txt has no key"):
        Keys(tmp_path / "empty.txt", None)


def test_keys_of_the_environment_may_be_secrets() -> None:
    keys = Keys(None, f"web predict {SECRET}; ops manage sha256:{'0' * 64}")
    assert keys.find(SECRET) == Key("web", frozenset([PREDICT]), hash_of(SECRET))
    assert keys.find(SECRET[:-1]) is None
    assert keys.find("") is None
    assert (keys.has(PREDICT), keys.has(METRICS)) == (True, False)
    with pytest.raises(ConfigError, match=r"GROUPNL_KEYS, line 2: the key 'ops'") as caught:
        Keys(None, f"web predict {SECRET};ops manage hunter2")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(
    ("second", "problem"), [("web predict", "the same name"), (f"other predict {SECRET}", "same key")]
)
def test_keys_differ(second: str, problem: str) -> None:
    second = second if SECRET in second else f"{second} {new_secret()}"
    with pytest.raises(ConfigError, match=problem):
        Keys(None, f"web predict {SECRET};{second}")


def test_keys_are_exchanged_while_the_service_runs(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    other = new_secret()
    add_key(file, Key("old", frozenset([PREDICT]), hash_of(SECRET)))
    keys = Keys(file, None)
    own = keys.own_secret
    add_key(file, Key("new", frozenset([PREDICT]), hash_of(other)))
    keys.reload()
    assert keys.find(SECRET)
    assert keys.find(other)
    file.write_text("".join(line for line in file.read_text().splitlines(keepends=True) if "old" not in line))
    keys.reload()
    assert keys.find(SECRET) is None
    file.write_text("nonsense")
    with pytest.raises(ConfigError):
        keys.reload()
    assert keys.find(other)
    assert keys.find(own)


def test_workers_do_not_get_the_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GROUPNL_KEYS", "web predict x")
    assert "GROUPNL_KEYS" not in child_environment({})
