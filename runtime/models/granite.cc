// Granite 3: as Llama, with multipliers of embeddings, of scores, of what a layer adds and of
// logits.

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "runtime/config.h"
#include "runtime/models/family.h"

namespace gguf {
namespace {

// The field's sign that no head turns (later Granites).
constexpr absl::string_view kTurns = "granite.rope.scaling.finetuned";

absl::Status RefuseUnturned(const Metadata& metadata, ModelConfig*) {
  if (!metadata.Has(kTurns)) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const bool turns, metadata.GetBool(kTurns));
  if (turns) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      "key ", kTurns, " is false, which stands for a model without rotary positions, expected ",
      "true or none"));
}

}  // namespace

const ModelFamily kGranite = {
    .architecture = "granite",
    .models = "Granite 3",
    .rope = RopeLayout::kPairs,
    .has_scales = true,
    .adjust = RefuseUnturned,
};

}  // namespace gguf
