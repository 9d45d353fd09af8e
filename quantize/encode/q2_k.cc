#include "quantize/encode/q2_k.h"

#include "quantize/encode/k_affine.h"

namespace gguf {
namespace {

void PackCodes(const uint8_t* codes, BlockQ2_K& block) {
  for (int half = 0; half < 2; ++half) {
    for (int i = 0; i < 32; ++i) {
      const uint8_t* c = codes + 128 * half + i;
      block.qs[32 * half + i] = static_cast<uint8_t>(c[0] | c[32] << 2 | c[64] << 4 | c[96] << 6);
    }
  }
}

}  // namespace

void EncodeQ2_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  BlockQ2_K* block = reinterpret_cast<BlockQ2_K*>(out);
  for (size_t row = 0; row < num_rows; ++row) {
    for (size_t column = 0; column < columns; column += kKValues) {
      uint8_t codes[kKValues];
      EncodeKBlock<Q2_KShape>(rows + row * columns + column,
                              weights != nullptr ? weights + column : nullptr, *block, codes);
      PackCodes(codes, *block++);
    }
  }
}

void EncodeQ2_K(const float* rows, size_t num_rows, size_t columns, const float* weights,
                uint8_t* out) {
  EncodeQ2_KReference(rows, num_rows, columns, weights, out);
}

}  // namespace gguf
