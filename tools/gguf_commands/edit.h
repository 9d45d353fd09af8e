// `gguf set`, `remove`, `split`, `merge` and `swap-endian`: files written again.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EDIT_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EDIT_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gguf/split.h"
#include "tools/cli/cli.h"
#include "tools/report/result.pb.h"

namespace gguf {

struct EditFlags {
  bool force = false;
  bool dry_run = false;
};

// Prints the files that were written (or, in a dry run, would be) with tensors and size, as text or
// JSON.
absl::Status PrintEdit(const gguf_toolchain::EditResult& result, const CommonOptions& common);

// Each writes and prints.

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

// One file, or one shard by itself, in the other byte order.
absl::Status SwapEndian(const std::string& input, const std::string& output, const EditFlags& flags,
                        const CommonOptions& common);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_EDIT_H_
