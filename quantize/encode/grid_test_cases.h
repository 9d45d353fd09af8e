// What the tests of the IQ2 and IQ3 types share.

#ifndef GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_TEST_CASES_H_
#define GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_TEST_CASES_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "quantize/encode/encoder.h"
#include "quantize/encode/encoder_test_cases.h"

namespace gguf {

// `row` encoded and decoded.
template <class Block>
std::vector<float> EncodedAndDecoded(const Encoder& encoder, const std::vector<float>& row,
                                     const float* weights) {
  const std::vector<uint8_t> bytes = EncodeRow(encoder.type, encoder.encode, row, weights);
  std::vector<float> decoded(row.size());
  const auto* blocks = reinterpret_cast<const Block*>(bytes.data());
  for (size_t n = 0; n < row.size() / Block::kValues; ++n) {
    DecodeBlock(blocks[n], decoded.data() + n * Block::kValues);
  }
  return decoded;
}

// sum (x - y)^2 / sum x^2
inline double RelativeSquaredError(const std::vector<float>& x, const std::vector<float>& y) {
  double error = 0.0, norm = 0.0;
  for (size_t i = 0; i < x.size(); ++i) {
    error += (x[i] - y[i]) * (x[i] - y[i]);
    norm += x[i] * x[i];
  }
  return error / norm;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_QUANTIZE_ENCODE_GRID_TEST_CASES_H_
