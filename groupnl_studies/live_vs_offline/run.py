"""Replays labelled images through a running service with every request shadowed, and reads what it counted."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from groupnl.corruptions.names import CELLS
from groupnl.errors import ConfigError, ServerError
from groupnl.metrics import PROBE_IMAGES, PROBE_SET_IMAGES, SHADOW_DROPPED
from groupnl.service.items import KEY_HEADER, LABEL_HEADER
from groupnl_studies.harness.client import Request
from groupnl_studies.harness.load import LoadProcess
from groupnl_studies.harness.scrape import Scrape, wait_until, waiting
from groupnl_studies.harness.service import RunningService

CHUNK = 256  # requests between two waits for the shadows: less than the queue holds
CONNECTIONS = 8
DRAIN_LIMIT_S = 600.0
PROBE_LIMIT_S = 3600.0
# Every request is answered again, nothing is dropped, and the shadows may take all the time there is.
SETTINGS: dict[str, Any] = {
    "handler": {
        "shadow": {
            "share": 1.0,
            "queue_length": 4 * CHUNK,
            "max_lag_s": 2 * DRAIN_LIMIT_S,
            "remembered": 0,  # the same images are sent round after round
            "remembered_similar": 0,
            "time_share": 1.0,
            "probe_time_share": 1.0,
        }
    }
}


def labelled_images(data: Path, splits: Sequence[str]) -> list[Path]:
    """The images of some splits; each lies in the folder of its class.

    Raises:
        ConfigError: there is none in a split.
    """
    images = []
    for split in splits:
        found = sorted(path for path in (data / split).glob("*/*") if path.is_file())
        if not found:
            raise ConfigError(f"{data / split} has no images: name splits of class folders with --data and --splits")
        images.extend(found)
    return images


def requests_of(images: Sequence[Path], model: str, number: int) -> Iterator[Request]:
    """Each image once: with its class as label, and a key that differs from pass to pass, so that its draws do too."""
    for image in images:
        key = f"{image.parent.parent.name}/{image.parent.name}/{image.stem}-{number}"
        headers = ((KEY_HEADER, key), (LABEL_HEADER, image.parent.name))
        yield Request(f"/predictions/{model}", image.read_bytes(), headers)


def replay(
    service: RunningService,
    process: LoadProcess,
    images: Sequence[Path],
    models: Sequence[str],
    passes: int,
    progress: Callable[[int], object],
) -> Scrape:
    """Send all images `passes` times to each model, never faster than the shadows follow.

    Returns:
        What the service had counted when the last shadow was done.

    Raises:
        ServerError: an answer other than 200, a dropped shadow, or a service that ended.
    """
    for number in range(passes):
        for start in range(0, len(images), CHUNK):
            for model in models:
                chunk = list(requests_of(images[start : start + CHUNK], model, number))
                outcome = process.ask_all(service.inference_port, chunk, CONNECTIONS)
                if outcome.failures:
                    raise ServerError(f"{outcome.failures} of {len(chunk)} images were not answered by {model}")
                progress(len(chunk))
            wait_until(service, _drained, DRAIN_LIMIT_S, "the shadows did not finish")
    scrape = Scrape.of(service)
    if dropped := scrape.total(SHADOW_DROPPED):
        raise ServerError(f"{dropped} shadow requests were dropped, so the live figures are not of all images")
    return scrape


def replay_probes(service: RunningService, models: Sequence[str]) -> Scrape:
    """Wait until the probe set of each model was answered once in every cell.

    Raises:
        ServerError: it takes too long, or the service ended.
    """

    def done(scrape: Scrape) -> bool:
        rounds = len(CELLS) + 1  # and clean
        return all(
            scrape.total(PROBE_IMAGES, model=model) >= rounds * scrape.total(PROBE_SET_IMAGES, model=model)
            for model in models
        )

    return wait_until(service, done, PROBE_LIMIT_S, "the probe sets were not answered in every cell")


def _drained(scrape: Scrape) -> bool:
    return waiting(scrape) == 0
