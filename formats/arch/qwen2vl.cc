#include "formats/arch/qwen2vl.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "formats/arch/common_tensors.h"
#include "gguf/base/status_macros.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

namespace ct = common_tensors;

constexpr absl::string_view kDefaults = R"({
    "vocab_size": 152064, "hidden_size": 8192, "intermediate_size": 29568,
    "num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8,
    "max_position_embeddings": 32768, "rms_norm_eps": 1e-5, "rope_theta": 1000000.0,
    "tie_word_embeddings": false})";
constexpr ModelClass kClasses[] = {
    {"Qwen2VLForConditionalGeneration", "qwen2_vl_text", kDefaults},
    {"Qwen2_5_VLForConditionalGeneration", "qwen2_5_vl_text", kDefaults},
};

constexpr absl::Span<const TensorRule> kTensors[] = {ct::kEmbedding, ct::kOutput, ct::kNorms,
                                                     ct::kBiasedAttention, ct::kFeedForward};

// How the angles of a position in a picture are spread is `mrope_section`; numbers of text are
// those of no scaling.
constexpr absl::string_view kRopeTypes[] = {"mrope"};
constexpr absl::string_view kActivations[] = {"silu"};
constexpr ConfigCheck kConfigChecks[] = {{"layer_types", "\"full_attention\""},
                                         {"use_sliding_window", "false"}};
constexpr size_t kMaxSections = 4;  // time, height, width, and one that is not used

absl::StatusOr<std::vector<int32_t>> RopeSections(const HfConfig& config) {
  for (const absl::string_view name : {"rope_parameters", "rope_scaling"}) {
    const Json* parameters = config.FindValue(name);
    const Json* found = parameters == nullptr ? nullptr : parameters->Find("mrope_section");
    if (found == nullptr) continue;
    std::vector<int32_t> sections;
    for (const Json& section : found->array() == nullptr ? Json::Array() : *found->array()) {
      const uint64_t size = section.whole_number().value_or(uint64_t{1} << 32);
      if (size < uint64_t{1} << 16) sections.push_back(static_cast<int32_t>(size));
    }
    if (!sections.empty() && sections.size() == found->array()->size() &&
        sections.size() <= kMaxSections) {
      sections.resize(kMaxSections);
      return sections;
    }
    return absl::InvalidArgumentError(
        absl::StrCat(config.file_name(), ": ", name, ".mrope_section is ", found->Describe(),
                     ", expected at most four whole numbers; correct it in the file."));
  }
  return absl::InvalidArgumentError(absl::StrCat(
      config.file_name(), ": has no mrope_section in rope_parameters or rope_scaling, ",
      "which says how positions turn into angles; download the file again."));
}

absl::Status SetMetadata(const HfConfig& config, const ModelSizes&, Metadata* metadata) {
  GGUF_ASSIGN_OR_RETURN(std::vector<int32_t> sections, RopeSections(config));
  metadata->Set(ArchitectureKey(kQwen2VlFamily.name, keys::kRopeDimensionSections),
                Array{std::move(sections)});
  return absl::OkStatus();
}

}  // namespace

constexpr Family kQwen2VlFamily = {.name = "qwen2vl",
                                   .classes = kClasses,
                                   .tensors = kTensors,
                                   .rope_types = kRopeTypes,
                                   .config_checks = kConfigChecks,
                                   .activations = kActivations,
                                   .set_metadata = SetMetadata};

}  // namespace gguf
