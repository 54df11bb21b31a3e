"""groupnl_studies.harness.random_network: the same weights at every call, whatever the process is given."""

import torch

from groupnl_studies.harness.random_network import identity, pictures, random_network, usual_input


def test_the_weights_do_not_depend_on_the_number_of_threads() -> None:
    found = set()
    for threads in (1, 3):
        torch.set_num_threads(threads)
        found.add(identity("tiny", random_network("test_gnl_efficientnet", usual_input(64))))
        assert torch.get_num_threads() == threads
    assert len(found) == 1


def test_deep_networks_are_close_in_bfloat16() -> None:
    """As trained ones are: packing refuses what is not."""
    config = usual_input(64)
    network = random_network("resnet101", config, classes=10)
    images = pictures(2, 64) / 127.5 - 1
    with torch.inference_mode():
        exact = network(images)
        with torch.autocast("cpu", torch.bfloat16):
            found = network(images).float()
    assert (found - exact).norm() < 0.1 * exact.norm()
