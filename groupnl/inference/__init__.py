"""Running a network: which device and precision, and the engine that turns pixels into logits."""

from groupnl.inference.device import Device, Precision, choose_device, choose_precision
from groupnl.inference.engine import Engine, TorchEngine

__all__ = ["Device", "Engine", "Precision", "TorchEngine", "choose_device", "choose_precision"]
