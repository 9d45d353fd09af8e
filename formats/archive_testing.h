// Archives made in place, for tests.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCHIVE_TESTING_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCHIVE_TESTING_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace gguf {

// One header and its bytes. `kind`: '0' a file, '5' a folder, '2' a link, 'x' a pax header, ...
struct TarEntry {
  std::string name;
  std::string bytes;
  char kind = '0';
};

// A header by itself; `size` is what it claims.
std::string TarHeader(absl::string_view name, uint64_t size, char kind);
// Without the end mark.
std::string TarEntries(const std::vector<TarEntry>& entries);
// A whole archive.
std::string MakeTar(const std::vector<TarEntry>& entries);
// "LENGTH KEY=VALUE\n".
std::string PaxRecord(absl::string_view key, absl::string_view value);

// The files of a folder, under "NAME/", sorted by name.
std::vector<TarEntry> EntriesOfFolder(const std::string& folder, absl::string_view name);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCHIVE_TESTING_H_
