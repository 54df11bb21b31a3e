// A 1x1 convolution with the gates before it (squeeze and excitation's), the activation and the shortcut behind it, in
// one pass over channels-last memory.
//
// Registered as pointwise_layer through torch's stable ABI; see operators.py for its arguments.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "pointwise.h"
#include "tensors.h"

namespace {

struct GatedLayer {
  Pointwise pointwise;
  MultiplyRow multiply_row;
  int64_t rows, width;      // of an image
  const Element* input;
  const Element* gates;     // [image][input], or null
  const Element* shortcut;  // of the output's shape, or null
  Element* output;
};

// A row of pixels times the gates of its image.
void open_gates(const Element* input, const Element* gates, int64_t width, int64_t channels, Element* output) {
  for_overlapping_registers<true>(channels, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
    const Floats gate = Number::load(gates + c, lanes);
    for (int64_t i = 0; i < width; i++) {
      Number::store(output + i * channels + c, lanes, Number::load(input + i * channels + c, lanes) * gate);
    }
  });
}

void compute(const GatedLayer& layer, int64_t begin, int64_t end) {
  const int64_t in_row = layer.width * layer.pointwise.inputs, out_row = layer.width * layer.pointwise.outputs;
  std::vector<Element> gated(layer.gates ? in_row : 0);
  for (int64_t i = begin; i < end; i++) {
    const Element* input = layer.input + i * in_row;
    if (layer.gates) {
      const Element* gates = layer.gates + i / layer.rows * layer.pointwise.inputs;
      open_gates(input, gates, layer.width, layer.pointwise.inputs, gated.data());
      input = gated.data();
    }
    const Element* shortcut = layer.shortcut ? layer.shortcut + i * out_row : nullptr;
    layer.multiply_row(layer.pointwise, layer.width, input, shortcut, layer.output + i * out_row);
  }
}

Tensor pointwise_layer(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t outputs,
                       std::string activation, std::optional<Tensor> gates, std::optional<Tensor> shortcut) {
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == Number::kType && x.is_cpu(),
                  "groupnl::pointwise_layer: x must be ", Number::kName, " (B, n, H, W) on the CPU");
  const Tensor input = channels_last(x);
  GatedLayer layer{};
  layer.pointwise = pointwise(weight, bias, "weight", x.size(1), outputs);
  layer.multiply_row = multiply_row_for(activation);
  layer.rows = x.size(2), layer.width = x.size(3);
  layer.input = static_cast<const Element*>(input.const_data_ptr());
  std::optional<Tensor> opened, added;
  if (gates) {
    STD_TORCH_CHECK(gates->dim() == 4 && gates->size(0) == x.size(0) && gates->size(1) == x.size(1) &&
                        gates->size(2) == 1 && gates->size(3) == 1 && gates->scalar_type() == Number::kType,
                    "groupnl::pointwise_layer: gates must be ", Number::kName, " (B, n, 1, 1)");
    opened = channels_last(*gates);
    layer.gates = static_cast<const Element*>(opened->const_data_ptr());
  }
  Tensor output = empty_maps({x.size(0), outputs, layer.rows, layer.width}, x);
  if (shortcut) {
    STD_TORCH_CHECK(shortcut->dim() == 4 && shortcut->scalar_type() == Number::kType && shortcut->size(0) == x.size(0) &&
                        shortcut->size(1) == outputs && shortcut->size(2) == layer.rows &&
                        shortcut->size(3) == layer.width,
                    "groupnl::pointwise_layer: shortcut must be ", Number::kName, " of the result's shape");
    added = channels_last(*shortcut);
    layer.shortcut = static_cast<const Element*>(added->const_data_ptr());
  }
  layer.output = static_cast<Element*>(output.mutable_data_ptr());
  const int64_t rows_worth_a_thread = worth_a_thread(layer.width * outputs, layer.width * outputs * x.size(1));
  torch::stable::parallel_for(0, x.size(0) * layer.rows, rows_worth_a_thread,
                              [&](int64_t begin, int64_t end) { compute(layer, begin, end); });
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(GROUPNL_NAMESPACE, library) {
  library.def(
      "pointwise_layer(Tensor x, Tensor weight, Tensor bias, int outputs, str activation, Tensor? gates=None, "
      "Tensor? shortcut=None) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(GROUPNL_NAMESPACE, CPU, library) {
  library.impl("pointwise_layer", TORCH_BOX(&pointwise_layer));
}
