// What `quantize` does with vision towers: one beside its language model, and one by itself.

#ifndef GGUF_TOOLCHAIN_TOOLS_QUANTIZE_TOWER_H_
#define GGUF_TOOLCHAIN_TOOLS_QUANTIZE_TOWER_H_

#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "formats/tensor_source.h"
#include "quantize/plan.h"
#include "quantize/plan_tower.h"
#include "tools/quantize_options.h"

namespace gguf {

// Adds --mmproj and --mmproj-type.
void AddTowerOptions(CLI::App* app, QuantizeFlags* flags);

// Of --mmproj-type (Q8_0 when empty), effort and --allow-requantize. UsageError for a bad type.
absl::StatusOr<TowerOptions> ReadTowerOptions(const QuantizeFlags& flags);

// True when INPUT is to be a projector file: --mmproj-type without --mmproj and --type.
bool IsProjectorRun(const QuantizeFlags& flags);

// Before ParseQuantizeFlags; for a projector run --mmproj-type becomes the type. UsageError for
// options that do not go together.
absl::Status ParseTowerFlags(const CLI::App& app, QuantizeFlags* flags);

// InvalidArgument, naming --mmproj-type, for a projector file with a --type, which is of language
// models: nothing would be quantized, under the name of that type. Overrides by tensor are heeded.
absl::Status CheckQuantizesSomething(const TensorSource& source, const QuantizeFlags& flags);

// Quantizes the projector file `source`.
absl::Status QuantizeProjector(const TensorSource& source, const QuantizeFlags& flags);

// Writes the language model's `plans` to `output`, and the tower of the same checkpoint to
// flags.mmproj.
absl::Status QuantizeWithTower(const TensorSource& source, const std::vector<Plan>& plans,
                               const std::string& output, const QuantizeFlags& flags);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_TOOLS_QUANTIZE_TOWER_H_
