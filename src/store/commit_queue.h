// SPDX-License-Identifier: Apache-2.0
//
// Group commit: of the callers that want to write, the first leads; it takes those behind it along,
// in the order in which they came, and wakes them when all is done. Nobody's work is held up for
// others, and no thread is started.
#ifndef LEADCORE_SRC_STORE_COMMIT_QUEUE_H_
#define LEADCORE_SRC_STORE_COMMIT_QUEUE_H_

#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <span>
#include <string_view>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "leadcore/store.h"

namespace leadcore {

// One call of Store::Commit, for as long as it lasts.
struct WaitingCommit {
  std::string_view workspace;
  std::span<const Batch> batches;
  std::span<CommitResult> results;
  bool alone = false;  // nobody else's leader takes it

  absl::Status status;
  bool done = false;
  WaitingCommit* next = nullptr;
  std::condition_variable wake;
};

class CommitQueue {
 public:
  explicit CommitQueue(size_t most_waiting) : most_waiting_(most_waiting) {}

  // Waits for its turn; then either this call was done by another thread, or `lead` is run in this
  // one. `lead` commits `own` and what it takes by Take, and sets their status; nobody else leads
  // meanwhile. RESOURCE_EXHAUSTED when too many wait.
  absl::Status Run(WaitingCommit* own, absl::FunctionRef<void(WaitingCommit* own)> lead);

  // For the leader: the call behind `last`, if it has at most `most_batches`; nullptr.
  WaitingCommit* Take(const WaitingCommit* last, size_t most_batches);

 private:
  const size_t most_waiting_;
  std::mutex mutex_;
  // A list through `next`. Its head leads; what the leader took stays in it until all is done.
  WaitingCommit* first_ = nullptr;
  WaitingCommit* last_ = nullptr;
  WaitingCommit* taken_ = nullptr;  // the last one that the leader took
  size_t waiting_ = 0;
};

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_COMMIT_QUEUE_H_
