// Whether what a program is about to write fits on the disk.

#ifndef GGUF_TOOLCHAIN_TOOLS_CLI_DISK_SPACE_H_
#define GGUF_TOOLCHAIN_TOOLS_CLI_DISK_SPACE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/types/span.h"

namespace gguf {

// Bytes of a file or folder that need not exist yet. A file that is there already counts as if it
// were not: it is replaced when the new one is complete.
struct DiskNeed {
  std::string path;
  uint64_t bytes = 0;
};

// One sentence for each filesystem, such as "16.8 GiB will be written to models/, where 50.2 GiB
// are free"; or "..., where only 3.1 GiB are free: 13.7 GiB are missing". The folder named is that
// of the first need on it. A filesystem that cannot be asked is described without the free space.
std::vector<std::string> DescribeDiskSpace(absl::Span<const DiskNeed> needs);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_CLI_DISK_SPACE_H_
