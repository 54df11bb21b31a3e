"""The images that the tests of training share."""

import pytest
from support.training_runs import write_colours


@pytest.fixture(scope="session")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("colours")
    write_colours(folder)
    return folder
