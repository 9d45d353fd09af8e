// The general.* keys of a converted checkpoint: what they say, and how a user overrides them.

#ifndef GGUF_TOOLCHAIN_FORMATS_GENERAL_METADATA_H_
#define GGUF_TOOLCHAIN_FORMATS_GENERAL_METADATA_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/tensor_source.h"
#include "gguf/metadata.h"

namespace gguf {

// A name for people from that of a folder: "llama-trained" gives "Llama Trained". Words end at '-',
// '_' and spaces. In a word of lower case that is no version ("v2.1") and begins with no digit,
// every letter that does not follow a letter becomes upper case ("qwen3moe": "Qwen3Moe"); others
// stay.
//
// `separators` are what words end at.
std::string ModelNameOf(absl::string_view folder_name, absl::string_view separators = "-_ ");

// "7.0B", "13B", "394K"; with experts "8x7.0B": the number of experts, and the parameters of the
// model as if it had one. Two digits at least, thousands at least.
std::string SizeLabel(absl::Span<const SourceTensor> tensors);

// general.file_type of a conversion that keeps the checkpoint's precision: that of the first tensor
// that is not always F32 (convert_rules.h); F16 when there is none or it is neither BF16 nor F16.
uint32_t FileTypeOf(absl::Span<const SourceTensor> tensors);

// Sets the keys of the JSON object `text`: general.* and tokenizer.chat_template. A text becomes a
// string, a whole number a uint32, another number a float32, true and false a bool, a list of texts
// an array. InvalidArgument, naming `file_name` and the key, for any other key or value, and for
// what conversion determines: architecture, type, file_type, quantization_version.
absl::Status SetOverrides(absl::string_view file_name, absl::string_view text, Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_GENERAL_METADATA_H_
