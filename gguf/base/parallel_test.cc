#include "gguf/base/parallel.h"

#include <atomic>
#include <vector>

#include "gtest/gtest.h"

namespace gguf {
namespace {

TEST(ParallelTest, EveryIndexOnce) {
  for (int threads : {0, 1, 2, 7}) {
    for (uint64_t count : {0, 1, 2, 100}) {
      std::vector<std::atomic<int>> seen(count);
      const absl::Status status = ParallelFor(count, threads, [&](uint64_t index, int thread) {
        EXPECT_GE(thread, 0);
        EXPECT_LT(thread, threads < 1 ? 1 : threads);
        seen[index].fetch_add(1);
        return absl::OkStatus();
      });
      EXPECT_TRUE(status.ok());
      for (const auto& n : seen) EXPECT_EQ(n.load(), 1);
    }
  }
}

TEST(ParallelTest, StopsAtAFailure) {
  for (int threads : {1, 3}) {
    std::atomic<int> ran{0};
    const absl::Status status =
        ParallelFor(1000, threads, [&](uint64_t index, int) -> absl::Status {
          ran.fetch_add(1);
          if (index == 5) return absl::DataLossError("five");
          return absl::OkStatus();
        });
    EXPECT_EQ(status.message(), "five");
    if (threads == 1) {
      EXPECT_EQ(ran.load(), 6);
    }
  }
}

TEST(ParallelTest, AtLeastOneProcessor) { EXPECT_GE(AvailableThreads(), 1); }

}  // namespace
}  // namespace gguf
