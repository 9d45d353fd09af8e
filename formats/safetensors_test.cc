#include "formats/safetensors.h"

#include <memory>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/types/span.h"
#include "formats/testing.h"
#include "gguf/io/memory_file.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace gguf {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<SafetensorsFile> OpenBytes(std::string bytes) {
  return SafetensorsFile::Open(std::make_unique<MemoryFile>("t.safetensors", std::move(bytes)));
}

TEST(Safetensors, ReadsTensorsInHeaderOrder) {
  // The order of the header is not that of the data.
  const std::string header = R"({"b":{"dtype":"F16","shape":[2,1],"data_offsets":[4,8]},)"
                             R"("__metadata__":{"format":"pt","k":""},)"
                             R"("empty":{"dtype":"F32","shape":[0,7],"data_offsets":[4,4]},)"
                             R"("a":{"data_offsets":[0,4],"shape":[],"dtype":"F32"}}   )";
  const absl::StatusOr<SafetensorsFile> file = OpenBytes(RawSafetensors(header, "01234567"));
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->tensors().size(), 3);
  EXPECT_EQ(file->tensors()[0].name, "b");
  EXPECT_EQ(file->tensors()[0].type, ElementType::kF16);
  EXPECT_EQ(file->tensors()[0].shape, Shape({2, 1}));
  EXPECT_EQ(file->tensors()[0].num_bytes, 4);
  EXPECT_EQ(file->tensors()[1].num_bytes, 0);
  EXPECT_EQ(file->tensors()[2].shape.rank(), 0);
  EXPECT_EQ(file->metadata().size(), 2);

  std::string bytes(3, '\0');
  const auto span = absl::MakeSpan(reinterpret_cast<uint8_t*>(bytes.data()), bytes.size());
  ASSERT_TRUE(file->Read(file->tensors()[0], 1, span).ok());
  EXPECT_EQ(bytes, "567");
  EXPECT_EQ(file->Read(file->tensors()[0], 2, span).code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(file->Read(file->tensors()[0], ~uint64_t{0}, span).code(),
            absl::StatusCode::kOutOfRange);
}

TEST(Safetensors, KnowsEveryElementType) {
  const struct {
    std::string name;
    uint32_t bytes;
  } kTypes[] = {{"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"I64", 8},     {"I32", 4},
                {"I16", 2}, {"I8", 1},  {"U8", 1},  {"BOOL", 1}, {"F8_E4M3", 1}, {"F8_E5M2", 1}};
  for (const auto& type : kTypes) {
    const absl::StatusOr<SafetensorsFile> file =
        OpenBytes(MakeSafetensors({{"t", type.name, "[3]", std::string(3 * type.bytes, 'x')}}));
    ASSERT_TRUE(file.ok()) << file.status();
    EXPECT_EQ(NameOf(file->tensors()[0].type), type.name);
    EXPECT_EQ(ElementBytes(file->tensors()[0].type), type.bytes);
  }
}

// Every rule of the format, one header that breaks it. The data area has 8 bytes.
TEST(Safetensors, RefusesHostileHeaders) {
  const std::string good = R"("t":{"dtype":"F32","shape":[2],"data_offsets":[0,8]})";
  const auto with = [&](const std::string& from, const std::string& to) {
    return "{" + absl::StrReplaceAll(good, {{from, to}}) + "}";
  };
  const struct {
    std::string header;
    std::string message;
  } kCases[] = {
      {"", "does not begin with {"},
      {"[]", "does not begin with {"},
      {" {}", "does not begin with {"},
      {"{", "not valid JSON at its byte 2"},
      {"{" + good + "} x", "not valid JSON"},
      {std::string("{") + good + "}" + std::string(2, '\0'), "not valid JSON"},
      {"{\"t\xff\":1}", "not valid JSON"},
      {"{}", "the tensors end at offset 0, but the file has 8 bytes"},
      {"{\"t\":1}", "tensor \"t\" has 1, expected an object"},
      {"{\"t\":[]}", "tensor \"t\" has a list, expected an object"},
      {"{\"t\":{}}", "tensor \"t\" has no dtype"},
      {"{\"\":{}}", "empty name"},
      {"{" + good + "," + good + "}", "tensor \"t\" occurs twice"},
      {with(R"("dtype":"F32",)", ""), "has no dtype"},
      {with(R"("shape":[2],)", ""), "has no shape"},
      {with(R"(,"data_offsets":[0,8])", ""), "has no data_offsets"},
      {with("F32", "F4"), "the unknown dtype \"F4\"; known are F64, F32"},
      {with("\"F32\"", "32"), "has 32, expected the name of a dtype"},
      {with("\"F32\"", "null"), "has null, expected the name of a dtype"},
      {with("\"F32\"", R"("F32","dtype":"F32")"), "has dtype twice"},
      {with("\"F32\"", R"("F32","extra":1)"), "the unknown key \"extra\""},
      {with("[2]", "2"), "has 2, expected a list of dimensions"},
      {with("[2]", "[-2]"), "has -2, expected a whole number"},
      {with("[2]", "[2.0]"), "has 2.0, expected a whole number"},
      {with("[2]", "[18446744073709551616]"), "expected a whole number below 2^64"},
      {with("[2]", "[\"2\"]"), "has \"2\", expected a whole number"},
      {with("[2]", "[[2]]"), "has a list, expected a whole number"},
      {with("[2]", "[2,1,1,1,1,1,1,1,1]"), "more than 8 dimensions"},
      {with("[2]", "[4294967296,4294967296]"), "exceeds 2^64 bytes"},
      {with("[2]", "[9223372036854775808,2]"), "exceeds 2^64 bytes"},
      {with("[2]", "[4611686018427387904]"), "exceeds 2^64 bytes"},
      {with("[2]", "[3]"), "needs 12 bytes, but its data_offsets are [0, 8]"},
      {with("[0,8]", "[8,0]"), "needs 8 bytes, but its data_offsets are [8, 0]"},
      {with("[0,8]", "[0,-8]"), "has -8, expected a whole number"},
      {with("[0,8]", "[0]"), "has 1 offsets, expected two"},
      {with("[0,8]", "[0,8,8]"), "more than two offsets"},
      {with("[0,8]", "8"), "expected a list of two offsets"},
      {with("[0,8]", "[8,16]"), "behind a hole that begins at 0"},
      {with("[0,8]", "[18446744073709551608,0]"), "needs 8 bytes"},
      {with("[2],", "[1],") + "", "needs 4 bytes"},
      {absl::StrReplaceAll(with("[2]", "[1]"), {{"[0,8]", "[0,4]"}}), "end at offset 4, but"},
      {absl::StrReplaceAll(with("[2]", "[4]"), {{"[0,8]", "[0,16]"}}), "may be incomplete"},
      {R"({"a":{"dtype":"U8","shape":[5],"data_offsets":[0,5]},)"
       R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       "begins at offset 4 inside the tensor before it, which ends at 5"},
      {R"({"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},)"
       R"("b":{"dtype":"U8","shape":[4],"data_offsets":[4,8]}})",
       "begins at offset 4 behind a hole that begins at 3"},
      {R"({"__metadata__":1})", "__metadata__ has 1, expected an object of texts"},
      {R"({"__metadata__":{"k":1}})", "__metadata__ has 1, expected a text"},
      {R"({"__metadata__":{"k":{}}})", "__metadata__ has an object, expected a text"},
      {R"({"__metadata__":{},"__metadata__":{}})", "__metadata__ occurs twice"},
      {"{" + good + R"(,"__metadata__":{"k":"1","k":"2"}})", "the key \"k\" twice"},
  };
  ASSERT_TRUE(OpenBytes(RawSafetensors("{" + good + "}", "12345678")).ok());
  for (const auto& test : kCases) {
    SCOPED_TRACE(test.header);
    const absl::StatusOr<SafetensorsFile> file = OpenBytes(RawSafetensors(test.header, "12345678"));
    ASSERT_FALSE(file.ok());
    EXPECT_EQ(file.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(file.status().message()), HasSubstr("t.safetensors: "));
    EXPECT_THAT(std::string(file.status().message()), HasSubstr(test.message));
  }
}

TEST(Safetensors, RefusesImpossibleLengths) {
  const std::string good = RawSafetensors("{}", "");
  ASSERT_TRUE(OpenBytes(good).ok());
  for (size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(OpenBytes(good.substr(0, length)).ok()) << length;
  }
  std::string huge = good;
  huge[7] = '\x7f';  // a header of 2^62 bytes and more
  EXPECT_THAT(std::string(OpenBytes(huge).status().message()), HasSubstr("claims a header of"));
}

TEST(Safetensors, LimitsTheHeader) {
  const std::string at_limit = "{}" + std::string(kMaxSafetensorsHeader - 2, ' ');
  EXPECT_TRUE(OpenBytes(RawSafetensors(at_limit, "")).ok());
  EXPECT_THAT(std::string(OpenBytes(RawSafetensors(at_limit + " ", "")).status().message()),
              HasSubstr("at most 100000000 are allowed"));
}

TEST(Safetensors, NamesFileAndTensorWhenTheFileHasShrunk) {
  const std::string bytes = MakeSafetensors({{"t", "U8", "[4]", "1234"}});
  const absl::StatusOr<SafetensorsFile> file = SafetensorsFile::Open(std::make_unique<MemoryFile>(
      "t.safetensors", bytes.substr(0, bytes.size() - 1), bytes.size()));
  ASSERT_TRUE(file.ok()) << file.status();
  uint8_t out[4];
  const absl::Status status = file->Read(file->tensors()[0], 0, absl::MakeSpan(out));
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(status.message()), HasSubstr("tensor t"));
  EXPECT_THAT(std::string(status.message()), HasSubstr("t.safetensors"));
}

}  // namespace
}  // namespace gguf
