#include "formats/arch/arch.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "formats/arch/bert.h"
#include "formats/arch/common_metadata.h"
#include "formats/arch/config_checks.h"
#include "formats/arch/gemma.h"
#include "formats/arch/gpt_oss.h"
#include "formats/arch/granite.h"
#include "formats/arch/llama.h"
#include "formats/arch/olmo2.h"
#include "formats/arch/phi3.h"
#include "formats/arch/qwen.h"
#include "formats/arch/qwen2vl.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

constexpr const Family* kFamilies[] = {
    &kLlamaFamily,    &kMixtralFamily, &kQwen2Family,  &kQwen2MoeFamily, &kQwen3Family,
    &kQwen3MoeFamily, &kGemma2Family,  &kGemma3Family, &kPhi3Family,     &kGptOssFamily,
    &kBertFamily,     &kGraniteFamily, &kOlmo2Family,  &kQwen2VlFamily,
};

std::string SupportedClasses() {
  std::vector<absl::string_view> names;
  for (const Family* family : kFamilies) {
    for (const ModelClass& model_class : family->classes) names.push_back(model_class.architecture);
  }
  return absl::StrJoin(names, ", ");
}

// What the model_type of the text half of a multimodal model ends in, where it is nested.
constexpr char kTextSuffix[] = "_text";

// The class whose defaults count: config.json's architecture selects the family, its model_type the
// row.
const ModelClass* FindClass(const Family& family, const HfConfig& config) {
  for (const absl::string_view suffix : {"", kTextSuffix}) {
    for (const ModelClass& model_class : family.classes) {
      const bool matches =
          config.model_type().empty()
              ? model_class.architecture == config.architecture()
              : model_class.model_type == absl::StrCat(config.model_type(), suffix);
      if (matches) return &model_class;
    }
  }
  return nullptr;
}

}  // namespace

absl::Span<const Family* const> AllFamilies() { return kFamilies; }

absl::StatusOr<const Family*> ResolveFamily(HfConfig* config) {
  for (const Family* family : kFamilies) {
    const bool is_member =
        std::any_of(family->classes.begin(), family->classes.end(),
                    [&](const ModelClass& c) { return c.architecture == config->architecture(); });
    if (!is_member) continue;
    // An unknown model_type gets no defaults: keys it omits are asked for by name.
    static constexpr ModelClass kUnknown = {"", "", "{}"};
    const ModelClass* found = FindClass(*family, *config);
    const ModelClass& model_class = found == nullptr ? kUnknown : *found;
    GGUF_RETURN_IF_ERROR(config->SetDefaults(model_class.defaults));
    if (family->complete_config != nullptr) {
      GGUF_RETURN_IF_ERROR(family->complete_config(model_class, config));
    }
    return family;
  }
  return absl::UnimplementedError(
      absl::StrCat(config->file_name(), ": the architecture ", config->architecture(),
                   " is not supported; supported are ", SupportedClasses(), "."));
}

absl::StatusOr<ModelSizes> ReadModelSizes(const HfConfig& config) {
  const struct {
    SizeField field;
    absl::string_view key;
  } kSizes[] = {
      {&ModelSizes::layers, "num_hidden_layers"},  {&ModelSizes::vocab, "vocab_size"},
      {&ModelSizes::hidden, "hidden_size"},        {&ModelSizes::feed_forward, "intermediate_size"},
      {&ModelSizes::heads, "num_attention_heads"}, {&ModelSizes::kv_heads, "num_key_value_heads"},
  };
  ModelSizes sizes;
  for (const auto& [field, key] : kSizes) {
    GGUF_ASSIGN_OR_RETURN(sizes.*field, config.GetUint(key));
    if (sizes.*field == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          config.file_name(), ": ", key, " is 0, expected at least 1; correct it in the file."));
    }
  }
  GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> head_dim, config.FindUint({"head_dim"}));
  if (sizes.heads % sizes.kv_heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        config.file_name(), ": num_attention_heads is ", sizes.heads,
        ", which num_key_value_heads ", sizes.kv_heads, " does not divide; correct the file."));
  }
  if (!head_dim.has_value() && sizes.hidden % sizes.heads != 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        config.file_name(), ": hidden_size is ", sizes.hidden, ", which num_attention_heads ",
        sizes.heads, " does not divide, and there is no head_dim; correct the file."));
  }
  sizes.head_dim = head_dim.value_or(sizes.hidden / sizes.heads);
  if (sizes.head_dim == 0 || sizes.head_dim % 2 != 0) {
    return absl::InvalidArgumentError(
        absl::StrCat(config.file_name(), ": the size of a head is ", sizes.head_dim,
                     ", expected an even number; correct head_dim in the file."));
  }
  sizes.query_rows = sizes.heads * sizes.head_dim;  // both below 2^32
  sizes.kv_rows = sizes.kv_heads * sizes.head_dim;
  sizes.qkv_rows = sizes.query_rows + 2 * sizes.kv_rows;
  sizes.twice_feed_forward = 2 * sizes.feed_forward;
  sizes.expert_feed_forward = sizes.feed_forward;
  const struct {
    SizeField field;
    std::vector<absl::string_view> keys;
  } kOptional[] = {
      {&ModelSizes::experts, {"num_local_experts", "num_experts", "n_routed_experts"}},
      {&ModelSizes::expert_feed_forward, {"moe_intermediate_size"}},
      {&ModelSizes::shared_feed_forward, {"shared_expert_intermediate_size"}},
      {&ModelSizes::positions, {"max_position_embeddings"}},
      {&ModelSizes::token_types, {"type_vocab_size"}},
  };
  for (const auto& [field, keys] : kOptional) {
    GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> value, config.FindUint(keys));
    if (value.has_value()) sizes.*field = *value;
  }
  return sizes;
}

absl::Status SetFamilyMetadata(const Family& family, const HfConfig& config,
                               const ModelSizes& sizes, Metadata* metadata) {
  GGUF_RETURN_IF_ERROR(CheckFamilyConfig(family, config));
  GGUF_RETURN_IF_ERROR(SetCommonMetadata(family.name, config, family.omitted_keys, metadata));
  if (family.set_metadata == nullptr) return absl::OkStatus();
  return family.set_metadata(config, sizes, metadata);
}

}  // namespace gguf
