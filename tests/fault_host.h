// SPDX-License-Identifier: Apache-2.0
//
// What tests of faults below the store share: a host that opens its engine on a fake disk again and
// again, and a workload of commands with the end that it has without faults.
#ifndef LEADCORE_TESTS_FAULT_HOST_H_
#define LEADCORE_TESTS_FAULT_HOST_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "disk_vfs.h"
#include "leadcore/audit.h"
#include "store_util.h"
#include "text.h"
#include "workload.h"

namespace leadcore::testing {

struct Step {
  absl::Time now;
  Command command;
};

// The same salts in every run, so that two databases can be compared to the byte.
inline RandomSource Nothing() {
  return [](std::span<unsigned char> bytes) { std::fill(bytes.begin(), bytes.end(), 7); };
}

inline SqliteOptions On(const FakeDisk& disk) {
  SqliteOptions options;
  options.path = "/fault.db";
  options.page_size = 1024;
  options.vfs = disk.name();
  options.random = Nothing();
  return options;
}

// A store with its engine, opened and opened again.
class Host {
 public:
  // What stands between the engine and the store, for canaries.
  using Wrap = std::function<std::unique_ptr<Store>(Store* store)>;

  Host(FakeDisk* disk, std::shared_ptr<const Model> model, Wrap wrap = nullptr)
      : options_(On(*disk)), model_(std::move(model)), wrap_(std::move(wrap)) {}

  void Close() {
    engine_.reset();
    wrapped_.reset();
    store_.reset();
  }
  absl::Status Open() {
    Close();
    auto store = OpenSqliteStore(options_);
    if (!store.ok()) return store.status();
    store_ = *std::move(store);
    if (wrap_) wrapped_ = wrap_(store_.get());
    auto engine = Engine::Open({model_, "test", false}, wrapped_ ? wrapped_.get() : store_.get(),
                               {FromMicros(kStart), "tester", "open", ""});
    if (!engine.ok()) return engine.status();
    engine_ = *std::move(engine);
    return absl::OkStatus();
  }
  bool open() const { return engine_ != nullptr; }

  // Opens first where that has not been done, or failed.
  Reply Apply(const Step& step) {
    const absl::Status status = open() ? absl::OkStatus() : Open();
    if (status.ok()) return engine_->Apply({step.now, "tester", "work", ""}, step.command);
    Reply reply;
    reply.outcome = Outcome::kFailed;
    reply.status = status;
    return reply;
  }
  const Store& store() const { return *store_; }
  Engine& engine() { return *engine_; }
  const Model& model() const { return *model_; }

 private:
  const SqliteOptions options_;
  const std::shared_ptr<const Model> model_;
  const Wrap wrap_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Store> wrapped_;
  std::unique_ptr<Engine> engine_;
};

// Steps from one opening to the next.
struct Part {
  DiskFiles files;  // before it
  std::vector<Step> steps;
  std::vector<std::string> dump;  // of its end without faults
  int64_t calls = 0;              // to the disk
};
struct Work {
  std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  std::vector<Part> parts;
};

inline Work MakeWork(uint64_t seed, size_t commands) {
  constexpr size_t kMostOfPart = 10;
  Work work;
  FakeDisk disk("fault-clean");
  Host host(&disk, work.model);
  Workload workload(seed, work.model, 10);
  std::vector<std::string> known;
  absl::Time now = FromMicros(kStart);
  for (size_t done = 0; done < commands;) {
    Part part;
    part.files = disk.Files();
    const int64_t before = disk.calls();
    for (; done < commands && part.steps.size() < kMostOfPart; ++done) {
      now = FromMicros(workload.NextNow(ToMicros(now)));
      part.steps.push_back({now, workload.Next("request-" + std::to_string(done), known)});
      const Reply reply = host.Apply(part.steps.back());
      EXPECT_NE(reply.outcome, Outcome::kFailed) << reply.status;
      if (reply.outcome == Outcome::kCreated) known.push_back(reply.lead_id);
    }
    host.Close();
    part.calls = disk.calls() - before;
    EXPECT_TRUE(host.Open().ok());
    part.dump = DumpOf(host.store(), "test");
    host.Close();
    work.parts.push_back(std::move(part));
  }
  return work;
}

// What is wrong with a workspace that should hold `dump`; "" when nothing is. `thoroughly`: what is
// in no dump, as index entries, is looked at too.
inline std::string Differs(const Store& store, const std::vector<std::string>& dump,
                           bool thoroughly = true) {
  if (DumpOf(store, "test") != dump) return "another end than without faults";
  if (!thoroughly) return "";
  std::string fault;
  const auto reply = VerifyWorkspace(store, "test", [&](std::string_view what) { fault = what; });
  return reply.ok() ? fault : std::string(Message(reply.status()));
}

}  // namespace leadcore::testing

#endif  // LEADCORE_TESTS_FAULT_HOST_H_
