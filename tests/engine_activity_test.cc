// SPDX-License-Identifier: Apache-2.0
//
// What happens to a lead and how time passes change its score, exactly when they should; every
// change is an event that carries the result.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "engine_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr std::string_view kModel = R"json({
  "required": [{"any_of": ["full_name", "email"]}],
  "keys": [{"name": "external_id", "exclusive": true, "fields": ["external_id"]},
           {"name": "email", "exclusive": true, "fields": ["email"]}],
  "activity_kinds": [{"name": "call", "response": true,
                      "attributes": [{"name": "minutes", "type": "real"}]}],
  "scoring": {"groups": [{"name": "all", "cap": 100, "rules": [
      {"name": "views", "when": "count('page_view', days(2)) >= 2", "points": 40},
      {"name": "pricing", "points": 15,
       "when": "count('page_view', days(1), activity.path.startsWith('/pricing')) >= 1"},
      {"name": "talked", "when": "sum('call', 'minutes', days(3)) >= 30", "points": 35},
      {"name": "fresh", "when": "now - lead.create_time < duration('36h')", "points": 5}]}],
    "bands": [{"name": "cold", "from": 0}, {"name": "warm", "from": 31},
              {"name": "hot", "from": 70}]}})json";

class EngineActivityTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineActivityTest() : world_(kModel, GetParam()) {}

  std::string Ada() {
    return world_.Created(
        {{"full_name", "Ada"}, {"email", "ada@example.org"}, {"external_id", "A1"}});
  }
  TickReply Tick(size_t limit = 10'000) {
    const absl::StatusOr<TickReply> reply = world_.engine().Tick(world_.At("tick"), limit);
    EXPECT_TRUE(reply.ok()) << reply.status();
    return reply.ok() ? *reply : TickReply();
  }
  EventPayload Last() {
    absl::StatusOr<EventPayload> payload = DecodeEventPayload(world_.Events().back().payload);
    EXPECT_TRUE(payload.ok()) << payload.status();
    return payload.ok() ? *std::move(payload) : EventPayload();
  }

  World world_;
};
LEADCORE_ON_BOTH_STORES(EngineActivityTest);

TEST_P(EngineActivityTest, AnActivityIsCountedAndScoredInItsOwnCommit) {
  const std::string id = Ada();
  EXPECT_EQ(world_.Score(id), 5);
  Activity view = MakeActivity(id, "page_view", kStart - kHour);
  view.attributes = {{"path", "/pricing/teams"}};
  const Reply one = world_.engine().Log(world_.Next(), view);
  ASSERT_EQ(one.outcome, Outcome::kLogged) << one.status;
  EXPECT_EQ(ShownPoints(one.score.total), 20);
  const Reply two = world_.Happened(id, "page_view");
  EXPECT_EQ(ShownPoints(two.score.total), 60);
  EXPECT_EQ(two.score.band, "warm");
  EXPECT_EQ(world_.Score(id), 60);
  EXPECT_EQ(world_.Show(id, "version"), "1") << "people's edits meet no conflict";
  EXPECT_EQ(world_.Show(id, "last_activity_time"), "2026-01-05T09:00:00Z");
  EXPECT_THAT(world_.Types(id), ElementsAre("created", "activity", "activity"));
  const EventPayload payload = Last();
  EXPECT_EQ(payload.state(), EncodeLeadState(world_.Get(id).state));
  EXPECT_THAT(payload.details, Contains(Pair("band", "cold -> warm")));
  const absl::StatusOr<Activity> told = DecodeActivity(payload.activity());
  ASSERT_TRUE(told.ok());
  EXPECT_EQ(told->id, two.activity_id);
  EXPECT_EQ(told->actor, "tester");
  EXPECT_EQ(told->time, kStart);
}

TEST_P(EngineActivityTest, TheFirstResponseIsTheEarliestByAPerson) {
  const std::string id = Ada();
  world_.Happened(id, "page_view", kStart - 5 * kHour);
  EXPECT_EQ(world_.Show(id, "first_response_time"), "");
  world_.Happened(id, "call", kStart - kHour);
  world_.Happened(id, "call", kStart - 2 * kHour);
  world_.Happened(id, "email", kStart);
  EXPECT_EQ(world_.Show(id, "first_response_time"), "2026-01-05T07:00:00Z");
  EXPECT_EQ(world_.Show(id, "last_activity_time"), "2026-01-05T09:00:00Z");
}

TEST_P(EngineActivityTest, TheLeadIsFoundByWhatOtherSystemsKnow) {
  const std::string id = Ada();
  const Activity note = MakeActivity("", "note");
  const auto log = [&](const char* external_id, const char* email) {
    return world_.engine().Apply(world_.Next(), {"", LogActivity{note, external_id, email}});
  };
  EXPECT_EQ(log("A1", "").lead_id, id);
  EXPECT_EQ(log("", "ADA@example.org").lead_id, id);
  EXPECT_EQ(log("unknown", "ada@example.org").lead_id, id);
  const Reply nobody = log("unknown", "");
  EXPECT_EQ(nobody.outcome, Outcome::kRejected);
  EXPECT_EQ(nobody.status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(nobody.status.ToString(), HasSubstr("unknown"));
  EXPECT_THAT(log("", "").status.ToString(), HasSubstr("lead_id, external_id or email"));
  EXPECT_EQ(world_.Happened("01nobody", "note").status.code(), absl::StatusCode::kNotFound);
}

TEST_P(EngineActivityTest, WhatCannotBeLoggedIsRefusedWithAReason) {
  const std::string id = Ada();
  const size_t events = world_.Events().size();
  EXPECT_THAT(world_.Happened(id, "page_veiw").status.ToString(),
              AllOf(HasSubstr("did you mean 'page_view'?"), HasSubstr("kinds: ")));
  EXPECT_THAT(world_.Happened(id, "note", kStart + kDay + 1).status.ToString(),
              HasSubstr("more than a day ahead"));
  Activity call = MakeActivity(id, "call");
  call.attributes = {{"minutes", std::string("long")}};
  const Reply reply = world_.engine().Log(world_.Next(), call);
  EXPECT_EQ(reply.outcome, Outcome::kRejected);
  EXPECT_THAT(reply.status.ToString(), HasSubstr("attribute 'minutes' is real in the model"));
  EXPECT_EQ(world_.Events().size(), events);
  call.attributes = {{"minutes", int64_t{31}}, {"mood", std::string("good")}};
  EXPECT_EQ(ShownPoints(world_.engine().Log(world_.Next(), call).score.total), 40);
}

TEST_P(EngineActivityTest, PointsGoAtTheVeryMomentThatTheScoreNamed) {
  const std::string id = Ada();
  world_.Happened(id, "page_view", kStart - kHour);
  world_.Happened(id, "page_view");
  ASSERT_EQ(world_.Score(id), 45);
  std::vector<int64_t> shown = {45};
  std::vector<std::string> types = {"created", "activity", "activity"};
  while (const std::optional<int64_t> until = world_.Get(id).state.score.valid_until) {
    world_.now = *until - 1;
    const size_t events = world_.Events().size();
    EXPECT_EQ(Tick().due, 0u);
    EXPECT_EQ(world_.Events().size(), events);
    EXPECT_EQ(world_.Score(id), shown.back());
    world_.now = *until;
    const int64_t seen = world_.Score(id);  // a read is exact before the tick
    const TickReply tick = Tick();
    EXPECT_EQ(tick.due, 1u);
    EXPECT_FALSE(tick.more);
    EXPECT_EQ(world_.Score(id), seen);
    EXPECT_EQ(tick.changed, seen == shown.back() ? 0u : 1u);
    EXPECT_EQ(Last().state(), EncodeLeadState(world_.Get(id).state));
    types.push_back(tick.band_changed == 1 ? "band_changed" : "scored");
    if (seen != shown.back()) shown.push_back(seen);
    ASSERT_LT(types.size(), 20u);
  }
  EXPECT_THAT(shown, ElementsAre(45, 40, 0));
  EXPECT_EQ(std::count(types.begin(), types.end(), "band_changed"), 1);
  EXPECT_EQ(world_.Types(id), types);
}

TEST_P(EngineActivityTest, ATickTakesTheOldestFirstAndSaysWhetherMoreAreDue) {
  std::vector<std::string> ids;
  for (int i = 0; i < 5; ++i) {
    world_.now = kStart + i * kHour;
    ids.push_back(world_.Created({{"full_name", "Lead X" + std::to_string(i)}}));
  }
  world_.now = kStart + 30 * kDay;
  const TickReply first = Tick(2);
  EXPECT_EQ(first.due, 2u);
  EXPECT_EQ(first.changed, 2u);
  EXPECT_TRUE(first.more);
  EXPECT_THAT(world_.Types(ids[1]), ElementsAre("created", "scored"));
  EXPECT_THAT(world_.Types(ids[2]), ElementsAre("created"));
  const TickReply rest = Tick();
  EXPECT_EQ(rest.due, 3u);
  EXPECT_FALSE(rest.more);
  EXPECT_EQ(Tick().due, 0u);
  for (const std::string& id : ids) EXPECT_EQ(world_.Score(id), 0);
}

TEST_P(EngineActivityTest, AnExplanationTellsOfEveryRuleAsOfNow) {
  const std::string id = Ada();
  world_.Happened(id, "page_view");
  world_.Happened(id, "page_view");
  const auto matched = [&] {
    std::vector<std::string> names;
    const auto trace = world_.engine().Explain(world_.At("read"), id);
    EXPECT_TRUE(trace.ok()) << trace.status();
    EXPECT_EQ(trace->size(), 4u);
    for (const RuleTrace& rule : *trace) {
      if (rule.truth == Truth::kTrue) names.emplace_back(rule.rule);
    }
    return names;
  };
  EXPECT_THAT(matched(), ElementsAre("views", "fresh"));
  world_.now += 37 * kHour;
  EXPECT_THAT(matched(), ElementsAre("views"));
  world_.now += kDay;
  EXPECT_THAT(matched(), ElementsAre());
  EXPECT_EQ(world_.engine().Explain(world_.At("read"), "01nobody").status().code(),
            absl::StatusCode::kNotFound);
}

// Replay applies and never decides again.
TEST_P(EngineActivityTest, TheFeedHoldsEveryStateThatWasStored) {
  const uint64_t seed = Seed();
  std::mt19937_64 random(seed);
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(world_.Created({{"full_name", "Lead X" + std::to_string(i)}}));
  }
  for (size_t step = 0; step < Scaled(150); ++step) {
    world_.now += static_cast<int64_t>(random() % (6 * kHour));
    const bool view = random() % 3 != 0;
    Activity activity = MakeActivity(ids[random() % ids.size()], view ? "page_view" : "call",
                                     world_.now - static_cast<int64_t>(random() % kDay));
    if (view) activity.attributes = {{"path", random() % 2 == 0 ? "/pricing" : "/"}};
    if (!view) activity.attributes = {{"minutes", static_cast<double>(random() % 30)}};
    ASSERT_TRUE(world_.engine().Log(world_.Next(), activity).status.ok());
    if (random() % 4 == 0) Tick(1 + random() % 6);
  }
  Tick();
  std::map<std::string, std::string> states;
  for (const Event& event : world_.Events()) {
    if (event.leads.empty()) continue;
    const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
    ASSERT_TRUE(payload.ok()) << payload.status();
    if (!payload->state().empty()) states[event.leads[0]] = payload->state();
  }
  for (const std::string& id : ids) {
    const LeadRecord record = world_.Get(id);
    EXPECT_EQ(EncodeLeadState(record.state), states[id]) << "seed " << seed;
    // After a tick what is stored is what a fresh look gives.
    const leadcore::Score fresh = world_.model().scoring().Evaluate(
        record.lead.view(&record.state.activities), FromMicros(world_.now));
    EXPECT_EQ(fresh.total, record.state.score.total) << "seed " << seed;
    EXPECT_EQ(fresh.valid_until, record.state.score.valid_until) << "seed " << seed;
  }
}

}  // namespace
}  // namespace leadcore::testing
