// Every metadata key that this project reads or writes, with its type and meaning.
//
// Keys of a model's architecture start with its name: `llama.block_count`. Their constants hold
// the part after the dot and are completed by ArchitectureKey.

#ifndef GGUF_TOOLCHAIN_GGUF_KEYS_H_
#define GGUF_TOOLCHAIN_GGUF_KEYS_H_

#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace gguf {
namespace keys {

using Key = absl::string_view;

// ---- Any file
inline constexpr Key kGeneralArchitecture = "general.architecture";  // string: "llama", "qwen3"
inline constexpr Key kGeneralType =
    "general.type";  // string: model, adapter, mmproj, vocab, imatrix
inline constexpr Key kGeneralAlignment = "general.alignment";  // uint32: bytes, 32 when absent
inline constexpr Key kGeneralQuantizationVersion =
    "general.quantization_version";  // uint32: 2; required when a tensor is quantized
inline constexpr Key kGeneralFileType = "general.file_type";  // uint32: dominant scheme

// ---- Descriptions
inline constexpr Key kGeneralName = "general.name";                      // string
inline constexpr Key kGeneralAuthor = "general.author";                  // string
inline constexpr Key kGeneralVersion = "general.version";                // string
inline constexpr Key kGeneralOrganization = "general.organization";      // string
inline constexpr Key kGeneralFinetune = "general.finetune";              // string: "instruct"
inline constexpr Key kGeneralBasename = "general.basename";              // string: "Llama-3"
inline constexpr Key kGeneralSizeLabel = "general.size_label";           // string: "8B", "8x7B"
inline constexpr Key kGeneralDescription = "general.description";        // string
inline constexpr Key kGeneralQuantizedBy = "general.quantized_by";       // string
inline constexpr Key kGeneralLicense = "general.license";                // string: SPDX expression
inline constexpr Key kGeneralLicenseName = "general.license.name";       // string
inline constexpr Key kGeneralLicenseLink = "general.license.link";       // string: URL
inline constexpr Key kGeneralUrl = "general.url";                        // string
inline constexpr Key kGeneralRepoUrl = "general.repo_url";               // string
inline constexpr Key kGeneralSourceUrl = "general.source.url";           // string
inline constexpr Key kGeneralSourceDoi = "general.source.doi";           // string
inline constexpr Key kGeneralSourceUuid = "general.source.uuid";         // string
inline constexpr Key kGeneralSourceRepoUrl = "general.source.repo_url";  // string
inline constexpr Key kGeneralTags = "general.tags";                      // array of string
inline constexpr Key kGeneralLanguages = "general.languages";            // array of string: "en"
inline constexpr Key kGeneralBaseModelCount = "general.base_model.count";  // uint32; N below it
// "general.base_model.N.": name, author, version, organization, url, doi, uuid, repo_url (strings)
inline constexpr Key kGeneralBaseModelPrefix = "general.base_model.";
inline constexpr Key kGeneralDatasetCount = "general.dataset.count";  // uint32; N below it
inline constexpr Key kGeneralDatasetPrefix = "general.dataset.";      // as base_model

// ---- LoRA adapters (general.type is "adapter")
inline constexpr Key kAdapterType = "adapter.type";             // string: "lora"
inline constexpr Key kAdapterLoraAlpha = "adapter.lora.alpha";  // float32; scale is alpha / rank

// ---- Split sets
inline constexpr Key kSplitNo = "split.no";        // uint16: number of this shard, from 0
inline constexpr Key kSplitCount = "split.count";  // uint16: shards; 0 and 1 mean not split
inline constexpr Key kSplitTensorsCount = "split.tensors.count";  // int32: tensors in all shards

// ---- How a file was quantized
inline constexpr Key kQuantizeImatrixFile = "quantize.imatrix.file";        // string, 127 bytes
inline constexpr Key kQuantizeImatrixDataset = "quantize.imatrix.dataset";  // string, 127 bytes
inline constexpr Key kQuantizeImatrixEntriesCount = "quantize.imatrix.entries_count";  // uint32
inline constexpr Key kQuantizeImatrixChunksCount = "quantize.imatrix.chunks_count";    // uint32

// ---- Importance matrices
inline constexpr Key kImatrixDatasets = "imatrix.datasets";       // array of string: text files
inline constexpr Key kImatrixChunkCount = "imatrix.chunk_count";  // uint32
inline constexpr Key kImatrixChunkSize = "imatrix.chunk_size";    // uint32: tokens

// ---- Tokenizer
inline constexpr Key kTokenizerModel = "tokenizer.ggml.model";    // string: llama, gpt2, bert, t5
inline constexpr Key kTokenizerPre = "tokenizer.ggml.pre";        // string: pre-tokenizer
inline constexpr Key kTokenizerTokens = "tokenizer.ggml.tokens";  // array of string
inline constexpr Key kTokenizerScores = "tokenizer.ggml.scores";  // array of float32
inline constexpr Key kTokenizerTokenType = "tokenizer.ggml.token_type";  // array of int32
inline constexpr Key kTokenizerMerges = "tokenizer.ggml.merges";         // array of string: "a b"
inline constexpr Key kTokenizerTokenTypeCount = "tokenizer.ggml.token_type_count";  // uint32
inline constexpr Key kTokenizerBosTokenId = "tokenizer.ggml.bos_token_id";          // uint32
inline constexpr Key kTokenizerEosTokenId = "tokenizer.ggml.eos_token_id";          // uint32
inline constexpr Key kTokenizerEotTokenId = "tokenizer.ggml.eot_token_id";          // uint32
inline constexpr Key kTokenizerEomTokenId = "tokenizer.ggml.eom_token_id";          // uint32
inline constexpr Key kTokenizerPrefixTokenId = "tokenizer.ggml.prefix_token_id";    // uint32
inline constexpr Key kTokenizerSuffixTokenId = "tokenizer.ggml.suffix_token_id";    // uint32
inline constexpr Key kTokenizerMiddleTokenId = "tokenizer.ggml.middle_token_id";    // uint32
inline constexpr Key kTokenizerUnknownTokenId = "tokenizer.ggml.unknown_token_id";  // uint32
inline constexpr Key kTokenizerSeparatorTokenId =
    "tokenizer.ggml.seperator_token_id";  // uint32; the field spells it so
inline constexpr Key kTokenizerPaddingTokenId = "tokenizer.ggml.padding_token_id";  // uint32
inline constexpr Key kTokenizerMaskTokenId = "tokenizer.ggml.mask_token_id";        // uint32
inline constexpr Key kTokenizerAddBosToken = "tokenizer.ggml.add_bos_token";        // bool
inline constexpr Key kTokenizerAddEosToken = "tokenizer.ggml.add_eos_token";        // bool
inline constexpr Key kTokenizerAddSepToken = "tokenizer.ggml.add_sep_token";        // bool
inline constexpr Key kTokenizerAddSpacePrefix = "tokenizer.ggml.add_space_prefix";  // bool
inline constexpr Key kTokenizerRemoveExtraWhitespaces =
    "tokenizer.ggml.remove_extra_whitespaces";  // bool
inline constexpr Key kTokenizerPrecompiledCharsmap =
    "tokenizer.ggml.precompiled_charsmap";  // array of uint8
inline constexpr Key kTokenizerNormalizerLowercase = "tokenizer.ggml.normalizer.lowercase";  // bool
inline constexpr Key kTokenizerNormalizerStripAccents =
    "tokenizer.ggml.normalizer.strip_accents";                              // bool
inline constexpr Key kTokenizerChatTemplate = "tokenizer.chat_template";    // string: Jinja
inline constexpr Key kTokenizerChatTemplates = "tokenizer.chat_templates";  // array of string

// ---- A model's architecture (complete with ArchitectureKey)
inline constexpr Key kVocabSize = "vocab_size";                   // uint32
inline constexpr Key kContextLength = "context_length";           // uint32
inline constexpr Key kEmbeddingLength = "embedding_length";       // uint32
inline constexpr Key kBlockCount = "block_count";                 // uint32: layers
inline constexpr Key kFeedForwardLength = "feed_forward_length";  // uint32, or array per layer
inline constexpr Key kExpertFeedForwardLength = "expert_feed_forward_length";  // uint32
inline constexpr Key kExpertSharedFeedForwardLength =
    "expert_shared_feed_forward_length";                            // uint32
inline constexpr Key kExpertCount = "expert_count";                 // uint32
inline constexpr Key kExpertUsedCount = "expert_used_count";        // uint32
inline constexpr Key kExpertSharedCount = "expert_shared_count";    // uint32
inline constexpr Key kExpertWeightsScale = "expert_weights_scale";  // float32
inline constexpr Key kExpertWeightsNorm = "expert_weights_norm";    // bool
inline constexpr Key kExpertGatingFunc = "expert_gating_func";      // uint32
inline constexpr Key kAttentionHeadCount = "attention.head_count";  // uint32, or array per layer
inline constexpr Key kAttentionHeadCountKv = "attention.head_count_kv";        // likewise
inline constexpr Key kAttentionKeyLength = "attention.key_length";             // uint32: per head
inline constexpr Key kAttentionValueLength = "attention.value_length";         // uint32: per head
inline constexpr Key kAttentionKeyLengthSwa = "attention.key_length_swa";      // uint32
inline constexpr Key kAttentionValueLengthSwa = "attention.value_length_swa";  // uint32
inline constexpr Key kAttentionLayerNormEpsilon = "attention.layer_norm_epsilon";         // float32
inline constexpr Key kAttentionLayerNormRmsEpsilon = "attention.layer_norm_rms_epsilon";  // float32
inline constexpr Key kAttentionCausal = "attention.causal";                               // bool
inline constexpr Key kAttentionSlidingWindow = "attention.sliding_window";  // uint32: tokens
inline constexpr Key kAttentionSlidingWindowPattern =
    "attention.sliding_window_pattern";                    // uint32, or array of bool
inline constexpr Key kAttentionScale = "attention.scale";  // float32
inline constexpr Key kEmbeddingScale = "embedding_scale";  // float32
inline constexpr Key kResidualScale = "residual_scale";    // float32
inline constexpr Key kLogitScale = "logit_scale";          // float32: logits / this
inline constexpr Key kRopeDimensionSections = "rope.dimension_sections";  // array of int32
inline constexpr Key kRopeDimensionCount = "rope.dimension_count";        // uint32
inline constexpr Key kRopeFreqBase = "rope.freq_base";                    // float32
inline constexpr Key kRopeFreqBaseSwa = "rope.freq_base_swa";             // float32: sliding layers
inline constexpr Key kRopeScalingType = "rope.scaling.type";      // string: none, linear, yarn
inline constexpr Key kRopeScalingFactor = "rope.scaling.factor";  // float32
inline constexpr Key kRopeScalingAttnFactor = "rope.scaling.attn_factor";           // float32
inline constexpr Key kRopeScalingYarnBetaFast = "rope.scaling.yarn_beta_fast";      // float32
inline constexpr Key kRopeScalingYarnBetaSlow = "rope.scaling.yarn_beta_slow";      // float32
inline constexpr Key kRopeScalingYarnExtFactor = "rope.scaling.yarn_ext_factor";    // float32
inline constexpr Key kRopeScalingYarnAttnFactor = "rope.scaling.yarn_attn_factor";  // float32
inline constexpr Key kRopeScalingOriginalContextLength =
    "rope.scaling.original_context_length";                               // uint32
inline constexpr Key kFinalLogitSoftcapping = "final_logit_softcapping";  // float32
inline constexpr Key kAttnLogitSoftcapping = "attn_logit_softcapping";    // float32
inline constexpr Key kPoolingType =
    "pooling_type";  // uint32: 0 none, 1 mean, 2 cls, 3 last, 4 rank

// ---- Vision towers
inline constexpr Key kClipHasVisionEncoder = "clip.has_vision_encoder";            // bool
inline constexpr Key kClipProjectorType = "clip.projector_type";                   // string
inline constexpr Key kClipUseGelu = "clip.use_gelu";                               // bool
inline constexpr Key kClipUseSilu = "clip.use_silu";                               // bool
inline constexpr Key kClipVisionImageSize = "clip.vision.image_size";              // uint32: pixels
inline constexpr Key kClipVisionPatchSize = "clip.vision.patch_size";              // uint32: pixels
inline constexpr Key kClipVisionEmbeddingLength = "clip.vision.embedding_length";  // uint32
inline constexpr Key kClipVisionFeedForwardLength = "clip.vision.feed_forward_length";  // uint32
inline constexpr Key kClipVisionBlockCount = "clip.vision.block_count";                 // uint32
inline constexpr Key kClipVisionProjectionDim = "clip.vision.projection_dim";           // uint32
inline constexpr Key kClipVisionHeadCount = "clip.vision.attention.head_count";         // uint32
inline constexpr Key kClipVisionLayerNormEpsilon =
    "clip.vision.attention.layer_norm_epsilon";                        // float32
inline constexpr Key kClipVisionImageMean = "clip.vision.image_mean";  // array of 3 float32
inline constexpr Key kClipVisionImageStd = "clip.vision.image_std";    // array of 3 float32
inline constexpr Key kClipVisionProjectorScaleFactor =
    "clip.vision.projector.scale_factor";  // uint32
inline constexpr Key kClipVisionWindowAttentionPattern =
    "clip.vision.n_wa_pattern";  // uint32: every n-th block sees the whole image
inline constexpr Key kClipVisionFeatureLayer =
    "clip.vision.feature_layer";  // array of int32: after how many blocks vectors are taken

}  // namespace keys

// "llama", "block_count" -> "llama.block_count".
inline std::string ArchitectureKey(absl::string_view architecture, keys::Key key) {
  return absl::StrCat(architecture, ".", key);
}

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_GGUF_KEYS_H_
