"""1x1 convolutions as the native kernels want them."""

import torch.nn.functional as F
from torch import Tensor, nn

from groupnl.inference.native.build import Variant


class Pointwise(nn.Module):
    """Weights of a 1x1 convolution, for a kernel's call.

    Args:
        conv: dense, of stride 1 and without padding; `variant.together` divides its inputs.
        variant: of the kernels.
    """

    def __init__(self, conv: nn.Conv2d, variant: Variant) -> None:
        super().__init__()
        weight, bias = packed(conv.weight, conv.bias, variant)
        self.weight, self.bias = (nn.Parameter(values, requires_grad=False) for values in (weight, bias))
        self.inputs, self.outputs = conv.in_channels, conv.out_channels

    def arguments(self) -> tuple[Tensor, Tensor, int]:
        """Weight, bias and number of outputs."""
        return self.weight, self.bias, self.outputs


def packed(weight: Tensor, bias: Tensor | None, variant: Variant) -> tuple[Tensor, Tensor]:
    """Weight and bias of a 1x1 convolution as the kernel wants them.

    Args:
        weight: (outputs, inputs, 1, 1); `variant.together` divides the inputs.
        bias: (outputs,).
        variant: of the kernel.

    Returns:
        Weight (registers of outputs, inputs * lanes) of the variant's dtype, and bias float32 (registers * lanes,).
    """
    outputs, inputs = weight.shape[:2]
    registers = -(-outputs // variant.lanes)
    missing = registers * variant.lanes - outputs
    rows = F.pad(weight.flatten(1), (0, 0, 0, missing))
    panels = rows.view(registers, variant.lanes, inputs // variant.together, variant.together).transpose(1, 2)
    filled = F.pad(weight.new_zeros(outputs) if bias is None else bias, (0, missing))
    return panels.reshape(registers, -1).to(variant.dtype).contiguous(), filled.float()
