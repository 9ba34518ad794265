// SPDX-License-Identifier: Apache-2.0
//
// Several hosts on one store, in one deterministic program: a seed chooses who runs, what they do,
// where they crash, alone or with the whole machine, what the store and the disk fail with, how
// their clocks jump, and when somebody brings in another model. What must hold is looked at after
// every commit. A seed that fails is printed; LEADCORE_SEED=N runs from there.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "baton.h"
#include "disk_vfs.h"
#include "leadcore/audit.h"
#include "leadcore/memory_store.h"
#include "leadcore/sqlite_store.h"
#include "store/seal.h"
#include "store_decorator.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

struct Crash {};

// What the naive forms do, one each, for the canaries.
enum class Bug {
  kNone,
  kNoChecks,
  kCountersReadBefore,
  kFreshIds,
  kAcknowledgeEarly,
  kSyncIsNoSync
};

constexpr size_t kCap = 2;  // of dan and eve

// Two that follow each other on live data: other points, windows and keys, the same people.
struct Models {
  std::shared_ptr<const Model> one = ParseModel(Text({}));
  std::shared_ptr<const Model> other =
      ParseModel(Text({{R"("points": 30)", R"("points": 25)"},
                       {"days(2)", "days(4)"},
                       {R"("phone", "exclusive": false)", R"("phone", "exclusive": true)"},
                       {R"("indexed": true)", R"("indexed": false)"}}));

 private:
  static std::string Text(
      const std::vector<std::pair<std::string_view, std::string_view>>& changes) {
    std::string text(kWorkModel);
    const auto change = [&text](std::string_view from, std::string_view to) {
      text.replace(text.find(from), from.size(), to);
    };
    change(R"({"id": "dan"}, {"id": "eve"})",
           R"({"id": "dan", "cap": 2}, {"id": "eve", "cap": 2})");
    for (const auto& [from, to] : changes) change(from, to);
    return text;
  }
};

constexpr const char* kPath = "/s.db";

SqliteOptions OptionsOn(const FakeDisk& disk, RandomSource random) {
  SqliteOptions options;
  options.path = kPath;
  options.page_size = 1024;
  options.vfs = disk.name();
  options.random = std::move(random);
  return options;
}

RandomSource Sevens() {
  return [](std::span<unsigned char> bytes) { std::ranges::fill(bytes, 7); };
}

// A database with all its tables and columns, and another workspace in it: made once.
DiskFiles MakeFile(const Models& models) {
  FakeDisk disk("simulation-first");
  {
    auto store = OpenSqliteStore(OptionsOn(disk, Sevens()));
    EXPECT_TRUE(store.ok()) << store.status();
    const Call call{FromMicros(kStart), "tester", "first", ""};
    auto engine = Engine::Open({models.one, "first", false}, store->get(), call);
    Workload workload(1, models.one);
    for (int i = 0; i < 40; ++i) {
      (void)(*engine)->Apply(call, workload.Next("first " + std::to_string(i), {}));
    }
    EXPECT_TRUE(Engine::Open({models.other, "first", false}, store->get(), call).ok());
  }
  return disk.Files();
}

// What all seeds share.
struct Ground {
  const Models models;
  const DiskFiles file = MakeFile(models);
};

// How often something happened, over many seeds.
struct Tally {
  std::atomic<size_t> sqlite = 0, commits = 0, crashes = 0, power_losses = 0, full = 0, lost = 0,
                      refused = 0, models = 0, maintained = 0, ticks = 0, erased = 0, back = 0;
};

// Everything that happens in one seed.
class Simulation {
 public:
  // `name`: of its disk; two at a time need two.
  Simulation(uint64_t seed, const Ground& ground, Bug bug, std::string name, Tally* tally)
      : seed_(seed),
        random_(seed),
        salts_(seed),
        ground_(ground),
        bug_(bug),
        name_(std::move(name)),
        tally_(*tally) {
    if (seed % 25 == 0 || bug == Bug::kSyncIsNoSync) {
      ++tally_.sqlite;
      OpenDisk(ground_.file);
    } else {
      store_ = NewMemoryStore(Salts());
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
        : StoreDecorator(simulation->store_.get()),
          simulation_(*simulation),
          machine_(simulation->machine_) {}
    absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
      Yield();
      if (simulation_.Draw(200) == 0) throw Crash();
      if (simulation_.Draw(100) == 0) return absl::UnavailableError("reading failed");
      if (simulation_.bug_ == Bug::kCountersReadBefore) NoteCounters();
      return store_.Read(workspace);
    }
    absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                        std::span<CommitResult> results) override {
      Yield();
      std::vector<Batch> changed(batches.begin(), batches.end());
      for (Batch& batch : changed) Spoil(&batch);
      return simulation_.Commit(workspace, changed, results);
    }

   private:
    // Whoever ran on a machine that lost its power is gone.
    void Yield() const {
      simulation_.baton_.Yield();
      if (simulation_.machine_ != machine_) throw Crash();
    }
    void NoteCounters() const {
      const auto snapshot = store_.Read("test");
      ScanRequest scan;
      scan.kind = RecordKind::kCounter;
      const absl::Status status =
          (*snapshot)->Scan(scan, [&](const StoredRecord& counter, const IndexValue&) {
            counters_[counter.key.id] = std::stoll(counter.body);
            return true;
          });
      EXPECT_TRUE(status.ok()) << status;
    }
    void Spoil(Batch* batch) const {
      if (simulation_.bug_ == Bug::kNoChecks) {
        batch->checks.clear();
        batch->after.clear();
      }
      if (simulation_.bug_ != Bug::kCountersReadBefore || batch->counters.empty()) return;
      std::vector<int64_t> values;
      for (const std::string& name : batch->counters) values.push_back(counters_[name]);
      batch->finish = [finish = batch->finish, values](const Given& given) {
        return finish({values, given.random});
      };
    }

    Simulation& simulation_;
    const int machine_;
    mutable std::map<std::string, int64_t> counters_;  // when this host read last
  };

  uint64_t Draw(uint64_t below) { return random_() % below; }
  RandomSource Salts() {
    return [this](std::span<unsigned char> bytes) {
      for (unsigned char& byte : bytes) byte = static_cast<unsigned char>(salts_());
    };
  }

  // ---- The machine

  void OpenDisk(const DiskFiles& files) {
    disk_ = std::make_unique<FakeDisk>(name_, files);
    power_ = CrashModel();
    for (const auto& [path, content] : files) {
      power_.Do({DiskOp::Kind::kCreate, path});
      power_.Do({DiskOp::Kind::kWrite, path, 0, content});
      power_.Do({DiskOp::Kind::kSync, path});
    }
    disk_->record = [this](const DiskOp& op) {
      if (bug_ == Bug::kSyncIsNoSync && op.kind == DiskOp::Kind::kSync) return;
      power_.Do(op);
    };
    auto store = OpenSqliteStore(OptionsOn(*disk_, Salts()));
    if (!store.ok()) {
      Fail("after a power loss: " + store.status().ToString());
      store = NewMemoryStore();  // to come to an end
    }
    store_ = *std::move(store);
  }

  // What was not synced is lost, kept or torn.
  void LosePower() {
    ++tally_.power_losses;
    trace_ += "power;";
    ++machine_;
    const uint64_t kind = Draw(3);
    DiskFiles files = kind == 0 ? power_.Lost() : kind == 1 ? power_.Kept() : power_.Torn(&random_);
    store_.reset();
    disk_.reset();
    OpenDisk(files);
    if (fault_.empty()) CheckHistory();
    if (fault_.empty()) CheckStep();
  }

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) {
    const uint64_t draw = Draw(disk_ != nullptr ? 40 : 60);
    if (draw == 0) throw Crash();
    if (draw == 1) return Count(&tally_.lost, absl::UnavailableError("the answer was lost"));
    if (draw == 2) return Count(&tally_.full, absl::ResourceExhaustedError("the disk is full"));
    if (draw == 3) {
      for (CommitResult& result : results) result.code = CommitResult::Code::kStale;
      return absl::OkStatus();
    }
    if (disk_ != nullptr && draw == 6) return CommitOnFullDisk(workspace, batches, results);
    if (disk_ != nullptr && (draw == 7 || draw == 8)) {
      // The power goes at one of the next calls of the disk, in or behind this commit.
      const int64_t last = disk_->calls() + static_cast<int64_t>(Draw(40));
      disk_->hook = [last](FakeDisk::Call, int64_t number) {
        return number < last ? SQLITE_OK : SQLITE_IOERR;
      };
      (void)store_->Commit(workspace, batches, results);
      LosePower();
      throw Crash();
    }
    ++tally_.commits;
    const absl::Status status = store_->Commit(workspace, batches, results);
    if (!status.ok()) Fail("a commit failed: " + status.ToString());
    CheckStep();
    if (draw == 4) throw Crash();
    if (draw == 5) return Count(&tally_.lost, absl::UnavailableError("the answer was lost"));
    return status;
  }

  absl::Status CommitOnFullDisk(std::string_view workspace, std::span<const Batch> batches,
                                std::span<CommitResult> results) {
    disk_->hook = [](FakeDisk::Call call, int64_t) {
      return call == FakeDisk::Call::kWrite ? SQLITE_FULL : SQLITE_OK;
    };
    const absl::Status status = store_->Commit(workspace, batches, results);
    disk_->hook = nullptr;
    if (!status.ok() && !absl::IsResourceExhausted(status) && !absl::IsUnavailable(status)) {
      Fail("on a full disk: " + status.ToString());
    }
    CheckStep();
    return Count(&tally_.full, status);
  }

  static absl::Status Count(std::atomic<size_t>* count, absl::Status status) {
    ++*count;
    return status;
  }

  // ---- A host

  void Host(size_t number) {
    Workload workload(seed_ * 31 + number, ground_.models.one, 6);
    std::unique_ptr<View> view;
    std::unique_ptr<Engine> engine;
    int64_t now = kStart + static_cast<int64_t>(Draw(static_cast<uint64_t>(kDay)));
    for (int step = 0; step < 8 && fault_.empty(); ++step) {
      const int64_t before = now;
      now = workload.NextNow(now);
      tally_.back += now < before;
      latest_ = std::max(latest_, now);
      std::vector<Command> group;
      const std::string name = std::to_string(number) + "/" + std::to_string(step);
      for (uint64_t size = Draw(3) == 0 ? 1 + Draw(4) : 1; size > 0; --size) {
        group.push_back(workload.Next(name + "/" + std::to_string(size), known_));
      }
      if (Draw(100) == 0) {
        other_ = !other_;
        engine.reset();
      }
      // Now and then somebody gives up, and the request stays undone or not told.
      const uint64_t tries = Draw(10) == 0 ? 1 : 1000;
      ++busy_;
      for (uint64_t i = 0; i < tries && !group.empty() && fault_.empty(); ++i) {
        group = Try(&view, &engine, now, group);
        for (Command& command : group) {
          if (bug_ == Bug::kFreshIds) command.request_id += "+";
        }
      }
      --busy_;
      if (engine != nullptr) Tidy(&engine, now);
    }
  }

  void Tidy(std::unique_ptr<Engine>* engine, int64_t now) {
    const uint64_t draw = Draw(20);
    try {
      if (draw == 0) {
        const auto reply = (*engine)->Tick({FromMicros(now), "host", "tick", ""}, 100);
        tally_.ticks += reply.ok();
      } else if (draw == 1) {
        tally_.maintained += (*engine)->Maintain({FromMicros(now), "host", "tidy", ""}).ok();
      } else if (draw == 2 && busy_ == 0) {
        // Requests of long ago are forgotten; nobody has one that he may try again, and nobody
        // comes in between.
        const Call call{FromMicros(latest_ + 31 * kDay), "host", "tidy", ""};
        const auto alone = Engine::Open({Wanted(), "test", false}, store_.get(), call);
        tally_.maintained += alone.ok() && (*alone)->Maintain(call).ok();
        CheckStep();
      }
    } catch (const Crash&) {
      engine->reset();
    }
  }

  const std::shared_ptr<const Model>& Wanted() const {
    return other_ ? ground_.models.other : ground_.models.one;
  }

  // What failed, to be tried again.
  std::vector<Command> Try(std::unique_ptr<View>* view, std::unique_ptr<Engine>* engine,
                           int64_t now, const std::vector<Command>& group) {
    const Call call{FromMicros(now), "host", "work", ""};
    try {
      if (*engine == nullptr) {
        *view = std::make_unique<View>(this);
        auto opened = Engine::Open({Wanted(), "test", false}, view->get(), call);
        if (!opened.ok()) return group;
        *engine = *std::move(opened);
      }
      if (bug_ == Bug::kAcknowledgeEarly) {
        for (const Command& command : group) acknowledged_.insert(command.request_id);
      }
      std::vector<Command> left;
      const std::vector<Reply> replies = (*engine)->ApplyMany(call, group);
      for (size_t i = 0; i < replies.size(); ++i) Told(group[i], replies[i], &left);
      const bool another = std::ranges::any_of(
          replies, [](const Reply& reply) { return absl::IsFailedPrecondition(reply.status); });
      if (another) engine->reset();  // to open again
      return left;
    } catch (const Crash&) {
      ++tally_.crashes;
      engine->reset();
      trace_ += "crash;";
      return group;
    }
  }

  // What is tried again under another id ("+" behind it) is still the same command.
  static std::string NameOf(const std::string& request_id) {
    return request_id.substr(0, request_id.find('+'));
  }

  void Told(const Command& command, const Reply& reply, std::vector<Command>* left) {
    const std::string name = NameOf(command.request_id);
    trace_ += command.request_id + "=" + std::string(OutcomeName(reply.outcome)) + ";";
    if (reply.outcome == Outcome::kFailed) {
      left->push_back(command);
      return;
    }
    if (reply.outcome == Outcome::kCreated) known_.push_back(reply.lead_id);
    if (reply.positions.empty()) {
      ++tally_.refused;
      refused_.insert(name);
      if (requests_.count(name) != 0) Fail("refused and there: " + name);
      return;
    }
    acknowledged_.insert(name);
    if (requests_.count(name) == 0) Fail("acknowledged and not there: " + name);
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
      CheckEvent(event);
      return true;
    });
    if (!status.ok()) Fail("the feed cannot be read");
    if (seed_ % 301 == 0) CheckAll();
  }

  void CheckEvent(const Event& event) {
    if (event.position != ++position_) Fail("the feed has a hole");
    if (NextChain(chain_, EncodeEventHeader(event)) != event.chain) Fail("the chain is broken");
    chain_ = event.chain;
    const std::string command = NameOf(event.request_id);
    if (!event.reply.empty()) {
      if (!requests_.insert(command).second) Fail("request " + command + " was done twice");
      if (refused_.count(command) != 0) Fail("refused and there: " + command);
    }
    tally_.models += event.type == "model_published";
    if (event.type == "erased") Erased(event.leads.front());
    const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
    if (!payload.ok()) return Fail("a payload does not decode");
    CheckHolders(*payload);
    if (payload->assignment) CheckTurn(*payload->assignment, event.leads.front());
    const absl::StatusOr<LeadState> state = DecodeLeadState(payload->state());
    if (!state.ok()) return Fail("a state does not decode");
    Points sum = 0;
    for (const LedgerEntry& entry : state->score.ledger) sum += entry.points;
    if (sum != state->score.total) Fail("the ledger does not add up to the score");
  }

  void Erased(const std::string& lead) {
    ++tally_.erased;
    std::erase_if(holders_, [&](const auto& claim) { return claim.second == lead; });
    loads_.erase(lead);
  }

  // Each key has one holder at a time.
  void CheckHolders(const EventPayload& payload) {
    for (const ClaimImage& claim : payload.releases) {
      const auto at = holders_.find(claim.key);
      if (at != holders_.end() && at->second == claim.holder) holders_.erase(at);
    }
    for (const ClaimImage& claim : payload.claims) {
      const auto [at, fresh] = holders_.emplace(claim.key, claim.holder);
      if (!fresh && at->second != claim.holder) Fail("two hold " + claim.key);
    }
  }

  // Tickets are unique and dense, turns even at every moment, nobody has more than the cap.
  void CheckTurn(const Assignment& assignment, const std::string& lead) {
    if (!assignment.owner.empty()) loads_[lead] = assignment.owner;
    for (const std::string_view owner : {"dan", "eve"}) {
      const auto mine = [&](const auto& load) { return load.second == owner; };
      if (static_cast<size_t>(std::ranges::count_if(loads_, mine)) > kCap) {
        Fail("more than the cap of " + std::string(owner));
      }
    }
    if (assignment.how != Assignment::How::kRotation) return;
    if (assignment.ticket != ++tickets_) Fail("ticket " + std::to_string(assignment.ticket));
    ++turns_[assignment.owner];
    const auto [least, most] = std::minmax({turns_["ann"], turns_["bob"], turns_["cleo"]});
    if (most - least > 1) Fail("uneven turns");
  }

  // What was there before the power was lost is there, the same.
  void CheckHistory() {
    if (position_ == 0) return;
    FeedRequest request;
    request.after = position_ - 1;
    request.limit = 1;
    std::string chain;
    const absl::Status status = store_->Feed("test", request, [&](const Event& event) {
      chain = event.chain;
      return true;
    });
    if (!status.ok() || chain != chain_) Fail("the machine came back with another feed");
    const absl::Status storage =
        store_->Verify([&](std::string_view what) { Fail(std::string(what)); });
    if (!storage.ok()) Fail(storage.ToString());
  }

  void CheckAll() {
    // Between two models keys are of the one and of the other.
    const auto snapshot = store_->Read("test");
    if (!snapshot.ok()) return Fail("the store cannot be read");
    const auto migration = (*snapshot)->Get({RecordKind::kMeta, "publishing"});
    if (!migration.ok() || (*migration && !(*migration)->body.empty())) return;
    const auto reply =
        VerifyWorkspace(*store_, "test", [&](std::string_view what) { Fail(std::string(what)); });
    if (!reply.ok()) Fail("the workspace cannot be read");
  }

  void CheckEnd() {
    // Whatever broke off is finished by whoever comes next.
    const Call call{FromMicros(latest_), "host", "end", ""};
    const auto engine = Engine::Open({Wanted(), "test", false}, store_.get(), call);
    if (!engine.ok()) Fail("cannot be opened: " + engine.status().ToString());
    CheckStep();
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
  const Ground& ground_;
  const Bug bug_;
  const std::string name_;
  Tally& tally_;
  CrashModel power_;
  std::unique_ptr<FakeDisk> disk_;  // outlives the store
  std::unique_ptr<Store> store_;
  int machine_ = 0;  // it starts again after a power loss
  Baton baton_;
  bool other_ = false;  // which model is wanted
  int busy_ = 0;        // hosts that have something to try again
  int64_t latest_ = kStart;
  std::vector<std::string> known_;
  std::set<std::string> acknowledged_, refused_, requests_;
  std::map<std::string, std::string> holders_, loads_;  // of keys; owners of leads
  std::map<std::string, int64_t> turns_;
  int64_t tickets_ = 0, position_ = 0;
  std::string chain_, fault_, trace_;
};

class SimulationTest : public ::testing::Test {
 protected:
  // The threads would stand in line for SQLite's account of its memory.
  static void SetUpTestSuite() { sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

  // What is wrong with one seed, run again where that is due: the same run, to the byte.
  std::string RunSeed(uint64_t seed, const std::string& name) {
    Simulation simulation(seed, ground_, Bug::kNone, name, &tally_);
    std::string fault = simulation.Run();
    if (!fault.empty()) fault += "; " + simulation.trace();
    if (!fault.empty() || seed % 101 != 0) return fault;
    Tally unused;
    Simulation again(seed, ground_, Bug::kNone, name + " again", &unused);
    fault = again.Run();
    if (again.trace() != simulation.trace()) return "another run: " + again.trace();
    if (again.Dump() != simulation.Dump()) return "another content";
    return fault;
  }

  const Ground ground_;
  Tally tally_;
};

TEST_F(SimulationTest, EverySeedHoldsWhatMustHold) {
  const uint64_t first = Seed();
  // Sanitizers slow it more than most: a hundredth under them.
  const uint64_t seeds =
      std::getenv("LEADCORE_LONG") != nullptr ? 1'000'000 : Scaled(Scaled(20'000));
  std::atomic<uint64_t> next = first;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 2; ++thread) {
    threads.emplace_back([&, thread] {
      for (uint64_t seed; !failed && (seed = next++) < first + seeds;) {
        const std::string fault = RunSeed(seed, "simulation " + std::to_string(thread));
        if (fault.empty()) continue;
        failed = true;
        const std::lock_guard lock(mutex);
        ADD_FAILURE() << "seed " << seed << ": " << fault;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::cout << seeds << " seeds from " << first << ", " << tally_.sqlite
            << " on SQLite: " << tally_.commits << " commits, " << tally_.refused << " refusals, "
            << tally_.crashes << " crashes of hosts, " << tally_.power_losses << " of the machine, "
            << tally_.lost << " lost answers, " << tally_.full << " full disks, " << tally_.models
            << " models, " << tally_.erased << " erasures, " << tally_.ticks << " ticks, "
            << tally_.maintained << " times tidied, " << tally_.back << " clocks set back\n";
  for (const std::atomic<size_t>* count :
       {&tally_.crashes, &tally_.power_losses, &tally_.lost, &tally_.full, &tally_.models,
        &tally_.erased, &tally_.ticks, &tally_.maintained, &tally_.back}) {
    EXPECT_GT(*count, 0u);
  }
}

// The canaries: what the simulation has to find.
TEST_F(SimulationTest, NaiveFormsAreFound) {
  const std::pair<Bug, const char*> bugs[] = {
      {Bug::kNoChecks, "commit without version check"},
      {Bug::kCountersReadBefore, "tickets and caps read before the commit"},
      {Bug::kFreshIds, "retry without the request id"},
      {Bug::kAcknowledgeEarly, "acknowledged before the commit"},
      {Bug::kSyncIsNoSync, "a sync that syncs nothing"}};
  for (const auto& [bug, what] : bugs) {
    size_t found = 0;
    std::string example;
    for (uint64_t seed = 1; seed <= 60; ++seed) {
      Simulation simulation(seed, ground_, bug, "naive", &tally_);
      const std::string fault = simulation.Run();
      found += fault.empty() ? 0 : 1;
      if (!fault.empty()) example = fault;
    }
    std::cout << what << ": found with " << found << " of 60 seeds, " << example << "\n";
    EXPECT_GT(found, 5u) << what;
  }
}

}  // namespace
}  // namespace leadcore::testing
