"""Running a network: which device and precision, and the engines that turn pixels into logits."""

from groupnl.inference.device import Device, Precision, choose_device, choose_precision, precision_name
from groupnl.inference.engine import Engine, TorchEngine
from groupnl.inference.rewrite import to_inference

__all__ = [
    "Device",
    "Engine",
    "Precision",
    "TorchEngine",
    "choose_device",
    "choose_precision",
    "precision_name",
    "to_inference",
]
