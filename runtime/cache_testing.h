// Models and options that tests of the cache are about.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CACHE_TESTING_H_
#define GGUF_TOOLCHAIN_RUNTIME_CACHE_TESTING_H_

#include <cstdint>

#include "runtime/cache_types.h"

namespace gguf {

// `sliding` of the layers have a window of `window` tokens.
inline ModelConfig Config(uint32_t full, uint32_t sliding, uint32_t window, uint32_t kv_heads,
                          uint32_t head_size) {
  ModelConfig config;
  config.family = FindModelFamily("llama");
  config.num_layers = full + sliding;
  config.num_heads = config.num_kv_heads = kv_heads;
  config.key_length = config.value_length = head_size;
  config.windows.assign(full, 0);
  config.windows.insert(config.windows.end(), sliding, window);
  return config;
}

inline CacheOptions Options(uint32_t context, TensorType type) {
  CacheOptions options;
  options.context = context;
  options.key_type = options.value_type = type;
  return options;
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CACHE_TESTING_H_
