// Collects what is legal to read but not right, without letting a hostile file fill memory or a
// screen with it.

#ifndef GGUF_TOOLCHAIN_GGUF_WARNINGS_H_
#define GGUF_TOOLCHAIN_GGUF_WARNINGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/str_cat.h"

namespace gguf {

enum class WarningKind {
  kAlignment,
  kBoolean,
  kText,
  kZeroDimension,
  kPlacement,
  kPadding,
  kArchitecture,
  kCount,
};

class WarningList {
 public:
  static constexpr uint64_t kMaxPerKind = 20;

  // Calls `message` only for the first kMaxPerKind of a kind; later ones are counted.
  void Add(WarningKind kind, absl::FunctionRef<std::string()> message) {
    if (++counts_[static_cast<int>(kind)] <= kMaxPerKind) messages_.push_back(message());
  }

  // One sentence each; for kinds with more than kMaxPerKind another one that counts the rest.
  std::vector<std::string> Take() {
    static constexpr const char* kRest[] = {"bad alignments",
                                            "booleans other than 0 and 1",
                                            "strings that are not UTF-8",
                                            "tensors with a dimension of 0",
                                            "misplaced tensors",
                                            "faults of padding",
                                            "missing architectures"};
    for (int kind = 0; kind < static_cast<int>(WarningKind::kCount); ++kind) {
      if (counts_[kind] <= kMaxPerKind) continue;
      messages_.push_back(absl::StrCat(counts_[kind] - kMaxPerKind, " more ", kRest[kind]));
    }
    return std::move(messages_);
  }

 private:
  uint64_t counts_[static_cast<int>(WarningKind::kCount)] = {};
  std::vector<std::string> messages_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_WARNINGS_H_
