// config.json of a Hugging Face checkpoint: typed access to hyper-parameters, whichever of the two
// layouts (flat, or nested under text_config) and of the two rotary spellings the file uses.

#ifndef GGUF_TOOLCHAIN_FORMATS_HF_CONFIG_H_
#define GGUF_TOOLCHAIN_FORMATS_HF_CONFIG_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/optional.h"
#include "absl/types/span.h"
#include "formats/folder.h"
#include "formats/json.h"

namespace gguf {

// Rotary parameters, from `rope_parameters` or from `rope_scaling` and its top-level companions.
// A number is absent when the file does not give it.
struct HfRope {
  std::string type;  // "linear", "yarn", "llama3", ...; empty for none ("default")
  absl::optional<double> theta;
  absl::optional<double> local_theta;  // of sliding-window layers; absent when there are none
  std::string local_type;              // likewise; empty for none ("default")
  absl::optional<double> factor;
  absl::optional<double> low_freq_factor;
  absl::optional<double> high_freq_factor;
  absl::optional<double> original_context;  // original_max_position_embeddings
  absl::optional<double> partial_rotary_factor;
  absl::optional<double> beta_fast;
  absl::optional<double> beta_slow;
  absl::optional<double> extrapolation_factor;
  absl::optional<double> attention_factor;
  absl::optional<double> mscale;
  absl::optional<double> mscale_all_dim;
  absl::optional<double> alpha;
};

// A key is looked up in text_config, then at the root, then among the defaults; the first that has
// it wins. Errors are InvalidArgument and name the file, the key's path, what was found and what
// was expected.
class HfConfig {
 public:
  // InvalidArgument: no JSON object, no architectures, or a quantization_config of a method other
  // than "mxfp4", "fp8" and "fbgemm_fp8" (the tensors of such a checkpoint are no longer the
  // weights).
  static absl::StatusOr<HfConfig> Parse(absl::string_view file_name, absl::string_view text);

  // Of a checkpoint folder. NotFound when it is none.
  static absl::StatusOr<HfConfig> Load(const Folder& folder);

  const std::string& file_name() const { return file_name_; }
  const std::string& architecture() const { return architecture_; }  // "LlamaForCausalLM"
  const std::string& model_type() const { return model_type_; }      // "llama"; may be empty

  // Values of keys the file does not have, as a JSON object: training libraries leave out what
  // equals the default of the model's class. Ours, so it must parse.
  absl::Status SetDefaults(absl::string_view json);
  // A default that depends on other keys; it also replaces null.
  void SetDefault(absl::string_view key, uint64_t value);

  // Null when absent. For values that the typed functions below do not cover.
  const Json* FindValue(absl::string_view key) const;

  // Value of the first of `keys` that is present; nullopt when none is, or when it is null.
  // Whole numbers are below 2^32: a GGUF stores them so.
  absl::StatusOr<absl::optional<uint64_t>> FindUint(absl::Span<const absl::string_view> keys) const;
  absl::StatusOr<absl::optional<double>> FindNumber(absl::Span<const absl::string_view> keys) const;

  // As above for one key; InvalidArgument when it is absent or null.
  absl::StatusOr<uint64_t> GetUint(absl::string_view key) const;

  // `fallback` when absent or null.
  absl::StatusOr<bool> GetBoolOr(absl::string_view key, bool fallback) const;

  absl::StatusOr<HfRope> Rope() const;

  // Token id `key` at the root, else in text_config. Only a whole number counts: a list is ignored.
  absl::optional<uint64_t> TokenId(absl::string_view key) const;

 private:
  HfConfig() = default;

  // The value and its path for messages ("text_config.hidden_size"); null when absent.
  struct Found {
    const Json* value = nullptr;
    std::string path;
  };
  Found Find(absl::string_view key) const;
  absl::Status WrongType(const Found& found, absl::string_view expected) const;
  absl::StatusOr<absl::optional<double>> NumberOf(const Found& found) const;
  absl::Status SetRopeType(const Found& parameters, std::string* type) const;
  absl::Status SetRopeNumbers(const Found& parameters, HfRope* rope) const;

  std::string file_name_;
  std::string architecture_;
  std::string model_type_;
  Json root_;
  Json defaults_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_HF_CONFIG_H_
