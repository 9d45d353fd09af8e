// The front matter of a Markdown file: YAML between two lines "---" at its beginning.
//
// Of YAML only what model cards need is understood: keys at the start of a line with a text, or a
// list of texts and of objects that have texts. A text is plain or quoted, of one line or several,
// or a block after "|" or ">". Anything else (anchors, objects in objects, lists in lists) is
// passed over.

#ifndef GGUF_TOOLCHAIN_FORMATS_FRONT_MATTER_H_
#define GGUF_TOOLCHAIN_FORMATS_FRONT_MATTER_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"

namespace gguf {

// A text, or an object: then `fields` are those of its keys that have a text, in file order.
struct FrontMatterItem {
  std::string text;
  std::vector<std::pair<std::string, std::string>> fields = {};
  bool is_object = false;
};

// A key with its value; a single text is a list of one, an empty list is no value.
struct FrontMatterEntry {
  std::string key;
  std::vector<FrontMatterItem> items;
};

// The keys whose values are understood, in file order; empty without front matter. Takes time and
// memory in proportion to `text`. `fault`, unless null, becomes what is no YAML at all ("the value
// of \"license\" is no YAML"), empty when nothing is.
std::vector<FrontMatterEntry> ParseFrontMatter(absl::string_view text,
                                               std::string* fault = nullptr);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_FRONT_MATTER_H_
