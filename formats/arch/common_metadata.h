// Keys that every decoder family writes in the same way.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_METADATA_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_METADATA_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/hf_config.h"
#include "gguf/metadata.h"

namespace gguf {

// Sets <prefix>.block_count, .context_length, .attention.head_count, ... where config.json or the
// defaults have a value, and the <prefix>.rope.* keys; none whose part behind the prefix is in
// `omitted`.
absl::Status SetCommonMetadata(absl::string_view prefix, const HfConfig& config,
                               absl::Span<const absl::string_view> omitted, Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_METADATA_H_
