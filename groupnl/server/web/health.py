"""Whether the service is alive, and whether it answers; asked by balancers and operators, without a key."""

from groupnl.errors import NoWorkerError, RefusedError, StoppingError
from groupnl.server.pool.models import Models
from groupnl.server.web.answer import Answer, json_answer, refusal
from groupnl.server.web.exchange import Exchange
from groupnl.server.web.state import RUN_HEADER, State


class Health:
    """Answers questions about the service's state.

    Args:
        models: that are served.
        state: of the server.
    """

    def __init__(self, models: Models, state: State) -> None:
        self._models = models
        self._state = state

    async def live(self, _: Exchange) -> Answer:
        """The server runs."""
        return json_answer({"status": "Healthy"})

    async def ready(self, _: Exchange) -> Answer:
        """Every model has a worker, and the server is not about to stop; and which start of it says so."""
        problem = self.problem()
        answer = json_answer({"status": "Healthy"}) if problem is None else refusal(problem)
        return answer._replace(headers={**answer.headers, RUN_HEADER: self._state.run})

    def problem(self) -> RefusedError | None:
        """Why the service is not ready; None where it is."""
        if self._state.is_stopping:
            return StoppingError("The service is stopping.")
        waiting = [version.name for version in self._models.current() if not version.pool.workers]
        if waiting or not self._models.current():
            return NoWorkerError(f"No worker is ready yet: {', '.join(waiting) or 'no model is loaded'}.")
        return None
