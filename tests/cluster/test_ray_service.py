"""What a replica's service says of itself while its archives are exchanged."""

import asyncio
from types import SimpleNamespace

import pytest

from groupnl.cluster.service import Service
from groupnl.errors import ConfigError
from groupnl.server.assembly import Place
from groupnl.server.comparison import Comparison
from groupnl.server.config import ServeConfig
from groupnl.server.observed.kept_counts import KeptCounts
from groupnl.server.observed.worker_files import WorkerFiles

OLD = Comparison("a" * 64, None, "[null, null]")
NEW = OLD._replace(archive="b" * 64)


@pytest.fixture
def service():
    return Service(ServeConfig(), Place())


def test_verdicts_are_about_the_old_archive_until_they_are_gone(service, tmp_path):
    kept = KeptCounts(WorkerFiles(tmp_path))
    kept.begin({"m": OLD}, print)
    models = SimpleNamespace(current=lambda: pytest.fail("new ones answer before old verdicts are gone"))
    service._parts = SimpleNamespace(kept=kept, backend=SimpleNamespace(models=models))
    assert service.comparisons() == {"m": OLD}
    kept.exchange("m", NEW)
    assert service.comparisons() == {"m": NEW}


@pytest.mark.parametrize("archives", [{"a": "/a.mar"}, {"a": "/a.mar", "b": "/b.mar", "c": "/c.mar"}, {}])
def test_archives_of_other_models_are_refused_by_name(service, archives):
    models = SimpleNamespace(current=lambda: [SimpleNamespace(name=name) for name in ("a", "b")])
    service._parts = SimpleNamespace(backend=SimpleNamespace(models=models))
    with pytest.raises(ConfigError, match="replicas serve a, b: name all of these"):
        asyncio.run(service.serve_archives(archives))
