#include "quantize/encode/q5_0.h"

#include <cmath>

#include "formats/codec/q5_0.h"
#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr size_t kValues = BlockQ5_0::kValues;

void Pack(const uint8_t* codes, BlockQ5_0& block) {
  uint32_t qh = 0;
  for (size_t i = 0; i < kValues; ++i) qh |= static_cast<uint32_t>(codes[i] >> 4) << i;
  block.qh = qh;
  for (size_t j = 0; j < 16; ++j) block.qs[j] = (codes[j] & 15) | (codes[j + 16] & 15) << 4;
}

void EncodePlainBlock(const float* x, BlockQ5_0& block) {
  const float d = FirstLargest(x, kValues) / -16.0f;
  const float id = d != 0.0f ? 1.0f / d : 0.0f;
  block.d = F32ToF16(d);
  uint8_t codes[kValues];
  for (size_t i = 0; i < kValues; ++i) {
    // The inverse of a subnormal d can be infinite; its codes are 0.
    const int code = std::isinf(id) ? 0 : static_cast<int>(x[i] * id + 16.5f);
    codes[i] = static_cast<uint8_t>(code < 31 ? code : 31);
  }
  Pack(codes, block);
}

void EncodeWeightedBlock(const float* x, const float* weights, float sigma2, BlockQ5_0& block) {
  float w[kValues];
  for (size_t i = 0; i < kValues; ++i) w[i] = ImportanceWeight(weights[i], sigma2, x[i]);
  uint8_t codes[kValues];
  block.d = F32ToF16(SearchSigned(kValues, 16, x, w, codes));
  Pack(codes, block);
}

}  // namespace

void EncodeQ5_0Reference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  auto* block = reinterpret_cast<BlockQ5_0*>(out);
  for (size_t r = 0; r < num_rows; ++r) {
    const float* row = rows + r * columns;
    const float sigma2 =
        weights != nullptr ? SumOfSquares(row, columns) / static_cast<float>(columns) : 0.0f;
    for (size_t c = 0; c < columns; c += kValues) {
      if (weights != nullptr) {
        EncodeWeightedBlock(row + c, weights + c, sigma2, *block++);
      } else {
        EncodePlainBlock(row + c, *block++);
      }
    }
  }
}

}  // namespace gguf
