#include "quantize/encode/distortion.h"

#include <cstdint>
#include <vector>

#include "formats/codec/codec.h"
#include "gguf/tensor_type.h"
#include "quantize/encode/error_weights.h"

namespace gguf {

double WeightedDistortion(TensorType type, EncodeRows encode, const float* rows, size_t num_rows,
                          size_t columns, const float* importance) {
  const TensorTypeInfo& info = InfoOf(type);
  std::vector<uint8_t> blocks(num_rows * columns / info.block_values * info.block_bytes);
  encode(rows, num_rows, columns, importance, blocks.data());
  std::vector<float> decoded(num_rows * columns);
  CodecOf(type).decode(blocks.data(), decoded.size(), decoded.data());
  std::vector<float> weights(columns);
  double sum = 0.0;
  for (size_t r = 0; r < num_rows; ++r) {
    const float* x = rows + r * columns;
    ErrorWeights(type, x, columns, importance, weights.data());
    for (size_t c = 0; c < columns; ++c) {
      const double error = static_cast<double>(x[c]) - decoded[r * columns + c];
      sum += static_cast<double>(weights[c]) * error * error;
    }
  }
  return sum;
}

}  // namespace gguf
