"""The native kernel of sparse GroupNL layers: C++ source, and `build`, which compiles and loads it."""
