// Metadata keys below one prefix, read with bounds that errors name.

#ifndef GGUF_TOOLCHAIN_RUNTIME_BOUNDED_KEYS_H_
#define GGUF_TOOLCHAIN_RUNTIME_BOUNDED_KEYS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/keys.h"
#include "gguf/metadata.h"

namespace gguf {

// `metadata` and `prefix` ("llama": keys "llama.block_count", ...) must outlive it. Errors are one
// sentence with key, found and expected.
class BoundedKeys {
 public:
  BoundedKeys(const Metadata& metadata, absl::string_view prefix)
      : metadata_(metadata), prefix_(prefix) {}

  std::string Full(keys::Key key) const { return ArchitectureKey(prefix_, key); }
  bool Has(keys::Key key) const { return metadata_.Has(Full(key)); }

  // An integer from `min` to `max`; `fallback` when the key is absent.
  absl::StatusOr<uint32_t> Uint(keys::Key key, uint64_t min, uint64_t max) const;
  absl::StatusOr<uint32_t> UintOr(keys::Key key, uint64_t min, uint64_t max,
                                  uint32_t fallback) const;

  // A finite number of at least `min`; `fallback` when the key is absent.
  absl::StatusOr<float> FloatOr(keys::Key key, double min, float fallback) const;

  // A positive finite number; `fallback` when the key is absent or 0, as the field writes "none".
  absl::StatusOr<float> PositiveOr(keys::Key key, float fallback) const;

 private:
  const Metadata& metadata_;
  const absl::string_view prefix_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_BOUNDED_KEYS_H_
