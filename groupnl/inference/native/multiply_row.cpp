// Rows of pixels through 1x1 convolutions; see pointwise.h.

#include <cstdint>
#include <string>

#include "activations.h"
#include "numbers.h"
#include "pointwise.h"
#include "runs.h"

namespace {

// With the sums of three registers of outputs a run of pixels fills the registers that the CPU has, 32 with AVX-512, else 16.
template <typename Use>
void cut_for_sums(int64_t width, const Use& use) {
  if constexpr (kLanesAreFree) {
    cut(width, use);
  } else {
    cut_into<4, 3, 2, 1>(width, use);
  }
}

// kRegisters registers of outputs, from `first` on, of kPixels pixels in a row; `shortcut` is added unless it is null.
template <int kPixels, int kRegisters, Activation kActivation>
void multiply(const Pointwise& layer, int64_t first, const Element* input, const Element* shortcut, Element* output) {
  Floats sums[kPixels][kRegisters];
#pragma GCC unroll 4
  for (int r = 0; r < kRegisters; r++) {
    const Floats bias = load(layer.bias + (first + r) * kLanes);
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) sums[p][r] = bias;
  }
  const Element* weights = layer.weight + first * layer.panel();
  for (int64_t i = 0; i < layer.inputs; i += Number::kTogether) {
    Number::Pairs columns[kRegisters];
#pragma GCC unroll 4
    for (int r = 0; r < kRegisters; r++) {
      columns[r] = Number::load_pairs(weights + r * layer.panel() + i * kLanes, AllLanes{});
    }
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      const Number::Pairs pixel = Number::repeat(input + p * layer.inputs + i);
#pragma GCC unroll 4
      for (int r = 0; r < kRegisters; r++) sums[p][r] = Number::multiply_add(pixel, columns[r], sums[p][r]);
    }
  }
  const auto finish = [&](int r, auto lanes) __attribute__((always_inline)) {
#pragma GCC unroll 8
    for (int p = 0; p < kPixels; p++) {
      const int64_t place = p * layer.outputs + (first + r) * kLanes;
      Floats sum = sums[p][r];
      if (shortcut) sum += Number::load(shortcut + place, lanes);
      Number::store(output + place, lanes, activate<kActivation>(sum));
    }
  };
#pragma GCC unroll 4
  for (int r = 0; r < kRegisters; r++) {
    const int64_t channel = (first + r) * kLanes;
    if constexpr (!kLanesAreFree) {  // some CPUs store some lanes many times slower than all
      if (channel + kLanes <= layer.outputs) {
        finish(r, AllLanes{});
        continue;
      }
    }
    finish(r, lanes_from(channel, layer.outputs));
  }
}

// A row of pixels: (width, inputs) -> (width, outputs). A panel of weights stays near while all pixels take it.
template <Activation kActivation>
void multiply_row(const Pointwise& layer, int64_t width, const Element* input, const Element* shortcut,
                  Element* output) {
  int64_t first = 0;
  const auto take = [&]<int kTaken>() {
    cut_for_sums(width, [&]<int kPixels>(int64_t column, int64_t runs) {
      for (const int64_t end = column + runs * kPixels; column < end; column += kPixels) {
        const int64_t place = column * layer.outputs;
        multiply<kPixels, kTaken, kActivation>(layer, first, input + column * layer.inputs,
                                               shortcut ? shortcut + place : nullptr, output + place);
      }
    });
    first += kTaken;
  };
  while (first < layer.registers()) {
    const int64_t left = layer.registers() - first;  // four are two and two
    if (left > 4 || left == 3) {
      take.template operator()<3>();
    } else if (left > 1) {
      take.template operator()<2>();
    } else {
      take.template operator()<1>();
    }
  }
}

}  // namespace

groupnl::MultiplyRow groupnl::multiply_row_for(const std::string& activation) {
  return for_activation(activation, []<Activation kActivation>() -> MultiplyRow { return multiply_row<kActivation>; });
}

groupnl::MultiplyRow groupnl::multiply_row_to_gates(const std::string& gate) {
  if (gate == "sigmoid") return multiply_row<Activation::kSigmoid>;
  if (gate == "hardsigmoid") return multiply_row<Activation::kHardsigmoid>;
  STD_TORCH_CHECK(false, "groupnl::gates_layer knows no gate '", gate, "'");
}
