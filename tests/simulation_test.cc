// SPDX-License-Identifier: Apache-2.0
//
// Several hosts on one store, in one deterministic program: a seed chooses who runs, what they do,
// where they crash, what the store fails with, and how their clocks jump. What must hold is looked
// at after every commit. A seed that fails is printed; LEADCORE_SEED=N runs from there.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "baton.h"
#include "disk_vfs.h"
#include "leadcore/audit.h"
#include "leadcore/memory_store.h"
#include "leadcore/sqlite_store.h"
#include "store_decorator.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

struct Crash {};

// What the naive forms do, one each, for the canaries.
enum class Bug { kNone, kNoChecks, kTicketsReadBefore, kFreshIds, kAcknowledgeEarly };

// Everything that happens in one seed.
class Simulation {
 public:
  // `name`: of its disk, if it has one; two at a time need two.
  Simulation(uint64_t seed, std::shared_ptr<const Model> model, Bug bug,
             const char* name = "simulation")
      : seed_(seed), random_(seed), model_(std::move(model)), bug_(bug) {
    const RandomSource salts = [this](std::span<unsigned char> bytes) {
      for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(salts_());
    };
    salts_.seed(seed);
    if (seed % 25 == 0) {
      disk_ = std::make_unique<FakeDisk>(name);
      SqliteOptions options;
      options.path = "/s.db";
      options.vfs = disk_->name();
      options.random = salts;
      auto store = OpenSqliteStore(options);
      EXPECT_TRUE(store.ok()) << store.status();
      store_ = *std::move(store);
    } else {
      store_ = NewMemoryStore(salts);
    }
  }

  // What was found wrong; "" for nothing.
  std::string Run() {
    std::vector<std::function<void()>> hosts;
    const size_t count = 2 + random_() % 3;
    for (size_t i = 0; i < count; ++i) hosts.push_back([this, i] { Host(i); });
    baton_.Run(hosts,
               [this](const std::vector<size_t>& running) { return random_() % running.size(); });
    if (fault_.empty()) CheckEnd();
    return fault_;
  }

  const std::string& trace() const { return trace_; }
  std::vector<std::string> Dump() const { return DumpOf(*store_, "test"); }

 private:
  // The store as one host sees it.
  class View : public StoreDecorator {
   public:
    explicit View(Simulation* simulation)
        : StoreDecorator(simulation->store_.get()), simulation_(*simulation) {}
    absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
      simulation_.baton_.Yield();
      if (simulation_.Draw(200) == 0) throw Crash();
      if (simulation_.Draw(100) == 0) return absl::UnavailableError("reading failed");
      return store_.Read(workspace);
    }
    absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                        std::span<CommitResult> results) override {
      simulation_.baton_.Yield();
      return simulation_.Commit(workspace, batches, results);
    }

   private:
    Simulation& simulation_;
  };

  uint64_t Draw(uint64_t below) { return random_() % below; }

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) {
    const uint64_t draw = Draw(60);
    if (draw == 0) throw Crash();
    if (draw == 1) return absl::UnavailableError("the answer was lost");
    if (draw == 2) return absl::ResourceExhaustedError("the disk is full");
    if (draw == 3) {
      for (CommitResult& result : results) result.code = CommitResult::Code::kStale;
      return absl::OkStatus();
    }
    std::vector<Batch> changed(batches.begin(), batches.end());
    for (Batch& batch : changed) Spoil(&batch);
    const absl::Status status = store_->Commit(workspace, changed, results);
    CheckStep();
    if (draw == 4) throw Crash();
    if (draw == 5 && status.ok()) return absl::UnavailableError("the answer was lost");
    return status;
  }

  void Spoil(Batch* batch) {
    if (bug_ == Bug::kNoChecks) {
      batch->checks.clear();
      batch->after.reset();
    }
    if (bug_ == Bug::kTicketsReadBefore && !batch->counters.empty()) {
      batch->finish = [finish = batch->finish, read = counters_](const Given& given) {
        std::vector<int64_t> stale(given.counters.begin(), given.counters.end());
        for (int64_t& value : stale) value = std::max<int64_t>(0, value - 1);
        return finish({stale, given.random});
      };
    }
  }

  void Host(size_t number) {
    Workload workload(seed_ * 31 + number, model_, 6);
    View view(this);
    std::unique_ptr<Engine> engine;
    int64_t now = kStart + static_cast<int64_t>(Draw(static_cast<uint64_t>(kDay)));
    for (int step = 0; step < 10 && fault_.empty(); ++step) {
      now = workload.NextNow(now);
      std::vector<Command> group;
      const std::string name = std::to_string(number) + "/" + std::to_string(step);
      for (uint64_t size = Draw(3) == 0 ? 1 + Draw(4) : 1; size > 0; --size) {
        group.push_back(workload.Next(name + "/" + std::to_string(size), known_));
      }
      const bool tick = Draw(12) == 0;
      // Now and then somebody gives up, and the request stays undone or not told.
      const uint64_t tries = Draw(10) == 0 ? 1 : 1000;
      for (uint64_t i = 0; i < tries && !group.empty() && fault_.empty(); ++i) {
        group = Try(&view, &engine, now, group);
        for (Command& command : group) {
          if (bug_ == Bug::kFreshIds) command.request_id += "+";
        }
      }
      if (tick && engine != nullptr) TryTick(engine.get(), now);
    }
  }

  void TryTick(Engine* engine, int64_t now) {
    try {
      (void)engine->Tick({FromMicros(now), "host", "tick", ""}, 100);
    } catch (const Crash&) {
    }
  }

  // What failed, to be tried again.
  std::vector<Command> Try(View* view, std::unique_ptr<Engine>* engine, int64_t now,
                           const std::vector<Command>& group) {
    const Call call{FromMicros(now), "host", "work", ""};
    try {
      if (*engine == nullptr) {
        auto opened = Engine::Open({model_, "test", false}, view, call);
        if (!opened.ok()) return group;
        *engine = *std::move(opened);
      }
      if (bug_ == Bug::kAcknowledgeEarly) {
        for (const Command& command : group) acknowledged_.insert(command.request_id);
      }
      std::vector<Command> left;
      const std::vector<Reply> replies = (*engine)->ApplyMany(call, group);
      for (size_t i = 0; i < replies.size(); ++i) Told(group[i], replies[i], &left);
      return left;
    } catch (const Crash&) {
      engine->reset();
      trace_ += "crash;";
      return group;
    }
  }

  void Told(const Command& command, const Reply& reply, std::vector<Command>* left) {
    trace_ += command.request_id + "=" + std::string(OutcomeName(reply.outcome)) + ";";
    if (reply.outcome == Outcome::kFailed) {
      left->push_back(command);
      return;
    }
    if (reply.outcome == Outcome::kCreated) known_.push_back(reply.lead_id);
    (reply.positions.empty() ? refused_ : acknowledged_).insert(command.request_id);
  }

  // ---- What must hold

  void Fail(std::string what) {
    if (fault_.empty()) fault_ = std::move(what);
  }

  // After every commit: what the new events say.
  void CheckStep() {
    FeedRequest request;
    request.after = position_;
    const absl::Status status = store_->Feed("test", request, [&](const Event& event) {
      if (event.position != ++position_) Fail("the feed has a hole");
      // What is tried again under another id ("+" behind it) is still the same command.
      const std::string command = event.request_id.substr(0, event.request_id.find('+'));
      if (!event.reply.empty() && !requests_.insert(command).second) {
        Fail("request " + command + " was done twice");
      }
      const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
      if (!payload.ok()) Fail("a payload does not decode");
      if (payload.ok() && payload->assignment) CheckTurn(*payload->assignment);
      return true;
    });
    if (!status.ok()) Fail("the feed cannot be read");
    if (seed_ % 40 == 0) CheckAll();
  }

  // Tickets are unique and dense, turns even at every moment.
  void CheckTurn(const Assignment& assignment) {
    if (assignment.how != Assignment::How::kRotation) return;
    if (assignment.ticket != ++tickets_) Fail("ticket " + std::to_string(assignment.ticket));
    ++turns_[assignment.owner];
    const auto [least, most] = std::minmax({turns_["ann"], turns_["bob"], turns_["cleo"]});
    if (most - least > 1) Fail("uneven turns");
  }

  void CheckAll() {
    const auto reply =
        VerifyWorkspace(*store_, "test", [&](std::string_view what) { Fail(std::string(what)); });
    if (!reply.ok()) Fail("the workspace cannot be read");
  }

  void CheckEnd() {
    CheckAll();
    for (const std::string& id : acknowledged_) {
      if (requests_.count(id) == 0) Fail("acknowledged and not there: " + id);
    }
    for (const std::string& id : refused_) {
      if (requests_.count(id) != 0) Fail("refused and there: " + id);
    }
    if (seed_ % 20 == 0 && fault_.empty()) CheckReplay();
  }

  void CheckReplay() {
    const std::unique_ptr<Store> other = NewMemoryStore();
    auto replay = Replay::Start(other.get(), "test");
    FeedRequest request;
    request.limit = 10'000;
    const absl::Status status = store_->Feed("test", request, [&](const Event& event) {
      const absl::Status applied = (*replay)->Apply(event);
      if (!applied.ok()) Fail(applied.ToString());
      return applied.ok();
    });
    if (!status.ok() || !(*replay)->Flush().ok()) Fail("replay failed");
    if (DumpOf(*other, "test") != Dump()) Fail("replay makes another workspace");
  }

  const uint64_t seed_;
  std::mt19937_64 random_, salts_;
  const std::shared_ptr<const Model> model_;
  const Bug bug_;
  std::unique_ptr<FakeDisk> disk_;  // outlives the store
  std::unique_ptr<Store> store_;
  Baton baton_;
  std::vector<std::string> known_;
  std::set<std::string> acknowledged_, refused_, requests_;
  std::map<std::string, int64_t> turns_;
  std::vector<int64_t> counters_;
  int64_t tickets_ = 0, position_ = 0;
  std::string fault_, trace_;
};

TEST(SimulationTest, EverySeedHoldsWhatMustHold) {
  const std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  const uint64_t first = Seed();
  const uint64_t seeds = std::getenv("LEADCORE_LONG") != nullptr ? 1'000'000 : Scaled(20'000);
  size_t events = 0, crashes = 0;
  for (uint64_t seed = first; seed < first + seeds; ++seed) {
    Simulation simulation(seed, model, Bug::kNone);
    ASSERT_EQ(simulation.Run(), "") << "seed " << seed << "; " << simulation.trace();
    if (seed % 100 != 0) continue;
    // The same seed is the same run, to the byte.
    Simulation again(seed, model, Bug::kNone, "simulated again");
    ASSERT_EQ(again.Run(), "");
    ASSERT_EQ(again.trace(), simulation.trace()) << "seed " << seed;
    ASSERT_EQ(again.Dump(), simulation.Dump()) << "seed " << seed;
    events += simulation.Dump().size();
    crashes += static_cast<size_t>(simulation.trace().find("crash") != std::string::npos);
  }
  std::cout << seeds << " seeds from " << first << ", of every hundredth: " << events
            << " lines of content, " << crashes << " with a crash\n";
  EXPECT_GT(crashes, 0u);
}

// The canaries: what the simulation has to find.
void ExpectFound(Bug bug, const char* what) {
  const std::shared_ptr<const Model> model = ParseModel(kWorkModel);
  size_t found = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    Simulation simulation(seed, model, bug);
    found += simulation.Run().empty() ? 0 : 1;
  }
  std::cout << what << ": found with " << found << " of 60 seeds\n";
  EXPECT_GT(found, 5u) << what;
}

TEST(SimulationTest, NaiveFormsAreFound) {
  ExpectFound(Bug::kNoChecks, "commit without version check");
  ExpectFound(Bug::kTicketsReadBefore, "tickets read before the commit");
  ExpectFound(Bug::kFreshIds, "retry without the request id");
  ExpectFound(Bug::kAcknowledgeEarly, "acknowledged before the commit");
}

}  // namespace
}  // namespace leadcore::testing
