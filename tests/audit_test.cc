// SPDX-License-Identifier: Apache-2.0
//
// The feed proves what a workspace holds: verify finds what was changed behind its back, replay
// makes the same workspace again.
#include "leadcore/audit.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "store_decorator.h"
#include "store_util.h"
#include "test_util.h"
#include "workload.h"

namespace leadcore::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr std::string_view kWorkspace = "test";

std::vector<std::string> FaultsOf(const Store& store) {
  std::vector<std::string> faults;
  const absl::StatusOr<VerifyReply> reply =
      VerifyWorkspace(store, kWorkspace, [&](std::string_view what) { faults.emplace_back(what); });
  EXPECT_TRUE(reply.ok()) << reply.status();
  if (reply.ok()) {
    EXPECT_EQ(reply->faults, static_cast<int64_t>(faults.size()));
  }
  return faults;
}

std::vector<Event> AllEvents(const Store& store) { return FeedOf(store, {}, kWorkspace); }

// Runs a mixture of commands, singly and in groups.
void Work(World& world, uint64_t seed, size_t commands) {
  Workload workload(seed, world.engine().shared_model());
  std::vector<std::string> known;
  for (size_t done = 0; done < commands;) {
    world.now = workload.NextNow(world.now);
    std::vector<Command> group;
    for (size_t size = 1 + workload.Draw(12); size > 0; --size) {
      // Now and then a request is told again.
      const size_t number = workload.Draw(10) == 0 ? workload.Draw(done + 1) : done;
      group.push_back(workload.Next("request-" + std::to_string(number), known));
      ++done;
    }
    for (const Reply& reply : world.engine().ApplyMany(world.At("work"), group)) {
      ASSERT_NE(reply.outcome, Outcome::kFailed) << reply.status;
      if (reply.outcome == Outcome::kCreated) known.push_back(reply.lead_id);
    }
    if (workload.Draw(6) == 0) {
      ASSERT_TRUE(world.engine().Tick(world.At("tick"), 1000).ok());
    }
    if (workload.Draw(20) == 0) {
      Call later = world.At("maintain");
      later.now += absl::Hours(24 * static_cast<int64_t>(workload.Draw(40)));
      ASSERT_TRUE(world.engine().Maintain(later).ok());
    }
  }
}

absl::Status ReplayInto(Store* store, const std::vector<Event>& events) {
  absl::StatusOr<std::unique_ptr<Replay>> replay = Replay::Start(store, std::string(kWorkspace));
  if (!replay.ok()) return replay.status();
  for (const Event& event : events) {
    const absl::Status status = (*replay)->Apply(event);
    if (!status.ok()) return status;
  }
  return (*replay)->Flush();
}

class AuditTest : public ::testing::TestWithParam<StoreKind> {};
LEADCORE_ON_BOTH_STORES(AuditTest);

TEST_P(AuditTest, WhatTheEngineWroteIsWithoutFault) {
  const uint64_t seed = Seed();
  SCOPED_TRACE(seed);
  World world(kWorkModel, GetParam());
  Work(world, seed, Scaled(1500));
  EXPECT_THAT(FaultsOf(world.store()), IsEmpty());
  EXPECT_GT(AllEvents(world.store()).size(), Scaled(300));
}

TEST_P(AuditTest, ReplayMakesTheSameWorkspace) {
  const uint64_t seed = Seed() + 1;
  SCOPED_TRACE(seed);
  World world(kWorkModel, GetParam());
  Work(world, seed, Scaled(1000));
  HeldStore other(GetParam() == StoreKind::kMemory ? StoreKind::kSqlite : StoreKind::kMemory);
  const absl::Status status = ReplayInto(other.store.get(), AllEvents(world.store()));
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(DumpOf(*other.store, kWorkspace), DumpOf(world.store(), kWorkspace));
  EXPECT_THAT(FaultsOf(*other.store), IsEmpty());
}

// A copy that follows the feed as it grows ends where one ends that reads it afterwards, also when
// it has seen what was erased later, and when it begins again in the middle.
TEST_P(AuditTest, ACopyThatFollowsForgetsWithTheOriginal) {
  const uint64_t seed = Seed() + 2;
  SCOPED_TRACE(seed);
  World world(kWorkModel, GetParam());
  HeldStore other(GetParam());
  for (uint64_t round = 0; round < 6; ++round) {
    Work(world, seed + round * 100, Scaled(100));
    const std::vector<Event> events = AllEvents(world.store());
    // What was told before the erasure came with its payload.
    const absl::Status status = ReplayInto(other.store.get(), events);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(DumpOf(*other.store, kWorkspace), DumpOf(world.store(), kWorkspace));
  }
}

TEST_P(AuditTest, ReplayRefusesWhatWasChanged) {
  World world(kWorkModel, GetParam());
  Work(world, Seed(), 60);
  const std::vector<Event> events = AllEvents(world.store());
  ASSERT_GT(events.size(), 20u);
  const auto changed = [&](size_t at, const auto& change) {
    std::vector<Event> copy(events.begin(), events.begin() + 20);
    change(&copy[at]);
    HeldStore other(StoreKind::kMemory);
    return ReplayInto(other.store.get(), copy).code();
  };
  using Code = absl::StatusCode;
  EXPECT_EQ(changed(5, [](Event*) {}), Code::kOk);
  EXPECT_EQ(changed(5, [](Event* event) { event->actor = "somebody else"; }), Code::kDataLoss);
  EXPECT_EQ(changed(5, [](Event* event) { event->payload += "x"; }), Code::kDataLoss);
  EXPECT_EQ(changed(5, [](Event* event) { event->salt.clear(); }), Code::kDataLoss);
  EXPECT_EQ(changed(5, [](Event* event) { event->time += 1; }), Code::kDataLoss);
  EXPECT_EQ(changed(5, [](Event* event) { event->chain[3] ^= 1; }), Code::kDataLoss);
  EXPECT_EQ(changed(5, [](Event* event) { event->position += 1; }), Code::kInvalidArgument);
  EXPECT_EQ(changed(5,
                    [](Event* event) {
                      event->counters.push_back({"load/ann", 7});
                    }),
            Code::kDataLoss);
}

// As after a backup was restored: the same beginning, and then another story.
TEST_P(AuditTest, ReplayRefusesAnotherStory) {
  World world(kWorkModel, GetParam());
  Work(world, Seed(), 60);
  const std::vector<Event> events = AllEvents(world.store());
  HeldStore other(GetParam());
  const absl::Status begun = ReplayInto(other.store.get(), events);
  ASSERT_TRUE(begun.ok()) << begun;
  EXPECT_TRUE(ReplayInto(other.store.get(), events).ok()) << "known already";
  ASSERT_EQ(world.engine()
                .SubmitLead(world.At("another"),
                            MakeLead(world.model(),
                                     {{"full_name", "Zoe Y"}, {"email", "zoe.y@else.example.com"}}))
                .outcome,
            Outcome::kCreated);
  World elsewhere(kWorkModel, GetParam());
  elsewhere.Created({{"full_name", "Dee O"}, {"email", "dee@people.example.com"}});
  EXPECT_EQ(ReplayInto(other.store.get(), AllEvents(elsewhere.store())).code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_TRUE(ReplayInto(other.store.get(), AllEvents(world.store())).ok());
  EXPECT_EQ(DumpOf(*other.store, kWorkspace), DumpOf(world.store(), kWorkspace));
}

TEST_P(AuditTest, ReplayLooksAtWhatItKeepsBackToo) {
  World world(kWorkModel, GetParam()), elsewhere(kWorkModel, GetParam());
  world.Created({{"full_name", "Cy N"}, {"email", "cy@people.example.com"}});
  elsewhere.Created({{"full_name", "Dee O"}, {"email", "dee@people.example.com"}});
  std::vector<Event> events = AllEvents(world.store());
  const std::vector<Event> others = AllEvents(elsewhere.store());
  HeldStore same(GetParam()), other(GetParam());
  std::vector<Event> twice = events;
  twice.insert(twice.end(), events.begin(), events.end());
  EXPECT_TRUE(ReplayInto(same.store.get(), twice).ok());
  events.insert(events.end(), others.begin(), others.end());
  EXPECT_EQ(ReplayInto(other.store.get(), events).code(), absl::StatusCode::kFailedPrecondition);
}

// Its commits are done and say that it is not known, or its reads fail.
class FailingStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;
  int good_commits = 1000;
  mutable int good_reads = 1000;

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    if (good_reads-- == 0) return absl::UnavailableError("reading failed");
    return StoreDecorator::Read(workspace);
  }
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const absl::Status status = StoreDecorator::Commit(workspace, batches, results);
    return good_commits-- == 0 ? absl::UnavailableError("not known") : status;
  }
};

// After an error it does nothing more, and another one goes on from what is in.
TEST_P(AuditTest, ReplayNeitherDoublesNorLosesAfterAnError) {
  World world(kWorkModel, GetParam());
  Work(world, Seed(), 100);
  const auto list = world.engine().List(world.At("list"), ListRequest());
  ASSERT_TRUE(list.ok()) << list.status();
  const std::string lead(list->leads.front().lead.id());
  ASSERT_EQ(world.engine().Apply(world.At("erase"), {"", EraseLead{lead}}).outcome,
            Outcome::kErased);
  const std::vector<Event> events = AllEvents(world.store());
  for (const bool reads : {false, true}) {
    for (int good = 0; good < 3; ++good) {
      SCOPED_TRACE(good);
      HeldStore other(GetParam());
      FailingStore failing(other.store.get());
      (reads ? failing.good_reads : failing.good_commits) = good;
      auto replay = Replay::Start(&failing, std::string(kWorkspace));
      ASSERT_TRUE(replay.ok());
      bool failed = false;
      for (size_t i = 0; i < events.size(); ++i) {
        absl::Status status = (*replay)->Apply(events[i]);
        if (i % 7 == 0 && status.ok()) status = (*replay)->Flush();
        EXPECT_FALSE(failed && status.ok());
        failed = failed || !status.ok();
      }
      EXPECT_EQ((*replay)->Flush().ok(), !failed);
      EXPECT_TRUE(failed || reads);
      const absl::Status again = ReplayInto(other.store.get(), events);
      EXPECT_TRUE(again.ok()) << again;
      EXPECT_EQ(DumpOf(*other.store, kWorkspace), DumpOf(world.store(), kWorkspace));
      EXPECT_THAT(FaultsOf(*other.store), IsEmpty());
    }
  }
}

// Changes behind the engine's back, each of which verify has to name.
class VerifyTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  VerifyTest() : world_(kWorkModel, GetParam()) {
    id_ = world_.Created({{"full_name", "Ada L"}, {"email", "ada@people.example.com"}});
    world_.Created({{"full_name", "Bob M"}, {"email", "bob@people.example.com"}});
    world_.Happened(id_, "call");
  }

  void Write(Writes writes, std::vector<Claim> claims = {}, std::vector<Claim> releases = {}) {
    Batch batch;
    batch.claims = std::move(claims);
    batch.releases = std::move(releases);
    batch.finish = [writes = std::move(writes)](const Given&) { return writes; };
    CommitResult result;
    const absl::Status status =
        world_.store().Commit(kWorkspace, std::span(&batch, 1), std::span(&result, 1));
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_EQ(result.code, CommitResult::Code::kCommitted);
  }
  void Put(leadcore::Put put) {
    Writes writes;
    writes.puts = {std::move(put)};
    Write(std::move(writes));
  }

  World world_;
  std::string id_;
};
LEADCORE_ON_BOTH_STORES(VerifyTest);

TEST_P(VerifyTest, NothingWrongIsNoFault) { EXPECT_THAT(FaultsOf(world_.store()), IsEmpty()); }

// Somebody writes before each of its first looks: a new lead, another activity, an erasure.
class BusyStore : public StoreDecorator {
 public:
  BusyStore(World* world, std::string victim)
      : StoreDecorator(&world->store()), world_(*world), victim_(std::move(victim)) {}

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    Work();
    return StoreDecorator::Read(workspace);
  }
  absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const override {
    Work();
    const absl::Status status = StoreDecorator::Feed(workspace, request, sink);
    Work();
    return status;
  }
  // Asked when the snapshot was taken: who was erased is back.
  absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const override {
    if (!std::exchange(came_back_, true)) {
      world_.Created({{"full_name", "Ada L"}, {"email", "ada@people.example.com"}});
    }
    return StoreDecorator::FindOutcome(workspace, request_id);
  }

 private:
  void Work() const {
    if (looks_ == 9) return;
    const std::string name = "p" + std::to_string(++looks_);
    const std::string lead =
        world_.Created({{"full_name", "Cy N"}, {"email", name + "@people.example.com"}});
    world_.Happened(lead, "call");
    if (looks_ != 4) return;
    EXPECT_EQ(world_.engine().Apply(world_.At("erase"), {"", EraseLead{victim_}}).outcome,
              Outcome::kErased);
  }

  World& world_;
  const std::string victim_;
  mutable int looks_ = 0;
  mutable bool came_back_ = false;
};

TEST_P(VerifyTest, WhatOthersWriteMeanwhileIsNoFault) {
  const BusyStore store(&world_, id_);
  EXPECT_THAT(FaultsOf(store), IsEmpty());
  EXPECT_THAT(FaultsOf(world_.store()), IsEmpty());
}

// A commit before every look: there is no moment to look at.
class RestlessStore : public StoreDecorator {
 public:
  using StoreDecorator::StoreDecorator;

  absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const override {
    Batch batch;
    batch.finish = [](const Given&) {
      Event event;
      event.type = "restless";
      Writes writes;
      writes.events = {event};
      return writes;
    };
    CommitResult result;
    EXPECT_TRUE(store_.Commit(workspace, std::span(&batch, 1), std::span(&result, 1)).ok());
    return StoreDecorator::Feed(workspace, request, sink);
  }
};

TEST_P(VerifyTest, WhereOthersNeverRestItSaysSo) {
  const RestlessStore store(&world_.store());
  const auto reply = VerifyWorkspace(store, kWorkspace, [](std::string_view) {});
  EXPECT_EQ(reply.status().code(), absl::StatusCode::kUnavailable) << reply.status();
}

TEST_P(VerifyTest, ARecordThatNoEventWrote) {
  Put({{RecordKind::kMeta, "stray"}, "x", {}});
  EXPECT_THAT(FaultsOf(world_.store()), Contains(HasSubstr("meta stray is in no event")));
}

TEST_P(VerifyTest, ALeadThatWasChanged) {
  Lead lead = world_.Get(id_).lead;
  lead.SetText(field::kFullName, "Eve L");
  Put({{RecordKind::kLead, id_}, EncodeLead(lead, LeadForm::kStored), {}});
  const std::vector<std::string> faults = FaultsOf(world_.store());
  EXPECT_THAT(faults, Contains(HasSubstr("lead " + id_ + " has version 2, its events left 1")));
  EXPECT_THAT(faults, Contains(HasSubstr("index search.name")));
}

TEST_P(VerifyTest, ALeadThatIsGone) {
  Writes writes;
  writes.deletes = {{RecordKind::kLead, id_}};
  Write(std::move(writes));
  const std::vector<std::string> faults = FaultsOf(world_.store());
  EXPECT_THAT(faults, Contains(HasSubstr("lead " + id_ + " is missing")));
  EXPECT_THAT(faults, Contains(HasSubstr("has no lead")));
  EXPECT_THAT(faults, Contains(HasSubstr("which is not there")));
}

TEST_P(VerifyTest, ALedgerThatDoesNotAddUp) {
  LeadState state = world_.Get(id_).state;
  state.score.total += 1000;
  Put({{RecordKind::kLeadState, id_}, EncodeLeadState(state), {}});
  EXPECT_THAT(FaultsOf(world_.store()), Contains(HasSubstr("the ledger adds up to")));
}

TEST_P(VerifyTest, AKeyThatItsLeadDoesNotHave) {
  Event event;
  event.type = "keyed";
  event.leads = {id_};
  Writes writes;
  writes.puts = {{{RecordKind::kMatchKey, "phone:+14155550100\x1f" + id_}, "", {}}};
  writes.events = {event};
  Write(std::move(writes));
  EXPECT_THAT(FaultsOf(world_.store()), ElementsAre("match key phone:+14155550100 of lead " + id_ +
                                                    " is no key that this lead has"));
}

// Nobody knows its keys, so neither they nor its claims are called wrong, and the rest is read.
TEST_P(VerifyTest, ALeadThatCannotBeRead) {
  const std::string cy = world_.Created(
      {{"full_name", "Cy N"}, {"email", "cy@people.example.com"}, {"phone", "+1 415 555 2671"}});
  Put({{RecordKind::kLead, cy}, "\xff", {}});
  const std::vector<std::string> faults = FaultsOf(world_.store());
  EXPECT_THAT(faults, Contains(HasSubstr("lead " + cy + ": ")));
  EXPECT_THAT(faults, Not(Contains(HasSubstr("is no key"))));
  EXPECT_THAT(faults, Not(Contains(HasSubstr("claim email:cy"))));
}

TEST_P(VerifyTest, AClaimThatIsStaleOrLost) {
  Write({}, {{"email:eve@people.example.com", id_}});
  EXPECT_THAT(FaultsOf(world_.store()), Contains(HasSubstr("which lacks it")));
  Write({}, {}, {{"email:ada@people.example.com", id_}});
  EXPECT_THAT(FaultsOf(world_.store()), Contains(HasSubstr("is not found by its key")));
}

TEST_P(VerifyTest, ACounterThatWasChanged) {
  Writes writes;
  writes.counters = {{"load/ann", 17}, {"stray", 1}};
  Write(std::move(writes));
  const std::vector<std::string> faults = FaultsOf(world_.store());
  EXPECT_THAT(faults, Contains(HasSubstr("counter load/ann is 17, the events left 1")));
  EXPECT_THAT(faults, Contains(HasSubstr("counter stray is 1, the events left nothing")));
}

TEST_P(VerifyTest, APayloadThatWasTaken) {
  Writes writes;
  writes.erase = {2};
  Write(std::move(writes));
  EXPECT_THAT(FaultsOf(world_.store()), Contains(HasSubstr("event 2 has lost its payload")));
}

}  // namespace
}  // namespace leadcore::testing
