// Whole checkpoints against what the field's converter (August 2026) wrote for them: every metadata
// key and every tensor, for three output types. Tensors are compared by hash, so equal means equal
// in every bit.

#include <openssl/sha.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "formats/arch/arch.h"
#include "formats/checkpoint_tensors.h"
#include "formats/convert_rules.h"
#include "formats/hf_config.h"
#include "formats/json.h"
#include "formats/open.h"
#include "formats/tensor_source.h"
#include "gguf/base/float16.h"
#include "gguf/io/file.h"
#include "gguf/metadata.h"
#include "gguf/tensor_type.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

// Keys whose values are not compared.
const std::map<std::string, std::string> kIgnoredKeys = {
    {"general.name", "derived from the folder's name by rules of one's own"},
    {"general.size_label", "likewise; general_metadata_test has the rule"},
    {"general.basename", "the field's converter guesses it from the folder's name"},
    {"general.finetune", "likewise"},
    {"general.file_type", "set by the plan of a conversion, from its output type"},
};

std::string Sha256(absl::string_view bytes) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest);
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

template <typename T>
std::string BytesOf(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(value));
}

std::string HashOfElements(const std::vector<std::string>& elements) {
  std::string bytes;
  for (const std::string& text : elements) {
    bytes += BytesOf<uint64_t>(text.size());
    bytes += text;
  }
  return Sha256(bytes);
}

template <typename T>
std::string HashOfElements(const std::vector<T>& elements) {
  std::string bytes;
  for (const T& element : elements) bytes += BytesOf(element);
  return Sha256(bytes);
}

// A value as the golden files write it: "UINT32 7", "ARRAY STRING 640 <sha256>".
std::string Summary(const Value& value) {
  switch (value.type()) {
    case ValueType::kUint32:
      return absl::StrCat("UINT32 ", std::get<uint32_t>(value.data));
    case ValueType::kFloat32:
      return absl::StrCat("FLOAT32 ", absl::BytesToHexString(BytesOf(std::get<float>(value.data))));
    case ValueType::kBool:
      return absl::StrCat("BOOL ", std::get<bool>(value.data) ? "true" : "false");
    case ValueType::kString:
      return absl::StrCat("STRING ", std::get<std::string>(value.data));
    default:
      break;
  }
  const Array* array = std::get_if<Array>(&value.data);
  if (array == nullptr) return "unexpected type";
  const auto summary = [&](absl::string_view type, const auto& elements) {
    return absl::StrCat("ARRAY ", type, " ", elements.size(), " ", HashOfElements(elements));
  };
  if (const auto* texts = std::get_if<std::vector<std::string>>(&array->elements)) {
    return summary("STRING", *texts);
  }
  if (const auto* floats = std::get_if<std::vector<float>>(&array->elements)) {
    return summary("FLOAT32", *floats);
  }
  if (const auto* ints = std::get_if<std::vector<int32_t>>(&array->elements)) {
    return summary("INT32", *ints);
  }
  return "unexpected element type";
}

std::string Summary(const Json& golden) {
  const std::string& type = *golden.FindString("type");
  if (type == "ARRAY") {
    return absl::StrCat("ARRAY ", *golden.FindString("elem_type"), " ",
                        *golden.Find("length")->whole_number(), " ", *golden.FindString("sha256"));
  }
  if (type == "FLOAT32") return absl::StrCat("FLOAT32 ", *golden.FindString("hex"));
  if (type == "STRING") return absl::StrCat("STRING ", *golden.FindString("value"));
  return absl::StrCat(type, " ", golden.Find("value")->Describe());
}

// Values of a whole tensor, as a converter would have them in memory.
std::vector<float> ReadFloats(const SourceTensor& tensor, absl::Span<const uint8_t> bytes) {
  std::vector<float> values(tensor.shape.num_values());
  for (size_t i = 0; i < values.size(); ++i) {
    if (tensor.type == TensorType::kF32) {
      std::memcpy(&values[i], bytes.data() + 4 * i, 4);
    } else {
      uint16_t half;
      std::memcpy(&half, bytes.data() + 2 * i, 2);
      values[i] = tensor.type == TensorType::kF16 ? F16ToF32(half) : BF16ToF32(half);
    }
  }
  return values;
}

std::string Encode(const std::vector<float>& values, TensorType type) {
  std::string bytes;
  for (const float value : values) {
    if (type == TensorType::kF32) bytes += BytesOf(value);
    if (type == TensorType::kF16) bytes += BytesOf(F32ToF16(value));
    if (type == TensorType::kBF16) bytes += BytesOf(F32ToBF16(value));
  }
  return bytes;
}

// Source (a TensorSource or CheckpointTensors) -> golden tensors of one output type.
template <typename Source>
void ExpectTensors(const Source& source, const Json& golden, TensorType output) {
  std::map<std::string, const Json*> expected;
  for (const Json& tensor : *golden.FindArray("tensors")) {
    expected[*tensor.FindString("name")] = &tensor;
  }
  for (size_t i = 0; i < source.tensors().size(); ++i) {
    const SourceTensor& tensor = source.tensors()[i];
    SCOPED_TRACE(tensor.name);
    const auto found = expected.find(tensor.name);
    ASSERT_NE(found, expected.end());
    const Json& want = *found->second;

    std::vector<uint64_t> dims(tensor.shape.dims().rbegin(), tensor.shape.dims().rend());
    std::vector<uint64_t> want_dims;
    for (const Json& dim : *want.FindArray("shape")) want_dims.push_back(*dim.whole_number());
    EXPECT_EQ(dims, want_dims);

    const bool is_native = InfoOf(tensor.type).is_quantized;
    const TensorType type = is_native                                  ? tensor.type
                            : ConvertsToF32(tensor.name, tensor.shape) ? TensorType::kF32
                                                                       : output;
    EXPECT_EQ(NameOf(type), *want.FindString("type"));
    std::vector<uint8_t> bytes(*TensorBytes(tensor.type, tensor.shape));
    ASSERT_TRUE(source.ReadRows(i, 0, tensor.shape.rows(), absl::MakeSpan(bytes)).ok());
    if (is_native) {
      EXPECT_EQ(Sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()}),
                *want.FindString("sha256"));
      expected.erase(found);
      continue;
    }
    const std::vector<float> values = ReadFloats(tensor, bytes);
    if (const Json::Array* want_values = want.FindArray("values")) {
      // Computed with a power function, which may differ in the last bit.
      ASSERT_EQ(values.size(), want_values->size());
      for (size_t v = 0; v < values.size(); ++v) {
        const double wanted = *(*want_values)[v].number();
        EXPECT_NEAR(values[v], wanted, 1e-6 * std::abs(wanted)) << v;
      }
    } else {
      EXPECT_EQ(Sha256(Encode(values, type)), *want.FindString("sha256"));
    }
    expected.erase(found);
  }
  for (const auto& [name, tensor] : expected) ADD_FAILURE() << "missing tensor " << name;
}

void ExpectMetadata(const Metadata& metadata, const Json& golden, absl::string_view prefix) {
  std::map<std::string, std::string> expected;
  for (const Json& entry : *golden.FindArray("kv")) {
    const std::string& key = *entry.FindString("name");
    if (absl::string_view(key).substr(0, prefix.size()) != prefix) continue;
    if (kIgnoredKeys.count(key) == 0) expected[key] = Summary(entry);
  }
  std::map<std::string, std::string> found;
  for (const auto& [key, value] : metadata.entries()) {
    if (kIgnoredKeys.count(key) == 0) found[key] = Summary(value);
  }
  for (const auto& [key, value] : expected) EXPECT_EQ(found[key], value) << key;
  for (const auto& [key, value] : found) {
    EXPECT_TRUE(expected.count(key)) << "superfluous key " << key << " = " << value;
  }
}

Json Golden(absl::string_view name) {
  const std::string path = absl::StrCat("testdata/convert/", name, ".json");
  absl::StatusOr<std::string> text = ReadFileToString(path, 1 << 20);
  EXPECT_TRUE(text.ok()) << text.status();
  absl::StatusOr<Json> json = ParseJson(path, *text);
  EXPECT_TRUE(json.ok()) << json.status();
  return *std::move(json);
}

struct Output {
  const char* name;
  TensorType type;
};
constexpr Output kOutputs[] = {
    {"f32", TensorType::kF32}, {"f16", TensorType::kF16}, {"bf16", TensorType::kBF16}};

void ExpectConverts(const std::string& folder, absl::string_view name) {
  const absl::StatusOr<std::unique_ptr<TensorSource>> source = OpenSource(folder, OpenOptions());
  ASSERT_TRUE(source.ok()) << source.status();
  EXPECT_EQ((*source)->warnings(), std::vector<std::string>());
  const Json golden = Golden(name);
  for (const Output& output : kOutputs) {
    SCOPED_TRACE(output.name);
    ExpectMetadata((*source)->metadata(), *golden.Find(output.name), "");
    ExpectTensors(**source, *golden.Find(output.name), output.type);
  }
}

// A copy of a checkpoint whose files are links, except config.json, which is another file's copy.
std::string WithConfig(const std::string& folder, const std::string& config) {
  namespace fs = std::filesystem;
  const fs::path copy =
      fs::path(::testing::TempDir()) / "with_config" / fs::path(folder).filename();
  fs::remove_all(copy);
  fs::create_directories(copy);
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() == "config.json") continue;
    fs::create_symlink(fs::absolute(entry.path()), copy / entry.path().filename());
  }
  fs::copy_file(config, copy / "config.json");
  return copy.string();
}

// A checkpoint, and what the field's converter made of it.
struct GoldenCheckpoint {
  const char* folder;    // below testdata/hf
  const char* expected;  // testdata/convert/<expected>.json
};
constexpr GoldenCheckpoint kCheckpoints[] = {
    {"llama", "llama"},
    {"llama-trained", "llama-trained"},
    {"llama3", "llama3"},
    {"qwen2moe", "qwen2moe"},
    {"gemma3-vision", "gemma3-vision"},
    {"phi3", "phi3"},
    {"gpt-oss", "gpt-oss"},
    {"bert", "bert"},
    {"granite", "granite"},
    {"olmo2", "olmo2"},
    {"qwen2vl", "qwen2vl"},
    {"llava", "llava"},
};

class CheckpointGolden : public ::testing::TestWithParam<GoldenCheckpoint> {};

TEST_P(CheckpointGolden, Converts) {
  ExpectConverts(std::string("testdata/hf/") + GetParam().folder, GetParam().expected);
}

TEST_P(CheckpointGolden, NewerConfigGivesTheSame) {
  const std::string config = std::string("testdata/hf/config-v5/") + GetParam().folder + ".json";
  if (!std::filesystem::exists(config)) GTEST_SKIP() << "the newer spelling does not differ";
  ExpectConverts(WithConfig(std::string("testdata/hf/") + GetParam().folder, config),
                 GetParam().expected);
}

INSTANTIATE_TEST_SUITE_P(All, CheckpointGolden, ::testing::ValuesIn(kCheckpoints),
                         [](const auto& info) {
                           return absl::StrReplaceAll(info.param.folder, {{"-", "_"}});
                         });

}  // namespace
}  // namespace gguf
