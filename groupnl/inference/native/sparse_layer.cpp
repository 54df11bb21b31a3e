// A sparse GroupNL layer with the batch norm and the activation behind it, in one pass over channels-last memory.
//
// A seed is a sum over pairs of neighbouring input channels. The dot product instruction of CPUs with bfloat16 adds
// up just such pairs in float32, so that 16 seeds take one instruction for each tap of the kernel; in float32 each
// channel has a sum, and neighbours are added at the end. Norm, sine (a polynomial in the normalised seed), affine and
// activation follow while the seeds are in the first cache.
//
// Registered as sparse_layer through torch's stable ABI; see build.py for its arguments.

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "activations.h"
#include "numbers.h"
#include "tensors.h"

namespace {

struct Layer {
  int64_t height, width, channels, out_height, out_width, padding, degree;
  const Element* input;
  const Element* weight;     // [tap][channel]
  const float* scale;        // of the seeds
  const float* shift;
  const float* polynomials;  // [power][seed]
  const Element* zeros;      // a pixel of the padding
  Element* output;
  int64_t seeds() const { return channels / 2; }
  int64_t scratch() const { return whole_registers(seeds()); }  // floats for a pixel's seeds
};

// What is known of one row of the output.
struct Row {
  const Element* inputs[5];  // rows of the input below the kernel's
  int first, last;            // rows of the kernel that are not in the padding
  const Element* ahead;      // the rows of the input that come into reach next, one or two
  float* seeds;               // [pixel][seed], not yet divided by the norm
  float* factors;             // one over the norm, [pixel]
  Element* output;
};

// Seeds and one over their norms of `runs` times kPixels pixels of a row; unless all their columns are inside, some are
// padding.
template <int kKernel, int kStride, int kPixels, bool kInside>
void compute_seeds(const Layer& layer, const Row& row, int64_t column, int64_t runs) {
  constexpr int kColumns = (kPixels - 1) * kStride + kKernel;
  const int64_t channels = layer.channels, seeds = layer.seeds(), padded = layer.scratch();
  for (int64_t end = column + runs * kPixels; column < end; column += kPixels) {
    const int64_t left = column * kStride - layer.padding;
    const Element* edge[kKernel][kInside ? 1 : kColumns];
    if constexpr (!kInside) {
      for (int r = row.first; r < row.last; r++) {
        for (int i = 0; i < kColumns; i++) {
          const bool inside = left + i >= 0 && left + i < layer.width;
          edge[r][i] = inside ? row.inputs[r] + (left + i) * channels : layer.zeros;
        }
      }
    }
    Floats squares[kMaxPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kMaxPixels; p++) squares[p] = all(0.0f);
    for_registers<(kPixels > 4)>(seeds, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
      Floats sums[Number::kPairs][kPixels];
      for (int64_t part = 0; part < Number::kPairs; part++) {
        const int64_t first = 2 * c + part * kLanes;
        const auto pair_lanes = Number::pair_lanes(lanes, first, channels);
        Floats chains[Number::kChains][kPixels];
#pragma GCC unroll 16
        for (int p = 0; p < Number::kChains * kPixels; p++) chains[p / kPixels][p % kPixels] = all(0.0f);
        for (int r = row.first; r < row.last; r++) {
          const Element* weights = layer.weight + r * kKernel * channels + first;
          const Element* inputs = row.inputs[r] + left * channels + first;
          Number::Pairs taps[kKernel];
#pragma GCC unroll 8
          for (int k = 0; k < kKernel; k++) taps[k] = Number::load_pairs(weights + k * channels, pair_lanes);
#pragma GCC unroll 32
          for (int i = 0; i < kColumns; i++) {
            const Element* input = kInside ? inputs + i * channels : edge[r][i] + first;
            const Number::Pairs pairs = Number::load_pairs(input, pair_lanes);
#pragma GCC unroll 8
            for (int p = 0; p < kPixels; p++) {
              const int tap = i - p * kStride;
              if (tap < 0 || tap >= kKernel) continue;
              Floats& sum = chains[tap % Number::kChains][p];
              sum = Number::multiply_add(pairs, taps[tap], sum);
            }
          }
        }
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; p++) {
          sums[part][p] = chains[0][p];
          if constexpr (Number::kChains > 1) sums[part][p] += chains[1][p];
        }
        // In networks neither what comes next nor the new tensor is in the first caches; adding up is time to fetch it.
        if (part * kLanes * sizeof(Element) % 64) continue;
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; p++) __builtin_prefetch(row.output + (column + p) * channels + first, 1);
        if constexpr (kInside) {
          for (int r = 0; r < kStride; r++) {
            const Element* ahead = row.ahead + (r * layer.width + column * kStride) * channels + first;
#pragma GCC unroll 16
            for (int i = 0; i < kPixels * kStride; i++) __builtin_prefetch(ahead + i * channels);
          }
        }
      }
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; p++) {
        Floats parts[Number::kPairs];
        for (int64_t part = 0; part < Number::kPairs; part++) parts[part] = sums[part][p];
        const Floats seed = Number::seeds_of(parts);
        squares[p] = multiply_add(seed, seed, squares[p]);
        store(row.seeds + (column + p) * padded + c, AllLanes{}, seed);
      }
    });
    const __m256 norms = _mm256_max_ps(_mm256_set1_ps(kEpsilon * kEpsilon), sums_of(squares));
    _mm256_storeu_ps(row.factors + column, one_over_root(norms));
  }
}

// Norm, affine, polynomial and activation of `runs` times kPixels pixels of a row.
template <int kPixels, Activation kActivation>
void finish(const Layer& layer, const Row& row, int64_t column, int64_t runs) {
  const int64_t channels = layer.channels, seeds = layer.seeds(), padded = layer.scratch();
  for (int64_t end = column + runs * kPixels; column < end; column += kPixels) {
    const float* scratch = row.seeds + column * padded;
    Element* output = row.output + column * channels;
    Floats factors[kPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) factors[p] = all(row.factors[column + p]);
    for_registers<(kPixels > 4)>(seeds, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
      const Floats scale = load(layer.scale + c, lanes);
      const Floats shift = load(layer.shift + c, lanes);
      Floats seed[kPixels], wave[kPixels];
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; p++) {
        seed[p] = load(scratch + p * padded + c) * factors[p];
        Number::store(output + p * channels + c, lanes, activate<kActivation>(multiply_add(seed[p], scale, shift)));
      }
      polynomials_of(seed, layer.polynomials + c, layer.degree, seeds, lanes, wave);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; p++) {
        Number::store(output + p * channels + seeds + c, lanes, activate<kActivation>(wave[p]));
      }
    });
  }
}

using Finish = void (*)(const Layer&, const Row&, int64_t, int64_t);

template <int kPixels>
Finish finish_for(const std::string& activation) {
  return for_activation(activation, []<Activation kActivation>() -> Finish { return finish<kPixels, kActivation>; });
}

// Cuts a row of pixels into runs of at most 8 and calls use.operator()<length>(first pixel, how many such runs).
template <typename Use>
void cut(int64_t width, const Use& use) {
  int64_t column = 0;
  const auto take = [&]<int kPixels>() {
    const int64_t runs = (width - column) / kPixels;
    if (runs) use.template operator()<kPixels>(column, runs);
    column += runs * kPixels;
  };
  // The widths of networks for 224 pixels are multiples of 7.
  if (width % 8 && width % 7 == 0) take.template operator()<7>();
  take.template operator()<8>();
  take.template operator()<4>();
  take.template operator()<2>();
  take.template operator()<1>();
}

template <int kKernel, int kStride>
void compute_row(const Layer& layer, const Row& row, const Finish* finishes) {
  cut(layer.out_width, [&]<int kPixels>(int64_t column, int64_t runs) {
    // Those at the ends see padding.
    const auto is_inside = [&](int64_t run) {
      const int64_t left = (column + run * kPixels) * kStride - layer.padding;
      return left >= 0 && left + (kPixels - 1) * kStride + kKernel <= layer.width;
    };
    for (int64_t run = 0; run < runs;) {
      int64_t next = run + 1;
      if (is_inside(run)) {
        while (next < runs && is_inside(next)) next++;
        compute_seeds<kKernel, kStride, kPixels, true>(layer, row, column + run * kPixels, next - run);
      } else {
        compute_seeds<kKernel, kStride, kPixels, false>(layer, row, column + run * kPixels, 1);
      }
      run = next;
    }
  });
  cut(layer.out_width,
      [&]<int kPixels>(int64_t column, int64_t runs) { finishes[kPixels](layer, row, column, runs); });
}

template <int kKernel, int kStride>
void compute_rows(Layer layer, const Finish* finishes, int64_t begin, int64_t end) {
  std::vector<float> scratch(layer.out_width * layer.scratch() + layer.out_width + kMaxPixels);
  const std::vector<Element> zeros(layer.channels);
  layer.zeros = zeros.data();
  Row row{};
  row.seeds = scratch.data();
  row.factors = row.seeds + layer.out_width * layer.scratch();
  const int64_t step = layer.width * layer.channels;  // from one row of the input to the next
  for (int64_t i = begin; i < end; i++) {
    const int64_t image = i / layer.out_height, top = i % layer.out_height * kStride - layer.padding;
    row.first = static_cast<int>(std::clamp<int64_t>(-top, 0, kKernel));
    row.last = static_cast<int>(std::clamp<int64_t>(layer.height - top, row.first, kKernel));
    for (int k = row.first; k < row.last; k++) row.inputs[k] = layer.input + (image * layer.height + top + k) * step;
    row.output = layer.output + i * layer.out_width * layer.channels;
    const int64_t ahead = std::clamp<int64_t>(top + kKernel, 0, std::max<int64_t>(0, layer.height - kStride));
    row.ahead = layer.input + (image * layer.height + ahead) * step;
    compute_row<kKernel, kStride>(layer, row, finishes);
  }
}

using ComputeRows = void (*)(Layer, const Finish*, int64_t, int64_t);

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
                    std::string activation) {
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == Number::kType && x.is_cpu() && x.size(1) % 2 == 0,
                  "groupnl::sparse_layer: x must be ", Number::kName, " (B, n, H, W) on the CPU, n even");
  const int64_t seeds = x.size(1) / 2;
  check_array(weight, "weight", Number::kType, 2 * seeds);
  check_array(scale, "scale", ScalarType::Float, seeds);
  check_array(shift, "shift", ScalarType::Float, seeds);
  check_array(polynomials, "polynomials", ScalarType::Float, seeds);
  const bool shapes_fit = weight.dim() == 2 && weight.size(0) == kernel * kernel && scale.dim() == 1 &&
                          shift.dim() == 1 && polynomials.dim() == 2 && polynomials.size(0) > 0;
  STD_TORCH_CHECK(shapes_fit, "groupnl::sparse_layer: weight must be (kernel * kernel, n), scale and shift (n / 2,), "
                  "polynomials (degree + 1, n / 2)");
  const ComputeRows compute = compute_rows_for(kernel, stride, dilation);
  const Finish finishes[] = {nullptr, finish_for<1>(activation), finish_for<2>(activation), nullptr,
                             finish_for<4>(activation), nullptr, nullptr, finish_for<7>(activation),
                             finish_for<8>(activation)};
  const Tensor input = is_channels_last(x) ? x : torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  Layer layer{};
  layer.channels = 2 * seeds, layer.height = x.size(2), layer.width = x.size(3), layer.padding = padding;
  layer.out_height = (layer.height + 2 * padding - kernel) / stride + 1;
  layer.out_width = (layer.width + 2 * padding - kernel) / stride + 1;
  STD_TORCH_CHECK(padding >= 0 && std::min(layer.height, layer.width) + 2 * padding >= kernel,
                  "groupnl::sparse_layer: kernel ", kernel, " does not fit into x with padding ", padding);
  layer.degree = polynomials.size(0) - 1;
  Tensor output = torch::stable::empty({x.size(0), layer.channels, layer.out_height, layer.out_width},
                                       Number::kType, std::nullopt, x.device(), std::nullopt,
                                       MemoryFormat::ChannelsLast);
  layer.input = static_cast<const Element*>(input.const_data_ptr());
  layer.weight = static_cast<const Element*>(weight.const_data_ptr());
  layer.scale = static_cast<const float*>(scale.const_data_ptr());
  layer.shift = static_cast<const float*>(shift.const_data_ptr());
  layer.polynomials = static_cast<const float*>(polynomials.const_data_ptr());
  layer.output = static_cast<Element*>(output.mutable_data_ptr());
  const int64_t rows_worth_a_thread = 1 + kGrain / std::max<int64_t>(1, layer.out_width * layer.channels);
  torch::stable::parallel_for(0, x.size(0) * layer.out_height, rows_worth_a_thread,
                              [&](int64_t begin, int64_t end) { compute(layer, finishes, begin, end); });
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY(GROUPNL_NAMESPACE, library) {
  library.def(
      "sparse_layer(Tensor x, Tensor weight, Tensor scale, Tensor shift, Tensor polynomials, int kernel, int stride, "
      "int padding, int dilation, str activation) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(GROUPNL_NAMESPACE, CPU, library) { library.impl("sparse_layer", TORCH_BOX(&sparse_layer)); }
