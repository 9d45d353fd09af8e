#include "formats/vision/gemma3_keys.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"

namespace gguf::gemma3 {

void AddKey(absl::string_view key, Value value, Metadata* metadata,
            std::vector<std::string>* changes) {
  if (metadata->Has(key)) return;
  changes->push_back(absl::StrCat(key, ": added as ", value.ToString()));
  metadata->Set(key, std::move(value));
}

absl::Status AddEngineKeys(Metadata* metadata, std::vector<std::string>* changes) {
  AddKey(kEpsilon, Value(kUsualEpsilon), metadata, changes);
  GGUF_ASSIGN_OR_RETURN(const uint64_t context, metadata->GetUintOr(kContextLength, kLongContext));
  if (context < kLongContext || metadata->Has(kScalingType)) return absl::OkStatus();
  AddKey(kScalingType, Value(kUsualScaling), metadata, changes);
  AddKey(kScalingFactor, Value(kUsualFactor), metadata, changes);
  return absl::OkStatus();
}

}  // namespace gguf::gemma3
