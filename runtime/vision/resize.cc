#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "runtime/vision/image.h"

namespace gguf {
namespace {

constexpr int kWeightBits = 22;

// Of every output value, the input values that it is a mean of, and their weights in fixed point.
struct Filter {
  size_t taps;                   // weights kept per output value
  std::vector<uint32_t> first;   // [outputs]
  std::vector<uint32_t> count;   // [outputs], at most `taps`
  std::vector<int32_t> weights;  // [outputs][taps]
};

Filter TriangleFilter(uint32_t inputs, uint32_t outputs) {
  const double scale = static_cast<double>(inputs) / outputs;
  const double reach = std::max(scale, 1.0);
  Filter filter;
  filter.taps = 2 * static_cast<size_t>(std::ceil(reach)) + 1;
  filter.weights.resize(outputs * filter.taps);
  std::vector<double> weights(filter.taps);
  for (uint32_t i = 0; i < outputs; ++i) {
    const double centre = (i + 0.5) * scale;
    const auto begin = static_cast<uint32_t>(std::max(0.0, centre - reach + 0.5));
    const auto end = std::min(inputs, static_cast<uint32_t>(centre + reach + 0.5));
    double sum = 0.0;
    for (uint32_t x = begin; x < end; ++x) {
      const double distance = std::abs((x - centre + 0.5) * (1.0 / reach));
      weights[x - begin] = std::max(0.0, 1.0 - distance);
      sum += weights[x - begin];
    }
    for (uint32_t x = begin; x < end; ++x) {
      const double weight = weights[x - begin] * (1.0 / sum);
      filter.weights[i * filter.taps + (x - begin)] =
          static_cast<int32_t>(0.5 + weight * (1 << kWeightBits));
    }
    filter.first.push_back(begin);
    filter.count.push_back(end - begin);
  }
  return filter;
}

// out[i] for i of a line of pixels `stride` bytes apart, three colours each.
void FilterLine(const Filter& filter, const uint8_t* in, size_t in_stride, uint8_t* out,
                size_t out_stride) {
  for (size_t i = 0; i < filter.first.size(); ++i) {
    const int32_t* weights = filter.weights.data() + i * filter.taps;
    int32_t sums[3] = {1 << (kWeightBits - 1), 1 << (kWeightBits - 1), 1 << (kWeightBits - 1)};
    const uint8_t* pixel = in + filter.first[i] * in_stride;
    for (uint32_t t = 0; t < filter.count[i]; ++t, pixel += in_stride) {
      for (int c = 0; c < 3; ++c) sums[c] += pixel[c] * weights[t];
    }
    for (int c = 0; c < 3; ++c) {
      out[i * out_stride + c] = static_cast<uint8_t>(std::clamp(sums[c] >> kWeightBits, 0, 255));
    }
  }
}

}  // namespace

Image Resize(const Image& image, uint32_t width, uint32_t height) {
  const Filter columns = TriangleFilter(image.width, width);
  const Filter rows = TriangleFilter(image.height, height);
  const size_t in_row = size_t{3} * image.width, out_row = size_t{3} * width;
  std::vector<uint8_t> narrowed(out_row * image.height);
  for (size_t y = 0; y < image.height; ++y) {
    FilterLine(columns, image.pixels.data() + y * in_row, 3, narrowed.data() + y * out_row, 3);
  }
  Image result;
  result.width = width;
  result.height = height;
  result.pixels.resize(out_row * height);
  for (size_t x = 0; x < width; ++x) {
    FilterLine(rows, narrowed.data() + 3 * x, out_row, result.pixels.data() + 3 * x, out_row);
  }
  return result;
}

}  // namespace gguf
