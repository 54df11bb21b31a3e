"""groupnl_studies.harness.random_network: the same weights at every call, whatever the process is given."""

import torch

from groupnl_studies.harness.random_network import identity, random_network, usual_input


def test_the_weights_do_not_depend_on_the_number_of_threads() -> None:
    found = set()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.add(identity("tiny", random_network("test_gnl_efficientnet", usual_input(64))))
        assert torch.get_num_threads() == threads
    assert len(found) == 1
