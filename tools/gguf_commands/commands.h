// The commands of `gguf`: each does its work on parsed options, prints, and returns a status.

#ifndef GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_COMMANDS_H_
#define GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_COMMANDS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/optional.h"
#include "gguf/io/zstd_compress.h"
#include "tools/cli/cli.h"
#include "tools/gguf_commands/edit.h"

namespace gguf {

// Options of all commands; each uses some.
struct GgufFlags {
  CommonOptions common;
  std::string input, output;  // or A and B, SHARD and OUT, IN and PREFIX
  std::vector<std::string> keys;
  bool tensors = false;
  std::string key_pattern;
  std::string device;
  bool hash = false;
  bool deep = false;
  std::string against;
  absl::optional<double> max_error;
  bool text_only = false;
  std::string image;
  std::string split_max_size;
  uint64_t split_max_tensors = 0;
  bool no_tensor_first_split = false;
  std::string provenance;
  std::vector<std::string> sources;
  std::string tensor;
  bool raw = false;
  int level = kDefaultZstdLevel;
  EditFlags edit;
};

// UsageError for a malformed option value; FoundDifferences when verify found a fault or diff a
// difference.
absl::Status RunInspect(const GgufFlags& flags);
absl::Status RunVerify(const GgufFlags& flags);
absl::Status RunDiff(const GgufFlags& flags);
absl::Status RunSplit(const GgufFlags& flags);
absl::Status RunMerge(const GgufFlags& flags);
absl::Status RunSet(const GgufFlags& flags);
absl::Status RunRemove(const GgufFlags& flags);
absl::Status RunSwapEndian(const GgufFlags& flags);
absl::Status RunExtract(const GgufFlags& flags);
absl::Status RunCompress(const GgufFlags& flags);
absl::Status RunDecompress(const GgufFlags& flags);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_GGUF_COMMANDS_COMMANDS_H_
