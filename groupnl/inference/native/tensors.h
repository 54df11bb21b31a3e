// What the kernels have in common: checks of their arguments.

#pragma once

#include <algorithm>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "numbers.h"

namespace {

using torch::headeronly::MemoryFormat;
using torch::stable::Tensor;

constexpr int64_t kGrain = 32768;   // results that are worth a thread
constexpr int64_t kProducts = 32 * kGrain;  // the same of products alone
constexpr float kEpsilon = 1e-12f;  // of the norm

// How many of something are worth a thread, if each has so many results, or makes so many products.
int64_t worth_a_thread(int64_t results, int64_t products) {
  return 1 + std::min(kGrain / std::max<int64_t>(1, results), kProducts / std::max<int64_t>(1, products));
}

void check_array(const Tensor& array, const char* name, ScalarType dtype, int64_t columns) {
  const bool fits = array.scalar_type() == dtype && array.dim() > 0 && array.size(array.dim() - 1) == columns;
  STD_TORCH_CHECK(fits && array.is_cpu() && array.is_contiguous(), "groupnl: ", name, " must be ",
                  dtype == ScalarType::Float ? "float32" : dtype == ScalarType::Int ? "int32" : "bfloat16",
                  ", contiguous, on the CPU, with a last dimension of ", columns);
}

// Of dimensions with one element no stride counts.
bool is_channels_last(const Tensor& x) {
  int64_t step = 1;
  for (const int64_t d : {1, 3, 2, 0}) {
    if (x.size(d) != 1 && x.stride(d) != step) return false;
    step *= x.size(d);
  }
  return true;
}

Tensor channels_last(const Tensor& x) {
  return is_channels_last(x) ? x : torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
}

// Of the library's numbers, channels-last, where another tensor is.
Tensor empty_maps(std::initializer_list<int64_t> shape, const Tensor& other) {
  return torch::stable::empty(shape, Number::kType, std::nullopt, other.device(), std::nullopt,
                              MemoryFormat::ChannelsLast);
}

}  // namespace
