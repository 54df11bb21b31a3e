// 1x1 convolutions of rows of pixels, with bias and activation.

#pragma once

#include <cstdint>
#include <string>

#include "numbers.h"
#include "tensors.h"

namespace groupnl {

struct Pointwise {
  int64_t inputs, outputs;
  const Element* weight;  // [register of outputs][step of inputs][output][input of the step]
  const float* bias;      // of whole registers
  int64_t registers() const { return whole_registers(outputs) / kLanes; }
  int64_t panel() const { return inputs * kLanes; }  // numbers of a register of outputs
};

// (width, inputs) -> (width, outputs), plus a shortcut of the result's shape unless it is null; arguments in this order.
using MultiplyRow = void (*)(const Pointwise&, int64_t, const Element*, const Element*, Element*);

// In multiply_row.cpp, which is compiled once for all that multiply.
MultiplyRow multiply_row_for(const std::string& activation);
MultiplyRow multiply_row_to_gates(const std::string& gate);

}  // namespace groupnl

namespace {

using groupnl::multiply_row_for;
using groupnl::multiply_row_to_gates;
using groupnl::MultiplyRow;
using groupnl::Pointwise;

Pointwise pointwise(const Tensor& weight, const Tensor& bias, const char* name, int64_t inputs, int64_t outputs) {
  STD_TORCH_CHECK(inputs % Number::kTogether == 0, "groupnl: ", name, " must have a number of inputs that ",
                  Number::kTogether, " divides, not ", inputs);
  const int64_t registers = whole_registers(outputs) / kLanes;
  check_array(weight, name, Number::kType, inputs * kLanes);
  STD_TORCH_CHECK(outputs > 0 && weight.dim() == 2 && weight.size(0) == registers, "groupnl: ", name,
                  " must be (registers of outputs, inputs * lanes)");
  check_array(bias, "a bias", ScalarType::Float, registers * kLanes);
  STD_TORCH_CHECK(bias.dim() == 1, "groupnl: a bias must be (registers * lanes,)");
  return {inputs, outputs, static_cast<const Element*>(weight.const_data_ptr()),
          static_cast<const float*>(bias.const_data_ptr())};
}

}  // namespace
