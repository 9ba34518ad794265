// SPDX-License-Identifier: Apache-2.0
//
// Every call to the store fails, in every way in which a store can, once and for good: the same
// request ids bring the work to the end that it has without faults.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>
#include <random>
#include <string>
#include <vector>

#include "faulty_store.h"
#include "leadcore/audit.h"
#include "leadcore/memory_store.h"
#include "test_util.h"
#include "text.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

struct Step {
  absl::Time now;
  std::vector<Command> commands;
};
struct Work {
  std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  std::vector<Step> steps;
  std::vector<std::string> dump;
  int64_t calls = 0;
};

RandomSource Nothing() {
  return [](std::span<unsigned char> bytes) { std::fill(bytes.begin(), bytes.end(), 7); };
}

// One host: an engine that is opened again after a crash.
class Host {
 public:
  Host(const Work& work, Store* store) : work_(work), store_(*store) {}

  // With `fresh_ids`, a request is tried again under another id, which is what must not be done.
  // "" or what went wrong.
  std::string Run(const std::function<void()>& mend, bool fresh_ids) {
    constexpr int kMostTries = 100;
    for (const Step& step : work_.steps) {
      std::vector<Command> left = step.commands;
      for (int tries = 0; !left.empty(); ++tries) {
        if (tries == kMostTries) return "never done";
        if (tries == 2) mend();
        left = Try(step, left);
        for (size_t i = 0; fresh_ids && i < left.size(); ++i) left[i].request_id += "+";
      }
    }
    return "";
  }

 private:
  // The commands that failed.
  std::vector<Command> Try(const Step& step, const std::vector<Command>& commands) {
    try {
      if (engine_ == nullptr) {
        const Call call{FromMicros(kStart), "tester", "open", ""};
        auto engine = Engine::Open({work_.model, "test", false}, &store_, call);
        if (!engine.ok()) return commands;
        engine_ = *std::move(engine);
      }
      const Call call{step.now, "tester", "work", ""};
      std::vector<Command> left;
      const std::vector<Reply> replies = engine_->ApplyMany(call, commands);
      for (size_t i = 0; i < replies.size(); ++i) {
        if (replies[i].outcome == Outcome::kFailed) left.push_back(commands[i]);
      }
      return left;
    } catch (const Crash&) {
      engine_.reset();
      return commands;
    }
  }

  const Work& work_;
  Store& store_;
  std::unique_ptr<Engine> engine_;
};

Work MakeWork(uint64_t seed, size_t commands) {
  Work work;
  const std::unique_ptr<Store> store = NewMemoryStore(Nothing());
  const Call open{FromMicros(kStart), "tester", "open", ""};
  const auto engine = Engine::Open({work.model, "test", false}, store.get(), open);
  Workload workload(seed, work.model, 10);
  std::vector<std::string> known;
  absl::Time now = FromMicros(kStart);
  for (size_t i = 0; i < commands; ++i) {
    now = FromMicros(workload.NextNow(ToMicros(now)));
    work.steps.push_back({now, {workload.Next("request-" + std::to_string(i), known)}});
    const Call call{now, "tester", "work", ""};
    const Reply reply = (*engine)->ApplyMany(call, work.steps.back().commands).front();
    if (reply.outcome == Outcome::kCreated) known.push_back(reply.lead_id);
  }
  work.dump = DumpOf(*store, "test");
  const std::unique_ptr<Store> counted = NewMemoryStore(Nothing());
  FaultyStore counter(counted.get());
  counter.plan = [](int64_t) { return std::nullopt; };
  EXPECT_EQ(Host(work, &counter).Run([] {}, false), "");
  EXPECT_EQ(DumpOf(*counted, "test"), work.dump);
  work.calls = counter.calls;
  return work;
}

std::string RunWith(const Work& work, Fault fault, int64_t at, bool sticky, bool fresh_ids) {
  const std::unique_ptr<Store> store = NewMemoryStore(Nothing());
  FaultyStore faulty(store.get());
  bool armed = true;
  faulty.plan = [&](int64_t call) -> std::optional<Fault> {
    if (!armed || (sticky ? call < at : call != at)) return std::nullopt;
    return fault;
  };
  const std::string fault_of_run = Host(work, &faulty).Run([&] { armed = false; }, fresh_ids);
  if (!fault_of_run.empty()) return fault_of_run;
  if (DumpOf(*store, "test") != work.dump) return "another end than without faults";
  std::string found;
  const auto reply = VerifyWorkspace(*store, "test", [&](std::string_view what) { found = what; });
  return reply.ok() ? found : std::string(Message(reply.status()));
}

TEST(StoreFault, EveryCallFailsInEveryWayOnceAndForGood) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  const Work work = MakeWork(seed, 60);
  size_t runs = 0;
  for (const Fault fault : kFaults) {
    for (int64_t at = 0; at < work.calls; ++at) {
      for (const bool sticky : {false, true}) {
        ++runs;
        ASSERT_EQ(RunWith(work, fault, at, sticky, false), "")
            << "fault " << static_cast<int>(fault) << " at call " << at << (sticky ? " on" : "");
      }
    }
  }
  std::cout << work.calls << " calls, " << runs << " runs, 0 bad, seed " << seed << "\n";
}

// Any fault at any call, in groups too.
TEST(StoreFault, RandomFaultsEverywhere) {
  const uint64_t seed = Seed() + 1;
  const size_t rounds = std::getenv("LEADCORE_LONG") != nullptr ? 200'000 : Scaled(2'000);
  const Work work = MakeWork(seed, 40);
  for (size_t round = 0; round < rounds; ++round) {
    std::mt19937_64 random(seed + round);
    const std::unique_ptr<Store> store = NewMemoryStore(Nothing());
    FaultyStore faulty(store.get());
    faulty.plan = [&](int64_t) -> std::optional<Fault> {
      if (random() % 6 != 0) return std::nullopt;
      return kFaults[random() % std::size(kFaults)];
    };
    ASSERT_EQ(Host(work, &faulty).Run([] {}, false), "") << "seed " << seed + round;
    ASSERT_EQ(DumpOf(*store, "test"), work.dump) << "seed " << seed + round;
  }
}

// The canary: who tries again under another request id does it twice.
TEST(StoreFault, RetryWithoutTheRequestIdIsFound) {
  const Work work = MakeWork(Seed(), 60);
  size_t bad = 0;
  for (int64_t at = 0; at < work.calls; ++at) {
    bad += RunWith(work, Fault::kUnknownCommitted, at, false, true).empty() ? 0 : 1;
  }
  std::cout << bad << " of " << work.calls << " lost answers did something twice\n";
  EXPECT_GT(bad, 10u);
}

}  // namespace
}  // namespace leadcore::testing
