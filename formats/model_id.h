// What the name of a published model says of it: "Llama-3.1-8B-Instruct-v2".

#ifndef GGUF_TOOLCHAIN_FORMATS_MODEL_ID_H_
#define GGUF_TOOLCHAIN_FORMATS_MODEL_ID_H_

#include <string>

#include "absl/strings/string_view.h"

namespace gguf {

// The versions in a model's name, joined by '-': of the words between its '-', those that are a
// number with or without "v" or "iter" before it ("v0.1", "3", "iter2"), other than those that end
// up in the base name: "Mistral-7B-v0.1" gives "v0.1", and "Llama-3-8B" nothing, its base name
// being "Llama-3". Empty for a name with spaces, which is made for people. The rules are those of
// gguf-py (August 2026) for a model of unknown size.
std::string VersionInName(absl::string_view name);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_MODEL_ID_H_
