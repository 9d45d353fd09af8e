#include "formats/diff.h"

#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

// Tensors in memory.
class Source : public TensorSource {
 public:
  Source& Add(const std::string& name, const Shape& shape, TensorType type, std::string bytes) {
    tensors_.push_back({name, shape, type});
    bytes_.push_back(std::move(bytes));
    return *this;
  }
  Source& AddFloats(const std::string& name, const Shape& shape, const std::vector<float>& values) {
    return Add(name, shape, TensorType::kF32,
               std::string(reinterpret_cast<const char*>(values.data()), 4 * values.size()));
  }
  Metadata& mutable_metadata() { return metadata_; }

  const std::string& name() const override { return name_; }
  const Metadata& metadata() const override { return metadata_; }
  const std::vector<SourceTensor>& tensors() const override { return tensors_; }
  absl::Status ReadRows(size_t index, uint64_t first_row, uint64_t num_rows,
                        absl::Span<uint8_t> out) const override {
    const SourceTensor& tensor = tensors_[index];
    const uint64_t row_bytes = *RowBytes(tensor.type, tensor.shape.columns());
    EXPECT_EQ(out.size(), num_rows * row_bytes);
    std::memcpy(out.data(), bytes_[index].data() + first_row * row_bytes, out.size());
    return absl::OkStatus();
  }
  std::vector<std::string> input_paths() const override { return {}; }

 private:
  std::string name_ = "memory";
  Metadata metadata_;
  std::vector<SourceTensor> tensors_;
  std::vector<std::string> bytes_;
};

Source Sample() {
  Source source;
  source.mutable_metadata().Set("a", uint32_t{1});
  source.mutable_metadata().Set("b", std::string("x"));
  source.AddFloats("t", Shape{2, 2}, {1, 2, 3, 4}).AddFloats("u", Shape{3}, {1, 2, 3});
  return source;
}

TEST(Diff, OuterDimensionsOfOneDoNotCount) {
  Source a, b;
  a.AddFloats("t", Shape{1, 1, 3}, {1, 2, 3}).AddFloats("u", Shape{1}, {4});
  b.AddFloats("t", Shape{3}, {1, 2, 3}).AddFloats("u", Shape{}, {4});
  const auto difference = DiffModels(a, b, DiffOptions());
  ASSERT_TRUE(difference.ok()) << difference.status();
  EXPECT_TRUE(difference->is_equal());
  EXPECT_FALSE(AreComparable(Shape{3, 1}, Shape{3}));
  EXPECT_FALSE(AreComparable(Shape{2, 3}, Shape{3, 2}));
}

TEST(Diff, OfEqualModelsIsEmpty) {
  Source b;
  b.mutable_metadata().Set("b", std::string("x"));
  b.mutable_metadata().Set("a", uint32_t{1});
  b.mutable_metadata().Set("split.count", uint16_t{3});
  b.AddFloats("u", Shape{3}, {1, 2, 3}).AddFloats("t", Shape{2, 2}, {1, 2, 3, 4});
  const Source a = Sample();
  const auto difference = DiffModels(a, b, {});
  ASSERT_TRUE(difference.ok()) << difference.status();
  EXPECT_TRUE(difference->is_equal());
}

TEST(Diff, ListsKeys) {
  Source b = Sample();
  b.mutable_metadata().Set("a", int32_t{1});  // another type
  b.mutable_metadata().Remove("b");
  b.mutable_metadata().Set("c", true);
  const Source a = Sample();
  const auto difference = DiffModels(a, b, {});
  ASSERT_TRUE(difference.ok());
  EXPECT_FALSE(difference->is_equal());
  ASSERT_EQ(difference->metadata.size(), 3u);
  EXPECT_EQ(difference->metadata[0].key, "a");
  EXPECT_EQ(*difference->metadata[0].a, Value(uint32_t{1}));
  EXPECT_EQ(*difference->metadata[0].b, Value(int32_t{1}));
  EXPECT_EQ(difference->metadata[1].key, "b");
  EXPECT_EQ(difference->metadata[1].b, nullptr);
  EXPECT_EQ(difference->metadata[2].key, "c");
  EXPECT_EQ(difference->metadata[2].a, nullptr);
}

TEST(Diff, ListsTensors) {
  Source a, b;
  a.AddFloats("equal", Shape{2}, {1, 2});
  b.AddFloats("equal", Shape{2}, {1, 2});
  a.AddFloats("only a", Shape{1}, {1});
  a.AddFloats("shape", Shape{1, 2}, {1, 2});
  b.AddFloats("shape", Shape{2, 1}, {1, 2});
  a.AddFloats("type", Shape{2}, {1, 2});
  b.Add("type", Shape{2}, TensorType::kBF16, std::string("\x80\x3f\x40\x40", 4));  // 1, 3
  a.AddFloats("values", Shape{4}, {0, 0, 3, 4});
  b.AddFloats("values", Shape{4}, {0, 0, 3, 2});
  a.AddFloats("signed zero", Shape{1}, {0.0f});
  b.AddFloats("signed zero", Shape{1}, {-0.0f});
  b.AddFloats("only b", Shape{1}, {1});
  for (const int threads : {1, 4}) {
    DiffOptions options;
    options.threads = threads;
    const auto difference = DiffModels(a, b, options);
    ASSERT_TRUE(difference.ok()) << difference.status();
    ASSERT_EQ(difference->tensors.size(), 6u);
    const auto& tensors = difference->tensors;
    EXPECT_EQ(tensors[0].name, "only a");
    EXPECT_EQ(tensors[0].kind, TensorDifferenceKind::kOnlyInA);
    EXPECT_EQ(tensors[1].kind, TensorDifferenceKind::kShape);
    EXPECT_EQ(tensors[1].detail, "[1, 2] and [2, 1]");
    EXPECT_EQ(tensors[2].kind, TensorDifferenceKind::kType);
    EXPECT_EQ(tensors[2].detail, "F32 and BF16");
    EXPECT_EQ(tensors[2].error.max_abs_error, 1.0);
    EXPECT_EQ(tensors[3].kind, TensorDifferenceKind::kValues);
    EXPECT_EQ(tensors[3].error.rmse(), 1.0);
    EXPECT_EQ(tensors[3].error.max_abs_error, 2.0);
    EXPECT_EQ(tensors[4].name, "signed zero");
    EXPECT_EQ(tensors[4].error.rmse(), 0.0);
    EXPECT_EQ(tensors[5].name, "only b");
    EXPECT_EQ(tensors[5].kind, TensorDifferenceKind::kOnlyInB);
  }
}

}  // namespace
}  // namespace gguf
