// Byte counts: arithmetic that cannot overflow, and sizes as people write them.

#ifndef GGUF_TOOLCHAIN_GGUF_BASE_SIZES_H_
#define GGUF_TOOLCHAIN_GGUF_BASE_SIZES_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace gguf {

// *result = a * b (a + b). False, with *result untouched, when that exceeds 2^64 - 1.
bool CheckedMultiply(uint64_t a, uint64_t b, uint64_t* result);
bool CheckedAdd(uint64_t a, uint64_t b, uint64_t* result);

// The next multiple of `alignment` (a power of two) at or above `value`.
// The caller guarantees that value + alignment does not overflow.
constexpr uint64_t RoundUp(uint64_t value, uint64_t alignment) {
  return (value + alignment - 1) & ~(alignment - 1);
}

// "512MiB", "7.5GiB" are binary; "7.5GB" and a bare "7.5G" decimal; a bare number is bytes.
// Case-insensitive, no sign, no spaces. InvalidArgument with the accepted forms otherwise.
absl::StatusOr<uint64_t> ParseSize(absl::string_view text);

// "118.3 MiB": binary units, one decimal above bytes.
std::string FormatSize(uint64_t bytes);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_BASE_SIZES_H_
