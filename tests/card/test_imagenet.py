"""groupnl.card.imagenet: the class names of checkpoints that carry none."""

from torchvision.models import ResNet50_Weights

from groupnl.card.imagenet import imagenet_classes


def test_names_are_torchvisions() -> None:
    assert list(imagenet_classes()) == ResNet50_Weights.IMAGENET1K_V2.meta["categories"]


def test_names_are_unique() -> None:
    names = imagenet_classes()
    assert len(set(names)) == len(names) == 1000
    assert (names[134], names[517]) == ("crane bird", "crane")
    assert (names[638], names[639]) == ("maillot", "maillot tank suit")
