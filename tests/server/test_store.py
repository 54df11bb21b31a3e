"""groupnl.server.store: which models are served, and with which settings."""

import zipfile
from pathlib import Path

import pytest
import yaml
from support.tiny import tiny_checkpoint

from groupnl.archive.model_config import ServingSettings
from groupnl.archive.pack import pack
from groupnl.errors import ArchiveError, ConfigError, OptionError
from groupnl.server.config import ServeConfig, load_config
from groupnl.server.store import FilledStore, ServedModel, fill_store, served_models


@pytest.fixture(scope="module")
def model_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("store")
    settings = ServingSettings(batch_size=4, max_batch_delay_ms=5, handler={"device": "cpu", "top_k": 3})
    pack(tiny_checkpoint(folder), folder, "tiny", settings=settings)
    return folder


def test_every_archive_of_the_store_by_default(model_store: Path) -> None:
    assert served_models(ServeConfig(model_store=model_store)) == [ServedModel("tiny", model_store / "tiny.mar")]


def test_models_can_be_renamed(model_store: Path) -> None:
    models = served_models(ServeConfig(models=("tiny", f"twin={model_store / 'tiny.mar'}"), model_store=model_store))
    assert [model.name for model in models] == ["tiny", "twin"]


def test_an_empty_store_lacks_the_default_models(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"gnl_effnet_es\.mar does not exist"):
        served_models(ServeConfig(model_store=tmp_path))


@pytest.mark.parametrize("name", ["a/b", "..", "a..b", "a,b", "", "-a", "_a", ".a", "a.", "a\n", "ä", "a" * 201])
def test_names_that_cannot_be_used(name: str) -> None:
    with pytest.raises(OptionError, match="cannot be a model's name"):
        load_config(None, {"models": [f"{name}=x.mar"]})


def test_a_name_without_its_file_is_refused() -> None:
    with pytest.raises(OptionError, match=r"'a=': it names no file: write a, or a=FILE\.mar"):
        load_config(None, {"models": ["a="]})


def test_an_archive_of_a_name_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "a b.mar").touch()
    with pytest.raises(ConfigError, match="'a b' cannot be a model's name"):
        served_models(ServeConfig(model_store=tmp_path))


def test_names_stand_once(model_store: Path) -> None:
    with pytest.raises(OptionError, match="'tiny' stands twice"):
        load_config(None, {"models": ["tiny", "tiny=other.mar"]})


def test_settings_that_are_given_replace_the_archives(model_store: Path, tmp_path: Path) -> None:
    config = ServeConfig(model_store=model_store, workers=3, batch_size=16, queue_size=7, handler={"device": "auto"})
    models = [ServedModel("one", model_store / "tiny.mar"), ServedModel("two", model_store / "tiny.mar")]

    assert fill_store(tmp_path, models, config) == FilledStore(workers=6, max_image_bytes=0)
    settings = yaml.safe_load((tmp_path / "two" / "model-config.yaml").read_text())
    assert (settings["minWorkers"], settings["maxWorkers"], settings["batchSize"]) == (3, 3, 16)
    assert (settings["maxBatchDelay"], settings["jobQueueSize"]) == (5, 7)
    assert settings["handler"] == {"device": "auto", "top_k": 3}


def test_limits_that_are_not_given_stay_the_archives(tmp_path: Path) -> None:
    limits = {"max_bytes": 1000, "max_segments": 7, "formats": ["PNG"]}
    pack(tiny_checkpoint(tmp_path), tmp_path, "strict", settings=ServingSettings(handler={"limits": limits}))
    config = ServeConfig(handler={"limits": {"max_bytes": 50_000_000}})

    filled = fill_store(tmp_path / "run", [ServedModel("strict", tmp_path / "strict.mar")], config)
    assert filled.max_image_bytes == 50_000_000
    settings = yaml.safe_load((tmp_path / "run" / "strict" / "model-config.yaml").read_text())
    assert settings["handler"] == {"limits": limits | {"max_bytes": 50_000_000}}


@pytest.mark.parametrize("limits", [None, [], {"max_bytes": "many"}, {"max_bytes": float("inf")}])
def test_limits_that_are_no_limits_are_left_to_the_worker(model_store: Path, tmp_path: Path, limits: object) -> None:
    config = ServeConfig(handler={"limits": limits})
    filled = fill_store(tmp_path, [ServedModel("tiny", model_store / "tiny.mar")], config)
    assert filled.max_image_bytes == 0
    settings = yaml.safe_load((tmp_path / "tiny" / "model-config.yaml").read_text())
    assert settings["handler"]["limits"] == limits


def test_archive_without_settings_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bare.mar", "w") as file:
        file.writestr("model-config.yaml", "batchSize: 1\n")
    with pytest.raises(ArchiveError, match=r"bare\.mar has an unusable model-config\.yaml"):
        fill_store(tmp_path / "run", [ServedModel("bare", tmp_path / "bare.mar")], ServeConfig())


@pytest.mark.parametrize(
    "text", ["maxWorkers: 0", "maxWorkers: -1", "batchSize: 1000000000000", "batchSize: x", "[" * 100_000]
)
def test_archive_with_odd_settings_is_named(model_store: Path, tmp_path: Path, text: str) -> None:
    odd = tmp_path / "odd.mar"
    with zipfile.ZipFile(model_store / "tiny.mar") as source, zipfile.ZipFile(odd, "w") as copy:
        for name in source.namelist():
            content = source.read(name).decode("latin-1")
            settings = f"{content}\n{text}\n" if name == "model-config.yaml" else content
            copy.writestr(name, settings.encode("latin-1"))
    with pytest.raises(ArchiveError, match=r"odd\.mar has an unusable model-config\.yaml"):
        fill_store(tmp_path / "run", [ServedModel("odd", odd)], ServeConfig())
