"""The question that a version must answer before others may ask it, and whenever its health is in doubt."""

from groupnl.errors import ServerError
from groupnl.server.grey_image import REFUSALS, grey_image
from groupnl.server.pool.models import Version
from groupnl.service.items import KEY_HEADER, OWN_KEY
from groupnl.worker.wire import Part


async def probe(version: Version) -> None:
    """Ask a version for its answer to a grey image.

    Raises:
        RefusedError: it cannot be asked: its queue is full, or it has no worker.
        ServerError: its answer is none.
    """
    (ticket,) = version.pool.submit([Part({KEY_HEADER.lower(): OWN_KEY}, grey_image())])
    status = int((await ticket.answer).facts["status"])
    if status != 200 and status not in REFUSALS:
        raise ServerError(f"{version.name} ({version.archive}) answered a grey image with {status}")
