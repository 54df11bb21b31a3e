"""Another version of a served model, without a request that fails: loaded beside the old one, and tried."""

import asyncio
import logging
from pathlib import Path

from groupnl.base.files import sha256_of
from groupnl.metrics import NOT_RELOADED, RELOADED
from groupnl.server.comparison import comparison_of
from groupnl.server.pool.loading import Loader
from groupnl.server.pool.models import Models, Version
from groupnl.server.pool.probe import probe
from groupnl.server.pool.witness import Witness
from groupnl.server.store import ServedModel

logger = logging.getLogger(__name__)


class Reloads:
    """Exchanges the versions of served models, one after the other.

    Args:
        models: that are served.
        loader: makes versions.
        witness: learns what came of it.
    """

    def __init__(self, models: Models, loader: Loader, witness: Witness) -> None:
        self._witness = witness
        self._models = models
        self._loader = loader
        self._one_at_a_time = asyncio.Lock()
        self._one_look_at_a_time = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()

    async def reload(self, name: str, archive: Path | None = None) -> Version:
        """Serve what an archive holds now; returns when it answers and the old version has answered its last.

        Args:
            name: of a served model.
            archive: of the new version; None: the file that the old one came from.

        Raises:
            NotFoundError: no model has this name.
            ArchiveError, ConfigError, ServerError: the new version cannot be served; the old one goes on.
        """
        async with self._one_at_a_time:
            old = self._models.find(name)
            try:
                new = await self._started(ServedModel(name, archive or old.archive))
            except Exception:
                self._witness.reloaded(name, NOT_RELOADED)
                raise
            self._models.add(new)
            self._witness.reloaded(name, RELOADED)
            logger.info("model %s is answered by version %s (%s) from now on", name, new.number, new.archive)
            await old.pool.drain()
            self._models.remove(old)
            await old.pool.drain()  # who has asked for it by its number meanwhile
            await old.pool.close()
            if (comparison := comparison_of(new.folder)) != comparison_of(old.folder):
                await asyncio.to_thread(self._witness.exchanged, name, comparison)
            await asyncio.to_thread(self._loader.discard, old)
            return new

    def start(self) -> None:
        """Begin to reload what has changed, in the running event loop; returns at once."""
        task = asyncio.ensure_future(self.reload_changed())
        self._tasks.add(task)  # the loop alone would not keep it
        task.add_done_callback(self._tasks.discard)

    async def reload_changed(self) -> None:
        """Reload each model whose archive has changed; what cannot be served is told in the log."""
        async with self._one_look_at_a_time:  # many wishes at once exchange nothing twice
            for version in self._models.current():
                try:
                    if await asyncio.to_thread(sha256_of, version.archive) != version.digest:
                        await self.reload(version.name)
                except Exception as error:
                    logger.error("%s goes on with version %s: %s", version.name, version.number, error)

    async def _started(self, model: ServedModel) -> Version:
        """A version that has answered."""
        others = [ServedModel(version.name, version.archive) for version in self._models.current()]
        new = await asyncio.to_thread(self._loader.load, model, others)
        try:
            await new.pool.start()
            await probe(new)
        except BaseException:
            await new.pool.close()
            await asyncio.to_thread(self._loader.discard, new)
            raise
        return new
