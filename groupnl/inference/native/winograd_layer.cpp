// A 3x3 convolution of stride 1 in float32 by Winograd's minimal filtering (Lavin & Gray, CVPR 2016, F(2x2, 3x3)), with
// the activation behind it and, where they are given, a 1x1 convolution and the shortcut, in one pass over channels-last
// memory.
//
// A tile of 2x2 results takes 16 products of each input and output instead of 36: inputs of 4x4 pixels and weights become
// 16 terms each, and of each term the convolution is a 1x1 convolution of tiles.
//
// Registered as winograd_layer through torch's stable ABI; see operators.py for its arguments.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "activations.h"
#include "pointwise.h"
#include "tensors.h"

namespace {

static_assert(sizeof(Element) == sizeof(float), "rounded to bfloat16, the terms would lose more than the result may");

constexpr int kTile = 4;  // pixels of a tile's input, each way
constexpr int kTerms = kTile * kTile;
constexpr int64_t kTilesTogether = 28;       // or a strip, if that has more
constexpr int64_t kRegistersTogether = 6;    // of outputs, so that their terms stay in a core's own cache

// An image is cut into strips of two rows of results, and a strip into tiles.
struct Convolution {
  Pointwise terms;  // weights of the first term, without bias; those of the others follow
  const float* bias;
  Pointwise project;  // has weights where it is given
  MultiplyRow multiply_row;
  bool has_shortcut;  // the input is added to the result
  int64_t height, width, channels;  // the convolution's
  const float* input;
  float* output;
  int64_t strips() const { return (height + 1) / 2; }  // of an image
  int64_t tiles() const { return (width + 1) / 2; }    // of a strip
  int64_t outputs() const { return project.weight ? project.outputs : channels; }
  int64_t strips_together() const { return std::max<int64_t>(1, kTilesTogether / tiles()); }
};

// What one thread computes in, for so many strips at a time.
struct Scratch {
  Scratch(const Convolution& layer, int64_t strips)
      : zeros(layer.terms.inputs + kLanes),
        tiles(strips * layer.tiles()),
        inputs(new float[kTerms * tiles * layer.terms.inputs]),
        products(new float[kTerms * tiles * kRegistersTogether * kLanes]),
        maps(new float[layer.project.weight ? strips * 2 * layer.width * layer.channels : 0]) {}
  std::vector<float> zeros;
  int64_t tiles;
  std::unique_ptr<float[]> inputs;    // [term][tile][channel]
  std::unique_ptr<float[]> products;  // [term][tile][channel of those computed together]
  std::unique_ptr<float[]> maps;      // what is projected: [row][column][channel]
};

// One direction of the input's transformation.
inline void transform(const Floats (&x)[kTile], Floats (&terms)[kTile]) {
  terms[0] = x[0] - x[2];
  terms[1] = x[1] + x[2];
  terms[2] = x[2] - x[1];
  terms[3] = x[1] - x[3];
}

// One direction of the result's transformation.
inline void gather_terms(const Floats (&terms)[kTile], Floats (&y)[2]) {
  y[0] = terms[0] + terms[1] + terms[2];
  y[1] = terms[1] - terms[2] - terms[3];
}

// The terms of one tile, whose first result has this row and column.
void read_tile(const Convolution& layer, const float* image, int64_t row, int64_t column, int64_t tile,
               Scratch& scratch) {
  const int64_t channels = layer.terms.inputs;
  const float* pixels[kTile][kTile];
  for (int i = 0; i < kTile; i++) {
    for (int j = 0; j < kTile; j++) {
      const int64_t y = row - 1 + i, x = column - 1 + j;
      const bool is_inside = y >= 0 && y < layer.height && x >= 0 && x < layer.width;
      pixels[i][j] = is_inside ? image + (y * layer.width + x) * channels : scratch.zeros.data();
    }
  }
  float* target = scratch.inputs.get() + tile * channels;
  const int64_t step = scratch.tiles * channels;
  for_overlapping_registers<true>(channels, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
    Floats columns[kTile][kTile];
#pragma GCC unroll 4
    for (int j = 0; j < kTile; j++) {
      Floats x[kTile];
#pragma GCC unroll 4
      for (int i = 0; i < kTile; i++) x[i] = load(pixels[i][j] + c, lanes);
      transform(x, columns[j]);
    }
#pragma GCC unroll 4
    for (int i = 0; i < kTile; i++) {
      const Floats x[kTile] = {columns[0][i], columns[1][i], columns[2][i], columns[3][i]};
      Floats terms[kTile];
      transform(x, terms);
#pragma GCC unroll 4
      for (int j = 0; j < kTile; j++) store(target + (i * kTile + j) * step + c, lanes, terms[j]);
    }
  });
}

// The results of one tile, of the channels from `first` on whose products are there.
template <Activation kActivation>
void write_tile(const Convolution& layer, const Scratch& scratch, int64_t first, int64_t together, int64_t tile,
                int64_t rows, int64_t columns, const float* shortcut, float* target) {
  const float* source = scratch.products.get() + tile * together;
  const int64_t step = scratch.tiles * together;
  const int64_t channels = std::min(together, layer.channels - first);
  for_registers<true>(channels, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
    Floats halves[2][kTile];
#pragma GCC unroll 4
    for (int j = 0; j < kTile; j++) {
      Floats terms[kTile], y[2];
#pragma GCC unroll 4
      for (int i = 0; i < kTile; i++) terms[i] = load(source + (i * kTile + j) * step + c);
      gather_terms(terms, y);
      halves[0][j] = y[0], halves[1][j] = y[1];
    }
    const Floats bias = load(layer.bias + first + c);
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
      Floats y[2];
      gather_terms(halves[i], y);
#pragma GCC unroll 2
      for (int j = 0; j < 2; j++) {
        if (i >= rows || j >= columns) continue;
        const int64_t place = (i * layer.width + j) * layer.channels + first + c;
        Floats result = activate<kActivation>(y[j] + bias);
        if (shortcut) result += load(shortcut + place, lanes);
        store(target + place, lanes, result);
      }
    }
  });
}

template <Activation kActivation>
void compute(const Convolution& layer, int64_t begin, int64_t end) {
  const int64_t together = std::min(end - begin, layer.strips_together());
  Scratch scratch(layer, together);
  const int64_t pixels = layer.height * layer.width, tiles = layer.tiles();
  const auto first_pixel = [&](int64_t strip) {
    return strip / layer.strips() * pixels + strip % layer.strips() * 2 * layer.width;
  };
  const auto rows_of = [&](int64_t strip) {
    return std::min<int64_t>(2, layer.height - strip % layer.strips() * 2);
  };
  for (int64_t strip = begin; strip < end; strip += together) {
    const int64_t strips = std::min(end - strip, together);
    for (int64_t s = 0; s < strips; s++) {
      const float* image = layer.input + (strip + s) / layer.strips() * pixels * layer.terms.inputs;
      const int64_t row = (strip + s) % layer.strips() * 2;
      for (int64_t t = 0; t < tiles; t++) read_tile(layer, image, row, 2 * t, s * tiles + t, scratch);
    }
    const int64_t row_size = layer.width * layer.channels;
    for (int64_t first = 0; first < layer.terms.registers(); first += kRegistersTogether) {
      Pointwise term = layer.terms;
      term.outputs = std::min(kRegistersTogether, layer.terms.registers() - first) * kLanes;
      for (int i = 0; i < kTerms; i++) {
        term.weight = layer.terms.weight + (i * layer.terms.registers() + first) * layer.terms.panel();
        layer.multiply_row(term, strips * tiles, scratch.inputs.get() + i * scratch.tiles * term.inputs, nullptr,
                           scratch.products.get() + i * scratch.tiles * term.outputs);
      }
      for (int64_t s = 0; s < strips; s++) {
        const bool projects = layer.project.weight;
        const int64_t place = first_pixel(strip + s) * layer.channels;
        float* target = projects ? scratch.maps.get() + s * 2 * row_size : layer.output + place;
        const float* shortcut = layer.has_shortcut && !projects ? layer.input + place : nullptr;
        for (int64_t t = 0; t < tiles; t++) {
          const int64_t column = 2 * t * layer.channels;
          write_tile<kActivation>(layer, scratch, first * kLanes, term.outputs, s * tiles + t, rows_of(strip + s),
                                  std::min<int64_t>(2, layer.width - 2 * t), shortcut ? shortcut + column : nullptr,
                                  target + column);
        }
      }
    }
    if (!layer.project.weight) continue;
    for (int64_t s = 0; s < strips; s++) {
      const int64_t place = first_pixel(strip + s) * layer.project.outputs;
      layer.multiply_row(layer.project, rows_of(strip + s) * layer.width, scratch.maps.get() + s * 2 * row_size,
                         layer.has_shortcut ? layer.input + place : nullptr, layer.output + place);
    }
  }
}

using Compute = void (*)(const Convolution&, int64_t, int64_t);

Tensor winograd_layer(const Tensor& x, const Tensor& weight, const Tensor& bias, int64_t channels,
                      std::string activation, std::optional<Tensor> project, std::optional<Tensor> project_bias,
                      int64_t outputs, bool shortcut) {
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == Number::kType && x.is_cpu() && x.size(2) * x.size(3) > 0,
                  "groupnl::winograd_layer: x must be ", Number::kName, " (B, n, H, W) on the CPU, with pixels");
  Convolution layer{};
  const int64_t registers = whole_registers(channels) / kLanes;
  check_array(weight, "weight", Number::kType, x.size(1) * kLanes);
  check_array(bias, "bias", ScalarType::Float, registers * kLanes);
  STD_TORCH_CHECK(channels > 0 && weight.dim() == 2 && weight.size(0) == kTerms * registers && bias.dim() == 1,
                  "groupnl::winograd_layer: weight must be (16 * registers of outputs, inputs * lanes)");
  STD_TORCH_CHECK(project.has_value() == project_bias.has_value(), "groupnl::winograd_layer: project needs its bias");
  const std::vector<float> none(kRegistersTogether * kLanes);
  layer.terms = {x.size(1), registers * kLanes, static_cast<const float*>(weight.const_data_ptr()), none.data()};
  layer.bias = static_cast<const float*>(bias.const_data_ptr());
  if (project) layer.project = pointwise(*project, *project_bias, "project", channels, outputs);
  layer.multiply_row = multiply_row_for("none");
  layer.has_shortcut = shortcut;
  layer.height = x.size(2), layer.width = x.size(3), layer.channels = channels;
  STD_TORCH_CHECK(!shortcut || layer.outputs() == x.size(1),
                  "groupnl::winograd_layer: a shortcut needs a result of the shape of x");
  const Compute compute_strips =
      for_activation(activation, []<Activation kActivation>() -> Compute { return compute<kActivation>; });
  const Tensor input = channels_last(x);
  Tensor output = empty_maps({x.size(0), layer.outputs(), layer.height, layer.width}, x);
  layer.input = static_cast<const float*>(input.const_data_ptr());
  layer.output = static_cast<float*>(output.mutable_data_ptr());
  const int64_t results = 2 * layer.width * channels;
  const int64_t strips_worth_a_thread = worth_a_thread(results, results * (4 * x.size(1) + (project ? outputs : 0)));
  torch::stable::parallel_for(0, x.size(0) * layer.strips(), strips_worth_a_thread,
                              [&](int64_t begin, int64_t end) { compute_strips(layer, begin, end); });
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(GROUPNL_NAMESPACE, library) {
  library.def(
      "winograd_layer(Tensor x, Tensor weight, Tensor bias, int channels, str activation, Tensor? project=None, "
      "Tensor? project_bias=None, int outputs=0, bool shortcut=False) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(GROUPNL_NAMESPACE, CPU, library) {
  library.impl("winograd_layer", TORCH_BOX(&winograd_layer));
}
