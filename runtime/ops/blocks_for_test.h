// Random blocks of weights for tests of products.

#ifndef GGUF_TOOLCHAIN_RUNTIME_OPS_BLOCKS_FOR_TEST_H_
#define GGUF_TOOLCHAIN_RUNTIME_OPS_BLOCKS_FOR_TEST_H_

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "formats/codec/codec.h"
#include "gguf/tensor_type.h"

namespace gguf {

// Blocks of random bytes without Inf and NaN, whose values are not huge.
inline std::vector<uint8_t> RandomBlocks(TensorType type, size_t num_values, uint32_t seed) {
  const TensorTypeInfo& info = InfoOf(type);
  const Codec& codec = CodecOf(type);
  std::vector<uint8_t> blocks(num_values / info.block_values * info.block_bytes);
  std::vector<float> values(info.block_values);
  std::mt19937 random(seed);
  for (size_t at = 0; at < blocks.size(); at += info.block_bytes) {
    for (bool is_good = false; !is_good;) {
      for (size_t i = 0; i < info.block_bytes; ++i) blocks[at + i] = random() & 0xFF;
      is_good = codec.find_bad_block(&blocks[at], 1) == 1;
      codec.decode_reference(&blocks[at], info.block_values, values.data());
      for (const float value : values) is_good = is_good && std::abs(value) < 1e3f;
    }
  }
  return blocks;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_OPS_BLOCKS_FOR_TEST_H_
