// Rows of a sparse GroupNL layer with the batch norm and the activation behind it, in channels-last memory.
//
// A seed is a sum over pairs of neighbouring input channels. The dot product instruction of CPUs with bfloat16 adds
// up just such pairs in float32, so that 16 seeds take one instruction for each tap of the kernel; in float32 each
// channel has a sum, and neighbours are added at the end. Norm, sine (a polynomial in the normalised seed), affine and
// activation follow while the seeds are in the first cache.

#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "activations.h"
#include "numbers.h"
#include "runs.h"
#include "tensors.h"

namespace {

struct Layer {
  int64_t height, width, channels, out_height, out_width, padding, degree;
  const Element* weight;     // [tap][channel]
  const float* scale;        // of the seeds
  const float* shift;
  const float* polynomials;  // [power][seed]
  const Element* zeros;      // a pixel of the padding
  int64_t seeds() const { return channels / 2; }
  int64_t row() const { return width * channels; }  // numbers of a row of the input
  int64_t scratch() const { return whole_registers(seeds()); }  // floats for a pixel's seeds
};

// What is known of one row of the output.
struct Row {
  const Element* inputs[5];  // rows of the input below the kernel's
  int first, last;            // rows of the kernel that are not in the padding
  const Element* ahead;      // the rows of the input that come into reach next, one or two; null where they are not known
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
        if (kInside && row.ahead) {
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
    for_overlapping_registers<(kPixels > 4)>(seeds, [&](int64_t c, auto lanes) __attribute__((always_inline)) {
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

}  // namespace
