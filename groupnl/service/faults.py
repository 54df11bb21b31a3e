"""When to give up: counts failed forward passes in a row and ends the worker process at a limit."""

import logging

logger = logging.getLogger(__name__)


class FaultCounter:
    """Counts faults of the device.

    After some CUDA faults every later call of the process fails, while the server goes on sending requests and
    calls the worker healthy. Ending the process makes the server start a fresh one.

    Args:
        limit: so many faults in a row end the process.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._in_a_row = 0

    def succeeded(self) -> None:
        """Forget the faults so far."""
        self._in_a_row = 0

    def failed(self) -> None:
        """Count a fault.

        Raises:
            SystemExit: it is the last that is put up with; the server must not catch it.
        """
        self._in_a_row += 1
        logger.error("forward pass failed, %d of %d in a row", self._in_a_row, self._limit)
        if self._in_a_row >= self._limit:
            logger.critical("leaving, so that a fresh worker is started")
            raise SystemExit(1)
