#include "absl/strings/str_join.h"
#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr const ModelFamily* kFamilies[] = {&kBert,    &kGemma2, &kGemma3,  &kGptOss, &kGranite,
                                            &kLlama,   &kOlmo2,  &kPhi3,    &kQwen2,  &kQwen2Moe,
                                            &kQwen2Vl, &kQwen3,  &kQwen3Moe};

}  // namespace

absl::Span<const ModelFamily* const> AllModelFamilies() { return kFamilies; }

const ModelFamily* FindModelFamily(absl::string_view architecture) {
  for (const ModelFamily* family : kFamilies) {
    if (family->architecture == architecture) return family;
  }
  return nullptr;
}

std::string ModelFamilyNames() {
  return absl::StrJoin(kFamilies, ", ", [](std::string* out, const ModelFamily* family) {
    out->append(family->architecture.data(), family->architecture.size());
  });
}

}  // namespace gguf
