// SPDX-License-Identifier: Apache-2.0
//
// Every call to the disk fails, once and from then on: each answer is right or a typed error, and
// the same request ids bring the work to the end that it has without faults.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "fault_host.h"
#include "store_decorator.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

bool Typed(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kNotFound:
      return !Message(status).empty();
    default:
      return false;
  }
}

// Calls to the disk that fail.
struct Fault {
  int64_t at = 0;
  bool sticky = false;
  int code = SQLITE_IOERR;
  // The first opening after the fault fails too, for good, at this call of its own.
  std::optional<int64_t> second = {};
};

// One host on its way through a part of the work, and the disk that fails under it.
class Run {
 public:
  Run(const Work& work, const Part& part, const std::string& name, const Fault& fault,
      const Host::Wrap& wrap)
      : part_(part), fault_(fault), disk_(name, part.files), host_(&disk_, work.model, wrap) {
    disk_.hook = [this](FakeDisk::Call, int64_t number) {
      const bool first =
          first_armed_ && (fault_.sticky ? number >= fault_.at : number == fault_.at);
      const bool second = second_at_ && number >= *second_at_;
      second_met_ = second_met_ || second;
      return first || second ? fault_.code : SQLITE_OK;
    };
  }

  // What went wrong, or "".
  std::string Play() {
    for (const Step& step : part_.steps) {
      const std::string fault = Do(step);
      if (!fault.empty()) return fault;
    }
    host_.Close();
    const absl::Status status = Mend();
    if (!status.ok()) return "does not open: " + std::string(status.ToString());
    return Differs(host_.store(), part_.dump, fault_.at % 4 == 0);
  }
  // The second fault was met.
  bool second_met() const { return second_met_; }

 private:
  std::string Do(const Step& step) {
    constexpr int kMostTries = 4;
    Reply reply = host_.Apply(step);
    for (int tries = 1; reply.outcome == Outcome::kFailed; ++tries) {
      if (!Typed(reply.status)) return "untyped: " + std::string(reply.status.ToString());
      if (tries == kMostTries) return "never done: " + std::string(reply.status.ToString());
      // The disk is mended. Going on with the store that failed is as good as opening it again.
      if (fault_.sticky) first_armed_ = false;
      if (fault_.second ? tries == 1 : tries == 2 || (fault_.sticky && fault_.at % 2 == 0)) {
        const absl::Status status = fault_.second ? Mend() : host_.Open();
        if (!status.ok() && (!Typed(status) || fault_.sticky)) {
          return std::string(status.ToString());
        }
      }
      reply = host_.Apply(step);
    }
    return "";
  }

  // Opens again, where wanted with the second fault on the way.
  absl::Status Mend() {
    first_armed_ = false;
    if (fault_.second && !second_met_) {
      second_at_ = disk_.calls() + *fault_.second;
      const absl::Status status = host_.Open();
      second_at_.reset();
      if (!status.ok() && !Typed(status)) return status;
    }
    return host_.Open();
  }

  const Part& part_;
  const Fault fault_;
  bool first_armed_ = true;
  std::optional<int64_t> second_at_;
  bool second_met_ = false;
  FakeDisk disk_;
  Host host_;
};

struct Tally {
  std::atomic<size_t> runs = 0, bad = 0;
  std::mutex mutex;
  std::string first;  // what was wrong first
};

void Note(const Fault& fault, const std::string& what, Tally* tally) {
  ++tally->runs;
  if (what.empty()) return;
  ++tally->bad;
  const std::lock_guard lock(tally->mutex);
  if (!tally->first.empty()) return;
  tally->first = "call " + std::to_string(fault.at) + (fault.sticky ? " for good" : " once");
  if (fault.second) tally->first += ", then call " + std::to_string(*fault.second);
  tally->first += ": " + what;
}

// Every so many calls, each in a run of its own: it fails, once and for good.
void FailEach(const Work& work, int64_t first, int64_t step, const Host::Wrap& wrap, Tally* tally) {
  const std::string name = "fault-" + std::to_string(first);
  for (const Part& part : work.parts) {
    for (int64_t at = first; at < part.calls; at += step) {
      for (const bool sticky : {false, true}) {
        const Fault fault{at, sticky, at % 3 == 0 ? SQLITE_FULL : SQLITE_IOERR, {}};
        Note(fault, Run(work, part, name, fault, wrap).Play(), tally);
      }
    }
  }
}

// After such a call has failed each call of what opens again fails, until it makes no more.
void FailAgain(const Work& work, int64_t first, int64_t step, Tally* tally) {
  const std::string name = "again-" + std::to_string(first);
  for (const Part& part : work.parts) {
    for (int64_t at = first; at < part.calls; at += step) {
      bool met = true;
      for (int64_t second = 0; met; ++second) {
        const Fault fault{at, true, second % 3 == 0 ? SQLITE_FULL : SQLITE_IOERR, second};
        Run run(work, part, name, fault, nullptr);
        Note(fault, run.Play(), tally);
        met = run.second_met();
      }
    }
  }
}

int64_t Calls(const Work& work) {
  int64_t calls = 0;
  for (const Part& part : work.parts) calls += part.calls;
  return calls;
}

void InTwoThreads(const std::function<void(int64_t part)>& run) {
  std::vector<std::thread> threads;
  for (int64_t part = 0; part < 2; ++part) threads.emplace_back(run, part);
  for (std::thread& thread : threads) thread.join();
}

class IoFault : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }
  static bool Long() { return std::getenv("LEADCORE_LONG") != nullptr; }
};

TEST_F(IoFault, EveryCallFailsOnceAndForGood) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  const Work work = MakeWork(seed, Long() ? 600 : 60);
  const int64_t step = static_cast<int64_t>(10 / Scaled(10));
  Tally tally;
  InTwoThreads([&](int64_t part) { FailEach(work, part * step, 2 * step, nullptr, &tally); });
  std::cout << Calls(work) << " calls, " << tally.runs << " runs, " << tally.bad << " bad, seed "
            << seed << "\n";
  EXPECT_EQ(tally.bad, 0u) << tally.first;
}

TEST_F(IoFault, RecoveryFailsToo) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  const Work work = MakeWork(seed, Long() ? 60 : 10);
  // How many first faults are tried.
  const auto sample = static_cast<int64_t>(Long() ? 100 : 4);
  const int64_t step = std::max<int64_t>(1, Calls(work) / sample);
  Tally tally;
  InTwoThreads([&](int64_t part) { FailAgain(work, part * step, 2 * step, &tally); });
  std::cout << Calls(work) << " calls, " << tally.runs << " runs, " << tally.bad << " bad, seed "
            << seed << "\n";
  EXPECT_EQ(tally.bad, 0u) << tally.first;
  EXPECT_GT(tally.runs, static_cast<size_t>(50 * sample));
}

// The canary: a failed commit is told to be done.
class ClaimingStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    static_cast<void>(store_.Commit(workspace, batches, results));
    return absl::OkStatus();
  }
};

TEST_F(IoFault, AFailedCommitThatIsToldToBeDoneIsFound) {
  const Work work = MakeWork(Seed(), 10);
  Tally tally;
  FailEach(
      work, 0, 7, [](Store* store) { return std::make_unique<ClaimingStore>(store); }, &tally);
  std::cout << tally.bad << " of " << tally.runs << " runs bad\n";
  EXPECT_GT(tally.bad, 10u);
}

}  // namespace
}  // namespace leadcore::testing
