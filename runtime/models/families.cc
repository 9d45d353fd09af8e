#include "absl/strings/str_join.h"
#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr const Family* kFamilies[] = {&kBert, &kGemma2, &kGemma3,   &kGptOss, &kLlama,
                                       &kPhi3, &kQwen2,  &kQwen2Moe, &kQwen3,  &kQwen3Moe};

}  // namespace

absl::Span<const Family* const> AllFamilies() { return kFamilies; }

const Family* FindFamily(absl::string_view architecture) {
  for (const Family* family : kFamilies) {
    if (family->architecture == architecture) return family;
  }
  return nullptr;
}

std::string FamilyNames() {
  return absl::StrJoin(kFamilies, ", ", [](std::string* out, const Family* family) {
    out->append(family->architecture.data(), family->architecture.size());
  });
}

}  // namespace gguf
