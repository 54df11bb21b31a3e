"""Sets of images that researchers have: where each one's images, labels and corruptions lie, as it was published."""
