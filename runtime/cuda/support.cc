#include "runtime/cuda/support.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "runtime/cache_types.h"
#include "runtime/cuda/device.h"

namespace gguf {
namespace {

constexpr uint32_t kMostHead = 512;  // values of a head that attention keeps in shared memory

absl::string_view TextOf(DeviceOperation operation) {
  constexpr absl::string_view kTexts[] = {"products of weights", "attention over a cache",
                                          "storing a cache", "norms"};
  return kTexts[static_cast<int>(operation)];
}

DeviceSupport AskProduct(const CudaLibraries& libraries, TensorType type) {
  if (FindKernels(libraries, type) != nullptr) return {true, ""};
  // The IQ types are the only ones that the first library leaves out.
  return {false, libraries.why_no_iq};
}

DeviceSupport AskCache(TensorType type, const ModelConfig& config) {
  const uint32_t longest = std::max(config.key_length, config.value_length);
  if (longest > kMostHead) {
    return {false, absl::StrCat("heads have ", longest, " values, expected at most ", kMostHead)};
  }
  const absl::Span<const TensorType> types = CacheTypes();
  if (std::find(types.begin(), types.end(), type) != types.end()) return {true, ""};
  return {false, "it is no type of a cache, use f16"};
}

}  // namespace

DeviceSupport AskDevice(const CudaLibraries& libraries, DeviceOperation operation, TensorType type,
                        const ModelConfig& config) {
  switch (operation) {
    case DeviceOperation::kProduct:
      return AskProduct(libraries, type);
    case DeviceOperation::kAttention:
    case DeviceOperation::kStore:
      return AskCache(type, config);
    case DeviceOperation::kNorm:
      return {true, ""};
  }
  return {false, "it is not known"};
}

bool IsDeviceTensor(const ModelFamily& family, absl::string_view name, bool has_output) {
  if (name == "token_embd.weight") return !has_output;
  return std::none_of(family.other_parts.begin(), family.other_parts.end(),
                      [name](absl::string_view prefix) { return absl::StartsWith(name, prefix); });
}

absl::Status CheckDevice(const CudaLibraries& libraries, const ModelConfig& config,
                         const DeviceNeed& need) {
  const auto check = [&](DeviceOperation operation, TensorType type) -> absl::Status {
    const DeviceSupport support = AskDevice(libraries, operation, type, config);
    if (support.is_there) return absl::OkStatus();
    return absl::UnimplementedError(absl::StrCat(
        "the CUDA backend cannot do ", TextOf(operation), " in ", NameOf(type), " for ",
        config.family->architecture, ": ", support.reason, ", or use --device cpu"));
  };
  for (const TensorType type : need.weight_types) {
    const absl::Status status = check(DeviceOperation::kProduct, type);
    if (!status.ok()) return status;
  }
  for (const TensorType type : {need.key_type, need.value_type}) {
    absl::Status status = check(DeviceOperation::kStore, type);
    status.Update(check(DeviceOperation::kAttention, type));
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace gguf
