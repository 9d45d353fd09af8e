// What a key-value cache is made of: tensor types, cells, bytes, and which programs can do it.

#ifndef GGUF_TOOLCHAIN_RUNTIME_CACHE_TYPES_H_
#define GGUF_TOOLCHAIN_RUNTIME_CACHE_TYPES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "gguf/tensor_type.h"
#include "runtime/config.h"

namespace gguf {

struct CacheOptions {
  uint32_t context = 0;    // tokens of all sequences together, at least 1
  uint32_t batch = 512;    // most tokens reserved at once
  uint32_t sequences = 1;  // most sequences that windows are kept of
  TensorType key_type = TensorType::kF32;
  TensorType value_type = TensorType::kF32;
  bool allows_quantized_sinks = false;  // see CheckCacheTypes
  // Layers from this one on have their keys and values elsewhere (on a device): their cells are
  // counted, but take no bytes.
  uint32_t host_layers = kMaxLayers;
};

// F32, F16, BF16, Q8_0, Q5_1, Q5_0, Q4_1, Q4_0, IQ4_NL: small blocks that are cheap to write.
absl::Span<const TensorType> CacheTypes();

// Case-insensitive. InvalidArgument with the known names.
absl::StatusOr<TensorType> ParseCacheType(absl::string_view name);

// Bytes of `values` values, whole blocks.
uint64_t CacheRowBytes(TensorType type, uint64_t values);

// Cells of a layer with this window (0: full attention), rounded up to 256 (llama.cpp's rule, so
// that sizes compare).
uint64_t CacheCells(uint32_t window, const CacheOptions& options);

// Bytes of the cache: per layer below options.host_layers, cells times the bytes of a row of keys
// and of one of values.
uint64_t CacheBytes(const ModelConfig& config, const CacheOptions& options);

// Whose cache is to hold a model. Other programs lack kernels that this runtime has, and their
// users are better told before a download than by a crash (figures as of August 2026).
enum class CacheTarget {
  kThisRuntime,
  kLlamaCpp,            // on the CPU
  kLlamaCppCuda,        // a default build: one type for keys and values, of few
  kLlamaCppMetal,       // likewise, of more
  kOllama,              // f16, q8_0, q4_0; keys and values alike; flash attention needed
  kOllamaBeforeOct2025  // likewise, and nothing but f16 where attention has sinks (gpt-oss)
};

// "this", "llama.cpp", "llama.cpp-cuda", "llama.cpp-metal", "ollama", "ollama-before-2025-10".
std::vector<std::string> CacheTargetNames();
// InvalidArgument with the known names.
absl::StatusOr<CacheTarget> ParseCacheTarget(absl::string_view name);

// InvalidArgument when a type is none that the target can do, or its blocks do not divide a head
// (naming type, block and head size); FailedPrecondition when the target has no kernel for this
// family's attention with it. Each says the reason and what to use instead.
//
// This runtime can do every type for every family, but what it measures is to hold for the programs
// that will run the file: a quantized cache where attention has sinks (gpt-oss), for which widely
// installed ones have no kernels, is refused unless options.allows_quantized_sinks.
absl::Status CheckCacheTypes(const ModelConfig& config, const CacheOptions& options,
                             CacheTarget target = CacheTarget::kThisRuntime);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_CACHE_TYPES_H_
