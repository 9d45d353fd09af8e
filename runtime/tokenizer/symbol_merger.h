// The merging of byte pair encoding: of all pairs of neighbours the best one becomes one symbol,
// again and again, until no pair can be merged.

#ifndef GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SYMBOL_MERGER_H_
#define GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SYMBOL_MERGER_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace gguf {

// A stretch of a text. Neighbours are linked by index; -1 at the ends.
struct Symbol {
  uint32_t begin, end;  // bytes
  int32_t id;
  int32_t prev, next;
};

// What two neighbours become. The highest priority is merged first, the leftmost of equal ones.
template <typename Priority>
struct PairMerge {
  Priority priority;
  int32_t id;
};

// Keeps its memory from one run to the next. Not thread-safe: one per thread.
template <typename Priority>
class SymbolMerger {
 public:
  void Clear() { symbols_.clear(); }
  void Append(uint32_t begin, uint32_t end, int32_t id) {
    const int32_t index = static_cast<int32_t>(symbols_.size());
    if (index > 0) symbols_.back().next = index;
    symbols_.push_back({begin, end, id, index - 1, -1});
  }

  // Merges the appended symbols, which must be adjacent and not empty. `find(left, right, &merge)`
  // says whether two symbols can be merged. O(n log n) plus at most 3 n calls of `find`.
  template <typename Find>
  void Run(Find find) {
    heap_.clear();
    for (int32_t left = 0; left + 1 < static_cast<int32_t>(symbols_.size()); ++left) {
      Consider(left, find);
    }
    std::make_heap(heap_.begin(), heap_.end());
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end());
      const Candidate best = heap_.back();
      heap_.pop_back();
      if (!IsCurrent(best)) continue;
      Join(best);
      Symbol& merged = symbols_[best.left];
      if (merged.prev >= 0 && Consider(merged.prev, find)) {
        std::push_heap(heap_.begin(), heap_.end());
      }
      if (Consider(best.left, find)) std::push_heap(heap_.begin(), heap_.end());
    }
  }

  // Calls `visit(symbol)` from left to right.
  template <typename Visit>
  void ForEach(Visit visit) const {
    if (symbols_.empty()) return;
    for (int32_t i = 0; i >= 0; i = symbols_[i].next) visit(symbols_[i]);
  }

 private:
  struct Candidate {
    Priority priority;
    int32_t left;
    uint32_t middle, end;  // where the two symbols meet and end: stale when either has changed
    int32_t id;

    bool operator<(const Candidate& other) const {
      return priority != other.priority ? priority < other.priority : left > other.left;
    }
  };

  // Appends the pair that begins with `left` to the heap's storage when it can be merged.
  template <typename Find>
  bool Consider(int32_t left, Find& find) {
    const Symbol& a = symbols_[left];
    if (a.next < 0) return false;
    const Symbol& b = symbols_[a.next];
    PairMerge<Priority> merge;
    if (!find(a, b, &merge)) return false;
    heap_.push_back({merge.priority, left, a.end, b.end, merge.id});
    return true;
  }

  // A symbol that was merged into its left neighbour is empty.
  bool IsCurrent(const Candidate& candidate) const {
    const Symbol& left = symbols_[candidate.left];
    return left.begin != left.end && left.end == candidate.middle && left.next >= 0 &&
           symbols_[left.next].end == candidate.end;
  }

  void Join(const Candidate& candidate) {
    Symbol& left = symbols_[candidate.left];
    Symbol& right = symbols_[left.next];
    left.end = right.end;
    left.id = candidate.id;
    left.next = right.next;
    if (right.next >= 0) symbols_[right.next].prev = candidate.left;
    right.begin = right.end;
  }

  std::vector<Symbol> symbols_;
  std::vector<Candidate> heap_;
};

}  // namespace gguf

#endif  // GGUF_TOOLCHAIN_RUNTIME_TOKENIZER_SYMBOL_MERGER_H_
