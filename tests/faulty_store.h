// SPDX-License-Identifier: Apache-2.0
//
// A store whose calls fail, in every way in which a store can.
#ifndef LEADCORE_TESTS_FAULTY_STORE_H_
#define LEADCORE_TESTS_FAULTY_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

#include "store_decorator.h"

namespace leadcore::testing {

enum class Fault {
  kConflict,          // as if somebody else had been faster
  kRetry,             // not done, "try again"
  kUnknownCommitted,  // done, but the answer is lost
  kUnknownNot,        // not done, and the answer is lost
  kFull,              // the disk is full
  kCrashBefore,       // the host dies before the commit
  kCrashAfter,        // and after it
};
inline constexpr Fault kFaults[] = {Fault::kConflict,   Fault::kRetry, Fault::kUnknownCommitted,
                                    Fault::kUnknownNot, Fault::kFull,  Fault::kCrashBefore,
                                    Fault::kCrashAfter};

struct Crash {};

// Fails its calls as `plan` says.
class FaultyStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  std::function<std::optional<Fault>(int64_t call)> plan;
  mutable int64_t calls = 0;

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    const std::optional<Fault> fault = plan(calls++);
    if (!fault || *fault == Fault::kConflict) return store_.Read(workspace);
    if (*fault == Fault::kCrashBefore || *fault == Fault::kCrashAfter) throw Crash();
    return absl::UnavailableError("reading failed");
  }
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const std::optional<Fault> fault = plan(calls++);
    if (!fault) return store_.Commit(workspace, batches, results);
    switch (*fault) {
      case Fault::kConflict:
        for (CommitResult& result : results) result.code = CommitResult::Code::kStale;
        return absl::OkStatus();
      case Fault::kRetry:
        return absl::AbortedError("try again");
      case Fault::kUnknownCommitted: {
        const absl::Status status = store_.Commit(workspace, batches, results);
        return status.ok() ? absl::UnavailableError("the answer was lost") : status;
      }
      case Fault::kUnknownNot:
        return absl::UnavailableError("the answer was lost");
      case Fault::kFull:
        return absl::ResourceExhaustedError("the disk is full");
      case Fault::kCrashBefore:
        throw Crash();
      case Fault::kCrashAfter: {
        const absl::Status status = store_.Commit(workspace, batches, results);
        if (status.ok()) throw Crash();
        return status;
      }
    }
    return absl::OkStatus();
  }
};

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_FAULTY_STORE_H_
