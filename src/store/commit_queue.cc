// SPDX-License-Identifier: Apache-2.0
#include "store/commit_queue.h"

#include "text.h"

namespace leadcore {

absl::Status CommitQueue::Run(WaitingCommit* own,
                              absl::FunctionRef<void(WaitingCommit* own)> lead) {
  std::unique_lock lock(mutex_);
  if (waiting_ >= most_waiting_) {
    return absl::ResourceExhaustedError(
        ToAbsl(Cat(waiting_,
                   " callers wait to write already; nothing was done, try again later "
                   "with the same request id, or send more commands in one call")));
  }
  ++waiting_;
  (last_ == nullptr ? first_ : last_->next) = own;
  last_ = own;
  own->wake.wait(lock, [&] { return own->done || first_ == own; });
  if (own->done) return own->status;

  taken_ = own;
  lock.unlock();
  lead(own);
  lock.lock();
  WaitingCommit* at = first_;
  WaitingCommit* const behind = taken_->next;
  first_ = behind;
  if (behind == nullptr) last_ = nullptr;
  while (at != behind) {
    // Once it is woken and the lock is free, the caller's memory is gone.
    WaitingCommit* const next = at->next;
    --waiting_;
    at->done = true;
    if (at != own) at->wake.notify_one();
    at = next;
  }
  if (first_ != nullptr) first_->wake.notify_one();
  return own->status;
}

WaitingCommit* CommitQueue::Take(const WaitingCommit* last, size_t most_batches) {
  const std::lock_guard lock(mutex_);
  WaitingCommit* const next = last->next;
  if (next == nullptr || next->alone || next->batches.size() > most_batches) return nullptr;
  taken_ = next;
  return next;
}

}  // namespace leadcore
