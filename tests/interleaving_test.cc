// SPDX-License-Identifier: Apache-2.0
//
// Every pair of commands, and the triples that race for one person, in every order in which their
// calls of the store can come: what comes of it is what one of the serial orders makes, to the
// byte, and everybody is told so.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "baton.h"
#include "engine/parts.h"
#include "leadcore/audit.h"
#include "leadcore/memory_store.h"
#include "store_decorator.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

// Every answer to a hit, two strategies, a cap, a score that time changes.
constexpr std::string_view kModel = R"({
  "name": "pairs",
  "required": [{"any_of": ["email", "external_id"]}],
  "fields": [{"name": "tax", "type": "text"}, {"name": "vat", "type": "text"}],
  "keys": [
    {"name": "external_id", "exclusive": true, "fields": ["external_id"], "on_hit": "fill"},
    {"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "attach"},
    {"name": "tax", "exclusive": true, "fields": ["tax"], "on_hit": "reject"},
    {"name": "vat", "exclusive": true, "fields": ["vat"], "on_hit": "flag"},
    {"name": "phone", "exclusive": false, "fields": ["phone"], "on_hit": "flag"}],
  "scoring": {"bands": [{"name": "cold", "from": 0}, {"name": "warm", "from": 31}],
    "groups": [{"name": "interest", "rules": [
      {"name": "us", "points": 20, "when": "lead.country == 'US'"},
      {"name": "views", "points": 35, "when": "count('page_view', days(2)) >= 2"}]}]},
  "routing": {
    "rules": [{"name": "big", "when": "lead.employee_count >= 200", "pool": "big"}],
    "pools": [{"name": "big", "strategy": "round_robin", "members": [{"id": "bob", "cap": 2}]},
      {"name": "sales", "strategy": "round_robin", "members": [
      {"id": "ann"}, {"id": "bob", "cap": 2}, {"id": "cleo"}]}],
    "fallback_pool": "sales"}})";

// Another one, with other keys, windows and points.
std::string OtherModel() {
  std::string text(kModel);
  const auto change = [&text](std::string_view from, std::string_view to) {
    text.replace(text.find(from), from.size(), to);
  };
  change(R"("name": "pairs")", R"("name": "others")");
  change(R"("name": "phone", "exclusive": false)", R"("name": "phone", "exclusive": true)");
  change(R"("name": "tax", "exclusive")", R"("name": "tin", "exclusive")");
  change("days(2)", "days(3)");
  change(R"("points": 20)", R"("points": 25)");
  return text;
}

constexpr int64_t kBefore = kStart;           // when the workspace was prepared
constexpr int64_t kNow = kStart + 40 * kDay;  // requests of then are forgotten by now
constexpr std::string_view kKnown = "ada@known.example.com";  // of a known lead
constexpr std::string_view kNew = "new@people.example.com";

std::string IdOf(std::string_view request_id, int64_t now) {
  return MakeId(FromMicros(now), "test", request_id, 0);
}
// The lead that host 0 makes, if it makes one.
std::string LeadOfHost0() { return IdOf("host 0", kNow); }

// What one host has in its hands.
struct Host {
  Engine& engine;
  Store& store;
  Call call;
  const Model& model;
  std::shared_ptr<const Model> other;
};

struct Deed {
  std::string name;
  // What was told, as text. Replies are kept for the check against the feed.
  std::function<std::string(Host&, std::vector<Reply>*)> run;
  // It finds and flags by what may change before it commits, as README says of candidate keys.
  bool flags = false;
  bool opens = false;    // with another model: several commits
  bool between = false;  // may come between them

  Deed Flags() && {
    flags = true;
    return std::move(*this);
  }
};

std::string TextOf(const Reply& reply) {
  std::string text = std::string(OutcomeName(reply.outcome)) + " " + reply.lead_id + " " +
                     reply.activity_id + " " + std::string(reply.status.message()) +
                     (reply.replayed ? " replayed" : "") + " by " + reply.assignment.owner + " " +
                     std::to_string(reply.assignment.ticket) + " score " +
                     std::to_string(reply.score.total) + " " + reply.score.band;
  for (const KeyHit& hit : reply.hits) text += " hit " + hit.key + " " + hit.lead;
  text += " at";
  for (const int64_t position : reply.positions) text += " " + std::to_string(position);
  return text;
}

Deed Commanded(std::string name, std::function<Command(const Model&)> make) {
  return {std::move(name), [make = std::move(make)](Host& host, std::vector<Reply>* replies) {
            Command command = make(host.model);
            if (command.request_id.empty()) command.request_id = host.call.request_id;
            replies->push_back(host.engine.Apply(host.call, std::move(command)));
            return TextOf(replies->back());
          }};
}
Deed Submitted(std::string name, Fields fields, bool imported = false) {
  return Commanded(std::move(name), [fields, imported](const Model& model) {
    return Command{"", Submit{MakeLead(model, fields), imported}};
  });
}
Deed Logged(std::string name, std::string lead, std::string email) {
  return Commanded(std::move(name), [lead, email](const Model&) {
    return Command{"", LogActivity{MakeActivity(lead, "page_view"), "", email}};
  });
}
Deed Erased(std::string name, std::string lead) {
  return Commanded(std::move(name), [lead](const Model&) { return Command{"", EraseLead{lead}}; });
}

Command KnownLead(const Model& model) {
  return {"ada", Submit{MakeLead(model, {{"email", kKnown}, {"phone", "+14155551000"}})}};
}

std::vector<Deed> Deeds() {
  const std::string ada = IdOf("ada", kBefore), ben = IdOf("ben", kBefore);
  return {
      Submitted("new", {{"email", kNew}, {"tax", "t"}}),
      Submitted("new, refused by tax", {{"email", "other@people.example.com"}, {"tax", "t"}}),
      Submitted("new, flagged by vat", {{"email", "third@people.example.com"}, {"vat", "v"}}),
      Submitted("big", {{"email", "sixth@people.example.com"}, {"employee_count", "900"}}),
      Submitted("new, another", {{"email", "eighth@people.example.com"}}),
      Submitted("big, another",
                {{"email", "seventh@people.example.com"}, {"employee_count", "900"}}),
      Submitted("attach", {{"email", kKnown}, {"country", "US"}}),
      Submitted("fill", {{"external_id", "crm-ben"}, {"email", kNew}, {"country", "US"}}),
      Submitted("import new", {{"email", kNew}}, true),
      Submitted("import known", {{"email", kKnown}}, true),
      Submitted("flag by phone",
                {{"email", "fourth@people.example.com"}, {"phone", "+14155551000"}})
          .Flags(),
      Submitted("flag by phone, another",
                {{"email", "fifth@people.example.com"}, {"phone", "+14155551000"}})
          .Flags(),
      Logged("log by id", ada, ""),
      Logged("log by known e-mail", "", std::string(kKnown)),
      Logged("log by new e-mail", "", std::string(kNew)),
      Erased("erase ada", ada),
      Erased("erase ben", ben),
      Erased("erase what host 0 makes", LeadOfHost0()),
      Commanded("retry of what made ada", [](const Model& model) { return KnownLead(model); }),
      {"tick",
       [](Host& host, std::vector<Reply>*) {
         const auto reply = host.engine.Tick(host.call, 100);
         // Refused, once another model comes in: nothing was done.
         if (absl::IsFailedPrecondition(reply.status())) return std::string("0 0 0");
         if (!reply.ok()) return reply.status().ToString();
         return std::to_string(reply->due) + " " + std::to_string(reply->changed) + " " +
                std::to_string(reply->band_changed);
       }},
      {"maintain",
       [](Host& host, std::vector<Reply>*) { return host.engine.Maintain(host.call).ToString(); },
       false, false, true},
      {"open with another model",
       [](Host& host, std::vector<Reply>*) {
         return Engine::Open({host.other, "test", false}, &host.store, host.call)
             .status()
             .ToString();
       },
       false, true},
  };
}

// What came of one schedule.
struct Result {
  std::vector<std::string> told, dump;
  bool hit = false;  // somebody was told of another lead, as it was when it was read
  bool operator==(const Result&) const = default;

  // But for the order of the feed.
  bool SameContent(const Result& other) const {
    return Content() == other.Content() &&
           std::ranges::equal(told, other.told, {}, WithoutPlace, WithoutPlace);
  }

 private:
  static std::string WithoutPlace(const std::string& text) {
    return text.substr(0, text.find(" at "));
  }
  // Up to the requests, which say where they are in the feed, and the feed itself.
  std::vector<std::string> Content() const {
    const auto end = std::ranges::find_if(dump, [](const std::string& line) {
      return line.starts_with("9 ") || line.starts_with("1 model_published ");
    });
    return {dump.begin(), end};
  }
};

// What the store of a host does that it must not, for the canaries.
enum class Naive { kNone, kNoChecks, kNoClaims, kCountersReadBefore, kErasedReadBefore };

// Some deeds, done together on a prepared workspace.
class Scene {
 public:
  Scene(std::vector<const Deed*> deeds, Naive naive) : deeds_(std::move(deeds)), naive_(naive) {}

  // "" or what is wrong, whatever the order was.
  std::string Run(const Baton::Choose& choose, Result* result) {
    store_ = NewMemoryStore(Sevens());
    replies_.assign(deeds_.size(), {});
    result->told.assign(deeds_.size(), "");
    Prepare();
    std::vector<std::unique_ptr<View>> views;
    std::vector<std::unique_ptr<Engine>> engines;
    std::vector<std::function<void()>> hosts;
    for (size_t i = 0; i < deeds_.size(); ++i) {
      views.push_back(std::make_unique<View>(this));
      engines.push_back(Open(views[i].get(), kNow));
      views[i]->yields = true;
      hosts.push_back([&, i] {
        const Call call{FromMicros(kNow), "tester", RequestOf(i), ""};
        Host host{*engines[i], *views[i], call, *model_, other_};
        result->told[i] = deeds_[i]->run(host, &replies_[i]);
        for (const Reply& reply : replies_[i]) result->hit |= !reply.hits.empty();
      });
    }
    baton_.Run(hosts, choose);
    result->dump = DumpOf(*store_, "test");
    std::string fault = Verify(result->dump);
    for (size_t i = 0; i < deeds_.size() && fault.empty(); ++i) fault = CheckReplies(i);
    return fault;
  }

 private:
  class View : public StoreDecorator {
   public:
    explicit View(Scene* scene) : StoreDecorator(scene->store_.get()), scene_(*scene) {}
    absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
      Yield();
      if (scene_.naive_ == Naive::kCountersReadBefore) before_ = *store_.Read(workspace);
      return store_.Read(workspace);
    }
    absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                        std::span<CommitResult> results) override {
      Yield();
      std::vector<Batch> changed(batches.begin(), batches.end());
      for (Batch& batch : changed) {
        if (scene_.naive_ == Naive::kNoChecks) batch.checks.clear();
        if (scene_.naive_ == Naive::kNoClaims) batch.claims.clear();
        if (scene_.naive_ == Naive::kErasedReadBefore) {
          std::erase_if(batch.checks, [](const Check& check) {
            return check.version == 0 && check.key.kind == RecordKind::kMeta;
          });
        }
        if (before_ != nullptr && !batch.counters.empty()) UseCountersOfBefore(&batch);
      }
      return store_.Commit(workspace, changed, results);
    }
    absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
        std::string_view workspace, std::string_view request_id) const override {
      Yield();
      return store_.FindOutcome(workspace, request_id);
    }
    absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                      absl::FunctionRef<bool(const Event&)> sink) const override {
      Yield();
      return store_.Feed(workspace, request, sink);
    }

    bool yields = false;

   private:
    void Yield() const {
      if (yields) scene_.baton_.Yield();
    }

    // What they were when the host read.
    void UseCountersOfBefore(Batch* batch) const {
      std::vector<int64_t> values;
      for (const std::string& name : batch->counters) values.push_back(*before_->Counter(name));
      batch->finish = [finish = batch->finish, values](const Given& given) {
        return finish({values, given.random});
      };
    }

    Scene& scene_;
    mutable std::unique_ptr<Snapshot> before_;
  };

  // Keeps what is committed, to be committed again.
  class Recorder : public StoreDecorator {
   public:
    using StoreDecorator::StoreDecorator;
    absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                        std::span<CommitResult> results) override {
      std::vector<Batch> now(batches.begin(), batches.end()), later = now;
      for (size_t i = 0; i < now.size(); ++i) {
        const auto writes = std::make_shared<Writes>();
        now[i].finish = [finish = now[i].finish, writes](const Given& given) {
          return *writes = finish(given);
        };
        later[i].finish = [writes](const Given&) { return *writes; };
      }
      commits.push_back(std::move(later));
      return store_.Commit(workspace, now, results);
    }
    std::vector<std::vector<Batch>> commits;
  };

  // An engine does it once. Afterwards the same is committed again, which makes the same.
  void Prepare() {
    static const std::vector<std::vector<Batch>> commits = [this] {
      const std::unique_ptr<Store> first = NewMemoryStore(Sevens());
      Recorder recorder(first.get());
      PrepareIn(&recorder);
      CommitAll(recorder.commits);
      EXPECT_EQ(DumpOf(*store_, "test"), DumpOf(*first, "test"));
      store_ = NewMemoryStore(Sevens());
      return recorder.commits;
    }();
    CommitAll(commits);
  }

  void CommitAll(const std::vector<std::vector<Batch>>& commits) {
    for (const std::vector<Batch>& batches : commits) {
      std::vector<CommitResult> results(batches.size());
      const absl::Status status = store_->Commit("test", batches, results);
      ASSERT_TRUE(status.ok()) << status;
    }
  }

  static RandomSource Sevens() {
    return [](std::span<unsigned char> bytes) { std::ranges::fill(bytes, 7); };
  }

  // Ada has a phone and a score that will fall, Ben only an id of another system; Ben and a third
  // one have owners, so that one member is nearly full.
  void PrepareIn(Store* store) const {
    const Call then{FromMicros(kBefore), "tester", "then", ""};
    const std::unique_ptr<Engine> engine = Open(store, kBefore);
    const std::string ada = IdOf("ada", kBefore);
    const std::vector<Command> commands = {
        KnownLead(*model_),
        {"ben", Submit{MakeLead(*model_, {{"external_id", "crm-ben"}})}},
        {"eve", Submit{MakeLead(*model_, {{"email", "eve@known.example.com"}, {"vat", "v"}})}},
        {"view 1", LogActivity{MakeActivity(ada, "page_view"), "", ""}},
        {"view 2", LogActivity{MakeActivity(ada, "page_view"), "", ""}}};
    for (const Reply& reply : engine->ApplyMany(then, commands)) {
      ASSERT_TRUE(reply.status.ok()) << reply.status;
    }
  }

  std::unique_ptr<Engine> Open(Store* store, int64_t now) const {
    auto engine =
        Engine::Open({model_, "test", false}, store, {FromMicros(now), "tester", "open", ""});
    EXPECT_TRUE(engine.ok()) << engine.status();
    return *std::move(engine);
  }
  static std::string RequestOf(size_t host) { return "host " + std::to_string(host); }

  // Once for each content.
  std::string Verify(const std::vector<std::string>& dump) {
    if (verified_.count(dump) != 0) return "";
    std::string faults;
    const auto tell = [&](std::string_view fault) { faults += std::string(fault) + "; "; };
    const auto reply = VerifyWorkspace(*store_, "test", tell);
    if (!reply.ok()) return reply.status().ToString();
    if (LeadsOfBob() > 2) tell("bob has more leads than his cap");
    if (faults.empty()) verified_.insert(dump);
    return faults;
  }

  size_t LeadsOfBob() const {
    const Call call{FromMicros(kNow), "tester", "", ""};
    const auto reader = Engine::Open({model_, "test", true}, store_.get(), call);
    ListRequest request;
    request.filter = "lead.owner == 'bob'";
    const auto list = (*reader)->List(call, request);
    EXPECT_TRUE(list.ok()) << list.status();
    return list.ok() ? list->leads.size() : 0;
  }

  // What was told is in the feed, what was refused is not.
  std::string CheckReplies(size_t number) {
    const bool opens = std::ranges::any_of(deeds_, &Deed::opens);
    for (const Reply& reply : replies_[number]) {
      // Refused once another model comes in.
      const bool late = absl::IsFailedPrecondition(reply.status) && opens;
      if (reply.outcome == Outcome::kFailed && !late) {
        return "failed: " + reply.status.ToString();
      }
      const bool refused = !reply.status.ok();
      if (refused != reply.positions.empty()) return "told " + TextOf(reply);
      size_t seen = 0;
      FeedRequest request;
      const absl::Status status = store_->Feed("test", request, [&](const Event& event) {
        const bool mine = std::ranges::count(reply.positions, event.position) != 0;
        if (mine && !event.leads.empty() && event.leads.front() == reply.lead_id) ++seen;
        if (refused && event.request_id == RequestOf(number)) ++seen;
        return true;
      });
      if (!status.ok()) return status.ToString();
      if (seen != reply.positions.size()) return "not in the feed as told: " + TextOf(reply);
    }
    return "";
  }

  const std::vector<const Deed*> deeds_;
  const Naive naive_;
  static inline const std::shared_ptr<const Model> model_ = ParseModel(kModel);
  static inline const std::shared_ptr<const Model> other_ = ParseModel(OtherModel());
  std::unique_ptr<Store> store_;
  Baton baton_;
  std::vector<std::vector<Reply>> replies_;
  std::set<std::vector<std::string>> verified_;
};

// ---- All schedules

// The results of the deeds one after the other, in every order.
std::vector<Result> SerialResults(Scene* scene, size_t hosts) {
  std::vector<size_t> order;
  for (size_t i = 0; i < hosts; ++i) order.push_back(i);
  std::vector<Result> results;
  do {
    Result result;
    const auto first = [&](const std::vector<size_t>& running) -> size_t {
      for (const size_t host : order) {
        const auto at = std::ranges::find(running, host);
        if (at != running.end()) return static_cast<size_t>(at - running.begin());
      }
      return 0;
    };
    EXPECT_EQ(scene->Run(first, &result), "");
    results.push_back(std::move(result));
  } while (std::next_permutation(order.begin(), order.end()));
  return results;
}

struct Tally {
  size_t schedules = 0, bad = 0, moved = 0, flagged = 0;
  std::map<std::string, size_t> kinds;  // what was wrong, by deeds
};

std::string NameOf(const std::vector<const Deed*>& deeds) {
  std::string name;
  for (const Deed* deed : deeds) name += (name.empty() ? "" : " | ") + deed->name;
  return name;
}

void RunAll(const std::vector<const Deed*>& deeds, Naive naive, size_t stops, Tally* tally) {
  Scene serial(deeds, Naive::kNone), scene(deeds, naive);
  const std::vector<Result> expected = SerialResults(&serial, deeds.size());
  const bool flags = std::ranges::any_of(deeds, &Deed::flags);
  // Who opens first may be overtaken half way, and the other does it again.
  const bool redone = std::ranges::count(deeds, true, &Deed::opens) > 1;
  tally->schedules += Schedules(stops).Each([&](const Baton::Choose& choose) {
    Result result;
    std::string fault = scene.Run(choose, &result);
    if (fault.empty() && !redone && std::ranges::count(expected, result) == 0) {
      const bool between =
          std::ranges::any_of(deeds, &Deed::opens) && std::ranges::any_of(deeds, &Deed::between);
      if ((result.hit || between) && std::ranges::any_of(expected, [&](const Result& one) {
            return one.SameContent(result);
          })) {
        ++tally->moved;
        return;
      }
      if (flags) {
        ++tally->flagged;
        return;
      }
      fault = "no serial order makes that: " + result.told[0] + " / " + result.told[1];
    }
    if (fault.empty()) return;
    ++tally->bad;
    if (tally->kinds[NameOf(deeds) + ": " + fault]++ == 0) {
      std::cout << NameOf(deeds) << ": " << fault << "\n";
    }
  });
}

constexpr size_t kAll = static_cast<size_t>(-1);
// Under a sanitizer some of them.
const size_t kStep = 10 / Scaled(10);

TEST(Interleaving, EveryPairOfCommandsInEveryOrderOfTheirCalls) {
  const std::vector<Deed> deeds = Deeds();
  Tally tally;
  size_t pairs = 0;
  for (size_t i = 0; i < deeds.size(); ++i) {
    for (size_t j = i; j < deeds.size(); ++j, ++pairs) {
      if (pairs % kStep != 0) continue;
      // Two that open make a dozen calls each: all orders in which one is stopped twice.
      const bool both_open = deeds[i].opens && deeds[j].opens;
      RunAll({&deeds[i], &deeds[j]}, Naive::kNone, both_open ? 2 : kAll, &tally);
    }
  }
  std::cout << pairs << " pairs, " << tally.schedules << " schedules, " << tally.moved
            << " with an older hit, " << tally.flagged << " with other flags, " << tally.bad
            << " bad\n";
  EXPECT_EQ(tally.bad, 0u);
}

// Three that want the same person, key, ticket or lead.
TEST(Interleaving, TriplesThatRaceInEveryOrderOfTheirCalls) {
  const std::vector<Deed> deeds = Deeds();
  std::vector<const Deed*> racing;
  const std::set<std::string_view> names = {"new",        "big",
                                            "fill",       "attach",
                                            "import new", "log by new e-mail",
                                            "erase ben",  "erase what host 0 makes"};
  const bool all = std::getenv("LEADCORE_LONG") != nullptr;
  for (const Deed& deed : deeds) {
    if (all ? !deed.opens : names.count(deed.name) != 0) racing.push_back(&deed);
  }
  Tally tally;
  size_t triples = 0;
  for (size_t i = 0; i < racing.size(); ++i) {
    for (size_t j = i; j < racing.size(); ++j) {
      for (size_t k = j; k < racing.size(); ++k, ++triples) {
        if (triples % kStep != 0) continue;
        RunAll({racing[i], racing[j], racing[k]}, Naive::kNone, all ? kAll : 2, &tally);
      }
    }
  }
  std::cout << triples << " triples, " << tally.schedules << " schedules, " << tally.moved
            << " with an older hit, " << tally.flagged << " with other flags, " << tally.bad
            << " bad\n";
  EXPECT_EQ(tally.bad, 0u);
}

// ---- Canaries

// In how many schedules the naive form does harm; some of it has to be `what`.
size_t BadSchedules(const std::vector<std::string_view>& names, Naive naive,
                    std::string_view what) {
  const std::vector<Deed> all = Deeds();
  std::vector<const Deed*> deeds;
  for (const std::string_view name : names) {
    deeds.push_back(&*std::ranges::find(all, name, &Deed::name));
  }
  Tally tally;
  RunAll(deeds, naive, kAll, &tally);
  std::cout << NameOf(deeds) << ": " << tally.bad << " of " << tally.schedules
            << " schedules bad\n";
  EXPECT_TRUE(std::ranges::any_of(tally.kinds, [&](const auto& kind) {
    return kind.first.find(what) != std::string::npos;
  })) << what;
  return tally.bad;
}

TEST(InterleavingCanary, WithoutVersionChecksUpdatesAreLost) {
  EXPECT_GT(BadSchedules({"log by id", "log by known e-mail"}, Naive::kNoChecks, "no serial order"),
            0u);
  EXPECT_GT(BadSchedules({"attach", "erase ada"}, Naive::kNoChecks, "has no lead"), 0u);
}

TEST(InterleavingCanary, CheckThenInsertWithoutClaimsDoublesAPerson) {
  EXPECT_GT(BadSchedules({"new", "import new"}, Naive::kNoClaims, "is not found by its key"), 0u);
}

TEST(InterleavingCanary, TicketsReadBeforeTheCommitAreGivenTwice) {
  EXPECT_GT(BadSchedules({"new", "new, another"}, Naive::kCountersReadBefore, "was given twice"),
            0u);
}

TEST(InterleavingCanary, ACapReadBeforeTheCommitIsExceeded) {
  EXPECT_GT(
      BadSchedules({"big", "big, another"}, Naive::kCountersReadBefore, "more leads than his cap"),
      0u);
}

// The person comes, is erased, and is brought back by an import that read before.
TEST(InterleavingCanary, WhoWasErasedIsBroughtBackByAnImportThatDoesNotCheckIt) {
  EXPECT_GT(BadSchedules({"new", "import new", "erase what host 0 makes"}, Naive::kErasedReadBefore,
                         "no serial order"),
            0u);
}

// What merging will have to do, by hand: Ada gets the country that Ben has, Ben says that he went.
Deed Merged(bool checked) {
  return {"merge", [checked](Host& host, std::vector<Reply>*) {
            while (true) {
              Batch batch;
              std::vector<Put> puts;
              {
                const auto snapshot = host.store.Read("test");
                auto ada = ReadLead(host.model, **snapshot, IdOf("ada", kBefore));
                auto ben = ReadLead(host.model, **snapshot, IdOf("ben", kBefore));
                if (!ada.ok() || !ben.ok()) return std::string("not there");
                for (const auto* record : {&*ada, &*ben}) {
                  batch.checks.push_back({{RecordKind::kLead, std::string(record->lead.id())},
                                          record->lead.version()});
                }
                if (ben->lead.has(field::kCountry)) {
                  ada->lead.SetText(field::kCountry, ben->lead.text(field::kCountry));
                }
                ben->lead.SetText(field::kDescription, "merged");
                puts = {LeadPut(ada->lead), LeadPut(ben->lead)};
              }
              if (!checked) batch.checks.clear();
              batch.finish = [&](const Given&) {
                Writes writes;
                writes.puts = puts;
                writes.events = {MakeEvent(host.call, host.model, "merged", puts[0].key.id, "")};
                return writes;
              };
              CommitResult result;
              const absl::Status status =
                  host.store.Commit("test", std::span(&batch, 1), std::span(&result, 1));
              if (!status.ok()) return status.ToString();
              if (result.code == CommitResult::Code::kCommitted) return std::string("merged");
            }
          }};
}

TEST(InterleavingCanary, AMergeWithoutVersionCheckLosesWhatCameMeanwhile) {
  for (const bool checked : {false, true}) {
    const std::vector<Deed> deeds = Deeds();
    const Deed merge = Merged(checked);
    Tally tally;
    const auto fill = std::ranges::find(deeds, "fill", &Deed::name);
    RunAll({&*fill, &merge}, Naive::kNone, kAll, &tally);
    std::cout << (checked ? "with" : "without") << " check: " << tally.bad << " of "
              << tally.schedules << " schedules bad\n";
    EXPECT_EQ(tally.bad == 0, checked);
  }
}

}  // namespace
}  // namespace leadcore::testing
