// A tensor of a few more than 2^31 values: no 32-bit number counts them, and their F16 bytes reach
// beyond 4 GiB. The file is sparse.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "formats/codec/codec.h"
#include "formats/open.h"
#include "gguf/layout.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "quantize/execute.h"
#include "quantize/plan_quantize.h"

namespace gguf {
namespace {

constexpr uint64_t kColumns = 1 << 15, kRows = (1 << 16) + 8;
constexpr uint64_t kNumValues = kColumns * kRows;
constexpr uint64_t kLastRows = 3;  // that hold anything but zeros
static_assert(kColumns * (kRows - kLastRows) > uint64_t{1} << 31);
constexpr uint64_t kRowBytes = kColumns * 2;
constexpr char kName[] = "blk.0.ffn_up.weight";

// F16 patterns of the last rows: finite, of both signs, different in each row.
std::vector<uint16_t> LastRows() {
  std::vector<uint16_t> halves(kLastRows * kColumns);
  uint32_t seed = 11;
  for (uint16_t& half : halves) {
    seed = seed * 1664525u + 1013904223u;
    half = static_cast<uint16_t>((seed >> 16 & 0x83FF) | 0x2400 | (seed >> 8 & 0x0C00));
  }
  return halves;
}

std::vector<float> LastValues() {
  const std::vector<uint16_t> halves = LastRows();
  std::vector<float> values(halves.size());
  CodecOf(TensorType::kF16)
      .decode_reference(reinterpret_cast<const uint8_t*>(halves.data()), values.size(),
                        values.data());
  return values;
}

// Reads rows that are holes of the file as zeros, without filling memory with them.
class WithoutHoles : public TensorSource {
 public:
  explicit WithoutHoles(const TensorSource* source) : source_(source) {}
  const std::string& name() const override { return source_->name(); }
  const Metadata& metadata() const override { return source_->metadata(); }
  const std::vector<SourceTensor>& tensors() const override { return source_->tensors(); }
  std::vector<std::string> input_paths() const override { return source_->input_paths(); }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override {
    if (first_row + num_rows > kRows - kLastRows) {
      return source_->ReadRows(index, first_row, num_rows, out);
    }
    std::fill(out.begin(), out.end(), uint8_t{0});
    return absl::OkStatus();
  }

 private:
  const TensorSource* source_;
};

// A file of which only the end is kept.
class EndOfFile : public WritableFile {
 public:
  EndOfFile(uint64_t file_size, uint64_t kept) : start_(file_size - kept), bytes_(kept, '\0') {}
  const std::string& name() const override { return name_; }
  absl::Status Write(uint64_t offset, absl::Span<const uint8_t> bytes) override {
    num_bytes_ += bytes.size();
    for (size_t i = 0; i < bytes.size(); ++i) {  // at most one range of rows crosses the start
      if (offset + bytes.size() <= start_) break;
      if (offset + i >= start_) bytes_[offset + i - start_] = static_cast<char>(bytes[i]);
    }
    return absl::OkStatus();
  }
  const std::string& bytes() const { return bytes_; }
  uint64_t num_bytes() const { return num_bytes_; }

 private:
  std::string name_ = "out";
  uint64_t start_;
  std::string bytes_;
  std::atomic<uint64_t> num_bytes_{0};
};

class LargeTensorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    path_ = ::testing::TempDir() + "/large-XXXXXX";
    const int descriptor = mkstemp(path_.data());
    ASSERT_GE(descriptor, 0) << path_;
    Metadata metadata;
    metadata.Set("general.architecture", "llama");
    const auto layout = ComputeLayout(metadata, {{kName, TensorType::kF16, {kRows, kColumns}}});
    ASSERT_TRUE(layout.ok()) << layout.status();
    const std::vector<uint16_t> last = LastRows();
    const uint64_t end = layout->offsets[0] + kNumValues * 2;
    bool ok = pwrite(descriptor, layout->head.data(), layout->head.size(), 0) ==
              static_cast<ssize_t>(layout->head.size());
    ok = ok && pwrite(descriptor, last.data(), last.size() * 2, end - last.size() * 2) ==
                   static_cast<ssize_t>(last.size() * 2);
    struct stat info = {};
    ok = ok && fstat(descriptor, &info) == 0;
    close(descriptor);
    ASSERT_TRUE(ok) << path_;
    ASSERT_EQ(static_cast<uint64_t>(info.st_size), layout->file_size);
    if (info.st_blocks * uint64_t{512} > uint64_t{64} << 20) {
      GTEST_SKIP() << "the temporary folder keeps no sparse files";
    }
    auto source = OpenSource(path_, OpenOptions());
    ASSERT_TRUE(source.ok()) << source.status();
    source_ = *std::move(source);
  }
  void TearDown() override { unlink(path_.c_str()); }

  std::string path_;
  std::unique_ptr<TensorSource> source_;
};

TEST_F(LargeTensorTest, ReadsRowsBeyondFourGigabytes) {
  std::vector<uint8_t> bytes(2 * kRowBytes);
  const std::vector<uint16_t> last = LastRows();
  const auto* expected = reinterpret_cast<const uint8_t*>(last.data());
  ASSERT_TRUE(source_->ReadRows(0, kRows - 2, 2, absl::MakeSpan(bytes)).ok());
  EXPECT_TRUE(std::equal(bytes.begin(), bytes.end(), expected + kRowBytes));
  ASSERT_TRUE(source_->ReadRows(0, kRows - kLastRows - 1, 2, absl::MakeSpan(bytes)).ok());
  EXPECT_EQ(std::count(bytes.begin(), bytes.begin() + kRowBytes, 0), kRowBytes);
  EXPECT_TRUE(std::equal(bytes.begin() + kRowBytes, bytes.end(), expected));
  EXPECT_FALSE(source_->ReadRows(0, kRows - 1, 2, absl::MakeSpan(bytes)).ok());
}

TEST_F(LargeTensorTest, ThePlanCountsInMoreThan32Bits) {
  struct Case {
    const char* type;
    uint64_t block_values, block_bytes;
  };
  for (const Case& c : {Case{"Q8_0", 32, 34}, Case{"Q4_K_S", 256, 144}, Case{"F32", 1, 4}}) {
    const auto plan = PlanQuantization(*source_, *ParseRecipe(c.type), QuantizeOptions(), nullptr);
    ASSERT_TRUE(plan.ok()) << plan.status();
    EXPECT_EQ(plan->num_values(), kNumValues);
    EXPECT_EQ(plan->source_bytes(), kNumValues * 2);
    EXPECT_EQ(plan->tensor_bytes(), kNumValues / c.block_values * c.block_bytes) << c.type;
    EXPECT_GT(plan->file_bytes(), plan->tensor_bytes());
    EXPECT_LT(plan->file_bytes(), plan->tensor_bytes() + 1024);
  }
}

TEST_F(LargeTensorTest, QuantizesTheFarEnd) {
  const std::vector<float> values = LastValues();
  std::vector<Plan> plans;
  std::vector<std::unique_ptr<EndOfFile>> files;
  std::vector<std::string> expected;
  for (const char* type : {"Q8_0", "F32"}) {  // the latter takes 8 GiB
    auto plan = PlanQuantization(*source_, *ParseRecipe(type), QuantizeOptions(), nullptr);
    ASSERT_TRUE(plan.ok()) << plan.status();
    const PlannedTensor& tensor = plan->tensors[0];
    const uint64_t row_bytes = *RowBytes(tensor.type, kColumns);
    // One more row, of zeros, so that the first of the last rows is seen to begin where it should.
    expected.emplace_back((1 + kLastRows) * row_bytes, '\0');
    tensor.encoder->encode_reference(values.data(), kLastRows, kColumns, nullptr,
                                     reinterpret_cast<uint8_t*>(&expected.back()[row_bytes]));
    files.push_back(
        std::make_unique<EndOfFile>(plan->shards[0].layout.file_size, expected.back().size()));
    plans.push_back(*std::move(plan));
  }
  ExecuteOptions options;
  options.threads = 2;
  const auto warnings = Execute(
      WithoutHoles(source_.get()),
      {PlanOutput{&plans[0], {files[0].get()}}, PlanOutput{&plans[1], {files[1].get()}}}, options);
  ASSERT_TRUE(warnings.ok()) << warnings.status();
  for (size_t i = 0; i < plans.size(); ++i) {
    EXPECT_EQ(files[i]->num_bytes(), plans[i].shards[0].layout.file_size);
    EXPECT_TRUE(files[i]->bytes() == expected[i]) << plans[i].type_name;
  }
}

}  // namespace
}  // namespace gguf
