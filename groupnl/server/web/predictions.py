"""`/predictions/NAME[/VERSION]`, and `/invocations` for the first model: one image in, its classes out."""

from groupnl.errors import NotFoundError
from groupnl.server.pool.models import Models
from groupnl.server.web.answer import Answer
from groupnl.server.web.asking import Asking, Picture, ask, body_of
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.forms import image_of


class Predictions:
    """Answers single images.

    Args:
        models: that are served.
        asking: asks them.
    """

    def __init__(self, models: Models, asking: Asking) -> None:
        self._models = models
        self._asking = asking

    async def predict(self, exchange: Exchange, name: str, version: str | None = None) -> Answer:
        """Answer one request.

        Raises:
            RefusedError: it cannot be answered.
            GoneError: nobody waits for the answer.
        """
        question = self._asking.question(exchange, name, version)
        body = await body_of(exchange, question, question.model.serving.request_bytes)
        (answer,) = await ask(question, [Picture(image_of(exchange, body))])
        return answer._replace(headers={**answer.headers, **question.version_header})

    async def invoke(self, exchange: Exchange) -> Answer:
        """Answer one request of SageMaker, which names no model: by the first.

        Raises:
            RefusedError: it cannot be answered.
            GoneError: nobody waits for the answer.
        """
        for model in self._models.current():
            return await self.predict(exchange, model.name)
        raise NotFoundError("No model is served.")
