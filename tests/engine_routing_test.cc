// SPDX-License-Identifier: Apache-2.0
//
// Who gets a lead, as the engine keeps it: turns, caps and weights are counters of the store.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "engine_util.h"

namespace leadcore::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using How = Assignment::How;

constexpr std::string_view kModel = R"json({
  "required": [{"any_of": ["full_name"]}],
  "keys": [{"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "reject"},
           {"name": "phone", "fields": ["phone"], "on_hit": "flag"}],
  "scoring": {"groups": [{"name": "all", "rules": [
      {"name": "boss", "when": "lead.job_title == 'CEO'", "points": 80}]}],
    "bands": [{"name": "cold", "from": 0}, {"name": "hot", "from": 70}]},
  "routing": {
    "affinity": ["existing", "account"],
    "territories": [
      {"name": "Bay", "areas": [{"country": "US", "postal_from": "940", "postal_to": "951"}]},
      {"name": "California", "areas": [{"country": "US", "region": "CA"}]},
      {"name": "America", "areas": [{"country": "US"}]}],
    "rules": [
      {"name": "hot", "when": "lead.score >= 70", "pool": "closers"},
      {"name": "big", "when": "lead.employee_count >= 1000", "pool": "closers"},
      {"name": "bay", "when": "lead.territory == 'Bay'", "pool": "bay"}],
    "pools": [
      {"name": "closers", "strategy": "weighted", "members": [
        {"id": "cleo", "weight": 2}, {"id": "carl"}]},
      {"name": "bay", "members": [{"id": "ben", "cap": 2}, {"id": "off", "active": false}]},
      {"name": "rest", "members": [{"id": "ann"}, {"id": "bob"}, {"id": "eve"}]}],
    "fallback_pool": "rest",
    "fallback_owner": "zoe"}})json";

class EngineRoutingTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineRoutingTest() : world_(kModel, GetParam()) {}

  Reply Put(Fields fields) {
    fields.emplace_back("full_name", "Somebody");
    return world_.Put(fields);
  }
  static std::string Answer(const Assignment& assignment, std::string_view what) {
    for (const Assignment::Step& step : assignment.steps) {
      if (step.what == what) return step.answer;
    }
    return "(not asked)";
  }

  World world_;
};
LEADCORE_ON_BOTH_STORES(EngineRoutingTest);

TEST_P(EngineRoutingTest, TheMostExactTerritoryIsStoredWithTheLead) {
  const std::vector<std::pair<Fields, std::string>> cases = {
      {{{"country", "US"}, {"region", "California"}, {"postal_code", "94105"}}, "Bay"},
      {{{"country", "US"}, {"region", "CA"}, {"postal_code", "90001"}}, "California"},
      {{{"country", "US"}, {"region", "NY"}}, "America"},
      {{{"country", "DE"}, {"postal_code", "94032"}}, ""}};
  for (const auto& [fields, territory] : cases) {
    const Reply reply = Put(fields);
    ASSERT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
    EXPECT_EQ(world_.Show(reply.lead_id, "territory"), territory);
    EXPECT_EQ(reply.assignment.territory, territory);
  }
}

TEST_P(EngineRoutingTest, TheExplanationTellsEveryStep) {
  const Reply reply = Put({{"country", "US"}, {"postal_code", "94105"}});
  ASSERT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  const Assignment& assignment = reply.assignment;
  EXPECT_EQ(assignment.how, How::kRotation);
  EXPECT_EQ(assignment.owner, "ben");
  EXPECT_EQ(assignment.pool, "bay");
  EXPECT_EQ(assignment.rule, "bay");
  EXPECT_EQ(assignment.ticket, 1);
  EXPECT_EQ(Answer(assignment, "rule hot"), "not matched");
  EXPECT_EQ(Answer(assignment, "rule big"), "not matched: lead.employee_count is missing");
  EXPECT_EQ(Answer(assignment, "rule bay"), "matched: pool bay");
  EXPECT_EQ(Answer(assignment, "member off"), "inactive");
  EXPECT_EQ(Answer(assignment, "pool bay"), "turn of ben, ticket 1");
  // The same is in the feed.
  const absl::StatusOr<EventPayload> payload = DecodeEventPayload(world_.Events().back().payload);
  ASSERT_TRUE(payload.ok() && payload->assignment.has_value());
  ASSERT_EQ(payload->assignment->steps.size(), assignment.steps.size());
  for (size_t i = 0; i < assignment.steps.size(); ++i) {
    EXPECT_EQ(payload->assignment->steps[i].what, assignment.steps[i].what);
    EXPECT_EQ(payload->assignment->steps[i].answer, assignment.steps[i].answer);
  }
}

TEST_P(EngineRoutingTest, AScoreDecidesOverThePool) {
  const Reply reply = Put({{"job_title", "CEO"}});
  EXPECT_EQ(reply.score.band, "hot");
  EXPECT_EQ(reply.assignment.rule, "hot");
  EXPECT_EQ(reply.assignment.owner, "cleo");
}

TEST_P(EngineRoutingTest, WeightsAndTurnsGoOnFromCallToCall) {
  std::vector<std::string> closers;
  std::vector<std::string> rest;
  for (int i = 0; i < 6; ++i) {
    closers.push_back(Put({{"employee_count", "5000"}}).assignment.owner);
    rest.push_back(Put({}).assignment.owner);
    ASSERT_TRUE(world_.Reopen(nullptr).ok());
  }
  EXPECT_THAT(closers, ElementsAre("cleo", "carl", "cleo", "cleo", "carl", "cleo"));
  EXPECT_THAT(rest, ElementsAre("ann", "bob", "eve", "ann", "bob", "eve"));
}

TEST_P(EngineRoutingTest, WhoIsFullIsPassedOverAndTheFallbackOwnerHelps) {
  const Fields bay = {{"country", "US"}, {"postal_code", "94105"}};
  EXPECT_EQ(Put(bay).assignment.owner, "ben");
  EXPECT_EQ(Put(bay).assignment.owner, "ben");
  const Reply full = Put(bay);
  EXPECT_EQ(full.assignment.owner, "zoe");
  EXPECT_EQ(full.assignment.how, How::kFallback);
  EXPECT_EQ(full.assignment.pool, "bay");
  EXPECT_EQ(full.assignment.ticket, 0);
  EXPECT_EQ(Answer(full.assignment, "member ben"), "full: 2 of 2 leads");
  EXPECT_EQ(Answer(full.assignment, "pool bay"), "nobody available");
  EXPECT_EQ(world_.Show(full.lead_id, "owner"), "zoe");
  EXPECT_EQ(world_.Show(full.lead_id, "assign_time"), "2026-01-05T09:00:00Z");
}

TEST_P(EngineRoutingTest, WithNobodyThereALeadWaitsInThePool) {
  World world(R"json({"required": [{"any_of": ["full_name"]}], "routing": {
      "pools": [{"name": "p", "members": [{"id": "ann", "active": false}]}],
      "fallback_pool": "p"}})json",
              GetParam());
  const Reply reply = world.Put({{"full_name", "Ada"}});
  EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  EXPECT_EQ(reply.assignment.how, How::kNone);
  EXPECT_EQ(world.Show(reply.lead_id, "owner"), "");
  EXPECT_EQ(world.Show(reply.lead_id, "assign_time"), "");
  EXPECT_EQ(world.Show(reply.lead_id, "pool"), "p");
}

TEST_P(EngineRoutingTest, WhoHasALeadOfThePersonOrCompanyGetsTheNext) {
  const Reply first = Put({{"phone", "+14155552671"}, {"website", "acme.example.com"}});
  ASSERT_EQ(first.assignment.owner, "ann");
  const Reply person = Put({{"phone", "+14155552671"}});
  EXPECT_EQ(person.assignment.owner, "ann");
  EXPECT_EQ(person.assignment.how, How::kAffinity);
  EXPECT_EQ(person.assignment.ticket, 0);
  EXPECT_THAT(Answer(person.assignment, "affinity ann"), HasSubstr(first.lead_id));
  const Reply company = Put({{"website", "https://acme.example.com/about"}});
  EXPECT_EQ(company.assignment.owner, "ann");
  EXPECT_THAT(Answer(company.assignment, "affinity ann"), HasSubstr("same company"));
  EXPECT_EQ(Put({}).assignment.owner, "bob") << "affinity takes no turn";
}

TEST_P(EngineRoutingTest, AnOwnerWhoCannotIsNotKept) {
  const Fields bay = {{"country", "US"}, {"postal_code", "94105"}, {"phone", "+14155552671"}};
  ASSERT_EQ(Put(bay).assignment.owner, "ben");
  ASSERT_EQ(Put(bay).assignment.how, How::kAffinity);  // counts as a lead of his
  const Reply third = Put({{"phone", "+14155552671"}});
  EXPECT_EQ(Answer(third.assignment, "affinity ben"), "not kept: full: 2 of 2 leads");
  EXPECT_EQ(third.assignment.owner, "ann");
}

TEST_P(EngineRoutingTest, ANamedOwnerIsTakenAsManual) {
  const Reply reply = Put({{"owner", "eve"}});
  EXPECT_EQ(reply.assignment.owner, "eve");
  EXPECT_EQ(reply.assignment.how, How::kManual);
  const Reply off = Put({{"owner", "off"}});
  EXPECT_EQ(off.assignment.owner, "ann");
  EXPECT_EQ(Answer(off.assignment, "given owner off"), "not kept: inactive");
}

// A refused submit takes no ticket, so that turns stay fair.
TEST_P(EngineRoutingTest, OnlyWhatIsCommittedTakesATurn) {
  std::vector<std::string> owners;
  std::vector<int64_t> tickets;
  for (int i = 0; i < 6; ++i) {
    const std::string email = "p" + std::to_string(i) + "@x.example.com";
    for (int twice = 0; twice < 2; ++twice) {
      const Reply reply = world_.Put({{"full_name", "S"}, {"email", email}});
      ASSERT_EQ(reply.outcome, twice == 0 ? Outcome::kCreated : Outcome::kDuplicate);
      if (twice == 0) owners.push_back(reply.assignment.owner);
      if (twice == 0) tickets.push_back(reply.assignment.ticket);
    }
  }
  // All from one company: the first takes the turn, the others stay with the owner.
  EXPECT_THAT(owners, Each("ann"));
  EXPECT_THAT(tickets, ElementsAre(1, 0, 0, 0, 0, 0));
  EXPECT_EQ(Put({}).assignment.ticket, 2);
}

}  // namespace
}  // namespace leadcore::testing
