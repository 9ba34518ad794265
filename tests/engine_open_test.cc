// SPDX-License-Identifier: Apache-2.0
//
// Opening with another model brings the leads up to it, or says what is in the way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine_util.h"
#include "leadcore/audit.h"
#include "store_decorator.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A model with these rules of one group, and other members.
std::string WithRules(std::string_view rules, std::string_view more = "") {
  return R"({"required": [{"any_of": ["full_name", "email"]}],)" + std::string(more) +
         R"("scoring": {"groups": [{"name": "all", "cap": 100, "rules": [)" + std::string(rules) +
         R"(]}], "bands": [{"name": "cold", "from": 0}, {"name": "hot", "from": 20}]}})";
}
constexpr std::string_view kCalls = R"json({"name": "calls",
    "when": "count('call') >= 1", "points": 10})json";
constexpr std::string_view kManyRules = R"json(
    {"name": "calls", "when": "count('call', days(9)) >= 2", "points": 10},
    {"name": "pages", "when": "count('page_view', days(3), activity.path == '/a') >= 3",
     "points": 20},
    {"name": "seconds", "when": "sum('page_view', 'seconds', days(5)) >= 100", "points": 7},
    {"name": "called", "when": "now - last('call') < days(4)", "points": 3})json";

class EngineOpenTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  absl::StatusOr<TickReply> Tick(World& world) {
    return world.engine().Tick(world.At("tick"), 10'000);
  }
};
LEADCORE_ON_BOTH_STORES(EngineOpenTest);

TEST_P(EngineOpenTest, TheModelIsPublishedOnceAndKept) {
  World world(WithRules(kCalls), GetParam());
  const std::string hash = world.model().hash();
  EXPECT_EQ(world.Events().size(), 1u);
  EXPECT_EQ(world.Events()[0].type, "model_published");
  ASSERT_TRUE(world.Reopen(world.engine().shared_model()).ok());
  ASSERT_TRUE(world.Reopen(nullptr).ok());
  EXPECT_EQ(world.model().hash(), hash) << "the published one, not the default";
  EXPECT_EQ(world.Events().size(), 1u);
  ASSERT_TRUE(world.Reopen(Model::Default()).ok());
  const std::vector<Event> events = world.Events();
  ASSERT_EQ(events.size(), 4u);
  EXPECT_EQ(events[1].type, "model_added") << "before anything that was decided by it";
  EXPECT_EQ(events[2].type, "migrating");
  EXPECT_EQ(events[3].type, "model_published");
}

// As if the new model had been there from the start.
TEST_P(EngineOpenTest, SummariesAreCountedAgainForAModelThatNeedsOthers) {
  const uint64_t seed = Seed();
  std::mt19937_64 random(seed);
  World changed(WithRules(kCalls), GetParam());
  World fresh(WithRules(kManyRules), GetParam());
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    ids.push_back(changed.Created({{"full_name", "Lead X" + std::to_string(i)}}));
    ASSERT_EQ(fresh.Created({{"full_name", "Lead X" + std::to_string(i)}}), ids.back());
  }
  for (size_t i = 0; i < Scaled(200) + 40; ++i) {
    changed.now = fresh.now += static_cast<int64_t>(random() % (2 * kHour));
    const bool view = random() % 2 == 0;
    Activity activity = MakeActivity(ids[random() % ids.size()], view ? "page_view" : "call",
                                     fresh.now - static_cast<int64_t>(random() % (6 * kDay)));
    if (view) {
      activity.attributes = {{"path", random() % 2 == 0 ? "/a" : "/b"},
                             {"seconds", static_cast<int64_t>(random() % 50)}};
    }
    ASSERT_TRUE(changed.engine().Log(changed.Next(), activity).status.ok());
    ASSERT_TRUE(fresh.engine().Log(fresh.Next(), activity).status.ok());
  }
  ASSERT_TRUE(changed.Reopen(fresh.engine().shared_model()).ok());
  ASSERT_TRUE(Tick(fresh).ok());
  for (int day = 0; day < 12; ++day) {
    for (const std::string& id : ids) {
      const LeadRecord one = changed.Get(id);
      const LeadRecord other = fresh.Get(id);
      EXPECT_TRUE(changed.model().aggregates().Fits(one.state.activities));
      EXPECT_EQ(one.state.score.total, other.state.score.total) << "seed " << seed;
      EXPECT_EQ(one.state.score.valid_until, other.state.score.valid_until) << "seed " << seed;
    }
    changed.now = fresh.now += kDay;
  }
}

TEST_P(EngineOpenTest, ScoresFollowTheNewRulesAndEveryChangeIsAnEvent) {
  const std::string_view title =
      R"({"name": "boss", "when": "lead.job_title == 'CEO'", "points": 25})";
  const std::string_view dear =
      R"({"name": "boss", "when": "lead.job_title == 'CEO'", "points": 15})";
  World world(WithRules(title), GetParam());
  const std::string ceo = world.Created({{"full_name", "Ada"}, {"job_title", "CEO"}});
  const std::string other = world.Created({{"full_name", "Bob"}});
  ASSERT_TRUE(world.Reopen(ParseModel(WithRules(dear))).ok());
  EXPECT_EQ(world.Score(ceo), 15);
  EXPECT_EQ(world.Show(ceo, "band"), "cold");
  EXPECT_THAT(world.Types(ceo), ElementsAre("created", "band_changed"));
  EXPECT_THAT(world.Types(other), ElementsAre("created"));
  EXPECT_EQ(world.Events().back().type, "model_published");
}

// Nothing changes now, but time will change it.
TEST_P(EngineOpenTest, TicksKnowWhatOnlyTheNewModelWaitsFor) {
  const std::string old =
      R"json({"name": "old", "when": "now - lead.create_time > duration('48h')",
             "points": 30})json";
  World world(WithRules(kCalls), GetParam());
  const std::string id = world.Created({{"full_name", "Ada"}});
  const std::string more = std::string(kCalls) + "," + old;
  ASSERT_TRUE(world.Reopen(ParseModel(WithRules(more))).ok());
  world.now += 49 * kHour;
  const absl::StatusOr<TickReply> tick = Tick(world);
  ASSERT_TRUE(tick.ok());
  EXPECT_EQ(tick->changed, 1u);
  EXPECT_EQ(world.Score(id), 30);
  ListRequest hot;
  hot.filter = "lead.band == 'hot'";
  EXPECT_EQ(world.engine().List(world.At("read"), hot)->leads.size(), 1u);
}

TEST_P(EngineOpenTest, KeysAreMadeAgain) {
  const std::string_view flag = R"("keys": [{"name": "phone", "fields": ["phone"]}],)";
  const std::string_view refuse = R"("keys": [{"name": "phone", "exclusive": true,
                                               "fields": ["phone"], "on_hit": "reject"}],)";
  const Fields ada = {{"full_name", "Ada"}, {"phone", "+14155552671"}};
  const Fields bob = {{"full_name", "Bob"}, {"phone", "+14155552672"}};
  World world(WithRules(kCalls, flag), GetParam());
  const std::string first = world.Created(ada);
  world.now += kSecond;
  const std::string second = world.Created(ada);
  const std::string third = world.Created(bob);
  ASSERT_TRUE(world.Reopen(ParseModel(WithRules(kCalls, refuse))).ok());
  EXPECT_EQ(world.Put(ada).lead_id, first) << "the oldest has the claim";
  EXPECT_EQ(world.Put(bob).outcome, Outcome::kDuplicate);
  EXPECT_EQ(world.Put(bob).lead_id, third);
  ASSERT_TRUE(world.Reopen(ParseModel(WithRules(kCalls, flag))).ok());
  const Reply reply = world.Put(ada);
  EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  ASSERT_EQ(reply.hits.size(), 2u);
  EXPECT_EQ(reply.hits[0].lead, first);
  EXPECT_EQ(reply.hits[1].lead, second);
}

TEST_P(EngineOpenTest, WhatBlocksAModelIsListed) {
  const std::string_view fields = R"("fields": [{"name": "fleet", "type": "integer"}],)";
  World world(WithRules(kCalls, fields), GetParam());
  world.Import({{"full_name", "Ada"}, {"status", "Nurture"}});
  const std::string_view other = R"("fields": [{"name": "fleet", "type": "text"}],
      "lifecycle": {"initial": "New", "states": [
        {"name": "New", "to": ["Done"]}, {"name": "Done", "type": "won"}]},)";
  const std::string hash = world.model().hash();
  const absl::Status status = world.Reopen(ParseModel(WithRules(kCalls, other)));
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.ToString(), AllOf(HasSubstr("status 'Nurture'"), HasSubstr("'fleet'"),
                                       HasSubstr("is integer in a published model")));
  ASSERT_TRUE(world.Reopen(nullptr).ok());
  EXPECT_EQ(world.model().hash(), hash);
}

// What one engine decides by the old model must not come in among leads that have the new one.
TEST_P(EngineOpenTest, AnEngineOfAnOlderModelIsRefused) {
  World world(WithRules(kCalls), GetParam());
  const std::string id = world.Created({{"full_name", "Ada"}});
  const Call done = world.Next();
  const Reply first = world.engine().Log(done, MakeActivity(id, "note"));
  const auto other = Engine::Open({ParseModel(WithRules(kManyRules)), "test", false},
                                  &world.store(), world.At("other"));
  ASSERT_TRUE(other.ok()) << other.status();
  const Reply refused = world.Put({{"full_name", "Bob"}});
  EXPECT_EQ(refused.outcome, Outcome::kFailed);
  EXPECT_EQ(refused.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(refused.status.ToString(), HasSubstr("open again"));
  EXPECT_EQ(world.engine().Log(done, MakeActivity(id, "note")).positions, first.positions)
      << "what was done is told all the same";
  EXPECT_TRUE(world.engine().Get(world.At("read"), id).ok());
  ASSERT_TRUE(world.Reopen(nullptr).ok());
  EXPECT_EQ(world.model().hash(), (*other)->model().hash());
  world.Created({{"full_name", "Bob"}});
}

// Fails from its n-th commit on.
class BreakingStore : public StoreDecorator {
 public:
  BreakingStore(Store* store, int commits) : StoreDecorator(store), left_(commits) {}
  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    if (left_-- <= 0) return absl::UnavailableError("broken");
    return store_.Commit(workspace, batches, results);
  }

 private:
  int left_;
};

// Opened again with whichever model, the leads are as if the change had not been begun.
TEST_P(EngineOpenTest, AChangeThatBrokeOffIsFinishedByTheNextOpen) {
  const std::string_view claim = R"("keys": [{"name": "phone", "exclusive": true,
                                              "fields": ["phone"], "on_hit": "reject"}],)";
  const std::string_view flag = R"("keys": [{"name": "phone", "fields": ["phone"]}],)";
  const Fields ada = {{"full_name", "Ada"}, {"phone", "+14155552671"}};
  for (int commits = 0; commits < 4; ++commits) {
    for (const bool back : {false, true}) {
      SCOPED_TRACE(std::to_string(commits) + (back ? " and back" : ""));
      World world(WithRules(kCalls, claim), GetParam());
      const std::shared_ptr<const Model> before = world.engine().shared_model();
      const std::shared_ptr<const Model> after = ParseModel(WithRules(kManyRules, flag));
      const std::string first = world.Created(ada);
      world.Happened(first, "call");
      BreakingStore breaking(&world.store(), commits);
      EXPECT_FALSE(Engine::Open({after, "test", false}, &breaking, world.At("open")).ok());
      const absl::Status reopened = world.Reopen(back ? before : after);
      ASSERT_TRUE(reopened.ok()) << reopened;
      std::vector<std::string> faults;
      const auto tell = [&](std::string_view fault) { faults.emplace_back(fault); };
      EXPECT_TRUE(VerifyWorkspace(world.store(), "test", tell).ok());
      EXPECT_THAT(faults, ElementsAre());
      EXPECT_EQ(world.Put(ada).outcome, back ? Outcome::kDuplicate : Outcome::kCreated);
      EXPECT_TRUE(world.model().aggregates().Fits(world.Get(first).state.activities));
    }
  }
}

TEST_P(EngineOpenTest, AnUnfinishedChangeIsTold) {
  World world(WithRules(kCalls), GetParam());
  world.Created({{"full_name", "Ada"}});
  BreakingStore breaking(&world.store(), 1);
  EXPECT_FALSE(
      Engine::Open({ParseModel(WithRules(kManyRules)), "test", false}, &breaking, world.At("open"))
          .ok());
  std::vector<std::string> faults;
  const auto tell = [&](std::string_view fault) { faults.emplace_back(fault); };
  EXPECT_TRUE(VerifyWorkspace(world.store(), "test", tell).ok());
  EXPECT_THAT(faults, ElementsAre(HasSubstr("was not finished")));
}

// As if the leads had come in under another normaliser: what is in its form already stays as it is.
TEST_P(EngineOpenTest, AnotherNormaliserKeepsWhatIsNormalAndWhatTheEngineSet) {
  World world(R"({"routing": {"fallback_pool": "sales", "pools": [
      {"name": "sales", "strategy": "round_robin", "members": [{"id": "ann"}]}]}})",
              GetParam());
  const std::string id = world.Created({{"full_name", "Ada Byron"},
                                        {"email", "ada@example.org"},
                                        {"phone", "no number"},
                                        {"country", "US"}});
  const LeadRecord before = world.Get(id);
  ASSERT_EQ(before.lead.text(field::kPool), "sales");
  const auto set = [&](RecordKey key, std::string body) {
    Batch batch;
    batch.finish = [&](const Given&) { return Writes{{{std::move(key), std::move(body), {}}}}; };
    CommitResult result;
    return world.store().Commit("test", std::span(&batch, 1), std::span(&result, 1));
  };
  ASSERT_TRUE(set({RecordKind::kMeta, "normalizer"}, "0").ok());
  ASSERT_TRUE(world.Reopen(nullptr).ok());
  EXPECT_TRUE(SameLead(world.Get(id).lead, before.lead));
  // And one that is not.
  Lead other = before.lead;
  other.SetText(field::kFullName, "  Ada   Byron ");
  ASSERT_TRUE(set({RecordKind::kMeta, "normalizer"}, "0").ok());
  ASSERT_TRUE(set({RecordKind::kLead, id}, EncodeLead(other, LeadForm::kStored)).ok());
  ASSERT_TRUE(world.Reopen(nullptr).ok());
  const LeadRecord after = world.Get(id);
  EXPECT_EQ(EncodeLead(after.lead, LeadForm::kStored), EncodeLead(before.lead, LeadForm::kStored));
}

// A field that was not indexed is found by its index from now on.
TEST_P(EngineOpenTest, NewIndexesHoldOldLeads) {
  const auto with = [](std::string_view indexed) {
    return WithRules(kCalls, R"("fields": [{"name": "fleet", "type": "integer", "indexed": )" +
                                 std::string(indexed) + "}],");
  };
  World world(with("false"), GetParam());
  world.Created({{"full_name", "Ada"}, {"fleet", "7"}});
  ASSERT_TRUE(world.Reopen(ParseModel(with("true"))).ok());
  ListRequest request;
  request.filter = "lead.fleet == 7";
  const auto list = world.engine().List(world.At("read"), request);
  ASSERT_TRUE(list.ok()) << list.status();
  EXPECT_EQ(list->leads.size(), 1u) << list->plan;
}

TEST_P(EngineOpenTest, AReaderPublishesNothingAndRefusesCommands) {
  World world(WithRules(kCalls), GetParam());
  const std::string id = world.Created({{"full_name", "Ada"}});
  const size_t events = world.Events().size();
  const auto reader =
      Engine::Open({Model::Default(), "test", true}, &world.store(), world.At("read"));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_TRUE((*reader)->Get(world.At("read"), id).ok());
  const Reply reply = (*reader)->Log(world.Next(), MakeActivity(id, "note"));
  EXPECT_EQ(reply.outcome, Outcome::kFailed);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE((*reader)->Tick(world.At("tick"), 1).ok());
  EXPECT_EQ(world.Events().size(), events);
}

TEST_P(EngineOpenTest, WorkspacesDoNotSeeEachOther) {
  World world(WithRules(kCalls), GetParam());
  const std::string id = world.Created({{"full_name", "Ada"}, {"email", "ada@example.org"}});
  const auto other = Engine::Open({nullptr, "other", false}, &world.store(), world.At("open"));
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_EQ((*other)->model().hash(), Model::Default()->hash());
  EXPECT_EQ((*other)->Get(world.At("read"), id).status().code(), absl::StatusCode::kNotFound);
  const Reply reply = (*other)->SubmitLead(
      world.At("request-1"),
      MakeLead((*other)->model(), {{"full_name", "Ada"}, {"email", "ada@example.org"}}));
  EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  EXPECT_NE(reply.lead_id, id);
  EXPECT_FALSE(Engine::Open({nullptr, "", false}, &world.store(), world.At("open")).ok());
}

}  // namespace
}  // namespace leadcore::testing
