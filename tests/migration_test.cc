// SPDX-License-Identifier: Apache-2.0
//
// Another model or normaliser over leads that are there: what is done is done once, goes on after
// every fault where it was, and meanwhile no exclusive key gets a second holder.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <iostream>
#include <set>
#include <string>
#include <vector>

#include "engine/migrate.h"
#include "engine/parts.h"
#include "faulty_store.h"
#include "forks.h"
#include "leadcore/audit.h"
#include "store_util.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::string_view kWorkspace = "test";
// Leads are brought in pages of 500: three of them.
constexpr size_t kManyLeads = 1010;

Call At(std::string request_id, int64_t now = kStart) {
  return {FromMicros(now), "tester", std::move(request_id), ""};
}

absl::StatusOr<std::unique_ptr<Engine>> OpenOn(Store* store, std::shared_ptr<const Model> model) {
  return Engine::Open({std::move(model), std::string(kWorkspace), false}, store, At("open"));
}

// All records, claims and counters; neither the feed nor how often it was begun.
std::vector<std::string> StateOf(const Store& store) {
  std::vector<std::string> lines;
  const auto snapshot = store.Read(kWorkspace);
  EXPECT_TRUE(snapshot.ok()) << snapshot.status();
  for (int kind = 1; kind <= static_cast<int>(RecordKind::kCounter); ++kind) {
    ScanRequest scan;
    scan.kind = static_cast<RecordKind>(kind);
    for (bool more = true; more;) {
      more = false;
      const absl::Status status =
          (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue& value) {
            more = true;
            scan.after = {value, record.key.id};
            if (record.key == MetaEpoch()) {
              EXPECT_EQ(record.body, "") << "the migration is at its end";
              return true;
            }
            lines.push_back(std::to_string(kind) + " " + record.key.id + " " +
                            std::to_string(record.version) + " " + record.body);
            return true;
          });
      EXPECT_TRUE(status.ok()) << status;
    }
  }
  return lines;
}

std::vector<std::string> FaultsOf(const Store& store) {
  std::vector<std::string> faults;
  const auto reply =
      VerifyWorkspace(store, kWorkspace, [&](std::string_view what) { faults.emplace_back(what); });
  if (!reply.ok()) faults.emplace_back(reply.status().message());
  return faults;
}

std::vector<Event> EventsOf(const Store& store) {
  std::vector<Event> events;
  FeedRequest request;
  for (bool more = true; more;) {
    more = false;
    const absl::Status status = store.Feed(kWorkspace, request, [&](const Event& event) {
      more = true;
      request.after = event.position;
      events.push_back(event);
      return true;
    });
    EXPECT_TRUE(status.ok()) << status;
  }
  return events;
}

std::unique_ptr<Store> ReplayOf(const std::vector<Event>& events) {
  std::unique_ptr<Store> store = NewMemoryStore();
  const auto replay = Replay::Start(store.get(), std::string(kWorkspace));
  absl::Status status = replay.status();
  for (size_t i = 0; status.ok() && i < events.size(); ++i) status = (*replay)->Apply(events[i]);
  if (status.ok()) status = (*replay)->Flush();
  EXPECT_TRUE(status.ok()) << status;
  return store;
}

void ExpectGood(const Store& store) {
  EXPECT_THAT(FaultsOf(store), IsEmpty());
  EXPECT_EQ(StateOf(*ReplayOf(EventsOf(store))), StateOf(store)) << "the feed tells all of it";
}

// Domains are written small; what stands before the @ stays as it is.
std::string OldEmail(std::string text) {
  for (size_t i = text.find('@'); i < text.size(); ++i) {
    text[i] = static_cast<char>(std::toupper(static_cast<unsigned char>(text[i])));
  }
  return text;
}

void CommitAll(Store* store, const std::vector<Batch>& batches) {
  std::vector<CommitResult> results(batches.size());
  const absl::Status status = store->Commit(kWorkspace, batches, results);
  ASSERT_TRUE(status.ok()) << status;
  for (const CommitResult& result : results) {
    ASSERT_EQ(result.code, CommitResult::Code::kCommitted) << result.key.id;
  }
}

// As a program with another normaliser would have left the lead: fields and keys in other forms.
Batch OldForm(const Model& model, const Lead& now) {
  const std::string id(now.id());
  Lead lead = now;
  lead.SetText(field::kEmail, OldEmail(std::string(now.text(field::kEmail))));
  lead.SetText(field::kCountry, "United States");
  lead.AddIssue("country", "United States", "not known to the old one");
  Batch batch;
  std::vector<RecordKey> deletes;
  std::vector<Put> puts = {LeadPut(lead)};
  for (const MatchKey& key : model.matching().Keys(now.view(), model.email_lists())) {
    if (key.exclusive) {
      batch.releases.push_back({key.text, id});
      batch.claims.push_back({"old " + key.text, id});
    } else {
      deletes.push_back(MatchKeyPut(key.text, id).key);
      puts.push_back(MatchKeyPut("old " + key.text, id));
    }
  }
  batch.finish = [id, puts, deletes, &model](const Given&) {
    Writes writes;
    writes.puts = puts;
    writes.deletes = deletes;
    writes.events = {MakeEvent(At("old"), model, "aged", id, "")};
    return writes;
  };
  return batch;
}

void Age(Store* store, const Model& model, const std::vector<std::string>& ids) {
  std::vector<Batch> batches;
  {
    const auto snapshot = store->Read(kWorkspace);
    ASSERT_TRUE(snapshot.ok());
    for (const std::string& id : ids) {
      const auto record = ReadLead(model, **snapshot, id);
      ASSERT_TRUE(record.ok()) << record.status();
      batches.push_back(OldForm(model, record->lead));
    }
  }
  Batch older;
  older.finish = [&model](const Given&) {
    Writes writes;
    writes.puts = {{{RecordKind::kMeta, "normalizer"}, "0", {}}};
    writes.events = {MakeEvent(At("old"), model, "aged", "", "")};
    writes.events[0].leads.clear();
    return writes;
  };
  batches.push_back(std::move(older));
  CommitAll(store, batches);
}

std::vector<std::string> Submit(Engine* engine, size_t leads) {
  std::vector<Command> commands;
  for (size_t i = 0; i < leads; ++i) {
    const std::string number = std::to_string(i);
    const std::string name = "Person No" + number, email = "p" + number + "@people.example.com";
    const std::string phone = "+1415555" + std::to_string(1000 + i % 9000);
    commands.push_back({"request-" + number,
                        leadcore::Submit{MakeLead(engine->model(), {{"full_name", name},
                                                                    {"email", email},
                                                                    {"phone", phone},
                                                                    {"country", "US"},
                                                                    {"postal_code", "none"}})}});
  }
  std::vector<std::string> ids;
  for (const Reply& reply : engine->ApplyMany(At("submit"), commands)) {
    EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
    ids.push_back(reply.lead_id);
  }
  return ids;
}

class MigrationTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  MigrationTest() : held_(GetParam()) {}
  Store* store() { return held_.store.get(); }

  HeldStore held_;
  const std::shared_ptr<const Model> model_ = ParseModel(kWorkModel);
};
LEADCORE_ON_BOTH_STORES(MigrationTest);

// All that another normaliser left is as this one would have had it, and nothing else is touched.
TEST_P(MigrationTest, LeadsOfAnotherNormaliserAreBroughtIntoThisOnesForm) {
  std::vector<std::string> ids;
  std::vector<std::string> before;
  {
    auto engine = OpenOn(store(), model_);
    ASSERT_TRUE(engine.ok()) << engine.status();
    ids = Submit(engine->get(), 20);
    before = StateOf(*store());
  }
  Age(store(), *model_, ids);
  ASSERT_NE(StateOf(*store()), before);
  auto engine = OpenOn(store(), model_);
  ASSERT_TRUE(engine.ok()) << engine.status();
  ExpectGood(*store());
  // The same but for versions.
  const auto bodies = [](std::vector<std::string> lines) {
    for (std::string& line : lines) {
      const size_t version = line.find(' ', line.find(' ') + 1);
      line.erase(version, line.find(' ', version + 1) - version);
    }
    return lines;
  };
  EXPECT_EQ(bodies(StateOf(*store())), bodies(before));
  const auto lead = (*engine)->Get(At("read"), ids[3]);
  ASSERT_TRUE(lead.ok()) << lead.status();
  EXPECT_EQ(lead->lead.text(field::kEmail), "p3@people.example.com");
  EXPECT_NE(lead->lead.text(field::kOwner), "");
  EXPECT_THAT(lead->lead[field::kDataIssues].records(), SizeIs(1)) << "the postal code, told once";
  const size_t events = EventsOf(*store()).size();
  ASSERT_TRUE(OpenOn(store(), model_).ok());
  EXPECT_EQ(EventsOf(*store()).size(), events) << "it is done";
}

TEST_P(MigrationTest, AFieldThatIsIndexedFromNowOnFindsTheLeadsThatAreThere) {
  const std::string_view plain = R"({"required": [{"any_of": ["email"]}],
      "fields": [{"name": "plan", "type": "text"}]})";
  const std::string_view indexed =
      R"({"required": [{"any_of": ["email"]}],
      "fields": [{"name": "plan", "type": "text", "indexed": true}]})";
  {
    auto engine = OpenOn(store(), ParseModel(plain));
    ASSERT_TRUE(engine.ok()) << engine.status();
    const Lead lead = MakeLead((*engine)->model(), {{"email", "a@example.org"}, {"plan", "gold"}});
    ASSERT_EQ((*engine)->SubmitLead(At("request-1"), lead).outcome, Outcome::kCreated);
  }
  auto engine = OpenOn(store(), ParseModel(indexed));
  ASSERT_TRUE(engine.ok()) << engine.status();
  ListRequest request;
  request.filter = "lead.plan == 'gold'";
  const auto list = (*engine)->List(At("read"), request);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_THAT(list->plan, HasSubstr("index plan"));
  EXPECT_THAT(list->leads, SizeIs(1));
  ExpectGood(*store());
}

// Summaries keep hours only as far back as a model has asked; the activities themselves stay.
TEST_P(MigrationTest, AWindowLongerThanAnyBeforeCountsOldActivities) {
  const auto with = [](const char* window) {
    return ParseModel(R"json({"required": [{"any_of": ["email"]}],
      "scoring": {"groups": [{"name": "all", "rules": [
        {"name": "calls", "points": 9, "when": "count('call', days()json" +
                      std::string(window) + R"json()) >= 3"}]}],
        "bands": [{"name": "cold", "from": 0}]}})json");
  };
  auto engine = OpenOn(store(), with("2"));
  ASSERT_TRUE(engine.ok()) << engine.status();
  const Lead lead = MakeLead((*engine)->model(), {{"email", "a@example.org"}});
  const std::string id = (*engine)->SubmitLead(At("request-1"), lead).lead_id;
  for (int i = 0; i < 3; ++i) {
    const std::string request = "log-" + std::to_string(i);
    const Activity call = MakeActivity(id, "call", kStart - (70 + i) * kDay);
    ASSERT_TRUE((*engine)->Log(At(request), call).status.ok());
  }
  EXPECT_EQ((*engine)->Get(At("read"), id)->state.score.total, 0);
  engine = OpenOn(store(), with("100"));
  ASSERT_TRUE(engine.ok()) << engine.status();
  EXPECT_EQ((*engine)->Get(At("read"), id)->state.score.total, 9000);
  ExpectGood(*store());
}

TEST_P(MigrationTest, ANameOnceOfOneTypeIsNeverOfAnother) {
  const std::string_view whole = R"({"fields": [{"name": "fleet", "type": "integer"}]})";
  ASSERT_TRUE(OpenOn(store(), ParseModel(whole)).ok());
  ASSERT_TRUE(OpenOn(store(), ParseModel("{}")).ok()) << "a field may go";
  const auto other =
      OpenOn(store(), ParseModel(R"({"fields": [{"name": "fleet", "type": "text"}]})"));
  EXPECT_EQ(other.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(other.status().ToString(), HasSubstr("'fleet' is integer in a published model"));
  EXPECT_TRUE(OpenOn(store(), ParseModel(whole)).ok()) << "and come back";
  ExpectGood(*store());
}

TEST_P(MigrationTest, AChoiceThatGoesBlocksNothingAndStaysWhereItIs) {
  const auto with = [](const char* choices) {
    return ParseModel(R"({"required": [{"any_of": ["email"]}],
        "fields": [{"name": "plan", "type": "choice", "choices": [)" +
                      std::string(choices) + "]}]}");
  };
  auto engine = OpenOn(store(), with(R"("gold", "lead")"));
  ASSERT_TRUE(engine.ok()) << engine.status();
  const std::shared_ptr<const Model> model = (*engine)->shared_model();
  const Lead lead = MakeLead(*model, {{"email", "a@example.org"}, {"plan", "lead"}});
  const std::string id = (*engine)->SubmitLead(At("request-1"), lead).lead_id;
  engine = OpenOn(store(), with(R"("gold")"));
  ASSERT_TRUE(engine.ok()) << engine.status();
  const auto record = (*engine)->Get(At("read"), id);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(record->lead.text((*engine)->model().schema()->Find("plan")->id), "lead");
  ExpectGood(*store());
}

// ---- Faults, and going on

bool TryToOpen(Store* store, const std::shared_ptr<const Model>& model) {
  try {
    return OpenOn(store, model).ok();
  } catch (const Crash&) {
    return false;
  }
}

bool IsUnderWay(const Store& store) {
  const auto snapshot = store.Read(kWorkspace);
  EXPECT_TRUE(snapshot.ok());
  const auto record = (*snapshot)->Get(MetaEpoch());
  return record.ok() && *record && !(*record)->body.empty();
}

// A workspace of another normaliser, and another model to be opened with.
class ResumeTest : public ::testing::Test {
 protected:
  ResumeTest() {
    const std::unique_ptr<Store> store = NewMemoryStore();
    auto engine = OpenOn(store.get(), model_);
    EXPECT_TRUE(engine.ok()) << engine.status();
    ids_ = Submit(engine->get(), kManyLeads);
    engine->reset();
    Age(store.get(), *model_, ids_);
    start_ = EventsOf(*store);
    EXPECT_TRUE(OpenOn(store.get(), target_).ok());
    end_ = StateOf(*store);
    ExpectGood(*store);
  }

  // The same calls for the same faults.
  std::unique_ptr<Store> Start() const { return ReplayOf(start_); }

  // After a fault at call `at`, with which it was `opened` or not.
  void ExpectTheSameEnd(Store* store, bool opened, int64_t at) const {
    // Without a model of its own it goes on to the one that was on the way.
    if (!opened && IsUnderWay(*store)) {
      ASSERT_TRUE(TryToOpen(store, at % 2 == 0 ? target_ : nullptr));
    }
    ASSERT_TRUE(TryToOpen(store, target_));
    ASSERT_EQ(StateOf(*store), end_);
    if (at % 9 == 0) ExpectGood(*store);
  }

  static std::shared_ptr<const Model> Target() {
    std::string text(kWorkModel);
    const std::string was = R"("points": 20, "when": "lead.country == 'US'")";
    text.replace(text.find(was), was.size(), R"("points": 21, "when": "lead.country == 'US'")");
    return ParseModel(text);
  }

  const std::shared_ptr<const Model> model_ = ParseModel(kWorkModel);
  const std::shared_ptr<const Model> target_ = Target();
  std::vector<std::string> ids_;
  std::vector<Event> start_;
  std::vector<std::string> end_;
};

TEST_F(ResumeTest, AFaultAtEveryCallEndsWhereItEndsWithout) {
  size_t runs = 0, failed = 0;
  constexpr Fault kTried[] = {Fault::kConflict, Fault::kUnknownCommitted, Fault::kUnknownNot,
                              Fault::kCrashAfter};
  const int64_t step = Scaled(10) == 10 ? 1 : 7;
  const std::unique_ptr<Store> store = Start();
  FaultyStore faulty(store.get());
  Forks forks;
  int64_t at = 0;  // in a copy: the call that failed
  // At each call the process is copied, and the copy goes on with the fault.
  faulty.plan = [&](int64_t call) -> std::optional<Fault> {
    if (forks.copied() || call % step != 0) return std::nullopt;
    for (const Fault fault : kTried) {
      ++runs;
      at = call;
      const bool copied = forks.Split([&, fault, call](const std::string& told, bool died) {
        EXPECT_FALSE(died) << "fault " << static_cast<int>(fault) << " at call " << call;
        failed += told == "failed" ? 1 : 0;
      });
      if (copied) return fault;
    }
    return std::nullopt;
  };
  const bool opened = TryToOpen(&faulty, target_);
  if (forks.copied()) {
    ExpectTheSameEnd(store.get(), opened, at);
    forks.Tell(opened ? "opened" : "failed");
  }
  EXPECT_TRUE(opened);
  forks.Join();
  std::cout << runs << " runs, " << failed << " of them opened again, 0 bad\n";
  EXPECT_GT(failed, Scaled(40));
}

// Counts what is read and written of leads.
class CountingStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  std::set<std::string> written;  // leads that events are about
  size_t largest = 0;             // batches of a commit
  int commits_left = -1;          // then it fails

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    if (commits_left == 0) throw Crash();
    if (commits_left > 0) --commits_left;
    largest = std::max(largest, batches.size());
    for (const Batch& batch : batches) {
      for (const Check& check : batch.checks) {
        if (check.key.kind == RecordKind::kLeadState) written.insert(check.key.id);
      }
    }
    return store_.Commit(workspace, batches, results);
  }
};

TEST_F(ResumeTest, WhatIsDoneIsNotDoneAgainAndAPageIsBounded) {
  const std::unique_ptr<Store> store = Start();
  CountingStore all(store.get());
  ASSERT_TRUE(OpenOn(&all, target_).ok());
  ASSERT_EQ(all.written.size(), kManyLeads);
  EXPECT_LE(all.largest, 501u);
  // Killed after so many commits: each lead is brought by one of the two, or by none.
  size_t split = 0;
  for (int commits = 0;; ++commits) {
    const std::unique_ptr<Store> again = Start();
    CountingStore first(again.get()), second(again.get());
    first.commits_left = commits;
    if (TryToOpen(&first, target_)) break;
    ASSERT_TRUE(OpenOn(&second, target_).ok());
    EXPECT_EQ(first.written.size() + second.written.size(), kManyLeads) << commits;
    split += !first.written.empty() && !second.written.empty() ? 1 : 0;
    ASSERT_EQ(StateOf(*again), end_) << commits;
  }
  EXPECT_GE(split, 2u);
}

TEST_F(ResumeTest, WhoOpensWithTheOldModelBringsThemBack) {
  const std::unique_ptr<Store> plain = Start();
  ASSERT_TRUE(OpenOn(plain.get(), model_).ok());
  const std::vector<std::string> back = StateOf(*plain);
  for (int commits = 1; commits < 10; commits += 2) {
    const std::unique_ptr<Store> store = Start();
    CountingStore killed(store.get());
    killed.commits_left = commits;
    ASSERT_FALSE(TryToOpen(&killed, target_));
    ASSERT_TRUE(OpenOn(store.get(), model_).ok());
    ExpectGood(*store);
    const auto engine = OpenOn(store.get(), nullptr);
    ASSERT_TRUE(engine.ok());
    EXPECT_EQ((*engine)->model().hash(), model_->hash());
    // Once more there than without a detour, so only what they hold is the same.
    const auto hot = (*engine)->Get(At("read"), ids_.back());
    EXPECT_EQ(hot->state.score.total, 20'000);
  }
  EXPECT_THAT(back, Contains(HasSubstr(ids_.back())));
}

// ---- Others meanwhile

// Lets somebody else do something before each commit.
class MeddledStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  std::function<void()> before;
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    before();
    return store_.Commit(workspace, batches, results);
  }
};

// Forgets the one check by which an engine of an older model is stopped.
class LaxStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    std::vector<Batch> lax(batches.begin(), batches.end());
    for (Batch& batch : lax) {
      std::erase_if(batch.checks, [](const Check& check) { return check.key == MetaEpoch(); });
    }
    return store_.Commit(workspace, lax, results);
  }
};

class MeanwhileTest : public MigrationTest {
 protected:
  // The key by which the second model refuses what the first one lets in.
  static std::shared_ptr<const Model> ByPhone(bool exclusive) {
    return ParseModel(R"({"required": [{"any_of": ["full_name", "email"]}],
        "keys": [{"name": "phone", "fields": ["phone"], "exclusive": )" +
                      std::string(exclusive ? "true" : "false") + R"(, "on_hit": ")" +
                      (exclusive ? "reject" : "flag") + R"("}]})");
  }
  // Who has this phone number, by what the new model says: more than one is one too many.
  static size_t Holders(Engine& engine, std::string_view phone) {
    size_t holders = 0;
    const auto list = engine.List(At("read"), {});
    EXPECT_TRUE(list.ok()) << list.status();
    for (const LeadRecord& record : list->leads)
      holders += record.lead.text(field::kPhone) == phone;
    return holders;
  }

  // An engine of the old model tells of the same person before each commit of the migration.
  void Migrate(bool lax) {
    LaxStore without_check(store());
    auto old = OpenOn(lax ? static_cast<Store*>(&without_check) : store(), ByPhone(false));
    ASSERT_TRUE(old.ok()) << old.status();
    const auto tell = [&](int number) {
      const std::string name = "Ada No" + std::to_string(number);
      return (*old)->SubmitLead(
          At("again-" + std::to_string(number)),
          MakeLead((*old)->model(), {{"full_name", name}, {"phone", kPhone}}));
    };
    ASSERT_EQ(tell(0).outcome, Outcome::kCreated);
    MeddledStore meddled(store());
    int number = 0;
    meddled.before = [&] { replies_.push_back(tell(++number)); };
    auto fresh = OpenOn(&meddled, ByPhone(true));
    ASSERT_TRUE(fresh.ok()) << fresh.status();
    meddled.before = [] {};
    replies_.push_back(tell(++number));
    fresh_ = *std::move(fresh);
    // The same requests, told to the engine that counts now.
    again_ = fresh_->SubmitLead(
        At("again-" + std::to_string(number)),
        MakeLead(fresh_->model(),
                 {{"full_name", "Ada No" + std::to_string(number)}, {"phone", kPhone}}));
    meddled_ = static_cast<size_t>(number);
    fresh_.reset();
  }

  static constexpr std::string_view kPhone = "+14155552671";
  std::vector<Reply> replies_;
  std::unique_ptr<Engine> fresh_;
  Reply again_;
  size_t meddled_ = 0;
};
LEADCORE_ON_BOTH_STORES(MeanwhileTest);

TEST_P(MeanwhileTest, AnEngineOfTheOldModelWritesNothingOnceItHasBegun) {
  Migrate(false);
  ASSERT_GE(replies_.size(), 4u);
  std::vector<std::string> created;
  for (const Reply& reply : replies_) {
    if (reply.outcome == Outcome::kCreated) {
      created.push_back(reply.lead_id);
      continue;
    }
    EXPECT_EQ(reply.status.code(), absl::StatusCode::kFailedPrecondition) << reply.status;
    EXPECT_THAT(reply.status.ToString(), HasSubstr("open again"));
  }
  EXPECT_LE(created.size(), 2u) << "before it had begun, as the old model says";
  EXPECT_EQ(replies_.back().outcome, Outcome::kFailed);
  EXPECT_EQ(again_.outcome, Outcome::kDuplicate) << again_.status;
  const auto engine = OpenOn(store(), nullptr);
  ASSERT_TRUE(engine.ok());
  EXPECT_EQ(Holders(**engine, kPhone), created.size() + 1);
  ExpectGood(*store());
}

TEST_P(MeanwhileTest, CanaryWithoutTheCheckTheOldModelMakesDoubles) {
  Migrate(true);
  size_t created = 0;
  for (const Reply& reply : replies_) created += reply.outcome == Outcome::kCreated ? 1 : 0;
  EXPECT_EQ(created, replies_.size()) << "all of them, also after the key was exclusive";
}

TEST_P(MeanwhileTest, TicksOfTheOldModelEnd) {
  const std::shared_ptr<const Model> model = ParseModel(R"json({"required": [{"any_of": ["email"]}],
      "scoring": {"groups": [
      {"name": "all", "rules": [{"name": "old", "points": 9,
        "when": "now - lead.create_time > duration('48h')"}]}],
      "bands": [{"name": "cold", "from": 0}]}})json");
  const auto old = OpenOn(store(), model);
  ASSERT_TRUE(old.ok()) << old.status();
  const Lead lead = MakeLead(*model, {{"email", "a@example.org"}});
  ASSERT_EQ((*old)->SubmitLead(At("request-1"), lead).outcome, Outcome::kCreated);
  ASSERT_TRUE(OpenOn(store(), ParseModel("{}")).ok());
  ASSERT_TRUE(OpenOn(store(), model).ok());
  const auto tick = (*old)->Tick(At("tick", kStart + 5 * kDay), 10);
  EXPECT_EQ(tick.status().code(), absl::StatusCode::kFailedPrecondition) << tick.status();
}

}  // namespace
}  // namespace leadcore::testing
