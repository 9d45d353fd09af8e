// Metadata values as people type them: KEY=TYPE:VALUE.

#ifndef GGUF_TOOLCHAIN_GGUF_EDIT_PARSE_VALUE_H_
#define GGUF_TOOLCHAIN_GGUF_EDIT_PARSE_VALUE_H_

#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gguf/metadata.h"

namespace gguf {

// "general.name=string:My model" -> {"general.name", "My model"}. The key ends at the first '=',
// the type at the first ':' behind it.
//
// Types are those of the format (uint8 ... float64, bool, string), with the short forms u8 i8 u16
// i16 u32 i32 u64 i64 f32 f64 str, and int (int32) and float (float32). TYPE[] is an array, its
// elements separated by commas: "a=uint32[]:1,2,3"; within strings of an array "\," is a comma and
// "\\" a backslash. Booleans are true and false.
// InvalidArgument names the key, what was found and what is accepted: an unknown type, a number
// that does not fit its type, text that is not UTF-8.
absl::StatusOr<std::pair<std::string, Value>> ParseKeyValue(absl::string_view text);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_EDIT_PARSE_VALUE_H_
