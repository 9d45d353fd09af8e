// Keys that every decoder family writes in the same way.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_METADATA_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_METADATA_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "formats/hf_config.h"
#include "gguf/metadata.h"

namespace gguf {

// Sets <prefix>.block_count, .context_length, .attention.head_count, ... where config.json or the
// defaults have a value, and the <prefix>.rope.* keys.
absl::Status SetCommonMetadata(absl::string_view prefix, const HfConfig& config,
                               Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_COMMON_METADATA_H_
