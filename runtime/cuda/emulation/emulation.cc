#include "runtime/cuda/emulation/emulation.h"

#include <setjmp.h>
#include <ucontext.h>

#include <cstdio>
#include <cstdlib>
#include <limits>
#include <memory>
#include <vector>

namespace gguf {
namespace emulation {
namespace {

constexpr size_t kStackBytes = 128 * 1024;
constexpr int kWarp = 32;

// Threads wait until all of them have come.
struct Barrier {
  int members = 0;
  int arrived = 0;
  uint64_t generation = 0;
};

struct Warp {
  Barrier barrier;
  float values[kWarp];
  float sum;
};

// Started once and used for all blocks: swapcontext is a system call, _longjmp is not.
struct Fiber {
  ucontext_t start;
  jmp_buf context;
  std::unique_ptr<char[]> stack;
  bool is_started = false;
  bool is_done = false;
  const Barrier* waits_for = nullptr;
  uint64_t waits_in = 0;  // generation
};

Order order = Order::kForward;

class Scheduler {
 public:
  void RunBlock(unsigned x, unsigned y, unsigned z, int threads, size_t shared_bytes,
                const std::function<void()>& body) {
    Prepare(threads, shared_bytes);
    block_[0] = x;
    block_[1] = y;
    block_[2] = z;
    body_ = &body;
    int live = threads;
    while (live > 0) {
      bool is_stuck = true;
      for (int i = 0; i < threads; ++i) {
        Fiber& fiber = *fibers_[At(i)];
        if (fiber.is_done || IsWaiting(fiber)) continue;
        is_stuck = false;
        Resume(At(i));
        live -= fiber.is_done;
      }
      if (is_stuck) Fail("a barrier is not reached by all threads");
    }
    if (block_barrier_.arrived != 0) Fail("threads ended while others wait");
  }

  void Wait(Barrier* barrier) {
    if (++barrier->arrived == barrier->members) {
      barrier->arrived = 0;
      ++barrier->generation;
      return;
    }
    Fiber& fiber = *fibers_[thread_];
    fiber.waits_for = barrier;
    fiber.waits_in = barrier->generation;
    if (_setjmp(fiber.context) == 0) _longjmp(scheduler_, 1);
  }

  int thread() const { return thread_; }
  int num_threads() const { return block_barrier_.members; }
  unsigned block(int axis) const { return block_[axis]; }
  unsigned char* shared() { return reinterpret_cast<unsigned char*>(shared_); }
  Barrier* block_barrier() { return &block_barrier_; }
  Warp* warp() { return &warps_[thread_ / kWarp]; }

  // The body of a fiber, for good.
  void Live() {
    for (;;) {
      (*body_)();
      Fiber& fiber = *fibers_[thread_];
      fiber.is_done = true;
      if (_setjmp(fiber.context) == 0) _longjmp(scheduler_, 1);
    }
  }

 private:
  [[noreturn]] void Fail(const char* what) const {
    std::fprintf(stderr, "emulated block (%u, %u, %u): %s\n", block_[0], block_[1], block_[2],
                 what);
    std::abort();
  }

  void Prepare(int threads, size_t shared_bytes) {
    while (fibers_.size() < static_cast<size_t>(threads)) {
      fibers_.push_back(std::make_unique<Fiber>());
    }
    for (int i = 0; i < threads; ++i) {
      fibers_[i]->is_done = false;
      fibers_[i]->waits_for = nullptr;
    }
    block_barrier_ = {threads, 0, 0};
    warps_.assign(threads / kWarp, Warp());
    for (Warp& warp : warps_) warp.barrier.members = kWarp;
    // Exactly as large as asked for, so that a sanitizer sees accesses beyond it.
    if (shared_bytes != shared_bytes_) {
      std::free(shared_);
      shared_ = static_cast<float*>(std::aligned_alloc(128, (shared_bytes + 127) / 128 * 128));
      shared_bytes_ = shared_bytes;
    }
    for (size_t i = 0; i < shared_bytes_ / sizeof(float); ++i) {
      shared_[i] = std::numeric_limits<float>::quiet_NaN();
    }
  }

  int At(int i) const {
    const int threads = block_barrier_.members;
    if (order == Order::kReverse) return threads - 1 - i;
    if (order == Order::kInterleaved) return i % kWarp * (threads / kWarp) + i / kWarp;
    return i;
  }

  static bool IsWaiting(const Fiber& fiber) {
    return fiber.waits_for != nullptr && fiber.waits_for->generation == fiber.waits_in;
  }

  void Resume(int thread);

  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Warp> warps_;
  Barrier block_barrier_;
  jmp_buf scheduler_;
  const std::function<void()>* body_ = nullptr;
  unsigned block_[3] = {};
  int thread_ = 0;
  float* shared_ = nullptr;
  size_t shared_bytes_ = ~size_t{0};
};

// Lives as long as the process: its fibers stand in the middle of a function.
Scheduler& TheScheduler() {
  static Scheduler* scheduler = new Scheduler;
  return *scheduler;
}

void StartFiber() { TheScheduler().Live(); }

void Scheduler::Resume(int thread) {
  thread_ = thread;
  Fiber& fiber = *fibers_[thread];
  fiber.waits_for = nullptr;
  if (_setjmp(scheduler_) != 0) return;
  if (fiber.is_started) _longjmp(fiber.context, 1);
  fiber.is_started = true;
  fiber.stack = std::make_unique<char[]>(kStackBytes);
  getcontext(&fiber.start);
  fiber.start.uc_stack.ss_sp = fiber.stack.get();
  fiber.start.uc_stack.ss_size = kStackBytes;
  fiber.start.uc_link = nullptr;
  makecontext(&fiber.start, StartFiber, 0);
  setcontext(&fiber.start);
}

}  // namespace

void SetOrder(Order new_order) { order = new_order; }

void RunGrid(unsigned x, unsigned y, unsigned z, int threads, size_t shared_bytes,
             const std::function<void()>& body) {
  for (unsigned k = 0; k < z; ++k) {
    for (unsigned j = 0; j < y; ++j) {
      for (unsigned i = 0; i < x; ++i) {
        TheScheduler().RunBlock(i, j, k, threads, shared_bytes, body);
      }
    }
  }
}

int Thread() { return TheScheduler().thread(); }
int NumThreads() { return TheScheduler().num_threads(); }
unsigned BlockX() { return TheScheduler().block(0); }
unsigned BlockY() { return TheScheduler().block(1); }
unsigned BlockZ() { return TheScheduler().block(2); }
unsigned char* SharedMemory() { return TheScheduler().shared(); }
void SyncBlock() { TheScheduler().Wait(TheScheduler().block_barrier()); }
void SyncWarp() { TheScheduler().Wait(&TheScheduler().warp()->barrier); }

float WarpSum(float value) {
  Warp* warp = TheScheduler().warp();
  warp->values[Thread() % kWarp] = value;
  if (warp->barrier.arrived + 1 == kWarp) {  // the last one adds, for all
    float sums[kWarp];
    for (int i = 0; i < kWarp; ++i) sums[i] = warp->values[i];
    for (int other = kWarp / 2; other > 0; other /= 2) {
      for (int i = 0; i < other; ++i) sums[i] += sums[i + other];
    }
    warp->sum = sums[0];
  }
  TheScheduler().Wait(&warp->barrier);
  return warp->sum;
}

}  // namespace emulation
}  // namespace gguf
