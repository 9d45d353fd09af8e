#include "formats/open.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "formats/safetensors_set.h"
#include "formats/testing.h"
#include "gguf/base/float16.h"
#include "gguf/io/file.h"
#include "gguf/keys.h"
#include "gguf/testing.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::string& path, const OpenOptions& options = OpenOptions()) {
  const auto source = OpenSource(path, options);
  return source.ok() ? "no error" : std::string(source.status().message());
}

std::vector<uint8_t> Read(const TensorSource& source, size_t index, uint64_t first, uint64_t rows) {
  const SourceTensor& tensor = source.tensors()[index];
  std::vector<uint8_t> out(rows * *RowBytes(tensor.type, tensor.shape.columns()));
  const absl::Status status = source.ReadRows(index, first, rows, absl::MakeSpan(out));
  EXPECT_TRUE(status.ok()) << status;
  return out;
}

// The rules of conversion, one element at a time, for the sharded Llama (BF16; 4 heads of 32).
std::vector<uint8_t> ByTheRules(const SafetensorsSet& set, size_t entry, const std::string& name) {
  const SafetensorsTensor& stored = set.tensor(entry);
  std::vector<uint8_t> bytes(stored.num_bytes);
  EXPECT_TRUE(set.Read(entry, 0, absl::MakeSpan(bytes)).ok());
  const bool is_permuted = absl::StrContains(name, "attn_q.") || absl::StrContains(name, "attn_k.");
  const uint64_t row_bytes = 2 * stored.shape.columns();
  std::vector<uint8_t> out;
  for (uint64_t row = 0; row < stored.shape.rows(); ++row) {
    const uint64_t head = row / 32, j = row % 32 / 2, s = row % 2;
    const uint64_t from = is_permuted ? head * 32 + s * 16 + j : row;
    for (uint64_t i = 0; i < row_bytes; i += 2) {
      if (stored.shape.rank() == 1) out.insert(out.end(), {0, 0});  // BF16 -> F32
      out.insert(out.end(), {bytes[from * row_bytes + i], bytes[from * row_bytes + i + 1]});
    }
  }
  return out;
}

TEST(OpenCheckpoint, ShardedTensorsFollowTheRules) {
  const std::string folder = "testdata/hf/llama-sharded";
  const auto source = OpenSource(folder, OpenOptions());
  ASSERT_TRUE(source.ok()) << source.status();
  const auto set = SafetensorsSet::Open(folder);
  ASSERT_TRUE(set.ok()) << set.status();
  ASSERT_EQ((*source)->tensors().size(), set->entries().size());
  for (size_t i = 0; i < set->entries().size(); ++i) {
    const SourceTensor& tensor = (*source)->tensors()[i];
    SCOPED_TRACE(tensor.name);
    EXPECT_EQ(tensor.shape, set->tensor(i).shape);
    EXPECT_EQ(tensor.type, tensor.shape.rank() == 1 ? TensorType::kF32 : TensorType::kBF16);
    const std::vector<uint8_t> want = ByTheRules(*set, i, tensor.name);
    EXPECT_EQ(Read(**source, i, 0, tensor.shape.rows()), want);
    // Any range of rows gives that part of the whole.
    const uint64_t row_bytes = want.size() / tensor.shape.rows();
    for (uint64_t first = 0; first < tensor.shape.rows(); first += 13) {
      const uint64_t rows = std::min<uint64_t>(37, tensor.shape.rows() - first);
      const auto begin = want.begin() + static_cast<std::ptrdiff_t>(first * row_bytes);
      EXPECT_EQ(Read(**source, i, first, rows),
                std::vector<uint8_t>(begin, begin + static_cast<std::ptrdiff_t>(rows * row_bytes)));
    }
  }
  EXPECT_EQ((*source)->metadata().Find("general.file_type")->ToString(), "32");
  EXPECT_EQ((*source)->metadata().entries()[0].first, "general.architecture");
  EXPECT_EQ((*source)->name(), folder);
  // config.json, the index, four files; tokenizer files as they are there.
  EXPECT_THAT((*source)->input_paths(),
              ::testing::IsSupersetOf(
                  {folder + "/config.json", folder + "/model-00004-of-00004.safetensors",
                   folder + "/model.safetensors.index.json", folder + "/tokenizer.model"}));
}

TEST(OpenCheckpoint, ReadsFromManyThreads) {
  const auto source = OpenSource("testdata/kjv-llama", OpenOptions());
  ASSERT_TRUE(source.ok()) << source.status();
  const SourceTensor& tensor = (*source)->tensors()[9];
  ASSERT_EQ(tensor.name, "blk.0.attn_q.weight");
  const std::vector<uint8_t> whole = Read(**source, 9, 0, tensor.shape.rows());
  std::vector<std::vector<uint8_t>> parts(8);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < parts.size(); ++t) {
    threads.emplace_back([&, t] { parts[t] = Read(**source, 9, 32 * t, 32); });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<uint8_t> joined;
  for (const auto& part : parts) joined.insert(joined.end(), part.begin(), part.end());
  EXPECT_EQ(joined, whole);
}

TEST(OpenCheckpoint, RefusesRowsThatAreNotThere) {
  const auto source = OpenSource("testdata/hf/llama", OpenOptions());
  ASSERT_TRUE(source.ok()) << source.status();
  std::vector<uint8_t> out(512);
  const auto read = [&](size_t index, uint64_t first, uint64_t rows, size_t bytes) {
    return (*source)->ReadRows(index, first, rows, absl::MakeSpan(out.data(), bytes)).code();
  };
  EXPECT_EQ(read(0, 639, 1, 512), absl::StatusCode::kOk);
  EXPECT_EQ(read(0, 640, 0, 0), absl::StatusCode::kOk);
  EXPECT_EQ(read(0, 640, 1, 512), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(read(0, ~uint64_t{0}, 1, 512), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(read(0, 0, ~uint64_t{0}, 512), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(read(0, 0, 1, 511), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(read(999, 0, 1, 512), absl::StatusCode::kOutOfRange);
}

TEST(OpenCheckpoint, OptionsNameOverrideAndLeaveOut) {
  OpenOptions options;
  auto source = OpenSource("testdata/hf/llama-trained/", options);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(*(*source)->metadata().Find("general.name"), Value("Llama Trained"));
  EXPECT_EQ(*(*source)->metadata().Find("general.size_label"), Value("1.3M"));

  const std::string folder = MakeFolder("meta", {{"m.json", R"({"general.author": "me"})"}});
  options.model_name = "Mine";
  options.metadata_file = folder + "/m.json";
  options.vocab_only = true;
  source = OpenSource("testdata/hf/llama-trained", options);
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ(*(*source)->metadata().Find("general.name"), Value("Mine"));
  EXPECT_EQ(*(*source)->metadata().Find("general.author"), Value("me"));
  EXPECT_FALSE((*source)->metadata().Has("general.size_label"));
  EXPECT_TRUE((*source)->tensors().empty());
  EXPECT_EQ((*source)->ReadRows(0, 0, 0, {}).code(), absl::StatusCode::kOutOfRange);
  options.metadata_file = folder + "/none.json";
  EXPECT_THAT(ErrorOf("testdata/hf/llama", options), HasSubstr("none.json"));
}

TEST(OpenCheckpoint, NamesWhatIsWrongWithTheFolder) {
  const absl::StatusOr<std::string> config =
      ReadFileToString("testdata/hf/llama/config.json", 1 << 20);
  ASSERT_TRUE(config.ok());
  const auto with = [&](const std::string& from, const std::string& to) {
    return ErrorOf(
        FolderWith("testdata/hf/llama", "config.json", absl::StrReplaceAll(*config, {{from, to}})));
  };
  EXPECT_THAT(with("LlamaForCausalLM", "OtherForCausalLM"),
              HasSubstr("OtherForCausalLM is not supported"));
  EXPECT_THAT(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3"),
              HasSubstr("9 tensors that config.json calls for are missing: "
                        "model.layers.2.input_layernorm.weight"));
  EXPECT_THAT(with("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1"),
              HasSubstr("9 tensors are unknown"));
  EXPECT_THAT(with("\"vocab_size\": 640", "\"vocab_size\": 641"),
              HasSubstr("has the shape [640, 256], and [641, 256] follows from config.json"));
  EXPECT_THAT(with("\"rope_scaling\": null", R"("rope_scaling": {"type": "odd"})"),
              HasSubstr("the rope type \"odd\" is not supported"));
  EXPECT_THAT(ErrorOf(FolderWith("testdata/hf/llama", "model.safetensors", "")),
              HasSubstr("has neither model.safetensors.index.json nor"));
  EXPECT_THAT(ErrorOf(FolderWith("testdata/hf/llama", "tokenizer.model", "broken")),
              HasSubstr("tokenizer.model: is not a SentencePiece model"));
  EXPECT_THAT(ErrorOf(FolderWith("testdata/kjv-llama", "tokenizer.model", "")),
              HasSubstr("has neither tokenizer.model nor tokenizer.json"));
  EXPECT_THAT(OpenCheckpoint("testdata/convert", OpenOptions()).status().message().data(),
              HasSubstr("has no config.json"));
}

// A known family in a variation that a GGUF cannot express, or an incomplete one, is an error that
// names it, never a wrong file.
TEST(OpenCheckpoint, RefusesVariations) {
  const struct {
    const char* folder;
    const char* from;
    const char* to;
    const char* message;
  } kCases[] = {
      {"llama", R"("hidden_act": "silu")", R"("hidden_act": "gelu")",
       "hidden_act is the text \"gelu\", and for LlamaForCausalLM only silu is supported"},
      {"qwen3moe", R"("norm_topk_prob": true)", R"("norm_topk_prob": false)",
       "norm_topk_prob is false"},
      {"qwen2moe", R"("norm_topk_prob": false)", R"("norm_topk_prob": true)",
       "norm_topk_prob is true"},
      {"qwen3moe", R"("decoder_sparse_step": 1)", R"("decoder_sparse_step": 2)",
       "decoder_sparse_step is 2"},
      {"qwen3moe", R"("mlp_only_layers": [])", R"("mlp_only_layers": [0])", "mlp_only_layers is"},
      {"qwen3moe", R"("num_experts": 8)", R"("num_experts": 9)", "[9, 64] follows"},
      {"gemma3-text", R"("attn_logit_softcapping": null)", R"("attn_logit_softcapping": 50)",
       "attn_logit_softcapping is 50"},
      {"gemma3-text", R"("_sliding_window_pattern": 6)", R"("_sliding_window_pattern": 4)",
       "_sliding_window_pattern is 4, and only 6"},
      {"gemma2", R"("sliding_window": 16)", R"("sliding_window": null)", "has no sliding_window"},
      {"gpt-oss", R"("swiglu_limit": 7.0)", R"("swiglu_limit": 6.0)", "swiglu_limit is 6"},
      {"gpt-oss", R"("quant_method": "mxfp4")", R"("quant_method": "gptq")",
       "quantization_config.quant_method is \"gptq\""},
      {"phi3", R"("original_max_position_embeddings": 256)",
       R"("original_max_position_embeddings": 0)", "original_max_position_embeddings is 0"},
      {"phi3", R"("type": "longrope")", R"("type": "odd")", "the rope type \"odd\""},
      {"phi3", R"("type": "longrope")", R"("type": "linear", "factor": 2)", "type \"linear\""},
      {"phi3", R"("long_factor")", R"("type_": 1, "long_factors")", "long_factor is not a list"},
      {"gemma2", R"("query_pre_attn_scalar": 64)", R"("query_pre_attn_scalar": 48)",
       "query_pre_attn_scalar is 48"},
      {"bert", R"("hidden_act": "gelu")", R"("hidden_act": "relu")", "hidden_act is"},
      {"mixtral", R"("num_local_experts": 4)", R"("num_local_experts": 2)", "[2, 128] follows"},
  };
  for (const auto& test : kCases) {
    SCOPED_TRACE(absl::StrCat(test.folder, " ", test.to));
    const std::string folder = absl::StrCat("testdata/hf/", test.folder);
    const absl::StatusOr<std::string> config = ReadFileToString(folder + "/config.json", 1 << 20);
    ASSERT_TRUE(config.ok());
    ASSERT_THAT(*config, HasSubstr(test.from));
    EXPECT_THAT(ErrorOf(FolderWith(folder, "config.json",
                                   absl::StrReplaceAll(*config, {{test.from, test.to}}))),
                HasSubstr(test.message));
  }
}

// Of sentence-transformers folders.
TEST(OpenCheckpoint, RefusesModulesAndPoolingThatAGgufCannotExpress) {
  const struct {
    const char* file;
    const char* text;
    const char* message;
  } kCases[] = {
      {"modules.json",
       R"([{"type": "sentence_transformers.models.Transformer", "path": ""},
           {"type": "sentence_transformers.models.Pooling", "path": "1_Pooling"},
           {"type": "sentence_transformers.models.Dense", "path": "2_Dense"}])",
       "modules.json: has the module sentence_transformers.models.Dense, and a GGUF can only"},
      {"modules.json", R"([{"path": ""}])", "has the module without a type"},
      {"pooling.json", R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})",
       "pooling_mode_cls_token, pooling_mode_mean_tokens are true, and a GGUF can only express "
       "one"},
      {"pooling.json", R"({"pooling_mode_max_tokens": true})", "pooling_mode_max_tokens is true"},
      {"pooling.json", R"({"pooling_mode_cls_token": false})", "no pooling_mode_... is true"},
  };
  for (const auto& test : kCases) {
    std::string folder = FolderWith("testdata/hf/bert", "modules.json", test.text);
    if (std::string(test.file) == "pooling.json") {
      folder = FolderWith("testdata/hf/bert", "modules.json",
                          R"([{"type": "x.Pooling", "path": "pooling"}])");
      ASSERT_TRUE(std::filesystem::create_directories(folder + "/pooling"));
      std::ofstream(folder + "/pooling/config.json") << test.text;
    }
    EXPECT_THAT(ErrorOf(folder), HasSubstr(test.message));
  }
  EXPECT_THAT(ErrorOf(FolderWith("testdata/hf/bert", "modules.json",
                                 R"([{"type": "x.Pooling", "path": "gone"}])")),
              HasSubstr("gone/config.json: is missing, which "));
}

TEST(OpenCheckpoint, PreTokenizerByName) {
  OpenOptions options;
  options.pre = "qwen2";
  const auto source = OpenSource("testdata/hf/llama3", options);
  ASSERT_TRUE(source.ok()) << source.status();
  const Value* pre = (*source)->metadata().Find(keys::kTokenizerPre);
  ASSERT_NE(pre, nullptr);
  EXPECT_EQ(pre->ToString(), "\"qwen2\"");
  options.pre = "no such";
  EXPECT_THAT(std::string(OpenSource("testdata/hf/llama3", options).status().message()),
              HasSubstr("the pre-tokenizer 'no such' is unknown"));
}

TEST(OpenCheckpoint, RebuildsTheVocabularyWithoutTokenizerModel) {
  const auto whole = OpenSource("testdata/hf/llama", OpenOptions());
  const auto rebuilt =
      OpenSource(FolderWith("testdata/hf/llama", "tokenizer.model", ""), OpenOptions());
  ASSERT_TRUE(rebuilt.ok()) << rebuilt.status();
  for (const auto& [key, value] : (*whole)->metadata().entries()) {
    if (key == "tokenizer.ggml.scores") continue;  // in the same order, not the same numbers
    EXPECT_EQ(*(*rebuilt)->metadata().Find(key), value) << key;
  }
}

TEST(OpenSource, ReadsGgufFiles) {
  Metadata metadata;
  metadata.Set("general.architecture", "llama");
  const std::vector<TensorSpec> specs = {{"a.weight", TensorType::kQ8_0, Shape({2, 3, 64})},
                                         {"b.weight", TensorType::kF32, Shape({5})}};
  const auto bytes = MakeGguf(metadata, specs);
  ASSERT_TRUE(bytes.ok()) << bytes.status();
  const std::string path = MakeFolder("gguf", {{"m.gguf", *bytes}}) + "/m.gguf";
  const auto source = OpenSource(path, OpenOptions());
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->name(), path);
  EXPECT_EQ((*source)->input_paths(), std::vector<std::string>{path});
  EXPECT_EQ((*source)->num_shards(), 1);
  ASSERT_EQ((*source)->tensors().size(), 2);
  EXPECT_EQ((*source)->tensors()[0].shape, specs[0].shape);
  EXPECT_EQ((*source)->tensors()[0].type, TensorType::kQ8_0);
  const uint64_t row = *RowBytes(TensorType::kQ8_0, 64);
  const std::string data = PatternBytes(0, 6 * row);
  const std::vector<uint8_t> want(data.begin() + 2 * static_cast<int>(row),
                                  data.begin() + 5 * static_cast<int>(row));
  EXPECT_EQ(Read(**source, 0, 2, 3), want);
  std::vector<uint8_t> out(row);
  EXPECT_EQ((*source)->ReadRows(0, 6, 1, absl::MakeSpan(out)).code(),
            absl::StatusCode::kOutOfRange);
}

TEST(OpenSource, SaysWhatItFoundInstead) {
  const std::string folder = MakeFolder("other", {{"zip", "PK\x03\x04rest"},
                                                  {"empty", ""},
                                                  {"text", "hello there"},
                                                  {"lfs", "version https://git-lfs.github.com"},
                                                  {"m.safetensors", RawSafetensors("{}", "")},
                                                  {"model.gguf", "GGML"}});
  EXPECT_THAT(ErrorOf(folder + "/zip"), HasSubstr("is a zip archive or a PyTorch checkpoint"));
  EXPECT_THAT(ErrorOf(folder + "/empty"), HasSubstr("is an empty file; expected a GGUF file"));
  EXPECT_THAT(ErrorOf(folder + "/text"), HasSubstr("begins with \"hello th"));
  EXPECT_THAT(ErrorOf(folder + "/lfs"), HasSubstr("is a Git LFS pointer"));
  EXPECT_THAT(ErrorOf(folder + "/m.safetensors"), HasSubstr("whose folder is what"));
  EXPECT_THAT(ErrorOf(folder + "/model.gguf"), HasSubstr("begins with \"GGML\""));
  EXPECT_THAT(ErrorOf(folder), HasSubstr("is a folder of GGUF files, one of which must be named"));
  EXPECT_THAT(ErrorOf("testdata/convert"), HasSubstr("is a folder without config.json"));
  EXPECT_EQ(OpenSource(folder + "/none", OpenOptions()).status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gguf
