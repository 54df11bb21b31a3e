"""groupnl.server.candidates: where a model's candidate comes from, how it is run, and which ones are refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.tiny import CLASSES, INPUT, tiny_card, tiny_checkpoint, tiny_network

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.card import ModelCard
from groupnl.errors import ArchiveError, ConfigError, GroupNLError
from groupnl.models import save_checkpoint
from groupnl.server.config import ServeConfig, load_config
from groupnl.server.store import fill_store, served_models


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model store with `tiny` and `still`, which has no shadows; candidates lie beside it."""
    folder = tmp_path_factory.mktemp("candidates")
    store = folder / "store"
    store.mkdir()
    checkpoint = tiny_checkpoint(folder)
    pack(checkpoint, store, "tiny")
    pack(checkpoint, store, "still", settings=ServingSettings(handler={"shadow": {"share": 0.0}}))
    _pack(
        folder, "larger", tiny_card(CLASSES[::-1]).model_copy(update={"input": INPUT.model_copy(update={"size": 48})})
    )
    _pack(folder, "fewer", tiny_card(("round", "other")), {"limits": {"max_bytes": 1000}, "top_k": 2})
    _pack(folder, "foreign", tiny_card(("up", "down")))
    (folder / "broken.mar").write_bytes(b"no archive")
    return folder


def _pack(folder: Path, name: str, card: ModelCard, handler: dict[str, Any] | None = None) -> None:
    checkpoint = folder / f"{name}.safetensors"
    save_checkpoint(checkpoint, tiny_network(len(card.classes)).state_dict(), card)
    pack(checkpoint, folder, name, settings=ServingSettings(handler=handler or {}))


def _placed(run: Path, archives: Path, candidate: str, model: str = "tiny", **changes: Any) -> dict[str, Any]:
    """The model's shadow section, after a start's store was filled."""
    item = f"{model}={archives / candidate}"
    config = ServeConfig(models=("tiny", "still"), model_store=archives / "store", candidates=(item,), **changes)
    fill_store(run / "store", served_models(config), config)
    settings = yaml.safe_load((run / "store" / model / "model-config.yaml").read_text())
    return settings["handler"]["shadow"]


@pytest.mark.parametrize("name", ["larger", "fewer"])
def test_size_and_classes_may_be_others(archives: Path, tmp_path: Path, name: str) -> None:
    place = tmp_path / "candidates" / "tiny"
    assert _placed(tmp_path, archives, f"{name}.mar") == {"candidate": name, "candidate_dir": str(place)}
    assert (place / "model.json").is_file()
    assert sorted(path.name for path in (tmp_path / "store").iterdir()) == ["still", "tiny"]


def test_it_has_the_settings_that_it_would_be_served_with(archives: Path, tmp_path: Path) -> None:
    _placed(tmp_path, archives, "fewer.mar", handler={"top_k": 1, "limits": {"max_pixels": 99}})
    found = yaml.safe_load((tmp_path / "candidates" / "tiny" / "model-config.yaml").read_text())["handler"]
    assert found == {"limits": {"max_bytes": 1000, "max_pixels": 99}, "top_k": 1}


@pytest.mark.parametrize(
    ("candidate", "model", "kind", "complaint"),
    [
        ("nowhere.mar", "tiny", ArchiveError, r"nowhere\.mar does not exist"),
        ("broken.mar", "tiny", ArchiveError, r"broken\.mar is damaged"),
        ("foreign.mar", "tiny", ConfigError, "no class in common; tiny knows 'red', the candidate 'up'"),
        ("larger.mar", "other", ConfigError, "no model 'other' is served.*there are tiny, still"),
        ("larger.mar", "still", ConfigError, "no live image is answered again.*--shadow-share"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    archives: Path, tmp_path: Path, candidate: str, model: str, kind: type[GroupNLError], complaint: str
) -> None:
    with pytest.raises(kind, match=complaint):
        _placed(tmp_path, archives, candidate, model)


def test_a_share_of_this_start_counts(archives: Path, tmp_path: Path) -> None:
    assert _placed(tmp_path, archives, "larger.mar", "still", shadow_share=0.5)["candidate"] == "larger"


@pytest.mark.parametrize(
    ("items", "complaint"),
    [
        (["tiny"], "it names no file: write tiny=FILE.mar"),
        (["ti ny=a.mar"], "'ti ny' cannot be a model's name"),
        (["tiny=a b.mar"], "called as its file: 'a b' cannot be"),
        (["tiny=a.mar", "tiny=b.mar"], "'tiny' stands twice"),
    ],
)
def test_items_that_cannot_be_used(items: list[str], complaint: str) -> None:
    with pytest.raises(ConfigError, match=complaint):
        load_config(None, {"candidates": items})
