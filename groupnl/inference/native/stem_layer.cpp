// A network's first convolution, from the pixels themselves: they are normalised row by row, which a library does in a
// pass of its own over memory, and the activation follows.
//
// Registered as stem_layer through torch's stable ABI; see operators.py for its arguments.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include <torch/csrc/stable/library.h>
#include <torch/csrc/stable/ops.h>
#include <torch/csrc/stable/tensor.h>

#include "pointwise.h"
#include "tensors.h"

namespace {

constexpr int64_t kColours = 3;

struct Stem {
  Pointwise taps;  // the convolution as a 1x1 convolution of the pixels that it reaches
  MultiplyRow multiply_row;
  int64_t height, width, out_height, out_width, stride, before, after;  // the last two: of padding, both ways
  const float* scale;  // of colours
  const float* shift;
  const uint8_t* pixels;
  Element* output;
};

// Normalised rows of pixels with their padding, each made once.
template <int kKernel>
class Rows {
 public:
  explicit Rows(const Stem& stem)
      : stem_(stem),
        row_((stem.before + stem.width + stem.after) * kColours),
        kept_(kKernel * row_),
        zeros_(row_),
        scale_(stem.width * kColours + kLanes),
        shift_(stem.width * kColours + kLanes) {
    std::fill_n(rows_, kKernel, -1);
    for (int64_t i = 0; i < stem.width * kColours; i++) {
      scale_[i] = stem.scale[i % kColours], shift_[i] = stem.shift[i % kColours];
    }
  }

  // Row `y` of an image, which may be padding.
  const Element* at(int64_t image, int64_t y) {
    if (y < 0 || y >= stem_.height) return zeros_.data();
    const int64_t row = image * stem_.height + y, slot = row % kKernel;
    Element* place = kept_.data() + slot * row_;
    if (rows_[slot] != row) {
      normalise(stem_.pixels + row * stem_.width * kColours, place + stem_.before * kColours);
      rows_[slot] = row;
    }
    return place;
  }

 private:
  void normalise(const uint8_t* pixels, Element* place) const {
    const int64_t numbers = stem_.width * kColours;
    for_registers<true>(numbers, [&](int64_t i, auto lanes) __attribute__((always_inline)) {
      uint8_t last[kLanes];
      const bool is_whole = i + kLanes <= numbers;
      if (!is_whole) std::memcpy(last, pixels + i, numbers - i);
      const Floats values = load_bytes(is_whole ? pixels + i : last);
      Number::store(place + i, lanes, multiply_add(values, load(&scale_[i]), load(&shift_[i])));
    });
  }

  const Stem& stem_;
  int64_t row_;
  std::vector<Element> kept_, zeros_;
  std::vector<float> scale_, shift_;  // of a row's numbers
  int64_t rows_[kKernel];             // that are kept
};

template <int kKernel>
void compute(const Stem& stem, int64_t begin, int64_t end) {
  constexpr int64_t kReach = kKernel * kColours;  // numbers of a row that a result depends on
  Rows<kKernel> rows(stem);
  std::vector<Element> reached(stem.out_width * stem.taps.inputs);
  for (int64_t i = begin; i < end; i++) {
    const int64_t top = i % stem.out_height * stem.stride - stem.before;
    for (int k = 0; k < kKernel; k++) {
      const Element* source = rows.at(i / stem.out_height, top + k);
      Element* target = reached.data() + k * kReach;
      for (int64_t x = 0; x < stem.out_width; x++) {
        std::memcpy(target + x * stem.taps.inputs, source + x * stem.stride * kColours, kReach * sizeof(Element));
      }
    }
    stem.multiply_row(stem.taps, stem.out_width, reached.data(), nullptr,
                      stem.output + i * stem.out_width * stem.taps.outputs);
  }
}

using Compute = void (*)(const Stem&, int64_t, int64_t);

Compute compute_for(int64_t kernel) {
  if (kernel == 3) return compute<3>;
  if (kernel == 5) return compute<5>;
  if (kernel == 7) return compute<7>;
  STD_TORCH_CHECK(false, "groupnl::stem_layer has kernels 3, 5 and 7, not ", kernel);
}

Tensor stem_layer(const Tensor& pixels, const Tensor& scale, const Tensor& shift, const Tensor& weight,
                  const Tensor& bias, int64_t outputs, int64_t kernel, int64_t stride, int64_t before, int64_t after,
                  std::string activation) {
  STD_TORCH_CHECK(pixels.dim() == 4 && pixels.scalar_type() == ScalarType::Byte && pixels.is_cpu() &&
                      pixels.size(1) == kColours,
                  "groupnl::stem_layer: pixels must be uint8 (B, 3, H, W) on the CPU");
  check_array(scale, "scale", ScalarType::Float, kColours);
  check_array(shift, "shift", ScalarType::Float, kColours);
  const Compute compute_rows = compute_for(kernel);
  const int64_t taps = kernel * kernel * kColours;
  Stem stem{};
  stem.taps = pointwise(weight, bias, "weight", (taps + Number::kTogether - 1) / Number::kTogether * Number::kTogether,
                        outputs);
  stem.multiply_row = multiply_row_for(activation);
  stem.height = pixels.size(2), stem.width = pixels.size(3), stem.stride = stride;
  stem.before = before, stem.after = after;
  STD_TORCH_CHECK(stride > 0 && before >= 0 && after >= 0 &&
                      std::min(stem.height, stem.width) + before + after >= kernel,
                  "groupnl::stem_layer: kernel ", kernel, " with stride ", stride, " does not fit into pixels with padding ",
                  before, " and ", after);
  stem.out_height = (stem.height + before + after - kernel) / stride + 1;
  stem.out_width = (stem.width + before + after - kernel) / stride + 1;
  const Tensor input = channels_last(pixels);
  Tensor output = empty_maps({pixels.size(0), outputs, stem.out_height, stem.out_width}, pixels);
  stem.scale = static_cast<const float*>(scale.const_data_ptr());
  stem.shift = static_cast<const float*>(shift.const_data_ptr());
  stem.pixels = static_cast<const uint8_t*>(input.const_data_ptr());
  stem.output = static_cast<Element*>(output.mutable_data_ptr());
  const int64_t results = stem.out_width * outputs;
  torch::stable::parallel_for(0, pixels.size(0) * stem.out_height, worth_a_thread(results, results * taps) + kernel,
                              [&](int64_t begin, int64_t end) { compute_rows(stem, begin, end); });
  return output;
}

}  // namespace

STABLE_TORCH_LIBRARY_FRAGMENT(GROUPNL_NAMESPACE, library) {
  library.def(
      "stem_layer(Tensor pixels, Tensor scale, Tensor shift, Tensor weight, Tensor bias, int outputs, int kernel, int "
      "stride, int before, int after, str activation) -> Tensor");
}

STABLE_TORCH_LIBRARY_IMPL(GROUPNL_NAMESPACE, CPU, library) { library.impl("stem_layer", TORCH_BOX(&stem_layer)); }
