"""GroupNL convolutional networks: layers, models, training, packaging and serving."""

__version__ = "0.1.0"
