// SPDX-License-Identifier: Apache-2.0
//
// The history of eight threads on each store: one feed explains it. And the naive forms, whose
// histories the same checker has to refuse. history_test.cc is the same with processes, and longer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine_concurrent_util.h"
#include "history.h"
#include "store_decorator.h"
#include "store_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// What stands between the engine and the store.
using Wrap = std::function<std::unique_ptr<Store>(Store* store)>;

class HistoryRaceTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  HistoryRaceTest() : held_(GetParam()) {}

  // What is wrong with the history of threads that do so much each.
  std::vector<std::string> Run(uint64_t operations, const Wrap& wrap) {
    Shared shared(held_.folder / "shared", true);
    const std::unique_ptr<Store> wrapped = wrap ? wrap(held_.store.get()) : nullptr;
    Store* const store = wrapped ? wrapped.get() : held_.store.get();
    const auto engine =
        Engine::Open({ParseModel(kHistoryModel), "test", false}, store, HistoryCall("open"));
    EXPECT_TRUE(engine.ok()) << engine.status();
    MakeHotPeople(engine->get(), operations / kOpsOfEra + 1);
    std::vector<std::unique_ptr<Actor>> actors;
    for (uint64_t i = 0; i < kThreads; ++i) {
      actors.push_back(std::make_unique<Actor>(i, Seed(), &shared, engine->get(), store));
    }
    RunTogether(kThreads, [&](size_t thread) {
      for (uint64_t i = 0; i < operations; ++i) actors[thread]->Step(true);
    });
    HistoryChecker checker(*held_.store);
    for (uint64_t i = 0; i < kThreads; ++i) checker.Take(i, actors[i]->notes());
    std::vector<std::string> faults = checker.Faults();
    std::cout << checker.Counts() << ", seed " << Seed() << ": " << faults.size() << " faults"
              << (faults.empty() ? "" : ", first " + faults.front()) << "\n";
    return faults;
  }
  template <typename Naive>
  std::vector<std::string> RunNaive() {
    return Run(std::max<size_t>(Scaled(500), 200),
               [](Store* store) { return std::make_unique<Naive>(store); });
  }

  HeldStore held_;
};
LEADCORE_ON_BOTH_STORES(HistoryRaceTest);

TEST_P(HistoryRaceTest, OneFeedExplainsWhatThreadsDidAndSaw) {
  EXPECT_THAT(Run(Scaled(GetParam() == StoreKind::kMemory ? 5'000 : 1'500), nullptr), IsEmpty());
}

// ---- Canaries

// Writes what was made of an old version over a newer one.
class Unchecked : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    std::vector<Batch> unchecked(batches.begin(), batches.end());
    for (Batch& batch : unchecked) batch.checks.clear();
    // Between a read and its write somebody else gets in.
    std::this_thread::yield();
    return store_.Commit(workspace, unchecked, results);
  }
};

TEST_P(HistoryRaceTest, CanaryAWriteWithoutVersionCheckLosesUpdates) {
  EXPECT_THAT(RunNaive<Unchecked>(), Contains(StartsWith("lost update")));
}

// Gives a snapshot to several readers, one after the other.
class Cached : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    const std::lock_guard lock(mutex_);
    if (reads_++ % kReads == 0) {
      absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store_.Read(workspace);
      if (!snapshot.ok()) return snapshot.status();
      snapshot_ = *std::move(snapshot);
    }
    return std::make_unique<View>(snapshot_, &mutex_);
  }

 private:
  static constexpr uint64_t kReads = 20;

  // One of those who share it; a snapshot belongs to one thread at a time.
  class View : public Snapshot {
   public:
    View(std::shared_ptr<Snapshot> snapshot, std::mutex* mutex)
        : snapshot_(std::move(snapshot)), mutex_(*mutex) {}
    ~View() override {
      const std::lock_guard lock(mutex_);
      snapshot_.reset();
    }
    absl::StatusOr<std::optional<StoredRecord>> Get(const RecordKey& key) const override {
      const std::lock_guard lock(mutex_);
      return snapshot_->Get(key);
    }
    absl::StatusOr<std::optional<std::string>> Lookup(std::string_view claim) const override {
      const std::lock_guard lock(mutex_);
      return snapshot_->Lookup(claim);
    }
    absl::Status Scan(
        const ScanRequest& request,
        absl::FunctionRef<bool(const StoredRecord&, const IndexValue&)> sink) const override {
      // The sink may read as well.
      std::vector<std::pair<StoredRecord, IndexValue>> page;
      {
        const std::lock_guard lock(mutex_);
        const absl::Status status =
            snapshot_->Scan(request, [&](const StoredRecord& record, const IndexValue& value) {
              page.emplace_back(record, value);
              return true;
            });
        if (!status.ok()) return status;
      }
      for (const auto& [record, value] : page) {
        if (!sink(record, value)) break;
      }
      return absl::OkStatus();
    }
    absl::StatusOr<int64_t> Counter(std::string_view name) const override {
      const std::lock_guard lock(mutex_);
      return snapshot_->Counter(name);
    }

   private:
    std::shared_ptr<Snapshot> snapshot_;
    std::mutex& mutex_;
  };

  mutable std::mutex mutex_;
  mutable uint64_t reads_ = 0;
  mutable std::shared_ptr<Snapshot> snapshot_;
};

TEST_P(HistoryRaceTest, CanaryACachedReaderIsStale) {
  EXPECT_THAT(RunNaive<Cached>(), Contains(StartsWith("stale")));
}

// Reads a lead's state later than the lead.
class Torn : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store_.Read(workspace);
    if (!snapshot.ok()) return snapshot;
    return std::make_unique<View>(*std::move(snapshot), this, workspace);
  }
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const absl::Status status = store_.Commit(workspace, batches, results);
    ++commits_;
    return status;
  }

 private:
  class View : public Snapshot {
   public:
    View(std::unique_ptr<Snapshot> snapshot, const Torn* torn, std::string_view workspace)
        : snapshot_(std::move(snapshot)), torn_(*torn), workspace_(workspace) {}
    absl::StatusOr<std::optional<StoredRecord>> Get(const RecordKey& key) const override {
      if (key.kind != RecordKind::kLeadState) return snapshot_->Get(key);
      // Time for others; not for ever, they may be waiting too.
      const uint64_t before = torn_.commits_;
      for (int i = 0; i < 20 && torn_.commits_ == before; ++i) std::this_thread::yield();
      const auto later = torn_.store_.Read(workspace_);
      if (!later.ok()) return later.status();
      return (*later)->Get(key);
    }
    absl::StatusOr<std::optional<std::string>> Lookup(std::string_view claim) const override {
      return snapshot_->Lookup(claim);
    }
    absl::Status Scan(
        const ScanRequest& request,
        absl::FunctionRef<bool(const StoredRecord&, const IndexValue&)> sink) const override {
      return snapshot_->Scan(request, sink);
    }
    absl::StatusOr<int64_t> Counter(std::string_view name) const override {
      return snapshot_->Counter(name);
    }

   private:
    const std::unique_ptr<Snapshot> snapshot_;
    const Torn& torn_;
    const std::string workspace_;
  };

  mutable std::atomic<uint64_t> commits_ = 0;
};

TEST_P(HistoryRaceTest, CanaryAReadOutsideTheSnapshotIsNotWhole) {
  EXPECT_THAT(RunNaive<Torn>(), Contains(StartsWith("not whole")));
}

// Lets callers wait between their reads and their commits; `early`: the events are numbered before
// the wait, and told by these numbers.
class Numbered : public StoreDecorator {
 public:
  Numbered(Store* store, bool early, std::function<void()> wait)
      : StoreDecorator(store), early_(early), wait_(std::move(wait)) {}

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const int64_t number = ++last_;
    wait_();
    const absl::Status status = store_.Commit(workspace, batches, results);
    const std::lock_guard lock(mutex_);
    numbers_[number] = results[0].positions.at(0);
    return status;
  }
  absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const override {
    if (!early_) return store_.Feed(workspace, request, sink);
    const std::lock_guard lock(mutex_);
    for (auto at = numbers_.upper_bound(request.after); at != numbers_.end(); ++at) {
      FeedRequest one = request;
      one.after = at->second - 1;
      one.limit = 1;
      const absl::Status status = store_.Feed(workspace, one, [&](Event event) {
        event.position = at->first;
        return sink(event);
      });
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  const bool early_;
  const std::function<void()> wait_;
  std::atomic<int64_t> last_ = 0;
  mutable std::mutex mutex_;
  std::map<int64_t, int64_t> numbers_;  // and positions
};

// How many of two events somebody gets who follows the feed: one caller is overtaken by another
// between its read and its commit, and the feed is read before the first one commits and after.
size_t Followed(Store* store, bool early) {
  const std::shared_ptr<const Model> model = ParseModel(kHistoryModel);
  FeedRequest request;
  size_t got = 0;
  std::latch first_waits(1), followed(1);
  std::atomic<bool> first = true;
  Numbered numbered(store, early, [&] {
    if (!first.exchange(false)) return;
    first_waits.count_down();
    followed.wait();
  });
  EXPECT_TRUE(Engine::Open({model, "test", false}, store, HistoryCall("open")).ok());
  const auto count = [&](const Event& event) {
    ++got;
    request.after = event.position;
    return true;
  };
  const auto submit = [&](const std::string& name) {
    const std::string email = name + "@people.example.com";
    const auto mine = Engine::Open({model, "test", false}, &numbered, HistoryCall("open"));
    const Reply reply =
        (*mine)->SubmitLead(HistoryCall(name), MakeLead(*model, {{"email", email}}));
    EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  };
  // Not the event of the opening, which has no number.
  EXPECT_TRUE(numbered.Feed("test", request, count).ok());
  got = 0;
  RunTogether(2, [&](size_t thread) {
    if (thread == 0) return submit("first");
    first_waits.wait();
    submit("second");
    EXPECT_TRUE(numbered.Feed("test", request, count).ok());
    followed.count_down();
  });
  EXPECT_TRUE(numbered.Feed("test", request, count).ok());
  return got;
}

TEST_P(HistoryRaceTest, CanaryNumbersGivenBeforeTheCommitLoseEvents) {
  EXPECT_EQ(Followed(held_.store.get(), true), 1u);
}

TEST_P(HistoryRaceTest, TheSameInterleavingWithNumbersOfTheCommitLosesNone) {
  EXPECT_EQ(Followed(held_.store.get(), false), 2u);
}

}  // namespace
}  // namespace leadcore::testing
