#include "gguf/byte_order.h"

#include <algorithm>
#include <bit>

namespace gguf {
namespace {

static_assert(std::endian::native == std::endian::little,
              "reader and writer copy numbers as they lie in memory");

// `count` words of `bytes` bytes, the first at `offset` of a block, each `stride` after the last.
struct Words {
  TensorType type;
  uint16_t offset;
  uint8_t bytes;
  uint8_t count;
  uint8_t stride;
};

// Types that are missing consist of bytes only: I8, MXFP4, NVFP4.
constexpr Words kWords[] = {
    {TensorType::kF32, 0, 4, 1, 4},      {TensorType::kF16, 0, 2, 1, 2},
    {TensorType::kQ4_0, 0, 2, 1, 2},      // d
    {TensorType::kQ4_1, 0, 2, 2, 2},      // d, m
    {TensorType::kQ5_0, 0, 2, 1, 2},      // d
    {TensorType::kQ5_0, 2, 4, 1, 4},      // fifth bits
    {TensorType::kQ5_1, 0, 2, 2, 2},      // d, m
    {TensorType::kQ5_1, 4, 4, 1, 4},      // fifth bits
    {TensorType::kQ8_0, 0, 2, 1, 2},      // d
    {TensorType::kQ8_1, 0, 2, 2, 2},      // d, sum
    {TensorType::kQ2_K, 80, 2, 2, 2},     // d, dmin
    {TensorType::kQ3_K, 108, 2, 1, 2},    // d
    {TensorType::kQ4_K, 0, 2, 2, 2},      // d, dmin
    {TensorType::kQ5_K, 0, 2, 2, 2},      // d, dmin
    {TensorType::kQ6_K, 208, 2, 1, 2},    // d
    {TensorType::kQ8_K, 0, 4, 1, 4},      // d
    {TensorType::kQ8_K, 260, 2, 16, 2},   // sums of 16
    {TensorType::kIQ2_XXS, 0, 2, 1, 2},   // d
    {TensorType::kIQ2_XXS, 6, 4, 8, 8},   // signs and scale of each 32, after their 4 indices
    {TensorType::kIQ2_XS, 0, 2, 33, 2},   // d, indices with signs
    {TensorType::kIQ3_XXS, 0, 2, 1, 2},   // d
    {TensorType::kIQ3_XXS, 66, 4, 8, 4},  // signs and scale of each 32
    {TensorType::kIQ1_S, 0, 2, 1, 2},     // d
    {TensorType::kIQ1_S, 34, 2, 8, 2},    // high index bits, scale, shift
    {TensorType::kIQ4_NL, 0, 2, 1, 2},    // d
    {TensorType::kIQ3_S, 0, 2, 1, 2},     // d
    {TensorType::kIQ2_S, 0, 2, 1, 2},     // d
    {TensorType::kIQ4_XS, 0, 2, 2, 2},    // d, high scale bits
    {TensorType::kI16, 0, 2, 1, 2},      {TensorType::kI32, 0, 4, 1, 4},
    {TensorType::kI64, 0, 8, 1, 8},      {TensorType::kF64, 0, 8, 1, 8},
    {TensorType::kIQ1_M, 48, 2, 4, 2},  // scales, and d in their upper nibbles
    {TensorType::kBF16, 0, 2, 1, 2},     {TensorType::kTQ1_0, 52, 2, 1, 2},  // d
    {TensorType::kTQ2_0, 64, 2, 1, 2},                                       // d
    {TensorType::kQ1_0, 0, 2, 1, 2},                                         // d
    {TensorType::kQ2_0, 0, 2, 1, 2},                                         // d
};

}  // namespace

void SwapBlockBytes(TensorType type, absl::Span<uint8_t> blocks) {
  const size_t block_bytes = InfoOf(type).block_bytes;
  for (const Words& words : kWords) {
    if (words.type != type) continue;
    for (size_t block = 0; block + block_bytes <= blocks.size(); block += block_bytes) {
      uint8_t* word = blocks.data() + block + words.offset;
      for (int i = 0; i < words.count; ++i, word += words.stride) {
        std::reverse(word, word + words.bytes);
      }
    }
  }
}

void SwapWords(size_t word_bytes, absl::Span<uint8_t> bytes) {
  for (size_t i = 0; i + word_bytes <= bytes.size(); i += word_bytes) {
    std::reverse(bytes.begin() + i, bytes.begin() + i + word_bytes);
  }
}

}  // namespace gguf
