#include "formats/deep_compare.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "formats/archive.h"
#include "formats/folder.h"
#include "formats/hyperparameters.h"
#include "formats/open.h"
#include "formats/vision/find_tower.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

// Measured on trained and on random weights without importance data, times 2.3 or so; of Q2_K less,
// so that a fifth of it cannot be missing. Types below 2 bits, and those for ternary weights given
// others, lose most of a tensor by nature.
constexpr struct {
  TensorType type;
  double bound;
} kErrorBounds[] = {
    {TensorType::kQ8_0, 0.015},  {TensorType::kQ8_1, 0.015},   {TensorType::kQ8_K, 0.015},
    {TensorType::kQ6_K, 0.045},  {TensorType::kQ5_K, 0.085},   {TensorType::kQ5_1, 0.09},
    {TensorType::kQ5_0, 0.1},    {TensorType::kQ4_K, 0.17},    {TensorType::kQ4_1, 0.18},
    {TensorType::kIQ4_NL, 0.18}, {TensorType::kIQ4_XS, 0.18},  {TensorType::kQ4_0, 0.2},
    {TensorType::kNVFP4, 0.23},  {TensorType::kMXFP4, 0.27},   {TensorType::kQ3_K, 0.35},
    {TensorType::kIQ3_S, 0.38},  {TensorType::kIQ3_XXS, 0.42}, {TensorType::kQ2_K, 0.5},
    {TensorType::kIQ2_S, 0.7},   {TensorType::kIQ2_XS, 0.75},  {TensorType::kIQ2_XXS, 0.8},
    {TensorType::kIQ1_S, 0.95},  {TensorType::kIQ1_M, 0.95},   {TensorType::kQ1_0, 0.95},
    {TensorType::kQ2_0, 0.95},   {TensorType::kTQ1_0, 0.95},   {TensorType::kTQ2_0, 0.95},
};
constexpr double kPlainBound = 0.01;

// Where a tensor of the reference lies.
struct Place {
  const TensorSource* source;
  size_t index;
};
using Places = absl::flat_hash_map<std::string, Place>;

bool IsProjector(const TensorSource& source) {
  const auto architecture = source.metadata().GetString(keys::kGeneralArchitecture);
  return architecture.ok() && *architecture == "clip";
}

bool HasTower(const TensorSource& source) {
  return std::any_of(source.tensors().begin(), source.tensors().end(),
                     [](const SourceTensor& tensor) { return IsTowerTensor(tensor.name); });
}

// The reference's sources, and its tensors under the names that the model uses.
class Reference {
 public:
  static absl::StatusOr<Reference> Open(const TensorSource& model, absl::string_view path,
                                        bool text_only) {
    Reference reference;
    const bool is_checkpoint = KindOf(path) == PathKind::kFolder || IsArchive(path);
    const bool wants_tower = HasTower(model) && !text_only;
    if (!IsProjector(model) || !is_checkpoint) {
      GGUF_ASSIGN_OR_RETURN(auto source, OpenSource(path, OpenOptions()));
      reference.sources_.push_back(std::move(source));
    }
    if (is_checkpoint && wants_tower) {
      GGUF_ASSIGN_OR_RETURN(auto tower, OpenTower(path));
      reference.sources_.push_back(std::move(tower));
    }
    for (const auto& source : reference.sources_) {
      GGUF_RETURN_IF_ERROR(reference.Add(model, *source, wants_tower));
    }
    return reference;
  }

  const Places& places() const { return places_; }
  bool has_tower() const { return has_tower_; }
  const std::vector<std::string>& findings() const { return findings_; }  // of the metadata

 private:
  absl::Status Add(const TensorSource& model, const TensorSource& source, bool wants_tower) {
    const bool only_projects = IsProjector(model);
    if (!only_projects && !IsProjector(source)) {
      Find(DifferentHyperparameters(model.metadata(), source.metadata()));
    }
    for (size_t i = 0; i < source.tensors().size(); ++i) {
      const std::string& name = source.tensors()[i].name;
      if (!IsTowerTensor(name) && !only_projects) places_[name] = {&source, i};
    }
    if (!HasTower(source)) return absl::OkStatus();
    has_tower_ = true;
    if (!wants_tower) return absl::OkStatus();  // a language model against all of its checkpoint
    GGUF_ASSIGN_OR_RETURN(const FoundTower theirs, FindTower(source, !IsProjector(source)));
    GGUF_ASSIGN_OR_RETURN(const FoundTower ours, FindTower(model, !only_projects));
    Find(DifferentTowers(ours.sizes, theirs.sizes, !only_projects,
                         only_projects && IsProjector(source)));
    absl::flat_hash_map<std::string, size_t> index;
    for (size_t i = 0; i < theirs.tensors.size(); ++i) {
      index.emplace(theirs.tensors[i].mmproj, theirs.indices[i]);
    }
    for (size_t i = 0; i < ours.tensors.size(); ++i) {
      const auto found = index.find(ours.tensors[i].mmproj);
      if (found == index.end()) continue;
      places_[model.tensors()[ours.indices[i]].name] = {&source, found->second};
    }
    return absl::OkStatus();
  }

  void Find(std::vector<std::string> findings) {
    findings_.insert(findings_.end(), findings.begin(), findings.end());
  }

  std::vector<std::string> findings_;
  std::vector<std::unique_ptr<TensorSource>> sources_;
  Places places_;
  bool has_tower_ = false;
};

absl::Status CompareOne(const TensorSource& model, size_t index, const Place& place,
                        const DeepCompareOptions& options, DeepComparison* comparison) {
  const SourceTensor& tensor = model.tensors()[index];
  const SourceTensor& other = place.source->tensors()[place.index];
  if (!AreComparable(tensor.shape, other.shape)) {
    comparison->findings.push_back(absl::StrCat("tensor '", EscapeText(tensor.name, 80),
                                                "': has the shape ", tensor.shape.ToString(),
                                                ", expected ", other.shape.ToString()));
    return absl::OkStatus();
  }
  GGUF_ASSIGN_OR_RETURN(const TensorError error,
                        CompareTensors(*place.source, place.index, model, index, options.threads));
  const double bound = options.max_error.value_or(UsualErrorBound(tensor.type));
  if (!(error.relative_rmse() <= bound)) {
    comparison->findings.push_back(absl::StrCat(
        "tensor '", EscapeText(tensor.name, 80), "': its values differ from the reference's by a ",
        "relative RMSE of ", error.relative_rmse(), ", above ", bound, ", the most for ",
        NameOf(tensor.type)));
  } else if (const double most = std::max(bound, StretchErrorBound(tensor.type));
             !(error.worst_stretch <= most)) {
    comparison->findings.push_back(absl::StrCat(
        "tensor '", EscapeText(tensor.name, 80), "': row ", error.worst_row, " from column ",
        error.worst_column, " on differs from the reference's by a relative RMSE of ",
        error.worst_stretch, ", above ", most, ", the most for a stretch of ", NameOf(tensor.type),
        ": its values are lost or another's"));
  }
  comparison->total.Add(error);
  comparison->tensors.push_back({tensor, other.type, error});
  return absl::OkStatus();
}

// What was not compared is not proven.
void AddCoverage(const TensorSource& model, absl::string_view reference,
                 const DeepCompareOptions& options, DeepComparison* comparison) {
  if (comparison->num_uncompared > 0 && !options.text_only) {
    comparison->findings.push_back(
        absl::StrCat(comparison->num_uncompared, " tensors of the vision tower of ", model.name(),
                     " were not compared, as ", reference,
                     " has no vision tower; expected a reference with ", "one, or --text-only"));
  }
  if (comparison->tensors.empty()) {
    comparison->findings.push_back(
        absl::StrCat("none of the ", model.tensors().size(), " tensors of ", model.name(),
                     " was compared with ", reference, "; expected a reference that holds them"));
  }
}

}  // namespace

double UsualErrorBound(TensorType type) {
  for (const auto& [quantized, bound] : kErrorBounds) {
    if (type == quantized) return bound;
  }
  return kPlainBound;
}

double StretchErrorBound(TensorType type) {
  const double usual = UsualErrorBound(type);
  if (usual < 0.05) return 0.3;
  return usual < 0.9 ? 0.9 : 0.999;
}

absl::StatusOr<DeepComparison> CompareDeeply(const TensorSource& model, absl::string_view reference,
                                             const DeepCompareOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const Reference opened,
                        Reference::Open(model, reference, options.text_only));
  DeepComparison comparison;
  comparison.findings = opened.findings();
  absl::flat_hash_map<std::string, bool> seen;
  for (size_t i = 0; i < model.tensors().size(); ++i) {
    if (options.cancelled != nullptr && options.cancelled->load()) {
      return absl::CancelledError("interrupted");
    }
    const SourceTensor& tensor = model.tensors()[i];
    const auto place = opened.places().find(tensor.name);
    if (place != opened.places().end()) {
      seen.emplace(tensor.name, true);
      GGUF_RETURN_IF_ERROR(CompareOne(model, i, place->second, options, &comparison));
    } else if (IsTowerTensor(tensor.name) && (options.text_only || !opened.has_tower())) {
      ++comparison.num_uncompared;
    } else {
      comparison.findings.push_back(
          absl::StrCat("tensor '", EscapeText(tensor.name, 80), "': is not in ", reference));
    }
    if (options.progress) {
      options.progress(TensorBytes(tensor.type, tensor.shape).value_or(0), tensor.name);
    }
  }
  std::vector<std::string> missing;
  for (const auto& [name, place] : opened.places()) {
    if (!seen.contains(name)) missing.push_back(name);
  }
  std::sort(missing.begin(), missing.end());
  for (const std::string& name : missing) {
    comparison.findings.push_back(absl::StrCat("tensor '", EscapeText(name, 80),
                                               "': is missing, and ", reference, " has it"));
  }
  AddCoverage(model, reference, options, &comparison);
  return comparison;
}

}  // namespace gguf
