"""groupnl.server.twins: where a model's twin comes from, and which twins are refused."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from support.tiny import CLASSES, tiny_card, tiny_checkpoint, tiny_network

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.errors import ConfigError
from groupnl.models import save_checkpoint
from groupnl.server.config import ServeConfig
from groupnl.server.store import ServedModel, fill_store, served_models


@pytest.fixture(scope="module")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    checkpoint = tiny_checkpoint(folder)
    pack(checkpoint, folder, "tiny", settings=_with_twin("other"))
    pack(checkpoint, folder, "lonely", settings=_with_twin("nobody"))
    fewer = folder / "fewer.safetensors"
    save_checkpoint(fewer, tiny_network(3).state_dict(), tiny_card(CLASSES[:3]))
    pack(fewer, folder, "fewer", settings=_with_twin("other"))
    pack(checkpoint, folder, "other")  # later: packing would refuse it too
    return folder


def _with_twin(name: str) -> ServingSettings:
    return ServingSettings(handler={"shadow": {"twin": name}})


def _shadow(run: Path, store: Path, *models: str, **changes: Any) -> dict[str, Any]:
    config = ServeConfig(models=models, model_store=store, **changes)
    fill_store(run / "store", served_models(config), config)
    settings = yaml.safe_load((run / "store" / models[0].split("=")[0] / "model-config.yaml").read_text())
    return settings["handler"]["shadow"]


def test_a_twin_need_not_be_served(model_store: Path, tmp_path: Path) -> None:
    shadow = _shadow(tmp_path, model_store, "tiny")
    assert shadow == {"twin": "other", "twin_dir": str(tmp_path / "twins" / "other")}
    assert (tmp_path / "twins" / "other" / "model.json").is_file()
    assert [path.name for path in (tmp_path / "store").iterdir()] == ["tiny"]


def test_a_served_model_of_that_name_comes_first(model_store: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="their classes differ"):
        _shadow(tmp_path, model_store, "tiny", f"other={model_store / 'fewer.mar'}", handler={"shadow": {}})


def test_a_missing_twin_is_refused(model_store: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"lonely is compared with its twin nobody.*nobody\.mar.*--no-twin"):
        _shadow(tmp_path, model_store, "lonely")


def test_a_twin_with_other_classes_is_refused(model_store: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="fewer cannot be compared with its twin other: their classes differ"):
        _shadow(tmp_path, model_store, "fewer")


def test_without_twins(model_store: Path, tmp_path: Path) -> None:
    assert _shadow(tmp_path, model_store, "lonely", twins=False) == {"twin": None}


def test_the_share_of_this_start(model_store: Path, tmp_path: Path) -> None:
    changed = _shadow(tmp_path, model_store, "tiny", shadow_share=0.5, handler={"shadow": {"seed": 3, "share": 1.0}})
    assert (changed["share"], changed["seed"], changed["twin"]) == (0.5, 3, "other")


def test_two_models_share_one_unpacked_twin(model_store: Path, tmp_path: Path) -> None:
    config = ServeConfig(model_store=model_store)
    models = [ServedModel(name, model_store / "tiny.mar") for name in ("one", "two")]
    fill_store(tmp_path / "store", models, config)
    assert [path.name for path in (tmp_path / "twins").iterdir()] == ["other"]
