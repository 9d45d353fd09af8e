// SHA-256 (FIPS 180-4), by OpenSSL.

#ifndef GGUF_TOOLCHAIN_FORMATS_SHA256_H_
#define GGUF_TOOLCHAIN_FORMATS_SHA256_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"

struct evp_md_ctx_st;

namespace gguf {

// Digest of bytes that arrive in pieces. Not thread-safe, not copied.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void Update(absl::Span<const uint8_t> bytes);

  // 64 lower-case hexadecimal digits, and a fresh start.
  std::string HexDigest();

 private:
  evp_md_ctx_st* context_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_SHA256_H_
