// Remembers what words of one text became: most of a text repeats a few thousand words.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_CACHE_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_CACHE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace gguf {

// The ids stay where they are, in the output; the words are views that must stay valid.
class WordCache {
 public:
  // `ids` is the output, to which alone words are appended.
  explicit WordCache(std::vector<int32_t>* ids) : ids_(ids) {}

  // Appends the ids of a word that was stored before; false when it was not.
  bool AppendKnown(absl::string_view word) {
    const auto found = words_.find(word);
    if (found == words_.end()) return false;
    for (size_t i = 0; i < found->second.count; ++i) {
      ids_->push_back((*ids_)[found->second.first + i]);
    }
    return true;
  }

  // `word` became the ids from index `first` to the end of the output.
  void Store(absl::string_view word, size_t first) {
    if (word.size() > kMaxWordBytes || words_.size() >= kMaxWords) return;
    words_.emplace(word, Ids{first, ids_->size() - first});
  }

 private:
  static constexpr size_t kMaxWordBytes = 64;
  static constexpr size_t kMaxWords = size_t{1} << 18;  // 10 MB

  struct Ids {
    size_t first, count;
  };

  std::vector<int32_t>* ids_;
  absl::flat_hash_map<absl::string_view, Ids> words_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_WORD_CACHE_H_
