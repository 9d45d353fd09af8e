#include "formats/complete_names.h"

#include <algorithm>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "formats/arch/arch.h"
#include "formats/name_list.h"
#include "formats/vision/tower.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

constexpr absl::string_view kLayerMark = ".N.";
// Computed by conversion, for the rope types that need them.
constexpr absl::string_view kGenerated[] = {"rope_freqs.weight", "rope_factors_long.weight",
                                            "rope_factors_short.weight"};

// Names that a model may have, and whether it must.
using Names = absl::flat_hash_map<std::string, bool>;

void AddRule(const TensorRule& rule, uint64_t layers, Names* names) {
  const bool is_required = rule.presence == Presence::kRequired;
  const uint64_t count = absl::StrContains(rule.target, kLayerMark) ? layers : 1;
  for (uint64_t layer = 0; layer < count; ++layer) {
    const std::string name =
        absl::StrReplaceAll(rule.target, {{kLayerMark, absl::StrCat(".", layer, ".")}});
    bool& weight = (*names)[absl::StrCat(name, ".weight")];
    weight = weight || is_required;
    if (!rule.bias_key.empty()) {
      (*names)[absl::StrCat(name, ".bias")] = is_required && rule.bias_key == kBiasRequired;
    }
  }
}

Names NamesOf(const Family& family, uint64_t layers) {
  Names names;
  for (const absl::Span<const TensorRule> group : family.tensors) {
    for (const TensorRule& rule : group) AddRule(rule, layers, &names);
  }
  for (const absl::string_view name : kGenerated) names.emplace(name, false);
  return names;
}

void AddTower(const TowerSizes& sizes, std::string TowerTensor::*name, Names* names) {
  for (const TowerTensor& tensor : ListTowerTensors(sizes)) names->emplace(tensor.*name, true);
}

NameFaults Compare(const TensorSource& source, const Names& names) {
  NameFaults faults;
  Names found;
  for (const SourceTensor& tensor : source.tensors()) {
    found.emplace(tensor.name, true);
    if (!names.contains(tensor.name)) faults.unknown.push_back(tensor.name);
  }
  for (const auto& [name, is_required] : names) {
    if (is_required && !found.contains(name)) faults.missing.push_back(name);
  }
  std::sort(faults.missing.begin(), faults.missing.end());
  if (faults.missing.size() > kMaxMissingNames) faults.missing.resize(kMaxMissingNames);
  return faults;
}

absl::StatusOr<uint64_t> LayersOf(const TensorSource& source, absl::string_view architecture) {
  GGUF_ASSIGN_OR_RETURN(const uint64_t layers, source.metadata().GetUint(ArchitectureKey(
                                                   architecture, keys::kBlockCount)));
  if (layers <= source.tensors().size()) return layers;
  return absl::InvalidArgumentError(absl::StrCat(
      source.name(), ": ", ArchitectureKey(architecture, keys::kBlockCount), " is ", layers,
      ", and the file has only ", source.tensors().size(), " tensors; it is incomplete."));
}

std::string Text(const std::vector<std::string>& names) {
  NameList list;
  for (const std::string& name : names) list.Add(EscapeText(name, 80));
  return list.ToString();
}

}  // namespace

absl::StatusOr<NameFaults> FindNameFaults(const TensorSource& source) {
  GGUF_ASSIGN_OR_RETURN(const absl::string_view architecture,
                        source.metadata().GetString(keys::kGeneralArchitecture));
  const size_t num_tensors = source.tensors().size();
  if (architecture == "clip") {
    GGUF_ASSIGN_OR_RETURN(const TowerSizes sizes,
                          TowerFromMmproj(source.name(), source.metadata(), num_tensors));
    Names names;
    AddTower(sizes, &TowerTensor::mmproj, &names);
    return Compare(source, names);
  }
  const bool has_tower =
      architecture == "gemma3" &&
      std::any_of(source.tensors().begin(), source.tensors().end(),
                  [](const SourceTensor& tensor) { return IsTowerTensor(tensor.name); });
  // Of families with one name (dense and with experts), the one that fits best counts.
  absl::optional<NameFaults> best;
  for (const Family* family : AllFamilies()) {
    if (family->name != architecture) continue;
    GGUF_ASSIGN_OR_RETURN(const uint64_t layers, LayersOf(source, architecture));
    Names names = NamesOf(*family, layers);
    if (has_tower) {
      GGUF_ASSIGN_OR_RETURN(const TowerSizes sizes,
                            TowerFromOllama(source.name(), source.metadata(), num_tensors));
      AddTower(sizes, &TowerTensor::ollama, &names);
    }
    NameFaults faults = Compare(source, names);
    const auto count = [](const NameFaults& f) { return f.missing.size() + f.unknown.size(); };
    if (!best.has_value() || count(faults) < count(*best)) best = std::move(faults);
  }
  if (best.has_value()) return *std::move(best);
  return absl::UnimplementedError(
      absl::StrCat(source.name(), ": the tensors of the architecture \"",
                   EscapeText(architecture, 40), "\" are not known to this version."));
}

absl::Status CheckCompleteNames(const TensorSource& source) {
  GGUF_ASSIGN_OR_RETURN(const NameFaults faults, FindNameFaults(source));
  if (!faults.missing.empty()) {
    return absl::InvalidArgumentError(
        absl::StrCat(source.name(), ": ", faults.missing.size(),
                     faults.missing.size() == kMaxMissingNames ? " or more" : "",
                     " tensors that its metadata call for are missing: ", Text(faults.missing),
                     "; the file is incomplete or its block_count is wrong."));
  }
  if (faults.unknown.empty()) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      source.name(), ": ", faults.unknown.size(), " tensors have no place in such a model: ",
      Text(faults.unknown), "; the file is of another model than general.architecture says."));
}

}  // namespace gguf
