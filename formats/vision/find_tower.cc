#include "formats/vision/find_tower.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "formats/archive.h"
#include "formats/folder.h"
#include "formats/name_list.h"
#include "formats/open.h"
#include "formats/vision/tower_family.h"
#include "formats/vision/vision_checkpoint.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"
#include "gguf/keys.h"

namespace gguf {
namespace {

using Index = absl::flat_hash_map<std::string, size_t>;

Index IndexOf(const TensorSource& source) {
  Index index;
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    index.emplace(source.tensors()[i].name, i);
  }
  return index;
}

// True when the first block's ffn_down takes vectors of the tower's width, as only the first matrix
// of the two does.
bool HasLegacyNames(const TensorSource& source, const Index& index, const TowerSizes& sizes) {
  const auto down = index.find("v.blk.0.ffn_down.weight");
  return down != index.end() && sizes.feed_forward != sizes.width &&
         source.tensors()[down->second].shape.columns() == sizes.width;
}

std::string Exchanged(absl::string_view name) {
  if (absl::StrContains(name, ".ffn_up.")) {
    return absl::StrReplaceAll(name, {{".ffn_up.", ".ffn_down."}});
  }
  return absl::StrReplaceAll(name, {{".ffn_down.", ".ffn_up."}});
}

// Of the first matrix of the first block's feed-forward part: its rows, the other side being the
// tower's width. The file may have the names of the two matrices exchanged.
absl::Status SetFeedForward(const TensorSource& source, const Index& index, TowerSizes* sizes) {
  for (const char* name : {"v.blk.0.ffn_up.weight", "v.blk.0.ffn_down.weight"}) {
    const auto found = index.find(name);
    if (found == index.end()) continue;
    const Shape& shape = source.tensors()[found->second].shape;
    if (shape.rank() == 2 && shape.columns() == sizes->width) {
      sizes->feed_forward = shape.rows();
      return absl::OkStatus();
    }
  }
  return absl::InvalidArgumentError(absl::StrCat(
      source.name(), ": has no tensor v.blk.0.ffn_up.weight with rows of ", sizes->width,
      " values, as the metadata ask for; the file is damaged or of another model."));
}

absl::Status CheckShape(const TensorSource& source, const SourceTensor& tensor,
                        const Shape& expected) {
  if (tensor.shape == expected) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(source.name(), ": tensor '", EscapeText(tensor.name, 80), "' has the shape ",
                   tensor.shape.ToString(), ", and ", expected.ToString(),
                   " follows from the metadata; the file is damaged or of another model."));
}

absl::Status CheckNoOthers(const TensorSource& source, const FoundTower& tower) {
  std::vector<bool> is_used(source.tensors().size(), false);
  for (const size_t index : tower.indices) is_used[index] = true;
  NameList unknown;
  for (size_t i = 0; i < is_used.size(); ++i) {
    if (!is_used[i]) unknown.Add(EscapeText(source.tensors()[i].name, 80));
  }
  if (unknown.count() == 0) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat(source.name(), ": ", unknown.count(), " tensors belong to no vision tower of ",
                   tower.sizes.family->title, ": ", unknown.ToString(), "."));
}

}  // namespace

absl::StatusOr<FoundTower> FindTower(const TensorSource& source, bool is_ollama) {
  FoundTower tower;
  const auto from_metadata = is_ollama ? TowerFromOllama : TowerFromMmproj;
  GGUF_ASSIGN_OR_RETURN(tower.sizes,
                        from_metadata(source.name(), source.metadata(), source.tensors().size()));
  const Index index = IndexOf(source);
  if (tower.sizes.family->feed_forward_from_tensors) {
    GGUF_RETURN_IF_ERROR(SetFeedForward(source, index, &tower.sizes));
  }
  tower.tensors = ListTowerTensors(tower.sizes);
  tower.is_legacy = !is_ollama && HasLegacyNames(source, index, tower.sizes);
  NameList missing;
  for (const TowerTensor& tensor : tower.tensors) {
    const std::string& usual = is_ollama ? tensor.ollama : tensor.mmproj;
    const auto found = index.find(tower.is_legacy ? Exchanged(usual) : usual);
    if (found == index.end()) {
      missing.Add(usual);
      continue;
    }
    GGUF_RETURN_IF_ERROR(CheckShape(source, source.tensors()[found->second], tensor.shape));
    tower.indices.push_back(found->second);
  }
  if (missing.count() > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        source.name(), ": ", missing.count(), " of ", tower.tensors.size(),
        " tensors of the vision tower and its projector are missing: ", missing.ToString(),
        "; the file is incomplete."));
  }
  if (!is_ollama) GGUF_RETURN_IF_ERROR(CheckNoOthers(source, tower));
  return tower;
}

absl::StatusOr<std::unique_ptr<TensorSource>> OpenTower(absl::string_view path) {
  if (KindOf(path) == PathKind::kFolder || IsArchive(path)) {
    GGUF_ASSIGN_OR_RETURN(const Folder folder, OpenFolder(path));
    GGUF_ASSIGN_OR_RETURN(std::unique_ptr<VisionCheckpoint> checkpoint,
                          VisionCheckpoint::Open(folder, OpenOptions()));
    return std::unique_ptr<TensorSource>(std::move(checkpoint));
  }
  GGUF_ASSIGN_OR_RETURN(std::unique_ptr<TensorSource> source, OpenSource(path, OpenOptions()));
  GGUF_ASSIGN_OR_RETURN(const std::string architecture,
                        source->metadata().GetStringOr(keys::kGeneralArchitecture, ""));
  if (architecture == "clip") return source;
  const bool has_tower =
      std::any_of(source->tensors().begin(), source->tensors().end(),
                  [](const SourceTensor& tensor) { return IsTowerTensor(tensor.name); });
  return absl::InvalidArgumentError(absl::StrCat(
      path, ": is a ", EscapeText(architecture, 40), " model ",
      has_tower ? "that holds its vision tower already; split it first (repack --layout llama.cpp)"
                : "without a vision tower",
      "; expected a projector file (general.architecture clip) or a checkpoint folder."));
}

}  // namespace gguf
