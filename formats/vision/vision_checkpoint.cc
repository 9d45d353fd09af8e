#include "formats/vision/vision_checkpoint.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "formats/arch/arch.h"
#include "formats/describe.h"
#include "formats/general_metadata.h"
#include "formats/hf_config.h"
#include "formats/json.h"
#include "formats/name_list.h"
#include "formats/safetensors_set.h"
#include "formats/scaled_tensors.h"
#include "formats/vision/tower_family.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr uint64_t kMaxProcessorBytes = uint64_t{4} << 20;
constexpr uint64_t kUsualTokens = 256;
// In the order of precedence; an "image_processor" object inside counts as if it lay at the top.
constexpr absl::string_view kProcessorFiles[] = {"processor_config.json",
                                                 "preprocessor_config.json"};

// What the image processor's files say, the first that says it.
class ProcessorFiles {
 public:
  static absl::StatusOr<ProcessorFiles> Load(const Folder& folder) {
    ProcessorFiles files;
    for (const absl::string_view name : kProcessorFiles) {
      if (!HasFile(folder, name)) continue;
      const std::string path = JoinPath(folder, name);
      GGUF_ASSIGN_OR_RETURN(const std::string text, ReadFileIn(folder, name, kMaxProcessorBytes));
      GGUF_ASSIGN_OR_RETURN(Json json, ParseJsonObject(path, text));
      files.paths_.push_back(path);
      files.json_.push_back(std::move(json));
    }
    return files;
  }

  const std::vector<std::string>& paths() const { return paths_; }

  struct Found {
    const Json* value = nullptr;
    std::string path;
  };
  Found Find(absl::string_view key) const {
    for (size_t i = 0; i < json_.size(); ++i) {
      const Json* nested = json_[i].Find("image_processor");
      for (const Json* object : {&json_[i], nested}) {
        const Json* value = object == nullptr ? nullptr : object->Find(key);
        if (value != nullptr && !value->is_null()) return {value, paths_[i]};
      }
    }
    return {};
  }

  // Sets three numbers; leaves them when no file has the key.
  absl::Status ReadColors(absl::string_view key, std::array<float, 3>* colors) const {
    const Found found = Find(key);
    if (found.value == nullptr) return absl::OkStatus();
    const Json::Array* array = found.value->array();
    bool is_right = array != nullptr && array->size() == colors->size();
    for (size_t i = 0; is_right && i < colors->size(); ++i) {
      const absl::optional<double> number = (*array)[i].number();
      is_right = number.has_value();
      if (is_right) (*colors)[i] = static_cast<float>(*number);
    }
    if (is_right) return absl::OkStatus();
    return absl::InvalidArgumentError(absl::StrCat(
        found.path, ": ", key, " is ", found.value->Describe(), ", expected a list of 3 numbers."));
  }

 private:
  std::vector<std::string> paths_;
  std::vector<Json> json_;
};

// image_seq_length of the image processor; else what config.json says; else the usual number.
absl::StatusOr<uint64_t> TokensPerImage(const ProcessorFiles& processor, const HfConfig& config) {
  const ProcessorFiles::Found found = processor.Find("image_seq_length");
  if (found.value != nullptr) {
    const absl::optional<uint64_t> value = found.value->whole_number();
    if (value.has_value()) return *value;
    return absl::InvalidArgumentError(absl::StrCat(found.path, ": image_seq_length is ",
                                                   found.value->Describe(),
                                                   ", expected a whole number."));
  }
  GGUF_ASSIGN_OR_RETURN(const auto value, config.FindUint({"mm_tokens_per_image"}));
  return value.value_or(kUsualTokens);
}

// Towers are published in plain types, also by models whose language half is quantized.
absl::Status CheckElementType(absl::string_view folder, const SafetensorsTensor& stored) {
  constexpr ElementType kPlain[] = {ElementType::kF64, ElementType::kF32, ElementType::kF16,
                                    ElementType::kBF16};
  if (std::find(std::begin(kPlain), std::end(kPlain), stored.type) != std::end(kPlain)) {
    return absl::OkStatus();
  }
  return absl::UnimplementedError(absl::StrCat(folder, ": tensor ", EscapeText(stored.name, 80),
                                               " is ", NameOf(stored.type),
                                               ", and F32, F16 and BF16 vision towers are "
                                               "supported."));
}

// What becomes of the stored tensor of one name; of a fused one several.
using Wanted = std::map<std::string, std::vector<TowerTensor>>;

bool IsDropped(absl::string_view name, const TowerFamily& family) {
  return std::any_of(family.dropped.begin(), family.dropped.end(),
                     [&](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

absl::Status MapOne(absl::string_view folder, size_t index, const SafetensorsTensor& stored,
                    const std::vector<TowerTensor>& tensors, std::vector<MappedTensor>* mapped) {
  for (const TowerTensor& tensor : tensors) {
    if (stored.shape != tensor.stored_shape) {
      return absl::InvalidArgumentError(absl::StrCat(
          folder, ": tensor ", EscapeText(stored.name, 80), " has the shape ",
          stored.shape.ToString(), ", and ", tensor.stored_shape.ToString(),
          " follows from config.json; the files do not belong to the same checkpoint."));
    }
    MappedTensor target;
    target.name = tensor.mmproj;
    target.shape = tensor.shape;
    target.sources = {index};
    target.is_bias = tensor.shape.rank() == 1;
    target.choice = tensor.choice;
    target.adds_one = tensor.adds_one;
    mapped->push_back(std::move(target));
  }
  return CheckElementType(folder, stored);
}

absl::Status CheckNoneMissing(absl::string_view folder, const Wanted& wanted, size_t num_stored) {
  if (wanted.empty()) return absl::OkStatus();
  NameList names;
  for (const auto& entry : wanted) names.Add(entry.first);
  return absl::InvalidArgumentError(
      absl::StrCat(folder, ": ", names.count(), " of ", num_stored,
                   " tensors of the vision tower and its projector are missing: ", names.ToString(),
                   "; the checkpoint is incomplete."));
}

// Matches the stored tensors against the tower's.
absl::StatusOr<std::vector<MappedTensor>> MapTower(absl::string_view folder,
                                                   const ScaledTensors& set,
                                                   const TowerSizes& sizes) {
  Wanted missing;
  for (TowerTensor& tensor : ListTowerTensors(sizes)) {
    std::vector<TowerTensor>& parts = missing[tensor.checkpoint];
    parts.push_back(std::move(tensor));
  }
  const size_t num_stored = missing.size();
  const std::vector<std::string> unused = ListUnusedTensors(sizes);
  const std::set<std::string> ignored(unused.begin(), unused.end());
  std::map<std::string, std::string> found;  // name -> stored name
  std::vector<MappedTensor> mapped;
  NameList unknown;
  for (size_t i = 0; i < set.size(); ++i) {
    const SafetensorsTensor& stored = set.tensor(i);
    const absl::optional<std::string> name = NormalizeTowerName(stored.name);
    if (!name.has_value() || IsDropped(*name, *sizes.family)) continue;
    const auto twin = found.find(*name);
    if (twin != found.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat(folder, ": tensors ", EscapeText(twin->second, 80), " and ",
                       EscapeText(stored.name, 80), " are the same one; remove one of them."));
    }
    const auto tensors = missing.find(*name);
    if (tensors == missing.end()) {
      if (ignored.count(*name) == 0) unknown.Add(EscapeText(stored.name, 80));
      continue;
    }
    GGUF_RETURN_IF_ERROR(MapOne(folder, i, stored, tensors->second, &mapped));
    found.emplace(*name, stored.name);
    missing.erase(tensors);
  }
  if (unknown.count() > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder, ": ", unknown.count(), " tensors are unknown for a vision tower of ", sizes.blocks,
        " blocks: ", unknown.ToString(), "; check vision_config in config.json."));
  }
  GGUF_RETURN_IF_ERROR(CheckNoneMissing(folder, missing, num_stored));
  return mapped;
}

// Of values that programs take for granted.
void WarnOfHints(const HfConfig& config, const TowerFamily& family,
                 std::vector<std::string>* warnings) {
  const Json* vision = config.FindValue("vision_config");
  for (const TowerConfigCheck& hint : family.config_hints) {
    const Json* found = vision == nullptr ? nullptr : vision->Find(hint.key);
    if (found == nullptr || found->Describe() == hint.accepted) continue;
    warnings->push_back(absl::StrCat(config.file_name(), ": vision_config.", hint.key, " is ",
                                     found->Describe(), ", and programs that run a vision tower ",
                                     "of ", family.title, " take ", hint.accepted,
                                     ": its answers will differ from the checkpoint's"));
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<VisionCheckpoint>> VisionCheckpoint::Open(
    const Folder& folder, const OpenOptions& options) {
  GGUF_ASSIGN_OR_RETURN(HfConfig config, HfConfig::Load(folder));
  GGUF_RETURN_IF_ERROR(FindTowerFamily(config).status());
  GGUF_RETURN_IF_ERROR(ResolveFamily(&config).status());  // for the defaults of its keys
  GGUF_ASSIGN_OR_RETURN(const ModelSizes text, ReadModelSizes(config));
  GGUF_ASSIGN_OR_RETURN(const ProcessorFiles processor, ProcessorFiles::Load(folder));
  GGUF_ASSIGN_OR_RETURN(const uint64_t tokens, TokensPerImage(processor, config));

  GGUF_ASSIGN_OR_RETURN(SafetensorsSet files,
                        SafetensorsSet::OpenFilesWith(folder, [](absl::string_view name) {
                          return NormalizeTowerName(name).has_value();
                        }));
  ScaledTensors set = ScaledTensors::Unscaled(std::move(files));
  GGUF_ASSIGN_OR_RETURN(TowerSizes sizes, TowerFromConfig(config, tokens, text.hidden, set.size()));
  GGUF_RETURN_IF_ERROR(processor.ReadColors("image_mean", &sizes.image_mean));
  GGUF_RETURN_IF_ERROR(processor.ReadColors("image_std", &sizes.image_std));
  GGUF_ASSIGN_OR_RETURN(std::vector<MappedTensor> mapped, MapTower(folder.path(), set, sizes));
  GGUF_ASSIGN_OR_RETURN(
      CheckpointTensors tensors,
      CheckpointTensors::FromMapped(folder.path(), std::move(set), std::move(mapped)));

  std::unique_ptr<VisionCheckpoint> source(
      new VisionCheckpoint(folder.path(), sizes, std::move(tensors)));
  source->input_paths_ = source->tensors_.paths();
  source->input_paths_.push_back(config.file_name());
  source->input_paths_.push_back(folder.path());  // of an archive, the one file there is
  source->input_paths_.insert(source->input_paths_.end(), processor.paths().begin(),
                              processor.paths().end());
  if (processor.paths().empty()) {
    source->warnings_.push_back(absl::StrCat(folder.path(), ": has no ", kProcessorFiles[1],
                                             ", which says how images are normalized; the ",
                                             "usual mean and standard deviation of ",
                                             sizes.family->title, " are taken"));
  }
  WarnOfHints(config, *sizes.family, &source->warnings_);
  Metadata& metadata = source->metadata_;
  SetMmprojMetadata(sizes, &metadata);
  metadata.Set(keys::kGeneralSizeLabel, SizeLabel(source->tensors()));
  GGUF_RETURN_IF_ERROR(DescribeModel(folder, options.model_name, &metadata, &source->input_paths_,
                                     &source->warnings_));
  GGUF_RETURN_IF_ERROR(ApplyOverrides(options.metadata_file, &metadata, &source->input_paths_));
  return source;
}

}  // namespace gguf
