// `gguf set`, `remove`, `split` and `merge`: files written again.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EDIT_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EDIT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gguf/split.h"
#include "tools/cli/cli.h"

namespace gguf {

struct EditFlags {
  bool force = false;
  bool dry_run = false;
};

// Each prints the files it wrote (or, in a dry run, would write) with tensors and size.

// `assignments` are KEY=TYPE:VALUE (UsageError when malformed), `removals` keys. An empty `output`
// replaces `input`.
absl::Status EditKeys(const std::string& input, const std::string& output,
                      const std::vector<std::string>& assignments,
                      const std::vector<std::string>& removals, const EditFlags& flags,
                      const CommonOptions& common);

absl::Status Split(const std::string& input, const std::string& prefix, const SplitOptions& split,
                   const EditFlags& flags, const CommonOptions& common);

absl::Status Merge(const std::string& shard, const std::string& output, const EditFlags& flags,
                   const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EDIT_H_
