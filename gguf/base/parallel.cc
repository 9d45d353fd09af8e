#include "gguf/base/parallel.h"

#include <sched.h>

#include <atomic>
#include <limits>

#include "absl/synchronization/mutex.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#ifdef __has_feature
#if __has_feature(address_sanitizer)
// clang's OpenMP runtime keeps the descriptors of its threads until the process ends.
extern "C" const char* __lsan_default_suppressions() { return "leak:libomp.so\n"; }
#endif
#endif

namespace gguf {

int AvailableThreads() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof(set), &set) != 0) return 1;
  const int count = CPU_COUNT(&set);
  return count < 1 ? 1 : count;
}

absl::Status ParallelFor(uint64_t count, int threads,
                         absl::FunctionRef<absl::Status(uint64_t, int)> body) {
  if (threads < 1) threads = 1;
  if (static_cast<uint64_t>(threads) > count) threads = count == 0 ? 1 : static_cast<int>(count);
  std::atomic<uint64_t> next{0};
  std::atomic<bool> failed{false};
  absl::Mutex mutex;
  absl::Status first_error;
  uint64_t first_index = std::numeric_limits<uint64_t>::max();

  const auto work = [&](int thread) {
    while (!failed.load(std::memory_order_relaxed)) {
      const uint64_t index = next.fetch_add(1, std::memory_order_relaxed);
      if (index >= count) return;
      absl::Status status = body(index, thread);
      if (status.ok()) continue;
      absl::MutexLock lock(&mutex);
      if (index < first_index) {
        first_index = index;
        first_error = std::move(status);
      }
      failed.store(true, std::memory_order_relaxed);
    }
  };
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
  work(omp_get_thread_num());
#else
  work(0);
#endif
  return first_error;
}

}  // namespace gguf
