#include "formats/hf_config.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "gguf/base/status_macros.h"
#include "gguf/io/file.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxConfigBytes = uint64_t{4} << 20;
constexpr absl::string_view kTextConfig = "text_config";

// Numbers inside rope_parameters / rope_scaling; some files keep them at the top level instead.
struct RopeNumber {
  absl::string_view key;
  absl::optional<double> HfRope::*field;
};
constexpr RopeNumber kRopeNumbers[] = {
    {"rope_theta", &HfRope::theta},
    {"factor", &HfRope::factor},
    {"low_freq_factor", &HfRope::low_freq_factor},
    {"high_freq_factor", &HfRope::high_freq_factor},
    {"original_max_position_embeddings", &HfRope::original_context},
    {"partial_rotary_factor", &HfRope::partial_rotary_factor},
    {"beta_fast", &HfRope::beta_fast},
    {"beta_slow", &HfRope::beta_slow},
    {"extrapolation_factor", &HfRope::extrapolation_factor},
    {"attention_factor", &HfRope::attention_factor},
    {"attn_factor", &HfRope::attention_factor},
    {"mscale", &HfRope::mscale},
    {"mscale_all_dim", &HfRope::mscale_all_dim},
    {"alpha", &HfRope::alpha},
};
constexpr RopeNumber kTopLevelRopeNumbers[] = {
    {"rope_theta", &HfRope::theta},
    {"rope_local_base_freq", &HfRope::local_theta},
    {"original_max_position_embeddings", &HfRope::original_context},
    {"partial_rotary_factor", &HfRope::partial_rotary_factor},
};

const std::string* FirstArchitecture(const Json& config) {
  const Json::Array* names = config.FindArray("architectures");
  return names == nullptr || names->empty() ? nullptr : names->front().string();
}

// Methods whose weights are converted.
constexpr absl::string_view kQuantizationMethods[] = {"mxfp4", "fp8", "fbgemm_fp8"};

absl::Status RefuseQuantized(absl::string_view file_name, const Json& config) {
  const Json* quantization = config.Find("quantization_config");
  if (quantization == nullptr || quantization->is_null()) return absl::OkStatus();
  const std::string* method = quantization->FindString("quant_method");
  if (method != nullptr &&
      std::find(std::begin(kQuantizationMethods), std::end(kQuantizationMethods), *method) !=
          std::end(kQuantizationMethods)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      file_name, ": quantization_config.quant_method is ",
      method == nullptr ? "missing" : absl::StrCat("\"", *method, "\""),
      ": the checkpoint is already quantized, and only plain F32, F16 and BF16 weights, "
      "FP8 and MXFP4 are converted; use the checkpoint it was made from."));
}

}  // namespace

absl::StatusOr<HfConfig> HfConfig::Load(const Folder& folder) {
  if (!folder.exists()) {
    return absl::NotFoundError(absl::StrCat(
        folder.path(),
        KindOf(folder.path()) == PathKind::kNothing ? ": does not exist" : ": is no folder",
        "; name the folder that holds config.json and the safetensors files."));
  }
  if (!HasFile(folder, "config.json") && HasFile(folder, "adapter_config.json")) {
    return absl::InvalidArgumentError(
        absl::StrCat(folder.path(),
                     ": holds a LoRA adapter, not a model; convert --lora-base FOLDER, with the "
                     "folder of the model it belongs to, converts it."));
  }
  if (!HasFile(folder, "config.json")) {
    return absl::NotFoundError(absl::StrCat(
        folder.path(),
        ": has no config.json, so it is not a Hugging Face checkpoint; name the folder "
        "that holds config.json and the safetensors files."));
  }
  const std::string path = JoinPath(folder, "config.json");
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileIn(folder, "config.json", kMaxConfigBytes));
  return Parse(path, text);
}

absl::StatusOr<HfConfig> HfConfig::Parse(absl::string_view file_name, absl::string_view text) {
  HfConfig config;
  config.file_name_ = std::string(file_name);
  GGUF_ASSIGN_OR_RETURN(config.root_, ParseJsonObject(file_name, text));
  config.defaults_ = Json(Json::Object());

  GGUF_RETURN_IF_ERROR(RefuseQuantized(file_name, config.root_));
  const std::string* architecture = nullptr;
  const Json* nested = config.root_.Find(kTextConfig);
  if (nested != nullptr && !nested->is_null()) {
    if (nested->object() == nullptr) return config.WrongType({nested, "text_config"}, "an object");
    GGUF_RETURN_IF_ERROR(RefuseQuantized(file_name, *nested));
    architecture = FirstArchitecture(*nested);
  }
  if (architecture == nullptr) architecture = FirstArchitecture(config.root_);
  if (architecture == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat(file_name,
                     ": has no architectures: [\"...\"], which says what kind of model this is; "
                     "download the model's own config.json."));
  }
  config.architecture_ = *architecture;

  const Found type = config.Find("model_type");
  if (type.value != nullptr) {
    if (type.value->string() == nullptr) return config.WrongType(type, "a text");
    config.model_type_ = *type.value->string();
  }
  return config;
}

absl::Status HfConfig::SetDefaults(absl::string_view json) {
  GGUF_ASSIGN_OR_RETURN(defaults_, ParseJsonObject("built-in defaults", json));
  return absl::OkStatus();
}

void HfConfig::SetDefault(absl::string_view key, uint64_t value) {
  const Found found = Find(key);
  if (found.value != nullptr && !found.value->is_null()) return;
  // A null in the file would be found before any default, so it is overwritten where it stands.
  for (Json* object : {root_.FindMutable(kTextConfig), &root_}) {
    Json* present = object == nullptr ? nullptr : object->FindMutable(key);
    if (present != nullptr) *present = Json(value);
  }
  if (Json* present = defaults_.FindMutable(key)) {
    *present = Json(value);
  } else {
    defaults_.object()->emplace_back(std::string(key), Json(value));
  }
}

const Json* HfConfig::FindValue(absl::string_view key) const { return Find(key).value; }

HfConfig::Found HfConfig::Find(absl::string_view key) const {
  if (const Json* nested = root_.Find(kTextConfig)) {
    if (const Json* value = nested->Find(key)) {
      return {value, absl::StrCat(kTextConfig, ".", key)};
    }
  }
  if (const Json* value = root_.Find(key)) return {value, std::string(key)};
  return {defaults_.Find(key), std::string(key)};
}

absl::Status HfConfig::WrongType(const Found& found, absl::string_view expected) const {
  return absl::InvalidArgumentError(absl::StrCat(file_name_, ": ", found.path, " is ",
                                                 found.value->Describe(), ", expected ", expected,
                                                 "; correct it in the file."));
}

absl::StatusOr<absl::optional<uint64_t>> HfConfig::FindUint(
    absl::Span<const absl::string_view> keys) const {
  for (const absl::string_view key : keys) {
    const Found found = Find(key);
    if (found.value == nullptr) continue;
    if (found.value->is_null()) return absl::optional<uint64_t>();
    const absl::optional<uint64_t> value = found.value->whole_number();
    if (!value.has_value() || *value > std::numeric_limits<uint32_t>::max()) {
      return WrongType(found, "a whole number below 2^32");
    }
    return value;
  }
  return absl::optional<uint64_t>();
}

absl::StatusOr<absl::optional<double>> HfConfig::NumberOf(const Found& found) const {
  if (found.value == nullptr || found.value->is_null()) return absl::optional<double>();
  const absl::optional<double> value = found.value->number();
  if (!value.has_value() || !std::isfinite(static_cast<float>(*value))) {
    return WrongType(found, "a number that fits a 32-bit float");
  }
  return value;
}

absl::StatusOr<absl::optional<double>> HfConfig::FindNumber(
    absl::Span<const absl::string_view> keys) const {
  for (const absl::string_view key : keys) {
    const Found found = Find(key);
    if (found.value != nullptr) return NumberOf(found);
  }
  return absl::optional<double>();
}

absl::StatusOr<uint64_t> HfConfig::GetUint(absl::string_view key) const {
  GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> value, FindUint({key}));
  if (value.has_value()) return *value;
  return absl::InvalidArgumentError(absl::StrCat(file_name_, ": has no ", key,
                                                 ", and there is no default for model_type \"",
                                                 model_type_, "\"; add the key to the file."));
}

absl::StatusOr<bool> HfConfig::GetBoolOr(absl::string_view key, bool fallback) const {
  const Found found = Find(key);
  if (found.value == nullptr || found.value->is_null()) return fallback;
  if (found.value->boolean() == nullptr) return WrongType(found, "true or false");
  return *found.value->boolean();
}

absl::Status HfConfig::SetRopeNumbers(const Found& parameters, HfRope* rope) const {
  for (const RopeNumber& number : kRopeNumbers) {
    const Found found = {parameters.value->Find(number.key),
                         absl::StrCat(parameters.path, ".", number.key)};
    GGUF_ASSIGN_OR_RETURN(const absl::optional<double> value, NumberOf(found));
    if (value.has_value()) rope->*number.field = value;
  }
  return SetRopeType(parameters, &rope->type);
}

absl::Status HfConfig::SetRopeType(const Found& parameters, std::string* type) const {
  for (const absl::string_view key : {"rope_type", "type"}) {
    const Found found = {parameters.value->Find(key), absl::StrCat(parameters.path, ".", key)};
    if (found.value == nullptr || found.value->is_null()) continue;
    if (found.value->string() == nullptr) return WrongType(found, "a text");
    if (*found.value->string() != "default") *type = *found.value->string();
    break;
  }
  return absl::OkStatus();
}

absl::StatusOr<HfRope> HfConfig::Rope() const {
  HfRope rope;
  for (const RopeNumber& number : kTopLevelRopeNumbers) {
    GGUF_ASSIGN_OR_RETURN(const absl::optional<double> value, NumberOf(Find(number.key)));
    rope.*number.field = value;
  }
  Found parameters = Find("rope_parameters");
  if (parameters.value == nullptr || parameters.value->is_null()) {
    parameters = Find("rope_scaling");
  }
  if (parameters.value == nullptr || parameters.value->is_null()) return rope;
  if (parameters.value->object() == nullptr) return WrongType(parameters, "an object or null");

  // Models with two kinds of layers nest one set of parameters for each.
  const Json* full = parameters.value->Find("full_attention");
  if (full == nullptr) {
    GGUF_RETURN_IF_ERROR(SetRopeNumbers(parameters, &rope));
    return rope;
  }
  const Found full_found = {full, absl::StrCat(parameters.path, ".full_attention")};
  if (full->object() == nullptr) return WrongType(full_found, "an object");
  GGUF_RETURN_IF_ERROR(SetRopeNumbers(full_found, &rope));
  if (const Json* local = parameters.value->Find("sliding_attention")) {
    const Found local_found = {local, absl::StrCat(parameters.path, ".sliding_attention")};
    if (local->object() == nullptr) return WrongType(local_found, "an object");
    GGUF_RETURN_IF_ERROR(SetRopeType(local_found, &rope.local_type));
    const Found theta = {local->Find("rope_theta"),
                         absl::StrCat(parameters.path, ".sliding_attention.rope_theta")};
    GGUF_ASSIGN_OR_RETURN(const absl::optional<double> value, NumberOf(theta));
    if (value.has_value()) rope.local_theta = value;
  }
  return rope;
}

absl::optional<uint64_t> HfConfig::TokenId(absl::string_view key) const {
  for (const Json* object : {static_cast<const Json*>(&root_), root_.Find(kTextConfig)}) {
    const Json* value = object == nullptr ? nullptr : object->Find(key);
    if (value != nullptr && value->whole_number().has_value()) return value->whole_number();
  }
  return absl::nullopt;
}

}  // namespace gguf
