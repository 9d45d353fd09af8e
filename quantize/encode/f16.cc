#include "quantize/encode/f16.h"

#include <cstring>

#include "gguf/base/float16.h"

namespace gguf {

void EncodeF32(const float* rows, size_t num_rows, size_t columns, const float*, uint8_t* out) {
  std::memcpy(out, rows, num_rows * columns * sizeof(float));
}

void EncodeF16Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                        uint8_t* out) {
  for (size_t i = 0; i < num_rows * columns; ++i) {
    const uint16_t half = F32ToF16(rows[i]);
    std::memcpy(out + i * sizeof(half), &half, sizeof(half));
  }
}

void EncodeBF16Reference(const float* rows, size_t num_rows, size_t columns, const float*,
                         uint8_t* out) {
  for (size_t i = 0; i < num_rows * columns; ++i) {
    const uint16_t half = F32ToBF16(rows[i]);
    std::memcpy(out + i * sizeof(half), &half, sizeof(half));
  }
}

}  // namespace gguf
