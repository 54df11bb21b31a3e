"""AlexNet's errors on ImageNet-C, by which the corruption errors of other networks are divided.

Source: Hendrycks and Dietterich, ICLR 2019 (arXiv 1903.12261), rounded to a tenth of a percent; unrounded, severity by
severity, in issue 10 of the authors' repository hendrycks/robustness. The network is torchvision's.
"""

# Mean of the top-1 errors at the five severities, 0 to 1, of the fifteen types of the benchmark.
CORRUPTION_ERRORS = {
    "gaussian_noise": 0.886428,
    "shot_noise": 0.894468,
    "impulse_noise": 0.922640,
    "defocus_blur": 0.819880,
    "glass_blur": 0.826268,
    "motion_blur": 0.785948,
    "zoom_blur": 0.798360,
    "snow": 0.866816,
    "frost": 0.826572,
    "fog": 0.819324,
    "brightness": 0.564592,
    "contrast": 0.853204,
    "elastic_transform": 0.646056,
    "pixelate": 0.717840,
    "jpeg_compression": 0.606500,
}
CLEAN_ERROR = 0.43478  # top-1, of torchvision's weights IMAGENET1K_V1; 43.5 % in the paper
SIZE = 224  # pixels
CROP = 0.875  # share of the resized image that the published files show
