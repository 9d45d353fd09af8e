// Texts and objects as YAML writes them, in the forms that front_matter.h names.

#ifndef GGUF_TOOLCHAIN_FORMATS_YAML_TEXT_H_
#define GGUF_TOOLCHAIN_FORMATS_YAML_TEXT_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"

namespace gguf {

// Where a value stands: what follows its key or its "-" in the same line, and the lines below that
// belong to it, without white space at their ends. Those may be blank.
struct YamlValue {
  absl::string_view first;
  absl::Span<const absl::string_view> rest;
  size_t indent;  // of what the value belongs to: its lines are further in
};

// Whether nothing but a comment follows.
bool IsYamlEnd(absl::string_view rest);

// White space at the front of a line, in bytes.
size_t YamlIndent(absl::string_view line);

// Takes "key:" off the front of `line`: letters, digits, '_' and '-' before a colon that ends the
// line or has white space after it.
absl::optional<std::string> TakeYamlKey(absl::string_view* line);

// A plain, quoted or block text. nullopt for null and for what is no text.
absl::optional<std::string> YamlText(const YamlValue& value);

// "[a, 'b']"; empty when it is anything else.
std::vector<std::string> YamlTextsInBrackets(const YamlValue& value);

// "{a: b, c: 'd'}", or keys below one another, the first of them in `value.first` and `column`
// bytes from the start of the line. Fields without a text are left out. nullopt when it is anything
// else.
using YamlFields = std::vector<std::pair<std::string, std::string>>;
absl::optional<YamlFields> YamlObject(const YamlValue& value, size_t column);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_YAML_TEXT_H_
