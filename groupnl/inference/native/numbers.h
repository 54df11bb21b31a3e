// The numbers that a library's kernels read and write: bfloat16 where the CPU multiplies it, else float32.

#pragma once

#include <cstdint>
#include <cstring>

#include <torch/csrc/stable/tensor.h>

#include "registers.h"

namespace {

using torch::headeronly::ScalarType;

#ifdef __AVX512BF16__

struct Number {
  using Element = uint16_t;
  using Pairs = __m512bh;  // of neighbours
  static constexpr ScalarType kType = ScalarType::BFloat16;
  static constexpr const char* kName = "bfloat16";
  static constexpr int64_t kPairs = 1;  // registers that hold as many pairs as a register has lanes
  static constexpr int kChains = 2;     // sums for one result, because each addition waits for the one before

  static Floats load(const Element* source, Lanes lanes) {
    const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, source));
    return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
  }

  static void store(Element* target, Lanes lanes, Floats values) {
    _mm256_mask_storeu_epi16(target, lanes, (__m256i)_mm512_cvtneps_pbh(values));
  }

  static constexpr int64_t kTogether = 2;  // inputs that one instruction multiplies for each lane

  // The same kTogether inputs in all lanes.
  static Pairs repeat(const Element* source) {
    int32_t pair;
    std::memcpy(&pair, source, sizeof pair);
    return (Pairs)_mm512_set1_epi32(pair);
  }

  // Those of the pairs of seeds with these lanes.
  static Lanes pair_lanes(Lanes lanes, int64_t, int64_t) { return lanes; }

  static Pairs load_pairs(const Element* source, Lanes lanes) {
    return (Pairs)_mm512_maskz_loadu_epi32(lanes, source);
  }

  static Pairs load_pairs(const Element* source, AllLanes) { return (Pairs)_mm512_loadu_si512(source); }

  static Floats multiply_add(Pairs a, Pairs b, Floats sum) { return _mm512_dpbf16_ps(sum, a, b); }

  static Floats seeds_of(const Floats (&sums)[kPairs]) { return sums[0]; }

  // Relative error 6e-5: less than bfloat16 can tell.
  static Floats quotient(Floats a, Floats b) { return _mm512_mul_ps(a, _mm512_rcp14_ps(b)); }
};

#else

struct Number {
  using Element = float;
  using Pairs = Floats;
  static constexpr ScalarType kType = ScalarType::Float;
  static constexpr const char* kName = "float32";
  static constexpr int64_t kPairs = 2;
  static constexpr int kChains = 1;
  static constexpr int64_t kTogether = 1;

  static Pairs repeat(const Element* source) { return all(*source); }

  template <typename SomeLanes>
  static Floats load(const Element* source, SomeLanes lanes) {
    return ::load(source, lanes);
  }

  template <typename SomeLanes>
  static void store(Element* target, SomeLanes lanes, Floats values) {
    ::store(target, lanes, values);
  }

  // Those of the channels from `channel` on.
  static AllLanes pair_lanes(AllLanes, int64_t, int64_t) { return {}; }
  static Lanes pair_lanes(Lanes, int64_t channel, int64_t channels) { return lanes_from(channel, channels); }

  template <typename SomeLanes>
  static Pairs load_pairs(const Element* source, SomeLanes lanes) {
    return ::load(source, lanes);
  }

  static Floats multiply_add(Pairs a, Pairs b, Floats sum) { return ::multiply_add(a, b, sum); }

  static Floats seeds_of(const Floats (&sums)[kPairs]) { return sums_of_pairs(sums[0], sums[1]); }

  static Floats quotient(Floats a, Floats b) { return a / b; }
};

#endif

using Element = Number::Element;

}  // namespace
