#include "quantize/encode/q5_1.h"

#include "quantize/encode/legacy_affine.h"

namespace gguf {

void EncodeQ5_1Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ5_1* blocks = reinterpret_cast<BlockQ5_1*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    EncodeLegacyRow<Q5_1Shape>(rows + row * columns, columns, weights,
                               blocks + row * (columns / kLegacyValues));
  }
}

void EncodeQ5_1(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  EncodeQ5_1Reference(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
