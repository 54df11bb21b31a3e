"""What `groupnl cluster serve` takes away when it ends: what it brought, and nothing else."""

import warnings
from types import SimpleNamespace

import pytest

pytest.importorskip("ray", reason="the extra ray is not installed")

with warnings.catch_warnings(action="ignore"):  # of what Ray's own modules do
    from groupnl.cluster import running as module
    from groupnl.cluster.config import APPLICATION
from groupnl.cluster.config import ClusterConfig
from groupnl.errors import ConfigError, ServerError

ADDRESS = ("127.0.0.1", 8083)
NODES = [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 64.0, "GPU": 8.0}}]
CONTEXT = SimpleNamespace(get_session_name=lambda: "this session", get_job_id=lambda: "this job")


class Cluster:
    """A cluster, played: real ones are in `test_ray_serve.py`, and take minutes.

    Attributes:
        deployed: by whom the application was, and when.
        gone: what was taken away.
        joined: the address that Ray was asked for.
    """

    def __init__(self, monkeypatch):
        self.deployed = module._Deployed(None, None)
        self.gone: list[str] = []
        self.joined = None
        monkeypatch.setattr(ClusterConfig, "served", lambda _: {"m": "/m.mar"})
        monkeypatch.setattr(module.ray, "init", lambda address, **_: setattr(self, "joined", address))
        monkeypatch.setattr(module.ray, "nodes", lambda: NODES)
        monkeypatch.setattr(module.ray, "get_runtime_context", lambda: CONTEXT)
        monkeypatch.setattr(module, "forget", self.gone.append)
        monkeypatch.setattr(module.ray, "get_actor", lambda *_: "counts")
        monkeypatch.setattr(module.ray, "kill", self.gone.append)
        monkeypatch.setattr(module.ray, "shutdown", lambda: None)
        monkeypatch.setattr(module, "_deployed", lambda: self.deployed)
        monkeypatch.setattr(module.serve, "delete", self.gone.append)
        monkeypatch.setattr(module.serve, "shutdown", lambda: self.gone.append("serve"))
        monkeypatch.setattr(module, "deploy", self._deploy)

    def _deploy(self, _):
        self.deployed = module._Deployed("this job", 1.0)
        return ADDRESS


@pytest.fixture
def cluster(monkeypatch):
    return Cluster(monkeypatch)


def serve(address, **settings):
    return module.running(ClusterConfig(**settings), address, lambda _: None)


def test_a_ray_of_its_own_ends_with_everything(cluster, monkeypatch):
    monkeypatch.setenv("RAY_ADDRESS", "10.0.0.5:6379")
    with serve(None) as metrics:
        assert metrics == ADDRESS
    assert cluster.joined == "local"
    assert cluster.gone == ["serve", "this session", "counts"]


def test_on_a_cluster_of_others_only_the_application_goes(cluster):
    with serve("auto"):
        pass
    assert (cluster.joined, cluster.gone) == ("auto", [APPLICATION])


@pytest.mark.parametrize("changes", [{"by": "a later job"}, {"when": 2.0}, {"by": None}])
def test_what_was_deployed_by_others_since_stays(cluster, changes):
    with serve("auto"):
        cluster.deployed = cluster.deployed._replace(**changes)
    assert cluster.gone == []


def test_a_deployment_that_fails_takes_nothing_away(cluster, monkeypatch):
    def fail(_):
        cluster.deployed = module._Deployed("this job", 1.0)
        raise ServerError("the archive is broken")

    monkeypatch.setattr(module, "deploy", fail)
    with pytest.raises(ServerError, match="broken"), serve("auto"):
        pass
    assert cluster.gone == []


@pytest.mark.parametrize("needs", [{"cpus": 4}, {"gpus": 1}])
def test_a_replica_that_fits_nowhere_is_told(cluster, needs):
    with pytest.raises(ConfigError, match="which a replica needs; lower --cpus"), serve(None, **needs):
        pass
    said = []
    with module.running(ClusterConfig(**needs), "auto", said.append):
        assert "waits until one joins" in said[-1]


def test_an_address_that_is_none_is_told():
    with pytest.raises(ServerError, match="no Ray cluster at nowhere"):
        module.connect("nowhere")


def test_a_token_that_the_cluster_does_not_take_is_told(monkeypatch):
    def refuse(*_, **__):
        raise ConnectionError("Failed to connect") from RuntimeError("UNAUTHENTICATED: InvalidAuthToken: it is missing")

    monkeypatch.setattr(module.ray, "init", refuse)
    with pytest.raises(ServerError, match=r"at 10\.0\.0\.5:6379 asks for a token, .* RAY_AUTH_MODE=token"):
        module.connect("10.0.0.5:6379")


def test_proxies_that_ray_gives_up_are_waited_for(monkeypatch):
    def late(**_):
        raise TimeoutError("HTTP proxies not available after 60s.")

    seen = iter([{}, {"one": "HEALTHY", "two": "STARTING"}, {"one": "HEALTHY", "two": "HEALTHY"}])
    monkeypatch.setattr(module.serve, "start", late)
    monkeypatch.setattr(module.serve, "status", lambda: SimpleNamespace(proxies=next(seen)))
    module.start_proxies(ClusterConfig())
    assert list(seen) == []


def test_proxies_that_do_not_start_are_told(monkeypatch):
    def dead(**_):
        raise TimeoutError("HTTP proxies not available after 60s.")

    monkeypatch.setattr(module, "_PROXIES_S", 0.0)
    monkeypatch.setattr(module.serve, "start", dead)
    monkeypatch.setattr(module.serve, "status", lambda: SimpleNamespace(proxies={"one": "STARTING"}))
    with pytest.raises(ServerError, match=r"do not start on port 8080: is the machine very busy\?.*not in 0 s"):
        module.start_proxies(ClusterConfig())
