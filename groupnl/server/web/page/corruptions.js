// The corruptions of ImageNet-C as the paper groups them; a test holds them against the service's own.
export const GROUPS = {
  noise: ["gaussian_noise", "shot_noise", "impulse_noise"],
  blur: ["defocus_blur", "glass_blur", "motion_blur", "zoom_blur"],
  weather: ["snow", "frost", "fog", "brightness"],
  digital: ["contrast", "elastic_transform", "pixelate", "jpeg_compression"],
  validation: ["speckle_noise", "gaussian_blur", "spatter", "saturate"],
};
export const NAMES = Object.values(GROUPS).flat();
export const SEVERITIES = [1, 2, 3, 4, 5];

// A corruption's name for people.
export const words = (name) => name.replaceAll("_", " ");
