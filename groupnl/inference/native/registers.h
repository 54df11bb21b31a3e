// Arithmetic on registers of 16 float32 numbers, for the kernels: activations, sums, roots, bfloat16.

#pragma once

#include <immintrin.h>

#include <cstdint>

namespace {

constexpr int64_t kLanes = 16;  // float32 numbers in a register
constexpr int kMaxPixels = 8;   // pixels of a row that are computed together

enum class Activation { kNone, kRelu, kRelu6, kHardswish, kSilu };

// Numbers that fill whole registers.
constexpr int64_t whole_registers(int64_t count) { return (count + kLanes - 1) / kLanes * kLanes; }

inline __mmask16 lanes_from(int64_t channel, int64_t channels) {
  return channels - channel >= kLanes ? 0xffff : static_cast<__mmask16>((1u << (channels - channel)) - 1);
}

// 2^x, relative error 3e-6: the whole part goes into the exponent.
inline __m512 exp2(__m512 x) {
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 rest = _mm512_sub_ps(x, whole);
  __m512 sum = _mm512_set1_ps(0.009570102f);
  for (const float power : {0.055917863f, 0.24024744f, 0.69312179f, 0.99999928f}) {
    sum = _mm512_fmadd_ps(sum, rest, _mm512_set1_ps(power));
  }
  return _mm512_scalef_ps(sum, whole);
}

// Minima and maxima give their second argument if one is NaN, so that NaN stays NaN.
template <Activation kActivation>
inline __m512 activate(__m512 x) {
  const __m512 zero = _mm512_setzero_ps(), six = _mm512_set1_ps(6.0f);
  if constexpr (kActivation == Activation::kRelu) return _mm512_max_ps(zero, x);
  if constexpr (kActivation == Activation::kRelu6) return _mm512_min_ps(six, _mm512_max_ps(zero, x));
  if constexpr (kActivation == Activation::kHardswish) {
    const __m512 half = _mm512_set1_ps(0.5f);
    const __m512 line = _mm512_fmadd_ps(x, _mm512_set1_ps(1.0f / 6.0f), half);
    return _mm512_mul_ps(x, _mm512_min_ps(_mm512_set1_ps(1.0f), _mm512_max_ps(zero, line)));
  }
  if constexpr (kActivation == Activation::kSilu) {
    const __m512 one = _mm512_set1_ps(1.0f);
    const __m512 power = exp2(_mm512_mul_ps(x, _mm512_set1_ps(-1.44269504f)));
    return _mm512_mul_ps(x, _mm512_rcp14_ps(_mm512_add_ps(one, power)));  // 6e-5: less than bfloat16 can tell
  }
  return x;
}

inline __m512 load(const uint16_t* source, __mmask16 lanes) {
  const __m512i wide = _mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(lanes, source));
  return _mm512_castsi512_ps(_mm512_slli_epi32(wide, 16));
}

inline void store(uint16_t* target, __mmask16 lanes, __m512 values) {
  _mm256_mask_storeu_epi16(target, lanes, (__m256i)_mm512_cvtneps_pbh(values));
}

// Adds up each of 8 registers.
inline __m256 sums_of(const __m512 (&values)[kMaxPixels]) {
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

// Relative error 1e-8: an estimate, and a step of Newton's.
inline __m256 one_over_root(__m256 x) {
  const __m256 guess = _mm256_rsqrt14_ps(x);
  const __m256 half = _mm256_mul_ps(_mm256_mul_ps(x, _mm256_set1_ps(-0.5f)), guess);
  return _mm256_mul_ps(guess, _mm256_fmadd_ps(half, guess, _mm256_set1_ps(1.5f)));
}

// Polynomials of kPixels numbers in each lane: `coefficients` are those of the lowest power, the next power's lie `step`
// further.
template <int kPixels>
inline void polynomials_of(const __m512 (&x)[kPixels], const float* coefficients, int64_t degree, int64_t step,
                           __mmask16 lanes, __m512 (&result)[kPixels]) {
  coefficients += degree * step;
  const __m512 highest = _mm512_maskz_loadu_ps(lanes, coefficients);
#pragma GCC unroll 8
  for (int p = 0; p < kPixels; p++) result[p] = highest;
  for (int64_t power = degree; power > 0; power--) {
    coefficients -= step;
    const __m512 coefficient = _mm512_maskz_loadu_ps(lanes, coefficients);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) result[p] = _mm512_fmadd_ps(result[p], x[p], coefficient);
  }
}

}  // namespace
