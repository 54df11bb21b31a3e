"""groupnl.archive.model_config: our names of settings, and the server's."""

import pytest
import yaml

from groupnl.archive.model_config import ServingSettings, read_setting, to_model_config, worker_count


def test_settings_are_read_under_the_names_that_they_were_given() -> None:
    settings = ServingSettings(workers=3, batch_size=5, max_batch_delay_ms=7)
    written = yaml.safe_load(settings.to_yaml())
    assert worker_count(written) == 3
    for name in ServingSettings.model_fields.keys() - {"handler"}:
        assert read_setting(written, name) == getattr(settings, name)


def test_what_is_not_set_is_left_to_the_server() -> None:
    assert to_model_config({"workers": 2, "batch_size": None}) == {"minWorkers": 2, "maxWorkers": 2}
    with pytest.raises(KeyError):
        read_setting({"minWorkers": 2}, "batch_size")
