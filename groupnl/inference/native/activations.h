// Activations of numbers in registers, and the choice of one by its name.

#pragma once

#include <string>

#include <torch/csrc/stable/library.h>

#include "numbers.h"

namespace {

enum class Activation { kNone, kRelu, kRelu6, kHardswish, kSilu, kSigmoid, kHardsigmoid };

// 2^x, relative error 2e-7: the whole part goes into the exponent. Infinities have no rest, so they are taken for numbers
// whose powers are as far off; NaN stays NaN.
inline Floats exp2(Floats any) {
  const Floats x = minimum(all(1000.0f), maximum(all(-1000.0f), any));
  const Floats whole = rounded(x);
  const Floats rest = x - whole;
  Floats sum = all(1.54035304e-4f);
  for (const float power : {1.33335581e-3f, 9.61812911e-3f, 5.55041087e-2f, 2.40226507e-1f, 6.93147181e-1f, 1.0f}) {
    sum = multiply_add(sum, rest, all(power));
  }
  return scaled(sum, whole);
}

// NaN stays NaN.
template <Activation kActivation>
inline Floats activate(Floats x) {
  const Floats zero = all(0.0f), one = all(1.0f), six = all(6.0f);
  if constexpr (kActivation == Activation::kRelu) return maximum(zero, x);
  if constexpr (kActivation == Activation::kRelu6) return minimum(six, maximum(zero, x));
  if constexpr (kActivation == Activation::kHardswish) {
    return x * activate<Activation::kHardsigmoid>(x);
  }
  if constexpr (kActivation == Activation::kSilu) return Number::quotient(x, one + exp2(x * all(-1.44269504f)));
  if constexpr (kActivation == Activation::kSigmoid) return Number::quotient(one, one + exp2(x * all(-1.44269504f)));
  if constexpr (kActivation == Activation::kHardsigmoid) {
    return minimum(one, maximum(zero, multiply_add(x, all(1.0f / 6.0f), all(0.5f))));
  }
  return x;
}

// What `use` gives for the activation of this name, which is its template argument; gates are not among them.
template <typename Use>
auto for_activation(const std::string& name, const Use& use) {
  if (name == "none") return use.template operator()<Activation::kNone>();
  if (name == "relu") return use.template operator()<Activation::kRelu>();
  if (name == "relu6") return use.template operator()<Activation::kRelu6>();
  if (name == "hardswish") return use.template operator()<Activation::kHardswish>();
  if (name == "silu") return use.template operator()<Activation::kSilu>();
  STD_TORCH_CHECK(false, "groupnl knows no activation '", name, "'");
}

}  // namespace
