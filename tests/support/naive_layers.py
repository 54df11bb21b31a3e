"""Slow, plain numpy forms of what the layers are made of, for tests to hold the layers against."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


def conv2d(x: Array, weight: Array, stride: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1) -> Array:
    """The definition of a convolution, one output number after the other."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    filters, depth, kh, kw = weight.shape
    height = (x.shape[2] - dilation * (kh - 1) - 1) // stride + 1
    width = (x.shape[3] - dilation * (kw - 1) - 1) // stride + 1
    y = np.zeros((len(x), filters, height, width))
    for b, o, i, j in np.ndindex(*y.shape):
        first = o // (filters // groups) * depth
        rows = slice(i * stride, i * stride + dilation * (kh - 1) + 1, dilation)
        columns = slice(j * stride, j * stride + dilation * (kw - 1) + 1, dilation)
        y[b, o, i, j] = (x[b, first : first + depth, rows, columns] * weight[o]).sum()
    return y


def batch_norm(x: Array, eps: float = 1e-5) -> Array:
    """Batch norm in training mode, with weights 1 and biases 0."""
    mean = x.mean(axis=(0, 2, 3), keepdims=True)
    variance = x.var(axis=(0, 2, 3), keepdims=True)
    return (x - mean) / np.sqrt(variance + eps)


def relu(x: Array) -> Array:
    return np.maximum(x, 0.0)
