// Squeeze and excitation's gates: means of maps, two 1x1 convolutions of them and their activations, in one call. The maps
// are read once; what follows is too little for a call each.
//
// Registered as gates_layer through torch's stable ABI; see operators.py for its arguments.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "pointwise.h"
#include "tensors.h"

namespace {

constexpr int64_t kPart = 256;  // pixels; a long sum of like numbers is always rounded in the same direction

// Means of kRegisters registers of channels over `pixels` pixels; the last may have fewer lanes than a register.
template <int kRegisters>
void mean(const Element* input, int64_t pixels, int64_t channels, int64_t first, Element* output) {
  Lanes lanes[kRegisters];
  Floats sums[kRegisters];
#pragma GCC unroll 8
  for (int r = 0; r < kRegisters; r++) {
    lanes[r] = lanes_from(first + r * kLanes, channels);
    sums[r] = all(0.0f);
  }
  for (int64_t part = 0; part < pixels; part += kPart) {
    Floats parts[kRegisters];
#pragma GCC unroll 8
    for (int r = 0; r < kRegisters; r++) parts[r] = all(0.0f);
    for (int64_t i = part; i < std::min(part + kPart, pixels); i++) {
#pragma GCC unroll 8
      for (int r = 0; r < kRegisters; r++) {
        parts[r] += Number::load(input + i * channels + first + r * kLanes, lanes[r]);
      }
    }
#pragma GCC unroll 8
    for (int r = 0; r < kRegisters; r++) sums[r] += parts[r];
  }
  const Floats share = all(1.0f / static_cast<float>(pixels));
#pragma GCC unroll 8
  for (int r = 0; r < kRegisters; r++) Number::store(output + first + r * kLanes, lanes[r], sums[r] * share);
}

// Of all channels: a cache's line is read at once.
void means(const Element* input, int64_t pixels, int64_t channels, Element* output) {
  constexpr int kTaken = kLanesAreFree ? 8 : 4;
  int64_t first = 0;
  for (; first + (kTaken - 1) * kLanes < channels; first += kTaken * kLanes) {
    mean<kTaken>(input, pixels, channels, first, output);
  }
  for (; first < channels; first += kLanes) mean<1>(input, pixels, channels, first, output);
}

Tensor gates_layer(const Tensor& x, const Tensor& squeeze, const Tensor& squeeze_bias, int64_t squeezed,
                   std::string activation, const Tensor& excite, const Tensor& excite_bias, std::string gate) {
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == Number::kType && x.is_cpu() && x.size(2) * x.size(3) > 0,
                  "groupnl::gates_layer: x must be ", Number::kName, " (B, n, H, W) on the CPU");
  const int64_t batch = x.size(0), channels = x.size(1), pixels = x.size(2) * x.size(3);
  const Pointwise first = pointwise(squeeze, squeeze_bias, "squeeze", channels, squeezed);
  const Pointwise second = pointwise(excite, excite_bias, "excite", squeezed, channels);
  const MultiplyRow squeeze_row = multiply_row_for(activation), excite_row = multiply_row_to_gates(gate);
  const Tensor maps = channels_last(x);
  Tensor output = empty_maps({batch, channels, 1, 1}, x);
  const auto* input = static_cast<const Element*>(maps.const_data_ptr());
  auto* gates = static_cast<Element*>(output.mutable_data_ptr());
  std::vector<Element> of_images(batch * channels), between(batch * squeezed);
  const int64_t images_worth_a_thread = 1 + kGrain / std::max<int64_t>(1, pixels * channels);
  torch::stable::parallel_for(0, batch, images_worth_a_thread, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
      means(input + i * pixels * channels, pixels, channels, of_images.data() + i * channels);
    }
  });
  squeeze_row(first, batch, of_images.data(), nullptr, between.data());  // images are its pixels
  excite_row(second, batch, between.data(), nullptr, gates);
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(GROUPNL_NAMESPACE, library) {
  library.def(
      "gates_layer(Tensor x, Tensor squeeze, Tensor squeeze_bias, int squeezed, str activation, Tensor excite, "
      "Tensor excite_bias, str gate) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(GROUPNL_NAMESPACE, CPU, library) { library.impl("gates_layer", TORCH_BOX(&gates_layer)); }
