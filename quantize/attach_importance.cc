#include "quantize/attach_importance.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gguf/base/status_macros.h"
#include "quantize/name_some.h"

namespace gguf {
namespace {

constexpr char kRemedy[] = "; give one that was computed with this model";

bool IsTokenEmbedding(absl::string_view name) {
  return name == "token_embd.weight" || name == "per_layer_token_embd.weight";
}

// Groups of kScaleColumns in a row of `weights` that carry nothing, and where the first one starts.
struct ZeroGroups {
  size_t count = 0;
  size_t first_value = 0;
};

ZeroGroups FindZeroGroups(absl::Span<const float> weights, size_t columns) {
  ZeroGroups found;
  for (size_t row = 0; row < weights.size(); row += columns) {
    for (size_t i = 0; i < columns; i += kScaleColumns) {
      const auto group = weights.subspan(row + i, std::min(kScaleColumns, columns - i));
      const bool is_zero = std::all_of(group.begin(), group.end(),
                                       [](float weight) { return weight < kLeastImportance; });
      if (is_zero && found.count++ == 0) found.first_value = row + i;
    }
  }
  return found;
}

}  // namespace

absl::Status ImportanceAttacher::CheckNames(const TensorSource& source) {
  if (data_ == nullptr || data_->entries.empty() || source.tensors().empty()) {
    return absl::OkStatus();
  }
  absl::flat_hash_set<absl::string_view> names;
  for (const SourceTensor& tensor : source.tensors()) names.insert(tensor.name);
  std::vector<absl::string_view> strangers;
  for (const auto& [name, entry] : data_->entries) {
    if (!names.contains(name)) strangers.push_back(name);
  }
  if (strangers.empty()) return absl::OkStatus();
  const size_t total = data_->entries.size();
  if (strangers.size() == total) {
    return absl::InvalidArgumentError(
        absl::StrCat(data_->path, ": none of its ", total, " entries (the first is '", strangers[0],
                     "') names a tensor of ", source.name(), " (which has '",
                     source.tensors()[0].name, "'): it was computed for another model", kRemedy));
  }
  warnings_.push_back(absl::StrCat(data_->path, ": ", strangers.size(), " of ", total,
                                   " entries (the first is '", strangers[0],
                                   "') name no tensor of ", source.name(),
                                   " and are not used; it may have been computed for another "
                                   "model"));
  return absl::OkStatus();
}

absl::Status ImportanceAttacher::Missing(const PlannedTensor& tensor, bool is_required,
                                         absl::string_view why) {
  if (!is_required) return absl::OkStatus();
  if (dry_run_) {
    required_.push_back(tensor.name);
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(recipe_name_, ": tensor '", tensor.name,
                                                 "' needs importance data to become ",
                                                 NameOf(tensor.type), "; ", why));
}

absl::Status ImportanceAttacher::CheckShape(absl::string_view source_name,
                                            const ImportanceEntry& entry,
                                            const PlannedTensor& tensor) const {
  const uint64_t matrices = tensor.shape.matrices(), columns = tensor.shape.columns();
  const bool is_whole = entry.counts.size() == 1 || entry.counts.size() == matrices;
  if (is_whole && entry.sums.size() == matrices * columns) return absl::OkStatus();
  const std::string found = entry.counts.size() == 1
                                ? absl::StrCat(entry.sums.size(), " values")
                                : absl::StrCat(entry.counts.size(), " x ",
                                               entry.sums.size() / entry.counts.size(), " values");
  return absl::InvalidArgumentError(
      absl::StrCat(data_->path, ": entry '", source_name, "' has ", found, ", expected ",
                   matrices == 1 ? absl::StrCat(columns) : absl::StrCat(matrices, " x ", columns),
                   " for the tensor of shape ", tensor.shape.ToString()));
}

void ImportanceAttacher::NoteGaps(const PlannedTensor& tensor,
                                  const std::vector<size_t>& unmeasured) {
  const size_t matrices = tensor.shape.matrices(), columns = tensor.shape.columns();
  if (matrices == 1 && !unmeasured.empty()) {
    unmeasured_.push_back(tensor.name);
  } else if (!unmeasured.empty()) {
    unmeasured_.push_back(absl::StrCat(tensor.name, " (", unmeasured.size(), " of ", matrices,
                                       " experts: ", NameSome(unmeasured, "s"), ")"));
  }
  const ZeroGroups zero = FindZeroGroups(tensor.importance, columns);
  if (zero.count == 0) return;
  const size_t column = zero.first_value % columns;
  zero_.push_back(absl::StrCat(
      tensor.name, " (", zero.count, " of ",
      matrices * ((columns + kScaleColumns - 1) / kScaleColumns), ", the first from column ",
      column, matrices > 1 ? absl::StrCat(" of expert ", zero.first_value / columns) : "", ")"));
}

absl::Status ImportanceAttacher::Attach(absl::string_view source_name, const Decision& decision,
                                        PlannedTensor* tensor) {
  const bool is_required = decision.requires_importance || tensor->encoder->requires_weights;
  if (data_ == nullptr) return Missing(*tensor, is_required, "give --imatrix FILE");
  const auto found = data_->entries.find(std::string(source_name));
  if (found == data_->entries.end()) {
    if (!is_required && tensor->encoder->uses_weights) missing_.push_back(tensor->name);
    return Missing(*tensor, is_required,
                   absl::StrCat(data_->path, " has none for it; give one that covers it, or ",
                                "choose another type with --tensor-type"));
  }
  if (!tensor->encoder->uses_weights) return absl::OkStatus();
  const absl::Status shape = CheckShape(source_name, found->second, *tensor);
  if (!shape.ok() && IsTokenEmbedding(source_name)) {
    warnings_.push_back(absl::StrCat(shape.message(), "; it is not used"));
    return absl::OkStatus();
  }
  if (!shape.ok()) {
    return absl::InvalidArgumentError(
        absl::StrCat(shape.message(), ": it was computed for another model", kRemedy));
  }
  ImportanceEntry entry = found->second;
  if (entry.counts.size() == 1) entry.counts.assign(tensor->shape.matrices(), entry.counts[0]);
  const std::vector<size_t> unmeasured = UnmeasuredMatrices(entry);
  if (unmeasured.size() == entry.counts.size()) {
    GGUF_RETURN_IF_ERROR(Missing(
        *tensor, is_required,
        absl::StrCat("the entry of ", data_->path, " for it measured nothing; calibrate again")));
  }
  tensor->importance = ImportanceWeights(entry);
  NoteGaps(*tensor, unmeasured);
  return absl::OkStatus();
}

std::vector<std::string> ImportanceAttacher::Warnings() {
  if (!required_.empty()) {
    warnings_.push_back(absl::StrCat(
        recipe_name_, ": ", NameSome(required_, "s"), required_.size() == 1 ? " needs" : " need",
        " importance data, so that only a dry run works; ",
        data_ == nullptr ? "give --imatrix FILE" : "give an --imatrix FILE that covers them"));
  }
  if (!missing_.empty()) {
    warnings_.push_back(
        absl::StrCat("no importance data for ", NameSome(missing_, "s"), ": quantized without"));
  }
  if (!unmeasured_.empty()) {
    warnings_.push_back(
        absl::StrCat(data_->path, ": nothing was measured for ", NameSome(unmeasured_, " tensors"),
                     ": all columns weigh the same there; calibrate with more text"));
  }
  if (!zero_.empty()) {
    warnings_.push_back(absl::StrCat(
        data_->path, ": importance is 0 throughout groups of ", kScaleColumns, " columns of ",
        NameSome(zero_, " tensors"),
        ": most types store 0 there; if these weights matter, calibrate with more text"));
  }
  return std::move(warnings_);
}

}  // namespace gguf
