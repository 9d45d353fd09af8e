#include "formats/vision/tower_family.h"

#include "absl/strings/str_cat.h"

namespace gguf {
namespace {

constexpr const TowerFamily* kFamilies[] = {&kGemma3Tower, &kQwen2VlTower, &kQwen25VlTower,
                                            &kLlavaTower};

}  // namespace

absl::Span<const TowerFamily* const> AllTowerFamilies() { return kFamilies; }

absl::Status TowerContradiction(absl::string_view origin, const TowerFamily& family,
                                absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(
      origin, ": ", what, "; the file does not describe a vision tower of ", family.title, "."));
}

}  // namespace gguf
