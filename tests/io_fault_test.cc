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

#include "disk_vfs.h"
#include "leadcore/audit.h"
#include "store_util.h"
#include "test_util.h"
#include "text.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

constexpr const char* kPath = "/fault.db";

struct Step {
  absl::Time now;
  Command command;
};

// The same salts in every run, so that two databases can be compared to the byte.
RandomSource Nothing() {
  return [](std::span<unsigned char> bytes) { std::fill(bytes.begin(), bytes.end(), 7); };
}

SqliteOptions On(const FakeDisk& disk) {
  SqliteOptions options;
  options.path = kPath;
  options.page_size = 1024;
  options.vfs = disk.name();
  options.random = Nothing();
  return options;
}

// A store with its engine, opened and opened again.
class Host {
 public:
  Host(FakeDisk* disk, std::shared_ptr<const Model> model)
      : disk_(*disk), model_(std::move(model)) {}

  absl::Status Open() {
    engine_.reset();
    store_.reset();
    auto store = OpenSqliteStore(On(disk_));
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    const Call call{FromMicros(kStart), "tester", "open", ""};
    auto engine = Engine::Open({model_, "test", false}, store_.get(), call);
    if (!engine.ok()) return engine.status();
    engine_ = *std::move(engine);
    return absl::OkStatus();
  }
  Reply Apply(const Step& step) {
    if (engine_ == nullptr) {
      const absl::Status status = Open();
      if (!status.ok()) {
        Reply reply;
        reply.status = status;
        return reply;
      }
    }
    return engine_->Apply({step.now, "tester", "work", ""}, step.command);
  }
  const Store& store() const { return *store_; }

 private:
  FakeDisk& disk_;
  const std::shared_ptr<const Model> model_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
};

struct Work {
  std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  std::vector<Step> steps;
  std::vector<std::string> dump;  // of the end without faults
  int64_t calls = 0;              // to the disk
};

Work MakeWork(uint64_t seed, size_t commands) {
  Work work;
  FakeDisk disk("fault-clean");
  Host host(&disk, work.model);
  Workload workload(seed, work.model, 10);
  std::vector<std::string> known;
  absl::Time now = FromMicros(kStart);
  EXPECT_TRUE(host.Open().ok());
  for (size_t i = 0; i < commands; ++i) {
    now = FromMicros(workload.NextNow(ToMicros(now)));
    work.steps.push_back({now, workload.Next("request-" + std::to_string(i), known)});
    const Reply reply = host.Apply(work.steps.back());
    EXPECT_NE(reply.outcome, Outcome::kFailed) << reply.status;
    if (reply.outcome == Outcome::kCreated) known.push_back(reply.lead_id);
    if (i % 20 == 19) {
      EXPECT_TRUE(host.Open().ok());
    }
  }
  work.calls = disk.calls();
  work.dump = DumpOf(host.store(), "test");
  return work;
}

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

// Runs the work with the call `at` failing; what went wrong, or "".
std::string RunWith(const Work& work, const std::string& name, int64_t at, bool sticky, int code) {
  constexpr int kMostTries = 4;
  FakeDisk disk(name);
  bool armed = true;
  disk.hook = [&](FakeDisk::Call, int64_t number) {
    return armed && (sticky ? number >= at : number == at) ? code : SQLITE_OK;
  };
  Host host(&disk, work.model);
  for (size_t i = 0; i < work.steps.size(); ++i) {
    Reply reply = host.Apply(work.steps[i]);
    for (int tries = 1; reply.outcome == Outcome::kFailed; ++tries) {
      if (!Typed(reply.status)) return "untyped: " + std::string(reply.status.ToString());
      if (tries == kMostTries) return "never done: " + std::string(reply.status.ToString());
      // The disk is mended. Going on with the store that failed is as good as opening it again.
      if (sticky) armed = false;
      if (tries == 2 || (sticky && at % 2 == 0)) {
        const absl::Status status = host.Open();
        if (!status.ok() && (!Typed(status) || sticky)) return std::string(status.ToString());
      }
      reply = host.Apply(work.steps[i]);
    }
    if (i % 20 == 19 && !host.Open().ok()) {
      armed = false;
      const absl::Status status = host.Open();
      if (!status.ok()) return "does not open: " + std::string(status.ToString());
    }
  }
  armed = false;
  if (DumpOf(host.store(), "test") != work.dump) return "another end than without faults";
  std::string fault;
  const auto reply =
      VerifyWorkspace(host.store(), "test", [&](std::string_view what) { fault = what; });
  return reply.ok() ? fault : std::string(reply.status().ToString());
}

TEST(IoFault, EveryCallFailsOnceAndForGood) {
  sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  const bool all = std::getenv("LEADCORE_LONG") != nullptr;
  const Work work = MakeWork(seed, all ? 600 : 60);
  const int64_t step = static_cast<int64_t>(10 / Scaled(10));
  std::atomic<size_t> runs = 0, bad = 0;
  std::mutex mutex;
  std::string first;
  std::vector<std::thread> threads;
  for (int64_t part = 0; part < 2; ++part) {
    threads.emplace_back([&, part] {
      for (int64_t at = part * step; at < work.calls; at += 2 * step) {
        for (const bool sticky : {false, true}) {
          const int code = at % 3 == 0 ? SQLITE_FULL : SQLITE_IOERR;
          const std::string fault =
              RunWith(work, "fault-" + std::to_string(part), at, sticky, code);
          ++runs;
          if (fault.empty()) continue;
          ++bad;
          const std::lock_guard lock(mutex);
          if (first.empty()) {
            first = "call " + std::to_string(at) + (sticky ? " for good: " : " once: ") + fault;
          }
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << work.calls << " calls, " << runs << " runs, " << bad << " bad, seed " << seed
            << "\n";
  EXPECT_EQ(bad, 0u) << first;
}

}  // namespace
}  // namespace leadcore::testing
