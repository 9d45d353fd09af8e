// Limits of the format as this project reads and writes it; gguf/FORMAT.md says why.

#ifndef GGUF_TOOLCHAIN_GGUF_LIMITS_H_
#define GGUF_TOOLCHAIN_GGUF_LIMITS_H_

#include <cstddef>
#include <cstdint>

namespace gguf {

inline constexpr uint32_t kFormatVersion = 3;  // written; 2 is read too

inline constexpr uint64_t kHeaderBytes = 24;  // magic, version, tensor count, key count
// Smallest key: length 8, one byte, type 4, one byte of value.
inline constexpr uint64_t kMinKeyValueBytes = 14;
// Smallest tensor info: length 8, one byte, rank 4, type 4, offset 8.
inline constexpr uint64_t kMinTensorInfoBytes = 25;

inline constexpr size_t kMaxKeyBytes = 65535;
inline constexpr size_t kMaxTensorNameBytes = 63;  // the reference's buffer of 64 ends in NUL
inline constexpr uint64_t kMaxStringBytes = uint64_t{1} << 30;
inline constexpr uint64_t kMaxArrayElements = uint64_t{1} << 30;
inline constexpr uint32_t kMaxRank = 4;

inline constexpr uint64_t kDefaultAlignment = 32;
inline constexpr uint64_t kMaxAlignment = uint64_t{1} << 20;

inline constexpr uint32_t kMaxShards = 65535;  // split.count is a uint16

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_LIMITS_H_
