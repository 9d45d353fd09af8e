#include "quantize/encode/q5_k.h"

#include "quantize/encode/k_affine.h"

namespace gguf {
namespace {

void PackCodes(const uint8_t* codes, BlockQ5_K& block) {
  for (int i = 0; i < 32; ++i) {
    int fifth_bits = 0;
    for (int j = 0; j < 8; ++j) fifth_bits |= (codes[32 * j + i] >> 4) << j;
    block.qh[i] = static_cast<uint8_t>(fifth_bits);
  }
  for (int g = 0; g < 4; ++g) {
    for (int i = 0; i < 32; ++i) {
      const uint8_t* c = codes + 64 * g + i;
      block.qs[32 * g + i] = static_cast<uint8_t>((c[0] & 15) | (c[32] & 15) << 4);
    }
  }
}

}  // namespace

void EncodeQ5_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ5_K* block = reinterpret_cast<BlockQ5_K*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t column = 0; column < columns; column += kKValues) {
      uint8_t codes[kKValues];
      EncodeKBlock<Q5_KShape>(rows + row * columns + column,
                              weights != nullptr ? weights + column : nullptr, *block, codes);
      PackCodes(codes, *block++);
    }
  }
}

void EncodeQ5_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  EncodeQ5_KReference(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
