"""What is wrong with weights that are not a network's, and what to do: the end of a refusal."""

from collections.abc import Collection, Sequence

from groupnl.models.architecture import classifiers_of
from groupnl.models.efficientnet_pytorch import is_efficientnet_pytorchs
from groupnl.models.tensor_names import is_counter, some


def misfit(architecture: str, names: Collection[str], given: Collection[str], beside: Sequence[str]) -> str:
    """What keeps weights from being a network's.

    Args:
        architecture: timm name.
        names: of the network's tensors, but for those that only count.
        given: names of the tensors in the place where most of them are, by what they are without wrappers.
        beside: names of layers in the same dictionary, outside that place.
    """
    missing = [name for name in names if name not in given]
    unexpected = [name for name in given if name not in names and not is_counter(name)]
    classifiers = tuple(f"{name}." for name in classifiers_of(architecture))
    if missing and classifiers and all(name.startswith(classifiers) for name in missing):
        is_part = any(name in given for name in names if name.startswith(classifiers))
        return _other_classifier(missing, unexpected or beside, is_part=is_part)
    is_another = 2 * (len(names) - len(missing)) < len(names)
    if is_another and is_efficientnet_pytorchs(given):
        return (
            "their keys are EfficientNet-PyTorch's, and not all of that network: give --architecture with the name "
            "that it has there (efficientnet-b0, efficientnet-lite0, ...) or in timm (tf_efficientnet_b0, ...; "
            "without tf_ they are networks that pad otherwise)"
        )
    if is_another:
        first = f", the first that is unexpected {unexpected[0]}" if unexpected else ""
        return (
            f"their keys are not timm's names for it (the first that is missing is {missing[0]}{first}); "
            "give the right --architecture, or take timm's weights of it"
        )
    problems = [f"{len(missing)} keys are missing ({some(missing)})"]
    if unexpected:
        problems.append(f"{len(unexpected)} are unexpected ({some(unexpected)})")
    problems.append("give the right --architecture, or save the state dict of timm's own network")
    return "; ".join(problems)


def _other_classifier(missing: Sequence[str], others: Sequence[str], *, is_part: bool) -> str:
    """What is wrong with weights that lack nothing but the classifier.

    Args:
        missing: its names.
        others: names of other layers that are there.
        is_part: whether a part of it is there.
    """
    if others:
        return (
            f"their classifier is not timm's ({some(missing)} are missing, {some(others)} are there), and an archive "
            "builds timm's: if it is one linear layer, with nothing but dropout around it, save its weight and bias "
            "by timm's names"
        )
    if is_part:
        return (
            f"they lack a part of the classifier ({some(missing)}), as of a network built without distillation: an "
            "archive builds a network as timm does by its name"
        )
    return (
        f"they have no classifier ({some(missing)}), as of a network built with num_classes=0 or for its features: "
        "an archive answers with classes, so save the network with its classifier"
    )
