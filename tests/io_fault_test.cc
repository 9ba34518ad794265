// SPDX-License-Identifier: Apache-2.0
//
// Every call to the disk fails, once and from then on: each answer is right or a typed error, and
// the same request ids bring the work to the end that it has without faults.
#include <gtest/gtest.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "fault_host.h"
#include "forks.h"
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
  // Asked before each call to the disk for as long as none has failed: whether it fails, and how.
  using Begin = std::function<std::optional<Fault>(int64_t number)>;

  Run(const Work& work, const Part& part, const std::string& name, Begin begin,
      const Host::Wrap& wrap)
      : part_(part),
        begin_(std::move(begin)),
        disk_(name, part.files),
        host_(&disk_, work.model, wrap) {
    disk_.hook = [this](FakeDisk::Call, int64_t number) {
      if (!fault_) fault_ = begin_(number);
      if (!fault_) return SQLITE_OK;
      const bool first =
          first_armed_ && (fault_->sticky ? number >= fault_->at : number == fault_->at);
      const bool second = second_at_ && number >= *second_at_;
      second_met_ = second_met_ || second;
      return first || second ? fault_->code : SQLITE_OK;
    };
  }

  // Does the steps and closes. What went wrong, or "".
  std::string Play() {
    for (const Step& step : part_.steps) {
      const std::string fault = Do(step);
      if (!fault.empty()) return fault;
    }
    host_.Close();
    return "";
  }
  // What is wrong with what Play left, or "". It depends on nothing but the files, `thoroughly`,
  // and the second fault.
  std::string Look() {
    const absl::Status status = Mend();
    if (!status.ok()) return "does not open: " + std::string(status.ToString());
    return Differs(host_.store(), part_.dump, thoroughly());
  }
  bool thoroughly() const { return fault_->at % 4 == 0; }
  // Tells the files apart.
  std::string Digest() {
    disk_.hook = nullptr;
    std::string digest(1, thoroughly() ? 't' : 'd');
    for (const auto& [path, content] : disk_.Files()) {
      const XXH128_hash_t hash = XXH3_128bits(content.data(), content.size());
      digest += path + ' ' + std::to_string(hash.high64) + ' ' + std::to_string(hash.low64) + ' ';
    }
    return digest;
  }
  // The first fault and the second were met.
  bool met() const { return fault_.has_value(); }
  bool second_met() const { return second_met_; }

 private:
  std::string Do(const Step& step) {
    constexpr int kMostTries = 4;
    Reply reply = host_.Apply(step);
    for (int tries = 1; reply.outcome == Outcome::kFailed; ++tries) {
      if (!Typed(reply.status)) return "untyped: " + std::string(reply.status.ToString());
      if (tries == kMostTries) return "never done: " + std::string(reply.status.ToString());
      // The disk is mended. Going on with the store that failed is as good as opening it again.
      if (fault_->sticky) first_armed_ = false;
      if (fault_->second ? tries == 1 : tries == 2 || (fault_->sticky && fault_->at % 2 == 0)) {
        const absl::Status status = fault_->second ? Mend() : host_.Open();
        if (!status.ok() && (!Typed(status) || fault_->sticky)) {
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
    if (fault_->second && !second_met_) {
      second_at_ = disk_.calls() + *fault_->second;
      const absl::Status status = host_.Open();
      second_at_.reset();
      if (!status.ok() && !Typed(status)) return status;
    }
    return host_.Open();
  }

  const Part& part_;
  const Begin begin_;
  std::optional<Fault> fault_;
  bool first_armed_ = true;
  std::optional<int64_t> second_at_;
  bool second_met_ = false;
  FakeDisk disk_;
  Host host_;
};

struct Tally {
  std::atomic<size_t> runs = 0, bad = 0;
  size_t ends = 0;  // that differ in a byte of a file
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

// Every so many calls of a part fail, once and for good. The part is played once, and the process
// copied before each of them: the copy goes on with the fault, as a run of its own would that has
// come there. An end that is to the byte as one that was good is not looked at again.
void FailEachOf(const Work& work, const Part& part, int64_t step, const Host::Wrap& wrap,
                Tally* tally) {
  constexpr std::string_view kGood = "good: ";
  Forks forks;
  std::set<std::string> good;
  Run run(
      work, part, "fault",
      [&](int64_t number) -> std::optional<Fault> {
        if (number >= part.calls || number % step != 0) return std::nullopt;
        for (const bool sticky : {false, true}) {
          const Fault fault{number, sticky, number % 3 == 0 ? SQLITE_FULL : SQLITE_IOERR, {}};
          const bool copied = forks.Split([&, fault](const std::string& told, bool died) {
            const bool new_end = !died && told.starts_with(kGood);
            if (new_end) good.insert(told.substr(kGood.size()));
            Note(fault, new_end ? "" : told, tally);
          });
          if (copied) return fault;
        }
        return std::nullopt;
      },
      wrap);
  std::string what = run.Play();
  if (forks.copied()) {
    if (!what.empty()) forks.Tell(what);
    const std::string digest = run.Digest();
    if (good.count(digest) != 0) forks.Tell("");
    what = run.Look();
    forks.Tell(what.empty() ? std::string(kGood) + digest : what);
  }
  EXPECT_EQ(what, "");
  forks.Join();
  tally->ends += good.size();
}

void FailEach(const Work& work, int64_t step, const Host::Wrap& wrap, Tally* tally) {
  for (const Part& part : work.parts) FailEachOf(work, part, step, wrap, tally);
}

// After such a call has failed each call of what opens again fails, until it makes no more.
void FailAgain(const Work& work, int64_t first, int64_t step, Tally* tally) {
  const std::string name = "again-" + std::to_string(first);
  for (const Part& part : work.parts) {
    for (int64_t at = first; at < part.calls; at += step) {
      bool met = true;
      for (int64_t second = 0; met; ++second) {
        const Fault fault{at, true, second % 3 == 0 ? SQLITE_FULL : SQLITE_IOERR, second};
        const auto begin = [&](int64_t number) {
          return number == at ? std::optional(fault) : std::nullopt;
        };
        Run run(work, part, name, begin, nullptr);
        std::string what = run.Play();
        if (what.empty()) what = run.Look();
        Note(fault, what, tally);
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
  FailEach(work, step, nullptr, &tally);
  std::cout << Calls(work) << " calls, " << tally.runs << " runs to " << tally.ends << " ends, "
            << tally.bad << " bad, seed " << seed << "\n";
  EXPECT_EQ(tally.bad, 0u) << tally.first;
  EXPECT_GE(tally.runs, 2 * static_cast<size_t>(Calls(work) / step));
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
      work, 7, [](Store* store) { return std::make_unique<ClaimingStore>(store); }, &tally);
  std::cout << tally.bad << " of " << tally.runs << " runs bad\n";
  EXPECT_GT(tally.bad, 10u);
}

// Last: its threads leave much memory, which a sanitizer would go through with each copy.
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

}  // namespace
}  // namespace leadcore::testing
