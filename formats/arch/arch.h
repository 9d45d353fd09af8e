// Model families as data: what a conversion must know about one is a Family, in a file of its own,
// and a row in arch.cc.

#ifndef GGUF_TOOLCHAIN_FORMATS_ARCH_ARCH_H_
#define GGUF_TOOLCHAIN_FORMATS_ARCH_ARCH_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/hf_config.h"
#include "formats/json.h"
#include "gguf/metadata.h"
#include "gguf/shape.h"

namespace gguf {

// The sizes a decoder's tensor shapes are made of.
struct ModelSizes {
  uint64_t layers = 0;
  uint64_t vocab = 0;
  uint64_t hidden = 0;
  uint64_t feed_forward = 0;
  uint64_t heads = 0;
  uint64_t kv_heads = 0;
  uint64_t head_dim = 0;
  uint64_t query_rows = 0;  // heads * head_dim
  uint64_t kv_rows = 0;     // kv_heads * head_dim

  // 0 unless config.json has them.
  uint64_t experts = 0;
  uint64_t expert_feed_forward = 0;  // of one expert; feed_forward when it has no key of its own
  uint64_t shared_feed_forward = 0;  // of the expert that sees every token
  uint64_t positions = 0;            // max_position_embeddings
  uint64_t token_types = 0;          // type_vocab_size

  // For fused and odd tensors.
  uint64_t qkv_rows = 0;            // query_rows + 2 * kv_rows
  uint64_t twice_feed_forward = 0;  // gate and up
  uint64_t one = 1;
};
using SizeField = uint64_t ModelSizes::*;

// When a tensor may be absent.
enum class Presence {
  kRequired,
  kRequiredUnlessTied,  // absent when tie_word_embeddings is true
  kAlternative,         // another rule for the same target, for another way to store it
};

// Which of the stored rows of a matrix (of a bias: which elements) become the tensor. All but kAll
// are for fused tensors with twice, or three times as many.
enum class RowChoice {
  kAll,
  kEven,
  kOdd,
  kFirstHalf,
  kSecondHalf,
  kFirstThird,
  kSecondThird,
  kLastThird
};

// One tensor of the checkpoint and what becomes of it.
struct TensorRule {
  // Names without ".weight" and ".bias". "N" stands for the layer: the rule is for every layer. "X"
  // stands for an expert: the experts' matrices are stacked, [experts, rows, columns].
  absl::string_view source;  // "model.layers.N.self_attn.q_proj"
  absl::string_view target;  // "blk.N.attn_q"

  // Shape of the weight: [rows, columns], or [rows] when `columns` is null. A bias has [rows]. With
  // `matrices`, all that once for each: [matrices, rows, columns].
  SizeField rows;
  SizeField columns = nullptr;
  SizeField matrices = nullptr;

  // Number of heads whose rows are reordered from half-split to adjacent rotary pairs; null for
  // none: out[head * d + 2 * j + s] = in[head * d + s * d / 2 + j], d = rows / heads, s in {0, 1}.
  SizeField permuted_heads = nullptr;

  RowChoice choice = RowChoice::kAll;
  Presence presence = Presence::kRequired;

  // Key of config.json that says whether there is a bias (one is taken either way, and required
  // when the key is true); kBiasRequired; empty: a bias is an error.
  absl::string_view bias_key = {};

  // The weight is stored as w and used as 1 + w: a GGUF has 1 + w, computed in F32.
  bool adds_one = false;

  // Codes and scales as gpt-oss stores them, [matrices, rows, columns / 32, 16] U8 under
  // "<source>.blocks" and [matrices, rows, columns / 32] U8 under "<source>.scales": become MXFP4
  // blocks, bit for bit. Or floats under "<source>.transposed", [matrices, columns, rows].
  bool is_mxfp4 = false;
};
inline constexpr absl::string_view kBiasRequired = "*";

// A part of a stored name that the rules call otherwise: every occurrence is replaced.
struct Rename {
  absl::string_view from;
  absl::string_view to;
  // Some checkpoints have `from` and others `to`; without it, all have `from`.
  bool is_optional = false;
};

// A tensor that the checkpoint does not hold: its values follow from the configuration.
struct GeneratedTensor {
  std::string name;
  Shape shape;
  std::vector<float> values;
};

// A class of the training library. Rows of one family differ in the defaults of omitted keys.
struct ModelClass {
  absl::string_view architecture;  // config.json architectures[0]: "LlamaForCausalLM"
  absl::string_view model_type;    // config.json model_type: "llama"
  absl::string_view defaults;      // JSON object: values of keys that config.json omits
};

// A key of config.json that a GGUF does not store, and the only value (JSON) that is supported; of
// a list, the only value its elements may have. A key that is absent or null is not looked at.
struct ConfigCheck {
  absl::string_view key;       // "position_embedding_type"
  absl::string_view accepted;  // "\"absolute\""
};

struct Family {
  absl::string_view name;  // general.architecture and the prefix of the family's keys
  absl::Span<const ModelClass> classes;
  absl::Span<const absl::Span<const TensorRule>> tensors = {};  // in groups that families share

  // Applied to stored names, in order, before the rules.
  absl::Span<const Rename> renames = {};
  // Beginnings of names of tensors that a GGUF does not have.
  absl::Span<const absl::string_view> dropped = {};
  // Common keys (common_metadata.h) that this family does not have.
  absl::Span<const absl::string_view> omitted_keys = {};

  // rope_type values with a meaning for this family, besides none.
  absl::Span<const absl::string_view> rope_types = {};

  // Only a part of each head is rotated, where partial_rotary_factor says so.
  bool rotates_parts = false;

  // Variations that a GGUF of this family cannot express.
  absl::Span<const ConfigCheck> config_checks = {};

  // Values of hidden_act (or hidden_activation) that runtimes compute for this family.
  absl::Span<const absl::string_view> activations = {};

  // tokenizer.json has the last word on added tokens, and only their `special` flag makes them
  // CONTROL.
  bool trusts_special_flag = false;

  // The rest may be null.

  // Fills in what the defaults of a class cannot say because it depends on other keys.
  absl::Status (*complete_config)(const ModelClass& model_class, HfConfig* config) = nullptr;

  // Unimplemented, naming the key, for a variation that depends on more than one key.
  absl::Status (*check_config)(const HfConfig& config) = nullptr;

  // Keys beyond the common ones (common_metadata.h).
  absl::Status (*set_metadata)(const HfConfig& config, const ModelSizes& sizes,
                               Metadata* metadata) = nullptr;

  // Changes to the tokenizer's keys; `tokenizer_config` is null when there is no such file.
  absl::Status (*adjust_tokenizer)(const HfConfig& config, const Json& tokenizer_config,
                                   Metadata* metadata) = nullptr;

  absl::StatusOr<std::vector<GeneratedTensor>> (*generate_tensors)(
      const HfConfig& config, const ModelSizes& sizes) = nullptr;
};

// A row per family.
absl::Span<const Family* const> AllFamilies();

// The family of config.architecture(), after completing `config` with the defaults of its class
// (chosen by model_type; of none, when the family does not know it). Unimplemented, listing the
// supported classes, for any other.
absl::StatusOr<const Family*> ResolveFamily(HfConfig* config);

// Reads and checks the sizes: none is zero, and heads divide evenly.
absl::StatusOr<ModelSizes> ReadModelSizes(const HfConfig& config);

// Common keys and those of the family, general.* excepted. Unimplemented for a rope type, an
// activation or another variation the family does not know.
absl::Status SetFamilyMetadata(const Family& family, const HfConfig& config,
                               const ModelSizes& sizes, Metadata* metadata);

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_FORMATS_ARCH_ARCH_H_
