// A sparse GroupNL layer with the batch norm and the activation behind it, and, where they are given, the 1x1
// convolutions before and behind it, in one pass over channels-last memory.
//
// Between those convolutions a network has several times as many channels as around them. Here only the rows that the
// kernel reaches are computed, and they stay in the caches of a core; in memory nothing of them is written or read.
//
// Registered as sparse_layer through torch's stable ABI; see operators.py for its arguments.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "pointwise.h"
#include "sparse_row.h"

namespace {

// Layer, and what is around it; `expand` and `project` have weights where they are given.
struct Block {
  Layer layer;
  Pointwise expand, project;
  MultiplyRow expand_row, project_row;
  bool has_shortcut;  // the input is added to the result
  Finish finishes[kMaxPixels + 1];
  const Element* input;
  Element* output;
  int64_t outputs() const { return project.weight ? project.outputs : layer.channels; }
};

// Rows of the layer's input: those of the block's, or what the first convolution makes of them, each computed once.
template <int kKernel>
class Rows {
 public:
  explicit Rows(const Block& block) : block_(block) {
    if (block.expand.weight) kept_.reset(new Element[kKernel * block.layer.row()]);
    std::fill_n(rows_, kKernel, -1);
  }

  const Element* operator[](int64_t row) {
    if (!kept_) return block_.input + row * block_.layer.row();
    const int64_t slot = row % kKernel;
    Element* place = kept_.get() + slot * block_.layer.row();
    if (rows_[slot] != row) {
      const int64_t width = block_.layer.width;
      block_.expand_row(block_.expand, width, block_.input + row * width * block_.expand.inputs, nullptr, place);
      rows_[slot] = row;
    }
    return place;
  }

 private:
  const Block& block_;
  std::unique_ptr<Element[]> kept_;
  int64_t rows_[kKernel];  // that are kept
};

template <int kKernel, int kStride>
void compute_rows(const Block& block, int64_t begin, int64_t end) {
  Layer layer = block.layer;
  std::vector<float> scratch(layer.out_width * layer.scratch() + layer.out_width + kMaxPixels);
  const std::vector<Element> zeros(layer.channels);
  layer.zeros = zeros.data();
  Rows<kKernel> rows(block);
  std::vector<Element> finished(block.project.weight ? layer.out_width * layer.channels : 0);
  Row row{};
  row.seeds = scratch.data();
  row.factors = row.seeds + layer.out_width * layer.scratch();
  for (int64_t i = begin; i < end; i++) {
    const int64_t image = i / layer.out_height, top = i % layer.out_height * kStride - layer.padding;
    row.first = static_cast<int>(std::clamp<int64_t>(-top, 0, kKernel));
    row.last = static_cast<int>(std::clamp<int64_t>(layer.height - top, row.first, kKernel));
    for (int k = row.first; k < row.last; k++) row.inputs[k] = rows[image * layer.height + top + k];
    if (!block.expand.weight) {
      const int64_t ahead = std::clamp<int64_t>(top + kKernel, 0, std::max<int64_t>(0, layer.height - kStride));
      row.ahead = rows[image * layer.height + ahead];
    }
    Element* output = block.output + i * layer.out_width * block.outputs();
    row.output = block.project.weight ? finished.data() : output;
    compute_row<kKernel, kStride>(layer, row, block.finishes);
    if (block.project.weight) {
      const Element* shortcut = block.has_shortcut ? block.input + i * layer.out_width * block.outputs() : nullptr;
      block.project_row(block.project, layer.out_width, finished.data(), shortcut, output);
    }
  }
}

using ComputeRows = void (*)(const Block&, int64_t, int64_t);

ComputeRows compute_rows_for(int64_t kernel, int64_t stride, int64_t dilation) {
  if (kernel == 3 && stride == 1 && dilation == 1) return compute_rows<3, 1>;
  if (kernel == 3 && stride == 2 && dilation == 1) return compute_rows<3, 2>;
  if (kernel == 5 && stride == 1 && dilation == 1) return compute_rows<5, 1>;
  if (kernel == 5 && stride == 2 && dilation == 1) return compute_rows<5, 2>;
  STD_TORCH_CHECK(false, "groupnl::sparse_layer has kernels 3 and 5, strides 1 and 2, dilation 1, but not kernel ",
                  kernel, " with stride ", stride, " and dilation ", dilation);
}

Tensor sparse_layer(const Tensor& x, const Tensor& weight, const Tensor& scale, const Tensor& shift,
                    const Tensor& polynomials, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                    std::string activation, std::optional<Tensor> expand, std::optional<Tensor> expand_bias,
                    std::string expand_activation, std::optional<Tensor> project, std::optional<Tensor> project_bias,
                    int64_t outputs, bool shortcut) {
  const int64_t seeds = expand ? scale.size(0) : x.dim() > 1 ? x.size(1) / 2 : 0;
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == Number::kType && x.is_cpu() &&
                      (expand || x.size(1) == 2 * seeds),
                  "groupnl::sparse_layer: x must be ", Number::kName, " (B, n, H, W) on the CPU, n twice the seeds");
  check_array(weight, "weight", Number::kType, 2 * seeds);
  check_array(scale, "scale", ScalarType::Float, seeds);
  check_array(shift, "shift", ScalarType::Float, seeds);
  check_array(polynomials, "polynomials", ScalarType::Float, seeds);
  const bool shapes_fit = weight.dim() == 2 && weight.size(0) == kernel * kernel && scale.dim() == 1 &&
                          shift.dim() == 1 && polynomials.dim() == 2 && polynomials.size(0) > 0;
  STD_TORCH_CHECK(shapes_fit, "groupnl::sparse_layer: weight must be (kernel * kernel, n), scale and shift (n / 2,), "
                  "polynomials (degree + 1, n / 2)");
  const ComputeRows compute = compute_rows_for(kernel, stride, dilation);
  const Tensor input = channels_last(x);
  Block block{};
  Layer& layer = block.layer;
  layer.channels = 2 * seeds, layer.height = x.size(2), layer.width = x.size(3), layer.padding = padding;
  layer.out_height = (layer.height + 2 * padding - kernel) / stride + 1;
  layer.out_width = (layer.width + 2 * padding - kernel) / stride + 1;
  STD_TORCH_CHECK(padding >= 0 && std::min(layer.height, layer.width) + 2 * padding >= kernel,
                  "groupnl::sparse_layer: kernel ", kernel, " does not fit into x with padding ", padding);
  layer.degree = polynomials.size(0) - 1;
  layer.weight = static_cast<const Element*>(weight.const_data_ptr());
  layer.scale = static_cast<const float*>(scale.const_data_ptr());
  layer.shift = static_cast<const float*>(shift.const_data_ptr());
  layer.polynomials = static_cast<const float*>(polynomials.const_data_ptr());
  STD_TORCH_CHECK(expand.has_value() == expand_bias.has_value() && project.has_value() == project_bias.has_value(),
                  "groupnl::sparse_layer: expand and project need their biases");
  if (expand) block.expand = pointwise(*expand, *expand_bias, "expand", x.size(1), layer.channels);
  if (project) block.project = pointwise(*project, *project_bias, "project", layer.channels, outputs);
  block.expand_row = multiply_row_for(expand_activation);
  block.project_row = multiply_row_for("none");
  block.has_shortcut = shortcut;
  STD_TORCH_CHECK(!shortcut || (project && stride == 1 && outputs == x.size(1) && layer.out_height == layer.height &&
                                layer.out_width == layer.width),
                  "groupnl::sparse_layer: a shortcut needs a projection whose result has the shape of x");
  block.finishes[1] = finish_for<1>(activation), block.finishes[2] = finish_for<2>(activation);
  block.finishes[4] = finish_for<4>(activation), block.finishes[7] = finish_for<7>(activation);
  block.finishes[8] = finish_for<8>(activation);
  Tensor output = empty_maps({x.size(0), block.outputs(), layer.out_height, layer.out_width}, x);
  block.input = static_cast<const Element*>(input.const_data_ptr());
  block.output = static_cast<Element*>(output.mutable_data_ptr());
  const int64_t results = layer.out_width * layer.channels;
  const int64_t products = (expand ? results * x.size(1) : 0) + (project ? results * outputs : 0);
  // A thread computes the rows that the kernel reaches above its first ones again, so it takes some more of them.
  const int64_t rows_worth_a_thread = worth_a_thread(results, products) + (expand ? kernel - 1 : 0);
  torch::stable::parallel_for(0, x.size(0) * layer.out_height, rows_worth_a_thread,
                              [&](int64_t begin, int64_t end) { compute(block, begin, end); });
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY(GROUPNL_NAMESPACE, library) {
  library.def(
      "sparse_layer(Tensor x, Tensor weight, Tensor scale, Tensor shift, Tensor polynomials, int kernel, int stride, "
      "int padding, int dilation, str activation, Tensor? expand=None, Tensor? expand_bias=None, "
      "str expand_activation='none', Tensor? project=None, Tensor? project_bias=None, int outputs=0, "
      "bool shortcut=False) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(GROUPNL_NAMESPACE, CPU, library) { library.impl("sparse_layer", TORCH_BOX(&sparse_layer)); }
