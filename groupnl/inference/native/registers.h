// Registers of float32 numbers, 16 with AVX-512, else 8 of AVX2: what the kernels compute with.

#pragma once

#include <immintrin.h>

#include <algorithm>
#include <cstdint>

namespace {

#ifdef __AVX512F__
using Floats = __m512;
using Lanes = __mmask16;  // those that are loaded and stored; the others are zeros
constexpr bool kLanesAreFree = true;  // no quicker without them
#else
using Floats = __m256;
using Lanes = __m256i;
constexpr bool kLanesAreFree = false;
#endif

struct AllLanes {};

constexpr int64_t kLanes = sizeof(Floats) / sizeof(float);
constexpr int kMaxPixels = 8;  // pixels of a row that are computed together

// Numbers that fill whole registers.
constexpr int64_t whole_registers(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

#ifdef __AVX512F__

inline Lanes lanes_from(int64_t channel, int64_t channels) {
  const int64_t left = channels - channel;
  return left >= kLanes ? 0xffff : left <= 0 ? 0 : static_cast<Lanes>((1u << left) - 1);
}

inline Floats all(float value) { return _mm512_set1_ps(value); }
inline Floats load(const float* source, AllLanes = {}) { return _mm512_loadu_ps(source); }
inline Floats load(const float* source, Lanes lanes) { return _mm512_maskz_loadu_ps(lanes, source); }
inline Floats load_bytes(const uint8_t* source) {
  return _mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(source))));
}
inline void store(float* target, AllLanes, Floats values) { _mm512_storeu_ps(target, values); }
inline void store(float* target, Lanes lanes, Floats values) { _mm512_mask_storeu_ps(target, lanes, values); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }

// Minima and maxima give their second argument if one is NaN.
inline Floats minimum(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats maximum(Floats a, Floats b) { return _mm512_max_ps(a, b); }

inline Floats rounded(Floats x) {
  return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}

// x * 2^exponent, for whole exponents.
inline Floats scaled(Floats x, Floats exponent) { return _mm512_scalef_ps(x, exponent); }

// source[i] of each i among the lanes.
inline Floats gather(const float* source, const int32_t* indices, AllLanes) {
  return _mm512_i32gather_ps(_mm512_loadu_si512(indices), source, sizeof(float));
}

inline Floats gather(const float* source, const int32_t* indices, Lanes lanes) {
  return _mm512_i32gather_ps(_mm512_maskz_loadu_epi32(lanes, indices), source, sizeof(float));
}

// Of two registers in a row, the sums of neighbours.
inline Floats sums_of_pairs(Floats first, Floats second) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
  return _mm512_add_ps(_mm512_permutex2var_ps(first, even, second), _mm512_permutex2var_ps(first, odd, second));
}

// Adds up each of 8 registers.
inline __m256 sums_of(const Floats (&values)[kMaxPixels]) {
  __m512 halves[2];
  for (int i = 0; i < 2; i++) {
    const __m512* v = values + 4 * i;
    const __m512 first = _mm512_add_ps(_mm512_shuffle_f32x4(v[0], v[1], 0x88), _mm512_shuffle_f32x4(v[0], v[1], 0xdd));
    const __m512 second = _mm512_add_ps(_mm512_shuffle_f32x4(v[2], v[3], 0x88), _mm512_shuffle_f32x4(v[2], v[3], 0xdd));
    halves[i] = _mm512_add_ps(_mm512_shuffle_f32x4(first, second, 0x88), _mm512_shuffle_f32x4(first, second, 0xdd));
  }
  const __m512 low = _mm512_unpacklo_ps(halves[0], halves[1]), high = _mm512_unpackhi_ps(halves[0], halves[1]);
  const __m512 pairs = _mm512_add_ps(low, high);
  const __m512 sums = _mm512_add_ps(pairs, _mm512_shuffle_ps(pairs, pairs, 0x4e));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 0, 0, 0, 0, 0, 0, 0, 0);
  return _mm512_castps512_ps256(_mm512_permutexvar_ps(order, sums));
}

#else

inline Lanes lanes_from(int64_t channel, int64_t channels) {
  const __m256i left = _mm256_set1_epi32(static_cast<int>(channels - channel));
  return _mm256_cmpgt_epi32(left, _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline Floats all(float value) { return _mm256_set1_ps(value); }
inline Floats load(const float* source, AllLanes = {}) { return _mm256_loadu_ps(source); }
inline Floats load(const float* source, Lanes lanes) { return _mm256_maskload_ps(source, lanes); }
inline Floats load_bytes(const uint8_t* source) {
  return _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(source))));
}
inline void store(float* target, AllLanes, Floats values) { _mm256_storeu_ps(target, values); }
inline void store(float* target, Lanes lanes, Floats values) { _mm256_maskstore_ps(target, lanes, values); }
inline Floats multiply_add(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }

// Minima and maxima give their second argument if one is NaN.
inline Floats minimum(Floats a, Floats b) { return _mm256_min_ps(a, b); }
inline Floats maximum(Floats a, Floats b) { return _mm256_max_ps(a, b); }

inline Floats rounded(Floats x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }

// x * 2^exponent, for whole exponents; beyond what has an exponent of its own it is 2^126.
inline Floats scaled(Floats x, Floats exponent) {
  const Floats bounded = minimum(all(126.0f), maximum(all(-126.0f), exponent));
  const __m256i bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(bounded), _mm256_set1_epi32(127)), 23);
  return _mm256_mul_ps(x, _mm256_castsi256_ps(bits));
}

// source[i] of each i among the lanes.
inline Floats gather(const float* source, const int32_t* indices, AllLanes) {
  const auto* whole = reinterpret_cast<const __m256i*>(indices);
  return _mm256_i32gather_ps(source, _mm256_loadu_si256(whole), sizeof(float));
}

inline Floats gather(const float* source, const int32_t* indices, Lanes lanes) {
  return _mm256_i32gather_ps(source, _mm256_maskload_epi32(indices, lanes), sizeof(float));
}

// Of two registers in a row, the sums of neighbours.
inline Floats sums_of_pairs(Floats first, Floats second) {
  const __m256d sums = _mm256_castps_pd(_mm256_hadd_ps(first, second));  // 0 of the first, 0 of the second, 1, 1
  return _mm256_castpd_ps(_mm256_permute4x64_pd(sums, 0xd8));
}

// Adds up each of 8 registers.
inline __m256 sums_of(const Floats (&v)[kMaxPixels]) {
  const __m256 first = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
  const __m256 second = _mm256_hadd_ps(_mm256_hadd_ps(v[4], v[5]), _mm256_hadd_ps(v[6], v[7]));
  return _mm256_add_ps(_mm256_permute2f128_ps(first, second, 0x20), _mm256_permute2f128_ps(first, second, 0x31));
}

#endif

// Calls use(first channel, lanes) for one register of channels after another; code that is seldom run is made only once,
// for any lanes.
template <bool kOften, typename Use>
inline void for_registers(int64_t channels, const Use& use) {
  int64_t c = 0;
  if constexpr (kOften && !kLanesAreFree) {
    for (; c + kLanes <= channels; c += kLanes) use(c, AllLanes{});
  }
  for (; c < channels; c += kLanes) use(c, lanes_from(c, channels));
}

// The same where channels may be taken twice: the last register begins earlier, so that all its lanes have channels.
template <bool kOften, typename Use>
inline void for_overlapping_registers(int64_t channels, const Use& use) {
  if constexpr (kOften && !kLanesAreFree) {
    if (channels >= kLanes) {
      for (int64_t c = 0; c < channels; c += kLanes) use(std::min(c, channels - kLanes), AllLanes{});
      return;
    }
  }
  for_registers<false>(channels, use);
}

inline __m256 one_over_root(__m256 x) { return _mm256_div_ps(_mm256_set1_ps(1.0f), _mm256_sqrt_ps(x)); }

// Polynomials of kPixels numbers in each lane: `coefficients` are those of the lowest power, the next power's lie `step`
// further.
template <int kPixels, typename SomeLanes>
inline void polynomials_of(const Floats (&x)[kPixels], const float* coefficients, int64_t degree, int64_t step,
                           SomeLanes lanes, Floats (&result)[kPixels]) {
  coefficients += degree * step;
  const Floats highest = load(coefficients, lanes);
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; p++) result[p] = highest;
  for (int64_t power = degree; power > 0; power--) {
    coefficients -= step;
    const Floats coefficient = load(coefficients, lanes);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) result[p] = multiply_add(result[p], x[p], coefficient);
  }
}

}  // namespace
