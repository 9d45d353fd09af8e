// OLMo 2: norms only behind attention and feed-forward, and over whole queries and keys.

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"
#include "runtime/config.h"
#include "runtime/models/family.h"

namespace gguf {
namespace {

constexpr absl::string_view kNorms[] = {"attn_q_norm.weight", "attn_k_norm.weight"};

// OLMo 3 has the same name of architecture, and layers with windows.
absl::Status RefuseWindows(const Metadata& metadata, ModelConfig* config) {
  const std::string key =
      ArchitectureKey(config->family->architecture, keys::kAttentionSlidingWindow);
  GGUF_ASSIGN_OR_RETURN(const uint64_t window, metadata.GetUintOr(key, 0));
  if (window == 0) return absl::OkStatus();
  return absl::UnimplementedError(
      absl::StrCat("key ", key, " is ", window, ", which stands for OLMo 3, expected 0 or none"));
}

}  // namespace

const ModelFamily kOlmo2 = {
    .architecture = "olmo2",
    .models = "OLMo 2",
    .rope = RopeLayout::kHalves,
    .attn_norm = {},
    .ffn_norm = {},
    .attn_post_norm = "post_attention_norm",
    .ffn_post_norm = "post_ffw_norm",
    .norms_whole_rows = true,
    .required = kNorms,
    .adjust = RefuseWindows,
};

}  // namespace gguf
