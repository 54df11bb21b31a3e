"""The corruptions of ImageNet-C, one file each; and the table of all, in the order of `groupnl.corruptions.names`."""

from groupnl.corruptions.corruption import Corruption
from groupnl.corruptions.kinds.brightness import BRIGHTNESS
from groupnl.corruptions.kinds.contrast import CONTRAST
from groupnl.corruptions.kinds.defocus_blur import DEFOCUS_BLUR
from groupnl.corruptions.kinds.elastic_transform import ELASTIC_TRANSFORM
from groupnl.corruptions.kinds.fog import FOG
from groupnl.corruptions.kinds.frost import FROST
from groupnl.corruptions.kinds.gaussian_blur import GAUSSIAN_BLUR
from groupnl.corruptions.kinds.gaussian_noise import GAUSSIAN_NOISE
from groupnl.corruptions.kinds.glass_blur import GLASS_BLUR
from groupnl.corruptions.kinds.impulse_noise import IMPULSE_NOISE
from groupnl.corruptions.kinds.jpeg_compression import JPEG_COMPRESSION
from groupnl.corruptions.kinds.motion_blur import MOTION_BLUR
from groupnl.corruptions.kinds.pixelate import PIXELATE
from groupnl.corruptions.kinds.saturate import SATURATE
from groupnl.corruptions.kinds.shot_noise import SHOT_NOISE
from groupnl.corruptions.kinds.snow import SNOW
from groupnl.corruptions.kinds.spatter import SPATTER
from groupnl.corruptions.kinds.speckle_noise import SPECKLE_NOISE
from groupnl.corruptions.kinds.zoom_blur import ZOOM_BLUR

KINDS: tuple[Corruption, ...] = (
    GAUSSIAN_NOISE,
    SHOT_NOISE,
    IMPULSE_NOISE,
    DEFOCUS_BLUR,
    GLASS_BLUR,
    MOTION_BLUR,
    ZOOM_BLUR,
    SNOW,
    FROST,
    FOG,
    BRIGHTNESS,
    CONTRAST,
    ELASTIC_TRANSFORM,
    PIXELATE,
    JPEG_COMPRESSION,
    SPECKLE_NOISE,
    GAUSSIAN_BLUR,
    SPATTER,
    SATURATE,
)
