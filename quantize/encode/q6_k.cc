#include "quantize/encode/q6_k.h"

#include <cmath>
#include <cstring>

#include "formats/codec/q6_k.h"
#include "gguf/base/float16.h"
#include "quantize/encode/signed_search.h"

namespace gguf {
namespace {

constexpr size_t kValues = BlockQ6_K::kValues;
constexpr size_t kSubBlocks = 16;
constexpr size_t kSubValues = 16;

// Block scale and 8-bit sub-scales. False when the block is zero.
bool QuantizeScales(const float* scales, BlockQ6_K& block) {
  const float largest = FirstLargest(scales, kSubBlocks);
  if (std::fabs(largest) < kTinyMagnitude) return false;
  const float inverse = -128.0f / largest;
  block.d = F32ToF16(1.0f / inverse);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const int32_t scale = RintByMagic(inverse * scales[b]);
    block.scales[b] = static_cast<int8_t>(scale < 127 ? scale : 127);
  }
  return true;
}

// Rounds again against the scales as they are stored; a sub-block whose scale became 0 keeps the
// codes of its search.
void RoundToStoredScales(const float* x, const BlockQ6_K& block, uint8_t* codes) {
  const float d = F16ToF32(block.d);
  for (size_t b = 0; b < kSubBlocks; ++b) {
    const float scale = d * static_cast<float>(block.scales[b]);
    if (scale == 0.0f) continue;
    for (size_t i = b * kSubValues; i < (b + 1) * kSubValues; ++i) {
      codes[i] = static_cast<uint8_t>(ClampCode(RintByMagic(x[i] / scale), -32, 31) + 32);
    }
  }
}

void PackCodes(const uint8_t* codes, BlockQ6_K& block) {
  for (size_t h = 0; h < 2; ++h) {
    for (size_t l = 0; l < 32; ++l) {
      const uint8_t* q = codes + 128 * h + l;
      block.ql[64 * h + l] = (q[0] & 15) | (q[64] & 15) << 4;
      block.ql[64 * h + 32 + l] = (q[32] & 15) | (q[96] & 15) << 4;
      block.qh[32 * h + l] = q[0] >> 4 | (q[32] >> 4) << 2 | (q[64] >> 4) << 4 | (q[96] >> 4) << 6;
    }
  }
}

}  // namespace

void EncodeQ6_KReference(const float* rows, size_t num_rows, size_t columns, const float* weights,
                         uint8_t* out) {
  auto* blocks = reinterpret_cast<BlockQ6_K*>(out);
  const size_t num_blocks = num_rows * columns / kValues;
  for (size_t n = 0; n < num_blocks; ++n) {
    const float* x = rows + n * kValues;
    const float* importance = weights != nullptr ? weights + n * kValues % columns : nullptr;
    float scales[kSubBlocks];
    uint8_t codes[kValues];
    for (size_t b = 0; b < kSubBlocks; ++b) {
      const size_t first = b * kSubValues;
      scales[b] = SearchSigned(kSubValues, 32, x + first,
                               importance != nullptr ? importance + first : nullptr, codes + first);
    }
    if (!QuantizeScales(scales, blocks[n])) {
      std::memset(&blocks[n], 0, sizeof(BlockQ6_K));
      continue;
    }
    RoundToStoredScales(x, blocks[n], codes);
    PackCodes(codes, blocks[n]);
  }
}

}  // namespace gguf
