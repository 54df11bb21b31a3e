// A sparse GroupNL layer with the batch norm and the activation behind it, in one pass over channels-last bfloat16.
//
// A seed is a sum over pairs of neighbouring input channels. The dot product instruction of CPUs with bfloat16 adds up just
// such pairs in float32, so that 16 seeds take one instruction for each tap of the kernel. Norm, sine (a polynomial in the
// normalised seed), affine and activation follow while the seeds are in the first cache.
//
// Registered as groupnl::sparse_layer through torch's stable ABI; see build.py for its arguments.

#include <immintrin.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

namespace {

using torch::stable::Tensor;

constexpr int64_t kLanes = 16;      // float32 numbers in a register
constexpr int64_t kMaxPixels = 8;   // pixels of a row that are computed together
constexpr float kEpsilon = 1e-12f;  // of the norm

enum class Activation { kNone, kRelu, kRelu6, kHardswish, kSilu };

struct Layer {
  int64_t batch, height, width, channels, out_height, out_width, padding, degree;
  const uint16_t* input;
  const uint16_t* weight;      // [tap][channel]
  const float* scale;          // of the seeds
  const float* shift;
  const float* polynomials;    // [power][seed]
  uint16_t* output;
  int64_t seeds() const { return channels / 2; }
};

// e^x for x <= 0, relative error 1e-5: 2^n times a polynomial of the rest.
inline __m512 exp_of_negative(__m512 x) {
  const __m512 turns = _mm512_mul_ps(_mm512_max_ps(x, _mm512_set1_ps(-87.0f)), _mm512_set1_ps(1.44269504f));
  const __m512 whole = _mm512_roundscale_ps(turns, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(turns, whole);
  __m512 sum = _mm512_set1_ps(1.3333558e-3f);
  for (float power : {9.6181291e-3f, 5.5504109e-2f, 2.4022651e-1f, 6.9314718e-1f, 1.0f}) {
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(power));
  }
  return _mm512_scalef_ps(sum, whole);
}

template <Activation kActivation>
inline __m512 activate(__m512 x) {
  const __m512 zero = _mm512_setzero_ps(), six = _mm512_set1_ps(6.0f);
  if constexpr (kActivation == Activation::kRelu) return _mm512_max_ps(x, zero);
  if constexpr (kActivation == Activation::kRelu6) return _mm512_min_ps(_mm512_max_ps(x, zero), six);
  if constexpr (kActivation == Activation::kHardswish) {
    const __m512 gate = _mm512_min_ps(_mm512_max_ps(_mm512_add_ps(x, _mm512_set1_ps(3.0f)), zero), six);
    return _mm512_mul_ps(_mm512_mul_ps(x, gate), _mm512_set1_ps(1.0f / 6.0f));
  }
  if constexpr (kActivation == Activation::kSilu) {
    // The sigmoid through e^-|x|, which cannot overflow.
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 small = exp_of_negative(_mm512_or_ps(x, _mm512_set1_ps(-0.0f)));
    const __m512 top = _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, zero, _CMP_LT_OQ), one, small);
    return _mm512_div_ps(_mm512_mul_ps(x, top), _mm512_add_ps(one, small));
  }
  return x;
}

inline __mmask16 lanes_from(int64_t channel, int64_t channels) {
  return channels - channel >= kLanes ? 0xffff : static_cast<__mmask16>((1u << (channels - channel)) - 1);
}

inline void store(uint16_t* target, __mmask16 lanes, __m512 values) {
  _mm256_mask_storeu_epi16(target, lanes, (__m256i)_mm512_cvtneps_pbh(values));
}

// Several pixels of one output row: `rows` are the input's rows below the taps `first` to `last` of the kernel.
template <int kKernel, int kStride, int kPixels, Activation kActivation>
void compute_pixels(const Layer& layer, const uint16_t* const* rows, int first, int last, int64_t column,
                    const uint16_t* zeros, float* scratch, uint16_t* output) {
  constexpr int kColumns = (kPixels - 1) * kStride + kKernel;
  const int64_t channels = layer.channels, seeds = layer.seeds();
  const uint16_t* inputs[kKernel][kColumns];
  for (int row = first; row < last; row++) {
    for (int i = 0; i < kColumns; i++) {
      const int64_t at = column * kStride - layer.padding + i;
      inputs[row][i] = at >= 0 && at < layer.width ? rows[row] + at * channels : zeros;
    }
  }
  __m512 squares[kPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; p++) squares[p] = _mm512_setzero_ps();
  for (int64_t c = 0; c < seeds; c += kLanes) {
    const __mmask16 lanes = lanes_from(c, seeds);
    __m512 sums[kPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) sums[p] = _mm512_setzero_ps();
    for (int row = first; row < last; row++) {
      __m512bh taps[kKernel];
#pragma GCC unroll 8
      for (int k = 0; k < kKernel; k++) {
        taps[k] = (__m512bh)_mm512_maskz_loadu_epi32(lanes, layer.weight + (row * kKernel + k) * channels + 2 * c);
      }
#pragma GCC unroll 32
      for (int i = 0; i < kColumns; i++) {
        const __m512bh pairs = (__m512bh)_mm512_maskz_loadu_epi32(lanes, inputs[row][i] + 2 * c);
#pragma GCC unroll 8
        for (int p = 0; p < kPixels; p++) {
          const int tap = i - p * kStride;
          if (tap >= 0 && tap < kKernel) sums[p] = _mm512_dpbf16_ps(sums[p], pairs, taps[tap]);
        }
      }
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      squares[p] = _mm512_fmadd_ps(sums[p], sums[p], squares[p]);
      _mm512_mask_storeu_ps(scratch + p * seeds + c, lanes, sums[p]);
    }
  }
  alignas(64) float norms[kLanes] = {};
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; p++) norms[p] = _mm512_reduce_add_ps(squares[p]);
  const __m512 roots = _mm512_max_ps(_mm512_sqrt_ps(_mm512_load_ps(norms)), _mm512_set1_ps(kEpsilon));
  _mm512_store_ps(norms, _mm512_div_ps(_mm512_set1_ps(1.0f), roots));
  for (int64_t c = 0; c < seeds; c += kLanes) {
    const __mmask16 lanes = lanes_from(c, seeds);
    const __m512 scale = _mm512_maskz_loadu_ps(lanes, layer.scale + c);
    const __m512 shift = _mm512_maskz_loadu_ps(lanes, layer.shift + c);
    const __m512 highest = _mm512_maskz_loadu_ps(lanes, layer.polynomials + layer.degree * seeds + c);
    __m512 seed[kPixels], wave[kPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      seed[p] = _mm512_mul_ps(_mm512_maskz_loadu_ps(lanes, scratch + p * seeds + c), _mm512_set1_ps(norms[p]));
      wave[p] = highest;
      store(output + p * channels + c, lanes, activate<kActivation>(_mm512_fmadd_ps(seed[p], scale, shift)));
    }
    for (int64_t power = layer.degree - 1; power >= 0; power--) {
      const __m512 coefficient = _mm512_maskz_loadu_ps(lanes, layer.polynomials + power * seeds + c);
#pragma GCC unroll 8
      for (int p = 0; p < kPixels; p++) wave[p] = _mm512_fmadd_ps(wave[p], seed[p], coefficient);
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) store(output + p * channels + seeds + c, lanes, activate<kActivation>(wave[p]));
  }
}

template <int kKernel, int kStride, Activation kActivation>
void compute_rows(const Layer& layer, int64_t begin, int64_t end) {
  std::vector<float> scratch(kMaxPixels * layer.seeds());
  const std::vector<uint16_t> zeros(layer.channels, 0);
  for (int64_t row = begin; row < end; row++) {
    const int64_t image = row / layer.out_height, top = row % layer.out_height * kStride - layer.padding;
    const uint16_t* rows[kKernel];
    const int first = static_cast<int>(std::clamp<int64_t>(-top, 0, kKernel));
    const int last = static_cast<int>(std::clamp<int64_t>(layer.height - top, first, kKernel));
    for (int k = first; k < last; k++) {
      rows[k] = layer.input + (image * layer.height + top + k) * layer.width * layer.channels;
    }
    uint16_t* output = layer.output + row * layer.out_width * layer.channels;
    int64_t column = 0;
    const auto compute = [&]<int kPixels>() {
      compute_pixels<kKernel, kStride, kPixels, kActivation>(layer, rows, first, last, column, zeros.data(),
                                                             scratch.data(), output + column * layer.channels);
      column += kPixels;
    };
    const int64_t width = layer.out_width;
    // The widths of networks for 224 pixels are multiples of 7.
    if (width % 7 == 0) while (column < width) compute.template operator()<7>();
    while (width - column >= 8) compute.template operator()<8>();
    if (width - column >= 4) compute.template operator()<4>();
    if (width - column >= 2) compute.template operator()<2>();
    if (width - column >= 1) compute.template operator()<1>();
  }
}

template <int kKernel, int kStride>
void compute(const Layer& layer, const std::string& activation, int64_t begin, int64_t end) {
  if (activation == "none") return compute_rows<kKernel, kStride, Activation::kNone>(layer, begin, end);
  if (activation == "relu") return compute_rows<kKernel, kStride, Activation::kRelu>(layer, begin, end);
  if (activation == "relu6") return compute_rows<kKernel, kStride, Activation::kRelu6>(layer, begin, end);
  if (activation == "hardswish") return compute_rows<kKernel, kStride, Activation::kHardswish>(layer, begin, end);
  if (activation == "silu") return compute_rows<kKernel, kStride, Activation::kSilu>(layer, begin, end);
  STD_TORCH_CHECK(false, "groupnl::sparse_layer knows no activation '", activation, "'");
}

Tensor sparse_layer(const Tensor& x, const Tensor& weight, const Tensor& scale, const Tensor& shift,
                    const Tensor& polynomials, int64_t kernel, int64_t stride, int64_t padding, int64_t dilation,
                    std::string activation) {
  using torch::headeronly::MemoryFormat;
  using torch::headeronly::ScalarType;
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == ScalarType::BFloat16, "x must be bfloat16 (B, n, H, W)");
  STD_TORCH_CHECK(x.size(1) % 2 == 0 && weight.size(0) == kernel * kernel && weight.size(1) == x.size(1),
                  "weight must be (kernel * kernel, n), n even");
  STD_TORCH_CHECK(dilation == 1, "dilation must be 1, not ", dilation);
  const Tensor input = torch::stable::contiguous(x, MemoryFormat::ChannelsLast);
  Layer layer{};
  layer.batch = x.size(0), layer.channels = x.size(1), layer.height = x.size(2), layer.width = x.size(3);
  layer.padding = padding;
  layer.out_height = (layer.height + 2 * padding - kernel) / stride + 1;
  layer.out_width = (layer.width + 2 * padding - kernel) / stride + 1;
  layer.degree = polynomials.size(0) - 1;
  Tensor output = torch::stable::empty({layer.batch, layer.channels, layer.out_height, layer.out_width},
                                       ScalarType::BFloat16, std::nullopt, x.device(), std::nullopt,
                                       MemoryFormat::ChannelsLast);
  layer.input = static_cast<const uint16_t*>(input.const_data_ptr());
  layer.weight = static_cast<const uint16_t*>(weight.const_data_ptr());
  layer.scale = static_cast<const float*>(scale.const_data_ptr());
  layer.shift = static_cast<const float*>(shift.const_data_ptr());
  layer.polynomials = static_cast<const float*>(polynomials.const_data_ptr());
  layer.output = static_cast<uint16_t*>(output.mutable_data_ptr());
  torch::stable::parallel_for(0, layer.batch * layer.out_height, 1, [&](int64_t begin, int64_t end) {
    if (kernel == 3 && stride == 1) return compute<3, 1>(layer, activation, begin, end);
    if (kernel == 3 && stride == 2) return compute<3, 2>(layer, activation, begin, end);
    if (kernel == 5 && stride == 1) return compute<5, 1>(layer, activation, begin, end);
    if (kernel == 5 && stride == 2) return compute<5, 2>(layer, activation, begin, end);
    STD_TORCH_CHECK(false, "kernel ", kernel, " with stride ", stride, " is not supported");
  });
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY(groupnl, library) {
  library.def(
      "sparse_layer(Tensor x, Tensor weight, Tensor scale, Tensor shift, Tensor polynomials, int kernel, int stride, "
      "int padding, int dilation, str activation) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(groupnl, CPU, library) { library.impl("sparse_layer", TORCH_BOX(&sparse_layer)); }
