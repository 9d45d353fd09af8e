// Shards opened as one model.

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/zstd_frames.h"
#include "gguf/keys.h"
#include "gguf/limits.h"
#include "gguf/reader.h"
#include "gguf/split.h"

namespace gguf {
namespace {

absl::Status InFile(const GgufFile& file, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat("'", file.name(), "': ", status.message()));
}

// split.count, with 0 and an absent key as 1.
absl::StatusOr<uint32_t> ShardCount(const GgufFile& file) {
  if (!file.metadata().Has(keys::kSplitCount)) return 1;
  const absl::StatusOr<uint64_t> count = file.metadata().GetUint(keys::kSplitCount, kMaxShards);
  if (!count.ok()) return InFile(file, count.status());
  return *count == 0 ? 1 : static_cast<uint32_t>(*count);
}

absl::StatusOr<uint32_t> ShardNumber(const GgufFile& file, uint32_t count) {
  const absl::StatusOr<uint64_t> number = file.metadata().GetUint(keys::kSplitNo, count - 1);
  if (!number.ok()) return InFile(file, number.status());
  return static_cast<uint32_t>(*number);
}

// A sibling must say that it is shard `shard` of `count`.
absl::Status CheckSibling(const GgufFile& file, uint32_t shard, uint32_t count) {
  GGUF_ASSIGN_OR_RETURN(const uint32_t found_count, ShardCount(file));
  GGUF_ASSIGN_OR_RETURN(const uint32_t found,
                        found_count == count ? ShardNumber(file, count) : shard);
  if (found_count == count && found == shard) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "'", file.name(), "' says that it is shard ", found + 1, " of ", found_count, ", expected ",
      shard + 1, " of ", count, "; the files are of different models or were renamed"));
}

// With the ending of the shard that was named, or else the other one.
absl::StatusOr<GgufFile> OpenSibling(absl::string_view prefix, uint32_t shard, uint32_t count,
                                     bool is_compressed) {
  const std::string plain = ShardName(prefix, shard, count);
  const std::string compressed = absl::StrCat(plain, kZstdSuffix);
  absl::StatusOr<GgufFile> file = GgufFile::Open(is_compressed ? compressed : plain);
  if (!absl::IsNotFound(file.status())) return file;
  absl::StatusOr<GgufFile> other = GgufFile::Open(is_compressed ? plain : compressed);
  if (!absl::IsNotFound(other.status())) return other;
  return absl::NotFoundError(
      absl::StrCat("shard ", shard + 1, " of ", count, " is missing: ", file.status().message()));
}

}  // namespace

absl::StatusOr<GgufModel> GgufModel::Open(absl::string_view path) {
  GGUF_ASSIGN_OR_RETURN(GgufFile named, GgufFile::Open(path));
  GGUF_ASSIGN_OR_RETURN(const uint32_t count, ShardCount(named));
  GgufModel model;
  if (count == 1) {
    model.shards_.push_back(std::move(named));
  } else {
    GGUF_ASSIGN_OR_RETURN(const uint32_t number, ShardNumber(named, count));
    GGUF_ASSIGN_OR_RETURN(const std::string prefix, ShardPrefix(path, number, count));
    const bool is_compressed = absl::EndsWith(path, kZstdSuffix);
    for (uint32_t shard = 0; shard < count; ++shard) {
      if (shard == number) {
        model.shards_.push_back(std::move(named));
        continue;
      }
      GGUF_ASSIGN_OR_RETURN(GgufFile sibling, OpenSibling(prefix, shard, count, is_compressed));
      GGUF_RETURN_IF_ERROR(CheckSibling(sibling, shard, count));
      model.shards_.push_back(std::move(sibling));
    }
  }
  GGUF_RETURN_IF_ERROR(model.IndexTensors());
  if (count == 1) return model;

  const GgufFile& first = model.shards_[0];
  const absl::StatusOr<uint64_t> total = first.metadata().GetUint(keys::kSplitTensorsCount);
  if (!total.ok()) return InFile(first, total.status());
  if (*total != model.tensors_.size()) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", first.name(), "': key 'split.tensors.count' is ", *total, ", the ", count,
        " shards hold ", model.tensors_.size(), " tensors; they do not belong together"));
  }
  return model;
}

absl::StatusOr<GgufModel> GgufModel::FromFile(GgufFile file) {
  GgufModel model;
  model.shards_.push_back(std::move(file));
  GGUF_RETURN_IF_ERROR(model.IndexTensors());
  return model;
}

absl::Status GgufModel::IndexTensors() {
  for (size_t shard = 0; shard < shards_.size(); ++shard) {
    for (TensorInfo tensor : shards_[shard].tensors()) {
      tensor.shard = static_cast<uint32_t>(shard);
      const auto [it, inserted] = index_.try_emplace(tensor.name, tensors_.size());
      if (!inserted) {
        return absl::InvalidArgumentError(
            absl::StrCat("tensor '", EscapeText(tensor.name), "' is in '",
                         shards_[tensors_[it->second].shard].name(), "' and again in '",
                         shards_[shard].name(), "', expected once"));
      }
      tensors_.push_back(std::move(tensor));
    }
  }
  return absl::OkStatus();
}

int64_t GgufModel::FindTensor(absl::string_view name) const {
  const auto it = index_.find(name);
  return it == index_.end() ? -1 : static_cast<int64_t>(it->second);
}

}  // namespace gguf
