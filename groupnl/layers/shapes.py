"""Shape checks of the layers: torch's own messages leave the numbers out."""


def check_groups(groups: int, in_channels: int, filters: int) -> None:
    """Check that a convolution with ``groups`` groups can have so many input channels and learned filters.

    Raises:
        ValueError: a number is below 1, or ``groups`` does not divide the other two.
    """
    if in_channels < 1 or filters < 1:
        raise ValueError(f"in_channels = {in_channels} and the {filters} filters must be at least 1")
    if groups < 1 or in_channels % groups or filters % groups:
        raise ValueError(f"groups = {groups} must divide in_channels = {in_channels} and the {filters} learned filters")


def check_cheap_kernel(size: int) -> None:
    """Check that Ghost's second convolution can keep the maps' size.

    Raises:
        ValueError: ``size`` is even or below 1.
    """
    if size < 1 or size % 2 == 0:
        raise ValueError(f"cheap_kernel_size = {size} must be odd, so that the maps keep their size")
