"""The nineteen corruptions of ImageNet-C, one file each."""
