"""What is assumed of an input that a checkpoint does not say: it is told, since a wrong one costs accuracy unseen."""

from collections.abc import Collection

from groupnl.card import InputConfig
from groupnl.models.trained import Trained


def assumed_input(trained: Trained, given: Collection[str]) -> str | None:
    """A line for whoever packs; None where the checkpoint or the user says everything.

    Args:
        trained: the network.
        given: fields of its `InputConfig` that the user gave.
    """
    assumed = [text for name, text in _words(trained.input).items() if name not in given]
    if trained.says_input or not assumed:
        return None
    return (
        f"{trained.path} does not say its input; assumed is timm's usual one of {trained.architecture}: "
        f"{', '.join(assumed)}. Change it with --input-size, --mean, --std, --crop-pct, --crop-mode, --interpolation; "
        "weights of torchvision need that (docs/pack.md)"
    )


def _words(config: InputConfig) -> dict[str, str]:
    return {
        "size": f"{config.size} pixels",
        "mean": f"mean {_listed(config.mean)}",
        "std": f"std {_listed(config.std)}",
        "crop_pct": f"crop {config.crop_pct:g}",
        "interpolation": config.interpolation,
    } | ({} if config.crop_mode == "center" else {"crop_mode": "both sides resized"})


def _listed(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:g}" for value in values)
