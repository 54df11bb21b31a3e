"""Making sets of images: the icons that the default models are trained on, and probe sets."""
