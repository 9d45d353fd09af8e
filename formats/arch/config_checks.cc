#include "formats/arch/config_checks.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gguf/base/status_macros.h"

namespace gguf {
namespace {

bool IsEqual(const Json& a, const Json& b) {
  if (a.number().has_value() && b.number().has_value()) return *a.number() == *b.number();
  if (a.string() != nullptr && b.string() != nullptr) return *a.string() == *b.string();
  return a.boolean() != nullptr && b.boolean() != nullptr && *a.boolean() == *b.boolean();
}

// The first value that is not `accepted`: `value`, or one of its elements. Null: there is none.
const Json* FindOther(const Json& value, const Json& accepted) {
  if (value.array() == nullptr) return IsEqual(value, accepted) ? nullptr : &value;
  for (const Json& element : *value.array()) {
    if (!IsEqual(element, accepted)) return &element;
  }
  return nullptr;
}

absl::Status CheckValues(const Family& family, const HfConfig& config) {
  for (const ConfigCheck& check : family.config_checks) {
    const Json* value = config.FindValue(check.key);
    if (value == nullptr || value->is_null()) continue;
    GGUF_ASSIGN_OR_RETURN(const Json accepted, ParseJson(check.key, check.accepted));
    const Json* other = FindOther(*value, accepted);
    if (other == nullptr) continue;
    return absl::UnimplementedError(absl::StrCat(
        config.file_name(), ": ", check.key, value->array() == nullptr ? " is " : " has ",
        other->Describe(), ", and for ", config.architecture(), " only ", check.accepted,
        " is supported: a GGUF does not store it, and a runtime would compute another model."));
  }
  return absl::OkStatus();
}

absl::Status CheckActivation(const Family& family, const HfConfig& config) {
  for (const absl::string_view key : {"hidden_activation", "hidden_act"}) {
    const Json* value = config.FindValue(key);
    if (value == nullptr || value->is_null()) continue;
    for (const absl::string_view known : family.activations) {
      if (value->string() != nullptr && *value->string() == known) return absl::OkStatus();
    }
    return absl::UnimplementedError(absl::StrCat(
        config.file_name(), ": ", key, " is ", value->Describe(), ", and for ",
        config.architecture(), " only ", absl::StrJoin(family.activations, ", "),
        " is supported; a GGUF does not store it, and a runtime would compute another."));
  }
  return absl::OkStatus();
}

absl::Status CheckRopeType(const Family& family, const HfConfig& config, const HfRope& rope) {
  if (rope.type.empty()) return absl::OkStatus();
  if (std::find(family.rope_types.begin(), family.rope_types.end(), rope.type) !=
      family.rope_types.end()) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(config.file_name(), ": the rope type \"", rope.type,
                                               "\" is not supported for ", config.architecture(),
                                               "; supported are default, ",
                                               absl::StrJoin(family.rope_types, ", "), "."));
}

// Numbers without which a rope type means nothing, and those that a GGUF has no key for.
struct RopeNeed {
  absl::string_view type;
  absl::string_view key;
  absl::optional<double> HfRope::*field;
};
constexpr RopeNeed kNeeded[] = {
    {"linear", "factor", &HfRope::factor},
    {"yarn", "factor", &HfRope::factor},
    {"dynamic", "factor", &HfRope::factor},
};
constexpr RopeNeed kNotStored[] = {
    {"yarn", "mscale", &HfRope::mscale},
    {"yarn", "mscale_all_dim", &HfRope::mscale_all_dim},
    {"dynamic", "alpha", &HfRope::alpha},
};

absl::Status CheckRopeNumbers(const HfConfig& config, const HfRope& rope) {
  for (const RopeNeed& need : kNeeded) {
    if (need.type != rope.type || (rope.*need.field).value_or(0) > 0) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        config.file_name(), ": the rope type is \"", rope.type, "\" and its ", need.key, " is ",
        (rope.*need.field).has_value() ? absl::StrCat(*(rope.*need.field)) : "missing",
        ", expected a number above 0; correct it in the file."));
  }
  for (const RopeNeed& extra : kNotStored) {
    if (extra.type != rope.type || !(rope.*extra.field).has_value()) continue;
    return absl::UnimplementedError(
        absl::StrCat(config.file_name(), ": the rope type is \"", rope.type, "\" with ", extra.key,
                     " ", *(rope.*extra.field), ", and it is supported only without: a GGUF of ",
                     config.architecture(), " does not store it."));
  }
  return absl::OkStatus();
}

// Dynamic scaling begins behind the trained context. A GGUF says nothing of it, which is right as
// long as its context_length is no longer than that.
absl::Status CheckDynamicRope(const HfConfig& config, const HfRope& rope) {
  if (rope.type != "dynamic" || !rope.original_context.has_value()) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const uint64_t context, config.GetUint("max_position_embeddings"));
  if (*rope.original_context >= static_cast<double>(context)) return absl::OkStatus();
  return absl::UnimplementedError(absl::StrCat(
      config.file_name(), ": the rope type is \"dynamic\" with original_max_position_embeddings ",
      *rope.original_context, ", and max_position_embeddings is ", context,
      ": only the trained context is supported, as a GGUF cannot say how to go on behind it; set "
      "max_position_embeddings to ",
      *rope.original_context, " to convert for that."));
}

absl::Status CheckRope(const Family& family, const HfConfig& config) {
  GGUF_ASSIGN_OR_RETURN(const HfRope rope, config.Rope());
  if (rope.theta.value_or(1) <= 0) {
    return absl::InvalidArgumentError(absl::StrCat(config.file_name(), ": rope_theta is ",
                                                   *rope.theta, ", expected a number above 0; ",
                                                   "correct it in the file."));
  }
  GGUF_RETURN_IF_ERROR(CheckRopeType(family, config, rope));
  GGUF_RETURN_IF_ERROR(CheckRopeNumbers(config, rope));
  GGUF_RETURN_IF_ERROR(CheckDynamicRope(config, rope));
  if (!rope.local_type.empty()) {
    return absl::UnimplementedError(absl::StrCat(
        config.file_name(), ": the rope type of sliding_attention is \"", rope.local_type,
        "\", and only default is supported there: a GGUF scales the layers with full attention."));
  }
  const double part = rope.partial_rotary_factor.value_or(1.0);
  if (part != 1.0 && !family.rotates_parts) {
    return absl::UnimplementedError(absl::StrCat(
        config.file_name(), ": partial_rotary_factor is ", part, ", and only 1 is supported for ",
        config.architecture(), ": a GGUF of it has no rotary size of its own."));
  }
  return absl::OkStatus();
}

// Numbers that every runtime needs; `is_above` says whether 0 is too little.
struct Needed {
  absl::string_view key;
  bool is_above;
};
constexpr Needed kNeededNumbers[] = {
    {"rms_norm_eps", false}, {"layer_norm_eps", false}, {"max_position_embeddings", true}};

absl::Status CheckNumbers(const HfConfig& config) {
  for (const Needed& needed : kNeededNumbers) {
    const Json* value = config.FindValue(needed.key);
    if (value == nullptr) continue;
    const absl::optional<double> number = value->number();
    if (number.has_value() && (needed.is_above ? *number > 0 : *number >= 0)) continue;
    return absl::InvalidArgumentError(absl::StrCat(
        config.file_name(), ": ", needed.key, " is ", value->Describe(), ", expected a number ",
        needed.is_above ? "above 0" : "of at least 0", "; correct it in the file."));
  }
  return absl::OkStatus();
}

absl::Status CheckExperts(const HfConfig& config) {
  GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> experts,
                        config.FindUint({"num_local_experts", "num_experts", "n_routed_experts"}));
  if (experts.value_or(0) == 0) return absl::OkStatus();
  GGUF_ASSIGN_OR_RETURN(const absl::optional<uint64_t> used,
                        config.FindUint({"num_experts_per_tok"}));
  if (used.value_or(0) >= 1 && *used <= *experts) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(config.file_name(), ": num_experts_per_tok is ",
                   used.has_value() ? absl::StrCat(*used) : "missing", ", expected 1 to ", *experts,
                   ", the number of experts; correct it in the file."));
}

}  // namespace

absl::Status CheckFamilyConfig(const Family& family, const HfConfig& config) {
  GGUF_RETURN_IF_ERROR(CheckNumbers(config));
  GGUF_RETURN_IF_ERROR(CheckExperts(config));
  GGUF_RETURN_IF_ERROR(CheckRope(family, config));
  GGUF_RETURN_IF_ERROR(CheckActivation(family, config));
  GGUF_RETURN_IF_ERROR(CheckValues(family, config));
  return family.check_config == nullptr ? absl::OkStatus() : family.check_config(config);
}

}  // namespace gguf
