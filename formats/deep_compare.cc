#include "formats/deep_compare.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "formats/folder.h"
#include "formats/open.h"
#include "formats/vision/find_tower.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr struct {
  double least_bits;
  double bound;
} kErrorBounds[] = {{16, 0.01}, {8, 0.05}, {5, 0.25}, {4, 0.5}, {0, 0.95}};

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
  static absl::StatusOr<Reference> Open(const TensorSource& model, absl::string_view path) {
    Reference reference;
    const bool is_folder = KindOf(path) == PathKind::kFolder;
    const bool wants_tower = HasTower(model);
    if (!IsProjector(model) || !is_folder) {
      GGUF_ASSIGN_OR_RETURN(auto source, OpenSource(path, OpenOptions()));
      reference.sources_.push_back(std::move(source));
    }
    if (is_folder && wants_tower) {
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

 private:
  absl::Status Add(const TensorSource& model, const TensorSource& source, bool wants_tower) {
    const bool only_projects = IsProjector(model);
    for (size_t i = 0; i < source.tensors().size(); ++i) {
      const std::string& name = source.tensors()[i].name;
      if (!IsTowerTensor(name) && !only_projects) places_[name] = {&source, i};
    }
    if (!HasTower(source)) return absl::OkStatus();
    has_tower_ = true;
    if (!wants_tower) return absl::OkStatus();  // a language model against all of its checkpoint
    GGUF_ASSIGN_OR_RETURN(const FoundTower theirs, FindTower(source, !IsProjector(source)));
    GGUF_ASSIGN_OR_RETURN(const FoundTower ours, FindTower(model, !only_projects));
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
  }
  comparison->total.Add(error);
  comparison->tensors.push_back({tensor, other.type, error});
  return absl::OkStatus();
}

}  // namespace

double UsualErrorBound(TensorType type) {
  for (const auto& [least_bits, bound] : kErrorBounds) {
    if (InfoOf(type).bits_per_weight() >= least_bits) return bound;
  }
  return 0;
}

absl::StatusOr<DeepComparison> CompareDeeply(const TensorSource& model, absl::string_view reference,
                                             const DeepCompareOptions& options) {
  GGUF_ASSIGN_OR_RETURN(const Reference opened, Reference::Open(model, reference));
  DeepComparison comparison;
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
    } else if (IsTowerTensor(tensor.name) && !opened.has_tower()) {
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
  return comparison;
}

}  // namespace gguf
