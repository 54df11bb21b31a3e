"""What machine code is for: written down beside a package, and compared before it is loaded.

A package is for one version of torch, one kind of device, one precision, and on a CPU for the instructions of the
machine it was made on.
"""

import platform

import torch
from pydantic import BaseModel, ConfigDict

from groupnl.inference.device import precision_name
from groupnl.inference.device_names import PrecisionName


class Target(BaseModel):
    """What a package is for.

    Attributes:
        torch_version: of what compiled it.
        machine: processor architecture.
        device: "cpu", or "cuda" with the compute capability.
        precision: dtype of matrix products.
        instructions: of the CPU, those that torch knows about.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    torch_version: str
    machine: str
    device: str
    precision: PrecisionName
    instructions: tuple[str, ...]

    @classmethod
    def here(cls, device: torch.device, precision: torch.dtype) -> "Target":
        """This machine."""
        return cls.model_validate(
            {
                "torch_version": torch.__version__,
                "machine": platform.machine(),
                "device": _device_name(device),
                "precision": precision_name(precision),
                "instructions": sorted(name for name, has in torch.cpu.get_capabilities().items() if has is True),
            }
        )

    def misfit(self, here: "Target") -> str | None:
        """Why a package for this cannot be used there; None if it can."""
        for name in ("torch_version", "machine", "device", "precision"):
            wanted, found = getattr(self, name), getattr(here, name)
            if wanted != found:
                return f"it was compiled for {name} {wanted}, here it is {found}"
        if missing := sorted(set(self.instructions) - set(here.instructions)):
            return f"it was compiled for a CPU with {', '.join(missing)}, which this one lacks"
        return None


def _device_name(device: torch.device) -> str:
    if device.type != "cuda":
        return device.type
    major, minor = torch.cuda.get_device_capability(device)
    return f"cuda sm_{major}{minor}"
