"""groupnl.conversion.distil: the student comes nearer to its teacher, or stays as it was."""

from functools import partial

import pytest
import torch
from support.begun import INPUT
from support.networks import with_lively_norms

from groupnl.conversion.distil import Distillation, distil
from groupnl.conversion.networks import Networks
from groupnl.conversion.report import Measured, measure
from groupnl.errors import ConfigError
from groupnl.inference.pixels import PixelNetwork
from groupnl.models import TINY

CPU = torch.device("cpu")
FIRST_NEW = "blocks.3.0."


@pytest.fixture(scope="module")
def images():
    torch.manual_seed(2)
    return list(torch.randint(0, 256, (48, 3, 32, 32), dtype=torch.uint8).split(16))


@pytest.fixture
def networks():
    """A student that has its teacher's weights, but for the new layers: nothing is fitted, and much to be learnt."""
    student, teacher = with_lively_norms(TINY.name), with_lively_norms(TINY.twin)
    copied = {name: tensor for name, tensor in teacher.state_dict().items() if "conv_dw" not in name}
    student.load_state_dict(copied, strict=False)
    own, asked = (PixelNetwork(network, INPUT).eval() for network in (student, teacher.requires_grad_(False)))
    return Networks(own, asked, asked)


def state(networks):
    return {name: tensor.clone() for name, tensor in networks.student.network.state_dict().items()}


def how(steps, lr):
    return Distillation(steps, None, lr, temperature=2.0, feature_weight=1.0)


def test_the_student_comes_nearer(networks, images):
    judged = partial(measure, networks, images, CPU)
    before = judged()
    done = distil(networks, images, how(40, 1e-3), judged, CPU)
    assert done.steps == 40
    assert done.kept > 0
    assert judged().rank > before.rank
    assert judged().mean_error < 0.9 * before.mean_error
    assert not any(module.training for module in networks.student.network.modules())


def test_only_what_is_new_and_what_follows_learns(networks, images):
    before = state(networks)
    sizes = []
    networks.student.network.conv_stem.register_forward_pre_hook(lambda _stem, inputs: sizes.append(len(inputs[0])))
    distil(networks, images, how(5, 1e-3), partial(measure, networks, images[:1], CPU), CPU)
    assert sizes.count(1) == 5  # the teacher's maps stand in for what a single image gives
    after = state(networks)
    changed = {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}
    order = list(before)
    first = next(place for place, name in enumerate(order) if name.startswith(FIRST_NEW))
    assert changed <= set(order[first:])
    assert f"{FIRST_NEW}conv_dw.conv1.weight" in changed
    assert "classifier.weight" in changed
    assert not any("running" in name for name in changed)


def scripted(networks, found, kept):
    """Judges that say what they are told to, and keep the weights that they have seen."""
    figures = iter(found)

    def judged():
        kept.append(state(networks))
        agreement, error = next(figures)
        return Measured(images=4, agreement=agreement, errors={"block": error})

    return judged


@pytest.mark.parametrize(
    ("found", "place"),
    [
        ([(0.5, 0.2), (0.4, 0.1), (0.6, 0.3), (0.6, 0.2), (0.5, 0.0), (0.6, 0.25)], 3),
        ([(0.5, 0.2), (0.4, 0.1), (0.5, 0.3), (0.3, 0.1), (0.5, 0.2), (0.0, 0.0)], 0),
        ([(0.5, 0.2), (0.4, 0.1), (0.5, 0.3), (0.3, 0.1), (0.5, 0.2), (0.5, 0.1)], 5),
    ],
)
def test_the_weights_that_were_judged_best_are_kept(networks, images, found, place):
    seen = []
    done = distil(networks, images, how(10, 1e-3), scripted(networks, found, seen), CPU)
    assert done == (10, 2 * place)
    assert len(seen) == 6
    assert all(torch.equal(tensor, seen[place][name]) for name, tensor in state(networks).items())


def test_it_ends_in_time(networks, images):
    hours = how(10**9, 1e-4)._replace(seconds=0.5)
    done = distil(networks, images, hours, partial(measure, networks, images[:1], CPU), CPU)
    assert 0 < done.steps < 10**4


def test_a_loss_without_end_is_told(networks, images):
    networks.student.network.classifier.bias.data.fill_(float("inf"))
    with pytest.raises(ConfigError, match="try a lower --lr"):
        distil(networks, images, how(5, 1e-3), partial(measure, networks, images[:1], CPU), CPU)
