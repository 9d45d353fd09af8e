#include "quantize/joined_source.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace gguf {

JoinedSource::JoinedSource(std::vector<const TensorSource*> sources)
    : sources_(std::move(sources)) {
  for (const TensorSource* source : sources_) {
    first_.push_back(tensors_.size());
    tensors_.insert(tensors_.end(), source->tensors().begin(), source->tensors().end());
  }
}

size_t JoinedSource::NumberOf(size_t index) const {
  return std::upper_bound(first_.begin(), first_.end(), index) - first_.begin() - 1;
}

uint32_t JoinedSource::shard_of(size_t index) const {
  return NumberOf(index) == 0 ? sources_[0]->shard_of(index) : 0;
}

bool JoinedSource::is_stream() const {
  return std::any_of(sources_.begin(), sources_.end(),
                     [](const TensorSource* source) { return source->is_stream(); });
}

uint64_t JoinedSource::StreamPosition(size_t index, uint64_t first_row) const {
  const size_t number = NumberOf(index);
  return sources_[number]->StreamPosition(index - first_[number], first_row);
}

absl::Status JoinedSource::ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                                    absl::Span<uint8_t> out) const {
  if (index >= tensors_.size()) {
    return absl::OutOfRangeError(absl::StrCat(name(), ": has no tensor ", index, "."));
  }
  const size_t number = NumberOf(index);
  return sources_[number]->ReadRows(index - first_[number], first_row, num_rows, out);
}

std::vector<std::string> JoinedSource::input_paths() const {
  std::vector<std::string> paths;
  for (const TensorSource* source : sources_) {
    for (std::string& path : source->input_paths()) paths.push_back(std::move(path));
  }
  return paths;
}

std::vector<std::string> JoinedSource::warnings() const {
  std::vector<std::string> warnings;
  for (const TensorSource* source : sources_) {
    for (std::string& warning : source->warnings()) {
      if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end()) {
        warnings.push_back(std::move(warning));
      }
    }
  }
  return warnings;
}

}  // namespace gguf
