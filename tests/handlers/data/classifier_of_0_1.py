"""The class that TorchServe loads from an archive: a thin shell around `handlers.service`. As archives of 0.1 hold it.

Packaging copies this file into the archive, where TorchServe imports it as a module of its own; everything else
comes from the installed packages. So it holds exactly one class, and imports only the standard library above
it: if an import fails here, TorchServe tries to load a built-in handler of this name and reports that instead.
"""

import logging
from typing import Any

logger = logging.getLogger(__name__)


class GroupNLClassifier:
    """Classifies images; TorchServe makes one in each worker process and calls it from one thread."""

    def initialize(self, context: Any) -> None:
        """Load and warm up the model.

        Args:
            context: a `handlers.context.Context`.

        Raises:
            GroupNLError: the model cannot be loaded; the log says so in one line.
        """
        try:
            from handlers.loading import load_service

            self._service = load_service(context)
        except Exception as error:
            sentence = " ".join(f"{error}".split()) or type(error).__name__
            logger.error("groupnl: cannot load model %s: %s", context.model_name, sentence)
            raise

    def handle(self, data: list[dict[str, Any]], context: Any) -> list[dict[str, Any]]:
        """Answer a batch.

        Args:
            data: for each request, form field -> content; a plain body stands under ``body``.
            context: a `handlers.context.Context`; takes the status and content type of each answer.

        Returns:
            For each request, what is sent as JSON: class name -> probability, or ``code`` and ``message``.
        """
        return self._service.handle(data, context)
