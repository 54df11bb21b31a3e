"""The native kernels of GroupNL layers: their C++ sources, and `build`, which compiles and loads it."""
