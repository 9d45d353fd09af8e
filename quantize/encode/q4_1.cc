#include "quantize/encode/q4_1.h"

#include "quantize/encode/legacy_affine.h"

namespace gguf {

void EncodeQ4_1Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ4_1* blocks = reinterpret_cast<BlockQ4_1*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    EncodeLegacyRow<Q4_1Shape>(rows + row * columns, columns, weights,
                               blocks + row * (columns / kLegacyValues));
  }
}

void EncodeQ4_1(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  EncodeQ4_1Reference(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
