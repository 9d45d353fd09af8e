#include "formats/lora_adapter.h"

#include <cmath>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/types/optional.h"
#include "formats/arch/arch.h"
#include "formats/arch/tensor_map.h"
#include "formats/archive.h"
#include "formats/describe.h"
#include "formats/folder.h"
#include "formats/hf_config.h"
#include "formats/json.h"
#include "formats/name_list.h"
#include "formats/scaled_tensors.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr absl::string_view kConfigName = "adapter_config.json";
constexpr absl::string_view kWeightsName = "adapter_model.safetensors";
constexpr absl::string_view kPickleName = "adapter_model.bin";
constexpr absl::string_view kModelPrefix = "base_model.model.";
constexpr uint64_t kMaxConfigBytes = uint64_t{4} << 20;

constexpr struct {
  absl::string_view suffix;
  bool is_a;
  bool is_embedding;
} kHalves[] = {
    {".lora_A.weight", true, false},
    {".lora_B.weight", false, false},
    {".lora_embedding_A", true, true},
    {".lora_embedding_B", false, true},
};

// Features of PEFT that change what A and B mean, with the values under which they do not.
absl::Status CheckVariant(const std::string& path, const Json& config) {
  const auto refuse = [&](absl::string_view key, absl::string_view why) {
    return absl::UnimplementedError(
        absl::StrCat(path, ": ", key, " is ", config.Find(key)->Describe(), ", ", why));
  };
  const std::string* type = config.FindString("peft_type");
  if (type == nullptr || *type != "LORA") {
    return absl::UnimplementedError(absl::StrCat(
        path, ": peft_type is ", type == nullptr ? "missing" : absl::StrCat("\"", *type, "\""),
        ", and only LORA adapters can be stored in a GGUF; merge it into its model instead "
        "(merge_and_unload in PEFT) and convert that."));
  }
  for (const absl::string_view key : {"use_dora", "fan_in_fan_out", "lora_bias"}) {
    if (config.FindTrue(key)) {
      return refuse(key,
                    "which a GGUF cannot express; merge the adapter into its model instead "
                    "(merge_and_unload in PEFT) and convert that.");
    }
  }
  for (const absl::string_view key : {"modules_to_save", "alpha_pattern", "layer_replication",
                                      "alora_invocation_tokens", "trainable_token_indices"}) {
    const Json* value = config.Find(key);
    if (value == nullptr || value->is_null()) continue;
    if (value->array() != nullptr && value->array()->empty()) continue;
    if (value->object() != nullptr && value->object()->empty()) continue;
    return refuse(key,
                  "which an adapter in a GGUF cannot express; merge the adapter into its model "
                  "instead (merge_and_unload in PEFT) and convert that.");
  }
  const std::string* bias = config.FindString("bias");
  if (bias != nullptr && *bias != "none") {
    return refuse("bias", "and a GGUF adapter has no biases; merge it into its model instead.");
  }
  const std::string* init = config.FindString("init_lora_weights");
  for (const absl::string_view changed : {"pissa", "olora", "corda", "loftq"}) {
    if (init != nullptr && absl::StartsWith(*init, changed)) {
      return refuse("init_lora_weights",
                    "so the adapter is for a changed base model; save it as a plain one (PEFT: "
                    "path_initial_model_for_weight_conversion) or merge it.");
    }
  }
  return absl::OkStatus();
}

// The two matrices of one module, as entries of the file.
struct Pair {
  absl::optional<size_t> a, b;
  bool is_embedding = false;
};

struct Pairs {
  std::vector<SafetensorsTensor> modules;  // named and shaped as W is in the checkpoint
  std::vector<Pair> pairs;                 // of each
};

absl::StatusOr<Pairs> FindPairs(absl::string_view path, const ScaledTensors& set) {
  absl::flat_hash_map<std::string, size_t> index_of;
  Pairs result;
  NameList unknown;
  for (size_t i = 0; i < set.size(); ++i) {
    absl::string_view base = set.tensor(i).name;
    absl::ConsumePrefix(&base, kModelPrefix);
    bool is_known = false;
    for (const auto& half : kHalves) {
      absl::string_view module = base;
      if (!absl::ConsumeSuffix(&module, half.suffix)) continue;
      const auto [place, is_new] = index_of.emplace(module, result.pairs.size());
      if (is_new) {
        result.pairs.emplace_back();
        result.modules.emplace_back();
        result.modules.back().name = absl::StrCat(module, ".weight");
      }
      Pair& pair = result.pairs[place->second];
      pair.is_embedding = half.is_embedding;
      absl::optional<size_t>& place_of_half = half.is_a ? pair.a : pair.b;
      if (place_of_half.has_value()) {
        return absl::InvalidArgumentError(absl::StrCat(
            path, ": ", EscapeText(set.tensor(*place_of_half).name, 80), " and ",
            EscapeText(set.tensor(i).name, 80), " are for the same matrix; remove one of them."));
      }
      place_of_half = i;
      is_known = true;
    }
    if (!is_known) unknown.Add(EscapeText(set.tensor(i).name, 80));
  }
  if (unknown.count() > 0) {
    return absl::UnimplementedError(absl::StrCat(
        path, ": ", unknown.count(),
        " tensors are no lora_A, lora_B or lora_embedding: ", unknown.ToString(),
        "; an adapter in a GGUF holds nothing else, so merge it into its model instead "
        "(merge_and_unload in PEFT) and convert that."));
  }
  if (result.pairs.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, ": holds no tensors; save it again."));
  }
  return result;
}

// Checks each pair, and gives the module the shape that B times A has.
absl::Status SetShapes(absl::string_view path, const ScaledTensors& set, Pairs* pairs) {
  for (size_t i = 0; i < pairs->pairs.size(); ++i) {
    const Pair& pair = pairs->pairs[i];
    SafetensorsTensor& module = pairs->modules[i];
    if (!pair.a.has_value() || !pair.b.has_value()) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": ", EscapeText(module.name, 80), " has ", pair.a.has_value() ? "A" : "B",
          " and not ", pair.a.has_value() ? "B" : "A", "; the file is incomplete."));
    }
    const Shape& a = set.tensor(*pair.a).shape;
    const Shape& b = set.tensor(*pair.b).shape;
    if (a.rank() != 2 || b.rank() != 2 || a.rows() != b.columns() || a.rows() == 0) {
      return absl::InvalidArgumentError(absl::StrCat(
          path, ": A and B of ", EscapeText(module.name, 80), " have the shapes ", a.ToString(),
          " and ", b.ToString(), ", expected [rank, columns] and [rows, rank]."));
    }
    module.shape = pair.is_embedding ? Shape{a.columns(), b.rows()} : Shape{b.rows(), a.columns()};
  }
  return absl::OkStatus();
}

// A and B of one tensor of the base model's GGUF.
absl::Status AddHalves(absl::string_view path, const ScaledTensors& set, const Pairs& pairs,
                       const MappedTensor& base, std::vector<MappedTensor>* mapped) {
  const Pair& first = pairs.pairs[base.sources[0]];
  const uint64_t rank = set.tensor(*first.a).shape.rows();
  const bool is_stack = base.shape.rank() == 3;
  MappedTensor a, b = base;
  a.name = absl::StrCat(base.name, ".lora_a");
  b.name = absl::StrCat(base.name, ".lora_b");
  b.sources.clear();
  for (const size_t source : base.sources) {
    const Pair& pair = pairs.pairs[source];
    if (set.tensor(*pair.a).shape.rows() != rank) {
      return absl::UnimplementedError(absl::StrCat(
          path, ": the experts of ", base.name, " have different ranks, ", rank, " and ",
          set.tensor(*pair.a).shape.rows(), ", and a GGUF stacks them; give them one rank."));
    }
    a.sources.push_back(*pair.a);
    b.sources.push_back(*pair.b);
  }
  const uint64_t rows = base.shape.dims()[base.shape.rank() - 2];
  const uint64_t columns = base.shape.columns();
  a.shape = {rank, columns};
  b.shape = {rows, rank};
  if (first.is_embedding) {  // of the transpose
    a.shape = {rows, rank};
    a.is_transposed = true;
    b.shape = {columns, rank};
  } else if (is_stack) {
    a.shape = {base.shape.dims()[0], rank, columns};
    b.shape = {base.shape.dims()[0], rows, rank};
  }
  mapped->push_back(std::move(a));
  mapped->push_back(std::move(b));
  return absl::OkStatus();
}

// The runtime multiplies with alpha / rank; rank-stabilized adapters mean alpha / sqrt(rank).
absl::StatusOr<float> Alpha(const std::string& path, const Json& config, const Pairs& pairs,
                            const ScaledTensors& set) {
  const Json* value = config.Find("lora_alpha");
  const absl::optional<double> alpha = value == nullptr ? absl::nullopt : value->number();
  // A runtime takes 0 to mean that there is no scale.
  if (!alpha.has_value() || *alpha == 0 || !std::isfinite(static_cast<float>(*alpha))) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": lora_alpha is ", value == nullptr ? "missing" : value->Describe(),
                     ", expected a number other than 0; correct it in the file."));
  }
  if (!config.FindTrue("use_rslora")) return static_cast<float>(*alpha);
  const uint64_t rank = set.tensor(*pairs.pairs[0].a).shape.rows();
  for (const Pair& pair : pairs.pairs) {
    if (set.tensor(*pair.a).shape.rows() == rank) continue;
    return absl::UnimplementedError(absl::StrCat(
        path, ": use_rslora is true and ranks differ (", rank, " and ",
        set.tensor(*pair.a).shape.rows(),
        "), so that no one lora_alpha fits; merge the adapter into its model instead."));
  }
  return static_cast<float>(*alpha * std::sqrt(static_cast<double>(rank)));
}

absl::Status CheckOutput(const std::string& path, const HfConfig& config,
                         const std::vector<MappedTensor>& mapped) {
  GGUF_ASSIGN_OR_RETURN(const bool is_tied, config.GetBoolOr("tie_word_embeddings", false));
  for (const MappedTensor& tensor : mapped) {
    if (!is_tied || tensor.name != "output.weight") continue;
    return absl::UnimplementedError(absl::StrCat(
        path,
        ": adapts lm_head, which the base model shares with its embeddings "
        "(tie_word_embeddings), so that its GGUF has no such matrix; merge the adapter into its "
        "model instead."));
  }
  return absl::OkStatus();
}

absl::Status CheckFolder(const Folder& folder) {
  if (KindOf(folder.path()) == PathKind::kNothing) {
    return absl::NotFoundError(
        absl::StrCat(folder.path(), ": does not exist; name the folder of a PEFT adapter."));
  }
  if (!HasFile(folder, kConfigName)) {
    return absl::NotFoundError(
        absl::StrCat(folder.path(), ": has no ", kConfigName, ", so it is no PEFT adapter."));
  }
  if (HasFile(folder, kWeightsName)) return absl::OkStatus();
  if (HasFile(folder, kPickleName)) {
    return absl::NotFoundError(
        absl::StrCat(folder.path(), ": has only a PyTorch pickle (", kPickleName,
                     "), which is a program and is not run; save the adapter as safetensors first: "
                     "PeftModel.save_pretrained(NEW_FOLDER, safe_serialization=True)."));
  }
  return absl::NotFoundError(
      absl::StrCat(folder.path(), ": has no ", kWeightsName, "; download it."));
}

}  // namespace

absl::StatusOr<std::unique_ptr<LoraAdapter>> LoraAdapter::Open(const Folder& folder,
                                                               const Folder& base,
                                                               const OpenOptions& options) {
  GGUF_RETURN_IF_ERROR(CheckFolder(folder));
  GGUF_ASSIGN_OR_RETURN(HfConfig config, HfConfig::Load(base));
  GGUF_ASSIGN_OR_RETURN(const Family* family, ResolveFamily(&config));
  GGUF_ASSIGN_OR_RETURN(const ModelSizes sizes, ReadModelSizes(config));

  const std::string config_path = JoinPath(folder, kConfigName);
  GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileIn(folder, kConfigName, kMaxConfigBytes));
  GGUF_ASSIGN_OR_RETURN(const Json json, ParseJsonObject(config_path, text));
  GGUF_RETURN_IF_ERROR(CheckVariant(config_path, json));

  const std::string path = JoinPath(folder, kWeightsName);
  GGUF_ASSIGN_OR_RETURN(SafetensorsSet file, SafetensorsSet::OpenFile(folder, kWeightsName));
  ScaledTensors set = ScaledTensors::Unscaled(std::move(file));
  GGUF_ASSIGN_OR_RETURN(Pairs pairs, FindPairs(path, set));
  GGUF_RETURN_IF_ERROR(SetShapes(path, set, &pairs));
  GGUF_ASSIGN_OR_RETURN(const float alpha, Alpha(config_path, json, pairs, set));

  std::vector<const SafetensorsTensor*> modules;
  for (const SafetensorsTensor& module : pairs.modules) modules.push_back(&module);
  GGUF_ASSIGN_OR_RETURN(const std::vector<MappedTensor> bases,
                        MapSomeTensors(path, *family, config, sizes, modules));
  GGUF_RETURN_IF_ERROR(CheckOutput(path, config, bases));
  std::vector<MappedTensor> mapped;
  for (const MappedTensor& tensor : bases) {
    GGUF_RETURN_IF_ERROR(AddHalves(path, set, pairs, tensor, &mapped));
  }
  if (mapped.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": adapts none of the language model's matrices; there is nothing to convert."));
  }
  GGUF_ASSIGN_OR_RETURN(
      CheckpointTensors tensors,
      CheckpointTensors::FromMapped(folder.path(), std::move(set), std::move(mapped)));

  std::unique_ptr<LoraAdapter> source(new LoraAdapter(folder.path(), std::move(tensors)));
  source->input_paths_ = {config.file_name(), config_path, path, folder.path(), base.path()};
  Metadata& metadata = source->metadata_;
  metadata.Set(keys::kGeneralArchitecture, family->name);
  metadata.Set(keys::kGeneralType, "adapter");
  metadata.Set(keys::kAdapterType, "lora");
  metadata.Set(keys::kAdapterLoraAlpha, alpha);
  GGUF_RETURN_IF_ERROR(DescribeModel(folder, options.model_name, &metadata, &source->input_paths_,
                                     &source->warnings_));
  GGUF_RETURN_IF_ERROR(ApplyOverrides(options.metadata_file, &metadata, &source->input_paths_));
  return source;
}

absl::StatusOr<std::unique_ptr<TensorSource>> OpenAdapter(absl::string_view folder,
                                                          absl::string_view base,
                                                          const OpenOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const Folder adapter_folder, OpenFolder(folder));
  GGUF_ASSIGN_OR_RETURN(const Folder base_folder, OpenFolder(base));
  return LoraAdapter::Open(adapter_folder, base_folder, options);
}

}  // namespace gguf
