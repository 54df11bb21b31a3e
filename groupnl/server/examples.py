"""Pictures of flips, from the first start that keeps them to the first that does not."""

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from groupnl.base import environment
from groupnl.base.say import Say
from groupnl.errors import ConfigError
from groupnl.robustness.examples import prune_examples
from groupnl.server.config import ServeConfig

logger = logging.getLogger(__name__)
PRUNE_S = 60.0  # between two looks for what is too old


@contextmanager
def kept_examples(config: ServeConfig, say: Say) -> Iterator[dict[str, str]]:
    """The variables that workers need; as long as it is open, nothing stays that is too old.

    A start that keeps none removes what earlier ones have left.

    Args:
        config: of this start.
        say: prints a line for the operator.

    Raises:
        ConfigError: others may enter the folder, or it cannot be used.
    """
    folder = Path(os.path.realpath(config.examples_dir))  # pathlib's own has no answer to a link to itself
    most = config.keep_examples
    try:
        if most:
            _make(folder)
        if folder.exists():
            prune_examples(folder, most, time.time())
    except OSError as error:
        raise ConfigError(f"{folder} cannot be used ({error.strerror}); choose another --examples-dir") from None
    if not most:
        yield {}
        return
    say(f"keeping pictures of clients: the newest {most} flips of each model, in {folder}")
    is_over = threading.Event()
    pruning = threading.Thread(target=_prune, args=(folder, most, is_over), name="examples", daemon=True)
    pruning.start()
    try:
        yield {environment.EXAMPLES: str(folder), environment.EXAMPLES_KEPT: str(most)}
    finally:
        is_over.set()
        pruning.join()


def _make(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    facts = folder.stat()
    if facts.st_mode & 0o077 or facts.st_uid != os.geteuid():
        raise ConfigError(
            f"others may enter {folder}, where pictures of clients are to be kept: make it yours alone (chmod 700), or "
            "choose another --examples-dir"
        )


def _prune(folder: Path, most: int, is_over: threading.Event) -> None:
    while not is_over.wait(PRUNE_S):
        try:
            prune_examples(folder, most, time.time())
        except OSError:
            logger.exception("examples that are too old could not be removed; it is tried again")
