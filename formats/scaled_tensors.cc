#include "formats/scaled_tensors.h"

#include <algorithm>
#include <cstring>
#include <memory>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "formats/name_list.h"
#include "formats/widen.h"
#include "gguf/base/status_macros.h"
#include "gguf/base/utf8.h"

namespace gguf {
namespace {

constexpr uint64_t kChunkValues = 1 << 16;
constexpr absl::string_view kQuantization = "quantization_config";
constexpr absl::string_view kBlockSize = "weight_block_size";

// A scale's name is the weight's, with one of these instead of the suffix beside it.
constexpr struct {
  absl::string_view scale;
  absl::string_view weight;
} kScaleSuffixes[] = {{"_scale_inv", ""}, {".weight_scale", ".weight"}};

constexpr absl::string_view kActivationSuffixes[] = {
    ".input_scale", ".input_scale_ub", ".activation_scale", "_activation_scale",
    ".k_scale",     ".v_scale",        ".output_scale",
};

bool IsF8(ElementType type) {
  return type == ElementType::kF8_E4M3 || type == ElementType::kF8_E5M2;
}

uint64_t CeilDivide(uint64_t a, uint64_t b) { return a / b + (a % b != 0 ? 1 : 0); }

// Whether config.json says that the weights are 8-bit floats (HfConfig::Parse accepts no other
// method that has scales of its own).
bool NamesF8(const HfConfig& config) {
  const Json* quantization = config.FindValue(kQuantization);
  if (quantization == nullptr) return false;
  const std::string* method = quantization->FindString("quant_method");
  return method != nullptr && absl::EndsWith(*method, "fp8");
}

struct BlockSize {
  uint64_t rows = 0;  // 0: none given
  uint64_t columns = 0;
};

absl::StatusOr<BlockSize> ReadBlockSize(const HfConfig& config) {
  const Json* quantization = config.FindValue(kQuantization);
  const Json* size = quantization == nullptr ? nullptr : quantization->Find(kBlockSize);
  if (size == nullptr || size->is_null()) return BlockSize();
  const Json::Array* pair = size->array();
  if (pair != nullptr && pair->size() == 2) {
    const BlockSize found = {(*pair)[0].whole_number().value_or(0),
                             (*pair)[1].whole_number().value_or(0)};
    if (found.rows > 0 && found.columns > 0) return found;
  }
  return absl::InvalidArgumentError(absl::StrCat(
      config.file_name(), ": ", kQuantization, ".", kBlockSize, " is ", size->Describe(),
      ", expected two whole numbers above 0, such as [128, 128]; correct it in the file."));
}

// Shape without what is not needed to tell kinds of scales apart: outer and inner 1s.
Shape Trimmed(const Shape& shape) {
  const auto& dims = shape.dims();
  auto begin = dims.begin();
  auto end = dims.end();
  while (begin != end && *begin == 1) ++begin;
  while (begin != end && *(end - 1) == 1) --end;
  return Shape(begin, end);
}

}  // namespace

absl::StatusOr<ScaledTensors::Scale> ScaledTensors::MatchScale(const HfConfig& config,
                                                               size_t weight, size_t scale) const {
  GGUF_ASSIGN_OR_RETURN(const BlockSize block, ReadBlockSize(config));
  const Shape& shape = set_.tensor(weight).shape;
  const Shape& found = set_.tensor(scale).shape;
  const uint64_t columns = shape.columns();
  const uint64_t rows = shape.rank() < 2 ? 1 : shape.dims()[shape.rank() - 2];
  if (found.num_values() == 1) {
    // One block as large as the tensor, whatever its rank.
    const uint64_t all = std::max<uint64_t>(shape.rows(), 1);
    return Scale{scale, all, all, std::max<uint64_t>(columns, 1), 1, 1};
  }
  std::vector<uint64_t> grid(shape.dims().begin(), shape.dims().end());
  if (block.rows > 0 && grid.size() >= 2) {
    const uint64_t grid_rows = CeilDivide(rows, block.rows);
    const uint64_t grid_columns = CeilDivide(columns, block.columns);
    grid[grid.size() - 2] = grid_rows;
    grid.back() = grid_columns;
    if (found == Shape(grid.begin(), grid.end())) {
      return Scale{scale, rows, block.rows, block.columns, grid_rows, grid_columns};
    }
  }
  if (shape.rank() >= 2 &&
      Trimmed(found) == Trimmed(Shape(shape.dims().begin(), shape.dims().end() - 1))) {
    return Scale{scale, rows, 1, columns, rows, 1};
  }
  return absl::InvalidArgumentError(absl::StrCat(
      config.file_name(), ": tensor ", EscapeText(set_.tensor(scale).name, 80), " has the shape ",
      found.ToString(), ", expected one number, one for each of the ", shape.rows(), " rows of ",
      EscapeText(set_.tensor(weight).name, 80),
      block.rows > 0 ? absl::StrCat(", or ", Shape(grid.begin(), grid.end()).ToString(), " (",
                                    kBlockSize, " is [", block.rows, ", ", block.columns, "])")
                     : absl::StrCat("; for scales of blocks config.json needs ", kQuantization, ".",
                                    kBlockSize),
      "."));
}

absl::StatusOr<ScaledTensors> ScaledTensors::Open(const Folder& folder, const HfConfig& config) {
  GGUF_ASSIGN_OR_RETURN(SafetensorsSet set, SafetensorsSet::Open(folder));
  ScaledTensors result(std::move(set));
  const SafetensorsSet& stored = result.set_;
  const bool names_f8 = NamesF8(config);
  absl::flat_hash_map<absl::string_view, size_t> entry_of;
  for (size_t i = 0; i < stored.entries().size(); ++i) entry_of.emplace(stored.tensor(i).name, i);

  absl::flat_hash_map<size_t, size_t> scale_of;  // entries: weight -> scale
  std::vector<bool> is_consumed(stored.entries().size(), false);
  for (size_t i = 0; i < stored.entries().size(); ++i) {
    const std::string& name = stored.tensor(i).name;
    for (const auto& [scale_suffix, weight_suffix] : kScaleSuffixes) {
      absl::string_view base = name;
      if (!absl::ConsumeSuffix(&base, scale_suffix)) continue;
      const auto weight = entry_of.find(absl::StrCat(base, weight_suffix));
      if (weight == entry_of.end() || !IsF8(stored.tensor(weight->second).type)) continue;
      is_consumed[i] = true;
      if (scale_of.emplace(weight->second, i).second) continue;
      return absl::InvalidArgumentError(absl::StrCat(
          folder.path(), ": tensor ", EscapeText(weight->first, 80), " has two scales, ",
          EscapeText(stored.tensor(scale_of[weight->second]).name, 80), " and ",
          EscapeText(name, 80), "; remove the one that does not belong to it."));
    }
    for (const absl::string_view suffix : kActivationSuffixes) {
      if (names_f8 && absl::EndsWith(name, suffix)) is_consumed[i] = true;
    }
  }

  NameList unscaled;
  for (size_t i = 0; i < stored.entries().size(); ++i) {
    if (is_consumed[i]) continue;
    SafetensorsTensor tensor = stored.tensor(i);
    absl::optional<Scale> scale;
    const auto found = scale_of.find(i);
    if (found != scale_of.end()) {
      GGUF_ASSIGN_OR_RETURN(scale, result.MatchScale(config, i, found->second));
      tensor.type = ElementType::kF32;
      tensor.num_bytes *= sizeof(float);  // fits: there is a byte in the file for each value
    } else if (names_f8 && IsF8(tensor.type) && tensor.shape.rank() >= 2) {
      unscaled.Add(EscapeText(tensor.name, 80));
    }
    result.tensors_.push_back(std::move(tensor));
    result.entries_.push_back(i);
    result.scales_.push_back(scale);
  }
  if (unscaled.count() > 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        folder.path(), ": ", unscaled.count(),
        " tensors of 8-bit floats have no scale (a tensor NAME_scale_inv or NAME_scale): ",
        unscaled.ToString(), "; the checkpoint is incomplete."));
  }
  return result;
}

ScaledTensors ScaledTensors::Unscaled(SafetensorsSet set) {
  ScaledTensors result(std::move(set));
  for (size_t i = 0; i < result.set_.entries().size(); ++i) {
    result.tensors_.push_back(result.set_.tensor(i));
    result.entries_.push_back(i);
    result.scales_.emplace_back();
  }
  return result;
}

absl::Status ScaledTensors::ReadScaled(size_t index, uint64_t first_value,
                                       absl::Span<float> out) const {
  const Scale& scale = *scales_[index];
  const SafetensorsTensor& weight = set_.tensor(entries_[index]);
  const ElementType scale_type = set_.tensor(scale.entry).type;
  const std::unique_ptr<uint8_t[]> bytes(new uint8_t[out.size()]);
  GGUF_RETURN_IF_ERROR(
      set_.Read(entries_[index], first_value, absl::MakeSpan(bytes.get(), out.size())));
  WidenToF32(weight.type, bytes.get(), out.size(), reinterpret_cast<uint8_t*>(out.data()));

  // The rows of the grid that these values lie in; they are contiguous in the file.
  const uint64_t columns = weight.shape.columns();
  const auto grid_row = [&](uint64_t row) {
    return row / scale.rows * scale.grid_rows + row % scale.rows / scale.block_rows;
  };
  const uint64_t first_grid_row = grid_row(first_value / columns);
  const uint64_t num_grid_rows =
      grid_row((first_value + out.size() - 1) / columns) + 1 - first_grid_row;
  const uint64_t num_scales = num_grid_rows * scale.grid_columns;
  const uint32_t scale_bytes = ElementBytes(scale_type);
  const std::unique_ptr<uint8_t[]> stored(new uint8_t[num_scales * scale_bytes]);
  GGUF_RETURN_IF_ERROR(set_.Read(scale.entry, first_grid_row * scale.grid_columns * scale_bytes,
                                 absl::MakeSpan(stored.get(), num_scales * scale_bytes)));
  std::vector<float> scales(num_scales);
  WidenToF32(scale_type, stored.get(), num_scales, reinterpret_cast<uint8_t*>(scales.data()));

  for (uint64_t i = 0; i < out.size();) {
    const uint64_t row = (first_value + i) / columns;
    const uint64_t column = (first_value + i) % columns;
    const float* row_scales = scales.data() + (grid_row(row) - first_grid_row) * scale.grid_columns;
    const uint64_t to_block_end = scale.block_columns - column % scale.block_columns;
    const uint64_t end = i + std::min({to_block_end, columns - column, out.size() - i});
    const float factor = row_scales[column / scale.block_columns];
    for (; i < end; ++i) out[i] *= factor;
  }
  return absl::OkStatus();
}

absl::Status ScaledTensors::Read(size_t index, uint64_t offset, absl::Span<uint8_t> out) const {
  if (!scales_[index].has_value()) return set_.Read(entries_[index], offset, out);
  uint64_t value = offset / sizeof(float);
  const uint64_t num_values = out.size() / sizeof(float);
  const auto values = std::make_unique<float[]>(std::min(num_values, kChunkValues));
  for (uint64_t done = 0; done < num_values;) {
    const uint64_t count = std::min(num_values - done, kChunkValues);
    GGUF_RETURN_IF_ERROR(ReadScaled(index, value + done, absl::MakeSpan(values.get(), count)));
    std::memcpy(out.data() + done * sizeof(float), values.get(), count * sizeof(float));
    done += count;
  }
  return absl::OkStatus();
}

}  // namespace gguf
