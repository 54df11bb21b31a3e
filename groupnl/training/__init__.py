"""Training: an image folder goes in, a safetensors checkpoint with its model card comes out."""
