// What config.json may say about a model of a known family: keys that a GGUF does not store, with
// the values that its readers take for granted.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_CONFIG_CHECKS_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_CONFIG_CHECKS_H_

#include "absl/status/status.h"
#include "formats/arch/arch.h"
#include "formats/hf_config.h"

namespace gguf {

// Unimplemented, naming the key, what was found and what was expected: a value that the family's
// config_checks do not list, an activation or a rope type it does not know, rotary parameters that
// a GGUF cannot express, and what its check_config refuses. InvalidArgument: a number that
// every runtime needs and that is null or out of range, a rope type without a number it needs.
absl::Status CheckFamilyConfig(const Family& family, const HfConfig& config);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_CONFIG_CHECKS_H_
