// Rows of pixels, cut into runs that are computed together.

#pragma once

#include <cstdint>

namespace {

// Calls use.operator()<length>(first pixel, how many such runs) for runs of each length, as long as they fit.
template <int... kLengths, typename Use>
void cut_into(int64_t width, const Use& use) {
  int64_t column = 0;
  const auto take = [&]<int kPixels>() {
    const int64_t runs = (width - column) / kPixels;
    if (runs) use.template operator()<kPixels>(column, runs);
    column += runs * kPixels;
  };
  (take.template operator()<kLengths>(), ...);
}

// Into runs of at most 8.
template <typename Use>
void cut(int64_t width, const Use& use) {
  // The widths of networks for 224 pixels are multiples of 7.
  if (width % 8 && width % 7 == 0) return cut_into<7>(width, use);
  cut_into<8, 4, 2, 1>(width, use);
}

}  // namespace
