"""Which networks are tried, and in which files."""

import re
from dataclasses import dataclass
from typing import Literal

Form = Literal[
    "safetensors",
    "state dict",
    "DataParallel",
    "train.py",
    "hub folder",
    "hub folder, .bin",
    "torchvision",
    "reparametrised",
    "float16",
]


@dataclass(frozen=True)
class Case:
    """A network with random weights, and the file that it is packed from.

    Attributes:
        architecture: timm name; torchvision's, where the file is.
        classes: how many.
        channels: of its images.
        size: of its images, pixels.
        form: of the file.
    """

    architecture: str
    classes: int = 10
    channels: int = 3
    size: int = 64
    form: Form = "safetensors"

    @property
    def name(self) -> str:
        """Of its results' files; another one for each case."""
        return re.sub(r"\W+", "_", f"{self.architecture} {self.classes} {self.channels} {self.size} {self.form}")


# Seconds each.
QUICK = (
    Case("test_resnet", 1200, size=48),
    Case("test_vit", channels=1, size=96, form="hub folder"),
    Case("mobilenetv4_conv_small", channels=1, form="train.py"),
    Case("mobilenet_v3_small", 7, form="torchvision"),
)
# timm's own small ones, of a family each.
SMALL = (
    Case("test_byobnet", 2, form="train.py"),
    Case("test_coatnet", size=96),
    Case("test_convnext", 2),
    Case("test_convnext2", channels=1, form="hub folder"),
    Case("test_convnext3", form="state dict"),
    Case("test_efficientnet", 21_841, form="hub folder, .bin"),
    Case("test_efficientnet_evos", form="DataParallel"),
    Case("test_efficientnet_gn", form="float16"),
    Case("test_efficientnet_ln", channels=1, size=28, form="train.py"),
    Case("test_mambaout", form="float16"),
    Case("test_maxvit", size=96, form="state dict"),
    Case("test_nfnet", channels=1, form="hub folder"),
    Case("test_vit2", size=96, form="hub folder"),
    Case("test_vit3", size=384, form="state dict"),
    Case("test_vit4", form="train.py"),
    Case("test_vit_relpos", channels=1, size=96),
)
CASES = (
    *QUICK,
    *SMALL,
    Case("mobileone_s0", form="reparametrised"),
    Case("repvgg_a0", form="reparametrised"),
    Case("fastvit_t8", form="reparametrised"),
    Case("repvit_m0_9", channels=1, form="reparametrised"),
    Case("inception_v3", 7, size=299, form="torchvision"),
    Case("cait_xxs24_224", size=112),
    Case("coat_lite_tiny", form="hub folder, .bin"),  # has tensors under several names
    Case("edgenext_xx_small", channels=1, form="hub folder"),
    Case("hrnet_w18_small", form="state dict"),
    Case("nfnet_l0", size=96, form="train.py"),
    Case("resnetv2_50x1_bit", size=96, form="float16"),
    Case("beit_base_patch16_224", size=112),
    Case("hiera_tiny_224", size=224, form="hub folder"),
    Case("ghostnet_100", 2, form="hub folder, .bin"),
    Case("efficientnet_blur_b0", form="DataParallel"),  # timm resizes both sides
    Case("regnet_x_400mf", 7, form="torchvision"),
    Case("resnet18"),
    Case("resnet18", channels=1, size=28, form="train.py"),
    Case("resnet50", 1000, size=224, form="torchvision"),
    Case("resnet50d", 1200, form="hub folder"),
    Case("resnetv2_50", form="state dict"),
    Case("resnext50_32x4d", form="torchvision"),
    Case("seresnet18", form="hub folder, .bin"),
    Case("convnext_atto", size=96, form="hub folder"),
    Case("convnextv2_femto", channels=1, size=96, form="state dict"),
    Case("convnext_tiny", 1000, size=224, form="torchvision"),
    Case("mobilenetv4_conv_small", 1200, form="train.py"),
    Case("mobilenetv4_hybrid_medium", form="hub folder"),
    Case("mobilenetv3_large_100", channels=1, form="DataParallel"),
    Case("mobilenet_v2", 1000, size=224, form="torchvision"),
    Case("mobilenet_v3_large", 1000, size=224, form="torchvision"),
    Case("mnasnet1_0", form="torchvision"),
    Case("regnety_002", form="train.py"),
    Case("regnet_y_400mf", 1000, size=224, form="torchvision"),
    Case("regnet_x_800mf", form="torchvision"),
    Case("efficientnet_b0", 21_000, form="hub folder"),
    Case("efficientnet_b0", 1000, size=224, form="torchvision"),
    Case("efficientnet_v2_s", 7, size=128, form="torchvision"),
    Case("tf_efficientnetv2_b0", channels=1, form="hub folder"),
    Case("vit_tiny_patch16_224", size=224, form="hub folder"),
    Case("vit_tiny_patch16_224", channels=1, size=64, form="train.py"),
    Case("vit_tiny_patch16_224", size=384, form="state dict"),
    Case("vit_b_16", 1000, size=224, form="torchvision"),
    Case("deit_tiny_distilled_patch16_224", size=96, form="hub folder"),
    Case("eva02_tiny_patch14_224", size=112, form="hub folder"),
    Case("swin_tiny_patch4_window7_224", size=224, form="hub folder"),
    Case("swin_tiny_patch4_window7_224", channels=1, size=112, form="train.py"),
    Case("swin_t", 1000, size=224, form="torchvision"),
    Case("swinv2_tiny_window8_256", size=128, form="hub folder"),
    Case("maxvit_pico_rw_256", size=256, form="hub folder"),
    Case("coatnet_nano_rw_224", size=224, form="state dict"),
    Case("levit_128s", size=224, form="state dict"),
    Case("mobilevit_xxs", form="train.py"),
    Case("efficientformer_l1", size=224, form="hub folder"),
    Case("mixer_s32_224", size=224, form="state dict"),
    Case("densenet121", form="torchvision"),
    Case("vgg11_bn", 7, size=224, form="torchvision"),
    Case("tresnet_m", channels=1, size=64, form="hub folder"),  # cuts the image into squares of 4 x 4 pixels first
)
