#include "gguf/alignment.h"

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/keys.h"
#include "gguf/limits.h"

namespace gguf {

absl::StatusOr<uint64_t> AlignmentOf(const Metadata& metadata) {
  const Value* value = metadata.Find(keys::kGeneralAlignment);
  if (value == nullptr) return kDefaultAlignment;
  const uint32_t* alignment = std::get_if<uint32_t>(&value->data);
  if (alignment == nullptr) {
    return absl::InvalidArgumentError(absl::StrCat("key 'general.alignment' is of type ",
                                                   NameOf(value->type()), ", expected uint32"));
  }
  if (*alignment == 0 || (*alignment & (*alignment - 1)) != 0 || *alignment > kMaxAlignment) {
    return absl::InvalidArgumentError(absl::StrCat("key 'general.alignment' is ", *alignment,
                                                   ", expected a power of two of at most ",
                                                   kMaxAlignment));
  }
  return *alignment;
}

}  // namespace gguf
