"""The ImageNet-C corruptions, batched: uint8 images in, uint8 images out, on any device."""
