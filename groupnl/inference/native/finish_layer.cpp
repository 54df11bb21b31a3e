// What follows the seed convolution of any GroupNL layer, batch norm and activation included, in one pass over
// channels-last memory: each pixel's seeds are normalised, and generated maps are polynomials in one seed each.
//
// Registered as finish_layer through torch's stable ABI; see operators.py for its arguments.

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

struct Maps {
  int64_t seeds, generated, degree;
  const Element* input;
  const float* scale;  // of the seeds
  const float* shift;
  const float* polynomials;  // [power][generated map]
  const int32_t* sources;    // [generated map]: its seed
  Element* output;
  int64_t channels() const { return seeds + generated; }
  int64_t scratch() const { return whole_registers(seeds); }  // floats for a pixel's seeds
};

// Seeds of kPixels pixels go into the scratch; returns one over their norms.
template <int kPixels>
__m256 read_seeds(const Maps& maps, int64_t pixel, float* scratch) {
  Floats squares[kMaxPixels];
#pragma GCC unroll 8
  for (int p = 0; p < kMaxPixels; p++) squares[p] = all(0.0f);
  for_registers<(kPixels > 1)>(maps.seeds, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      const Floats seed = Number::load(maps.input + (pixel + p) * maps.seeds + c, lanes);
      squares[p] = multiply_add(seed, seed, squares[p]);
      store(scratch + p * maps.scratch() + c, AllLanes{}, seed);
    }
  });
  return one_over_root(_mm256_max_ps(_mm256_set1_ps(kEpsilon * kEpsilon), sums_of(squares)));
}

// Divides the seeds in the scratch by their norms, and writes them.
template <int kPixels, Activation kActivation>
void write_seeds(const Maps& maps, int64_t pixel, const float* factors, float* scratch) {
  for_registers<(kPixels > 1)>(maps.seeds, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
    const Floats scale = load(maps.scale + c, lanes);
    const Floats shift = load(maps.shift + c, lanes);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      float* place = scratch + p * maps.scratch() + c;
      const Floats seed = load(place) * all(factors[p]);
      store(place, AllLanes{}, seed);
      Number::store(maps.output + (pixel + p) * maps.channels() + c, lanes,
                    activate<kActivation>(multiply_add(seed, scale, shift)));
    }
  });
}

// Writes the generated maps, whose seeds are gathered from the scratch.
template <int kPixels, Activation kActivation>
void write_generated(const Maps& maps, int64_t pixel, const float* scratch) {
  for_overlapping_registers<(kPixels > 1)>(maps.generated, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
    Floats seed[kPixels], wave[kPixels];
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      seed[p] = gather(scratch + p * maps.scratch(), maps.sources + c, lanes);
    }
    polynomials_of(seed, maps.polynomials + c, maps.degree, maps.generated, lanes, wave);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      Number::store(maps.output + (pixel + p) * maps.channels() + maps.seeds + c, lanes,
                    activate<kActivation>(wave[p]));
    }
  });
}

template <Activation kActivation>
void finish(const Maps& maps, int64_t begin, int64_t end) {
  std::vector<float> scratch(kMaxPixels * maps.scratch());
  float factors[kMaxPixels];
  const auto take = [&]<int kPixels>(int64_t pixel) {
    _mm256_storeu_ps(factors, read_seeds<kPixels>(maps, pixel, scratch.data()));
    write_seeds<kPixels, kActivation>(maps, pixel, factors, scratch.data());
    write_generated<kPixels, kActivation>(maps, pixel, scratch.data());
  };
  int64_t pixel = begin;
  for (; pixel + kMaxPixels <= end; pixel += kMaxPixels) take.template operator()<kMaxPixels>(pixel);
  for (; pixel < end; pixel++) take.template operator()<1>(pixel);
}

using Finish = void (*)(const Maps&, int64_t, int64_t);

// A gather beyond the seeds would read what is not ours.
void check_sources(const Tensor& sources, int64_t seeds) {
  const auto* values = static_cast<const int32_t*>(sources.const_data_ptr());
  for (int64_t i = 0; i < sources.size(0); i++) {
    STD_TORCH_CHECK(values[i] >= 0 && values[i] < seeds, "groupnl::finish_layer: source ", values[i], " of map ", i,
                    " is none of the ", seeds, " seeds");
  }
}

Tensor finish_layer(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& polynomials,
                    const Tensor& sources, std::string activation) {
  STD_TORCH_CHECK(x.dim() == 4 && x.scalar_type() == Number::kType && x.is_cpu(),
                  "groupnl::finish_layer: x must be ", Number::kName, " (B, s, H, W) on the CPU");
  STD_TORCH_CHECK(polynomials.dim() == 2 && polynomials.size(0) > 0 && scale.dim() == 1 && shift.dim() == 1 &&
                      sources.dim() == 1,
                  "groupnl::finish_layer: scale and shift must be (s,), polynomials (degree + 1, g), sources (g,)");
  Maps maps{};
  maps.seeds = x.size(1), maps.generated = polynomials.size(1), maps.degree = polynomials.size(0) - 1;
  check_array(scale, "scale", ScalarType::Float, maps.seeds);
  check_array(shift, "shift", ScalarType::Float, maps.seeds);
  check_array(polynomials, "polynomials", ScalarType::Float, maps.generated);
  check_array(sources, "sources", ScalarType::Int, maps.generated);
  check_sources(sources, maps.seeds);
  const Finish finish_pixels =
      for_activation(activation, []<Activation kActivation>() -> Finish { return finish<kActivation>; });
  const Tensor input = channels_last(x);
  Tensor output = empty_maps({x.size(0), maps.channels(), x.size(2), x.size(3)}, x);
  maps.input = static_cast<const Element*>(input.const_data_ptr());
  maps.scale = static_cast<const float*>(scale.const_data_ptr());
  maps.shift = static_cast<const float*>(shift.const_data_ptr());
  maps.polynomials = static_cast<const float*>(polynomials.const_data_ptr());
  maps.sources = static_cast<const int32_t*>(sources.const_data_ptr());
  maps.output = static_cast<Element*>(output.mutable_data_ptr());
  torch::stable::parallel_for(0, x.size(0) * x.size(2) * x.size(3), 1 + kGrain / maps.channels(),
                              [&](int64_t begin, int64_t end) { finish_pixels(maps, begin, end); });
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(GROUPNL_NAMESPACE, library) {
  library.def(
      "finish_layer(Tensor x, Tensor scale, Tensor shift, Tensor polynomials, Tensor sources, str activation) -> "
      "Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(GROUPNL_NAMESPACE, CPU, library) { library.impl("finish_layer", TORCH_BOX(&finish_layer)); }
