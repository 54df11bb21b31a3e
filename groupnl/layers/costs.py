"""What each convolution costs: the comparison table of the GroupNL paper (arXiv 2506.12335) as formulas.

`costs_command` prints it; tests hold every row against the built module.

FLOPs are the paper's: the multiply-accumulates of the convolutions over an output of h x w. One row counts
more: SineFM's t (r + 1) for each seed pixel is t (r - 1) of its grouped 1x1 convolution plus 2 t for the
sines and their batch norms. The like is left out of the others: Mono's filter generation (its cost does not
depend on h and w), Ghost's batch norms and activations, GroupNL's normalisation and sines.
"""

from dataclasses import dataclass, fields
from math import gcd

from groupnl.layers.group_nl import seed_channels
from groupnl.layers.shapes import check_cheap_kernel


@dataclass(frozen=True)
class ConvShape:
    """The convolution that is replaced, and the options of what replaces it.

    Attributes:
        in_channels: n.
        out_channels: m.
        kernel_size: k.
        height: h of the output, pixels.
        width: w of the output, pixels.
        ratio: r, of all the methods that have one; must divide m.
        cheap_kernel_size: d, Ghost's; odd.
        num_transforms: t, SineFM's.
        num_terms: g, GroupNL's; must divide m / r.

    Raises:
        ValueError: a value below 1, or sizes that do not divide, with the numbers.
    """

    in_channels: int
    out_channels: int
    kernel_size: int
    height: int
    width: int
    ratio: int = 2
    cheap_kernel_size: int = 3
    num_transforms: int = 2
    num_terms: int = 4

    def __post_init__(self) -> None:
        for field in fields(self):
            if getattr(self, field.name) < 1:
                raise ValueError(f"{field.name} = {getattr(self, field.name)} must be at least 1")
        seed_channels(self.out_channels, self.ratio, self.num_terms)
        check_cheap_kernel(self.cheap_kernel_size)


@dataclass(frozen=True)
class CostRow:
    """One method of the table.

    Attributes:
        method: the paper's name for it.
        operations: #ops, modules that run one after the other.
        flops: multiply-accumulates for one image.
        parameters: trained numbers, those of batch norms included, biases left out.
        constants: numbers drawn once at random and saved with the weights, never trained.
    """

    method: str
    operations: int
    flops: int
    parameters: int
    constants: int = 0


def cost_table(shape: ConvShape) -> tuple[CostRow, ...]:
    """The rows in the paper's order; without Depthwise, which needs n = m, where that does not hold."""
    n, m, r = shape.in_channels, shape.out_channels, shape.ratio
    t, d = shape.num_transforms, shape.cheap_kernel_size
    area = shape.height * shape.width
    window = shape.kernel_size**2
    s = m // r
    dense = n * window  # weights of one filter that sees all channels
    sparse = dense // gcd(n, s)
    functions = 2 * shape.num_terms * (r - 1)
    ghost = s * (dense + (r - 1) * d**2)
    sinefm = s * (dense + t * (r + 1))
    depthwise = (CostRow("Depthwise", 1, area * n * window, n * window),) if n == m else ()
    return (
        CostRow("Standard", 1, area * m * dense, m * dense),
        CostRow("Mono", 1, area * m * dense, s * dense, m * n),
        CostRow("Ghost", 2, area * ghost, ghost + 2 * m),
        CostRow("SineFM", 2 + t, area * sinefm, sinefm, 2 * t),
        CostRow("GroupNL", 1, area * s * dense, s * dense, functions),
        *depthwise,
        CostRow("GroupNL (sparse)", 1, area * s * sparse, s * sparse, functions),
    )
