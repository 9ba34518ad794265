// SPDX-License-Identifier: Apache-2.0
//
// AssignLead: who gets a known lead, by hand or by the model, and what it does to loads and turns.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine_util.h"
#include "leadcore/engine.h"

namespace leadcore {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::Fields;
using ::testing::HasSubstr;
using testing::kDay;
using testing::kStart;
using testing::MakeLead;
using ::testing::Pair;
using testing::StoreKind;
using testing::World;
using To = AssignLead::To;

// bob has room for one lead, cleo is away for the first week, dan is not active.
constexpr std::string_view kModel = R"({
  "name": "assignments",
  "keys": [{"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "flag"},
           {"name": "phone", "fields": ["phone"], "on_hit": "flag"}],
  "required": [{"any_of": ["email"]}],
  "routing": {
    "pools": [
      {"name": "sales", "members": [{"id": "ann"}, {"id": "bob", "cap": 1}]},
      {"name": "key", "members": [
        {"id": "cleo", "away": [{"from": "2026-01-01", "to": "2026-01-12"}]},
        {"id": "dan", "active": false}, {"id": "eve"}]}],
    "rules": [{"name": "large", "when": "lead.employee_count >= 100", "pool": "key"}],
    "fallback_pool": "sales"}})";

class AssignTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  Reply Assign(std::string_view id, To to, std::string_view name = "", std::string_view reason = "",
               std::optional<int64_t> version = {}) {
    return world_.engine().Apply(
        world_.Next(),
        {"", AssignLead{std::string(id), to, std::string(name), std::string(reason), version}});
  }
  std::string Lead(const Fields& more = {}) {
    const std::string address = "person@firm" + std::to_string(++people_) + ".com";
    Fields fields = {{"full_name", "Person"}, {"email", address}};
    fields.insert(fields.end(), more.begin(), more.end());
    return world_.Created(fields);
  }
  std::string Owner(std::string_view id) { return world_.Show(id, "owner"); }
  int64_t Load(std::string_view member) { return world_.Counter(Routing::LoadCounter(member)); }
  void TearDown() override { world_.ExpectWhole(); }

  World world_{kModel, GetParam()};
  int people_ = 0;
};

TEST_P(AssignTest, AMemberIsNamedByHand) {
  const std::string id = Lead();
  EXPECT_EQ(Owner(id), "ann");
  world_.now += kDay;
  const Reply reply = Assign(id, To::kMember, "eve", "knows the branch");
  EXPECT_EQ(reply.outcome, Outcome::kAssigned) << reply.status;
  EXPECT_EQ(reply.version, 2);
  EXPECT_EQ(reply.assignment.owner, "eve");
  EXPECT_EQ(reply.assignment.how, Assignment::How::kManual);
  EXPECT_EQ(Owner(id), "eve");
  EXPECT_EQ(world_.Get(id).lead[field::kAssignTime].micros(), world_.now);
  EXPECT_EQ(Load("ann"), 0);
  EXPECT_EQ(Load("eve"), 1);
  EXPECT_EQ(world_.Counter("ticket/sales"), 1) << "no turn is taken";
  EXPECT_THAT(world_.Told(id).details,
              ElementsAre(Pair("owner", "ann -> eve"), Pair("reason", "knows the branch")));
  EXPECT_THAT(world_.Types(id), ElementsAre("created", "assigned"));
  EXPECT_EQ(Assign(id, To::kMember, "eve").outcome, Outcome::kUnchanged);
  EXPECT_EQ(Load("eve"), 1);
  EXPECT_EQ(world_.Get(id).lead.version(), 2);
}

TEST_P(AssignTest, WhoCannotTakeItIsRefusedWithTheReason) {
  const std::string id = Lead();
  Assign(id, To::kMember, "bob");
  const std::string other = Lead();
  const auto refused = [&](std::string_view member) {
    const Reply reply = Assign(other, To::kMember, member);
    EXPECT_EQ(reply.outcome, Outcome::kRejected);
    return std::string(reply.status.message());
  };
  EXPECT_THAT(refused("bob"), HasSubstr("bob takes no more leads: full: 1 of 1 leads"));
  EXPECT_THAT(refused("cleo"), HasSubstr("away until 2026-01-12T00:00:00Z"));
  EXPECT_THAT(refused("dan"), HasSubstr("inactive"));
  EXPECT_THAT(refused("anna"), HasSubstr("no pool has a member 'anna', did you mean 'ann'?"));
  EXPECT_EQ(Owner(other), "ann");
  world_.now = kStart + 7 * kDay;  // cleo is back
  EXPECT_EQ(Assign(other, To::kMember, "cleo").outcome, Outcome::kAssigned);
}

TEST_P(AssignTest, WhoHasItAlreadyKeepsItThoughFull) {
  const std::string id = Lead();
  Assign(id, To::kMember, "bob");
  EXPECT_EQ(Assign(id, To::kMember, "bob").outcome, Outcome::kUnchanged);
  EXPECT_EQ(Load("bob"), 1);
}

TEST_P(AssignTest, APoolGivesItToItsNextOne) {
  const std::string id = Lead();
  const Reply reply = Assign(id, To::kPool, "key");
  EXPECT_EQ(reply.outcome, Outcome::kAssigned) << reply.status;
  EXPECT_EQ(Owner(id), "eve");
  EXPECT_EQ(world_.Show(id, "pool"), "key");
  EXPECT_EQ(reply.assignment.ticket, 1);
  EXPECT_THAT(std::string(Assign(id, To::kPool, "keys").status.message()),
              HasSubstr("no pool 'keys', did you mean 'key'?"));
  // Nobody else is there: it waits in the queue.
  const Reply again = Assign(id, To::kPool, "key");
  EXPECT_EQ(again.outcome, Outcome::kAssigned);
  EXPECT_EQ(again.assignment.how, Assignment::How::kNone);
  EXPECT_EQ(Owner(id), "");
  EXPECT_FALSE(world_.Get(id).lead.has(field::kAssignTime));
  EXPECT_EQ(Load("eve"), 0);
  EXPECT_EQ(world_.Counter("ticket/key"), 1) << "no turn is lost";
}

TEST_P(AssignTest, TheModelChoosesAgainButNotWhoHasIt) {
  const std::string id = Lead();
  EXPECT_EQ(Owner(id), "ann");
  const Reply reply = Assign(id, To::kAuto, "", "ann is ill");
  EXPECT_EQ(Owner(id), "bob");
  EXPECT_EQ(reply.assignment.how, Assignment::How::kRotation);
  std::vector<std::string> steps;
  for (const Assignment::Step& step : reply.assignment.steps) {
    steps.push_back(step.what + ": " + step.answer);
  }
  EXPECT_THAT(steps, ::testing::Contains("member ann: has it now"));
  // As the lead is now.
  UpdateLead grown{
      id, MakeLead(world_.model(), {{"employee_count", "500"}}), {"employee_count"}, std::nullopt};
  world_.engine().Apply(world_.Next(), {"", grown});
  Assign(id, To::kAuto);
  EXPECT_EQ(Owner(id), "eve");
  EXPECT_EQ(world_.Show(id, "pool"), "key");
  EXPECT_EQ(Load("bob"), 0);
}

TEST_P(AssignTest, BackIntoTheQueue) {
  const std::string id = Lead();
  EXPECT_EQ(Assign(id, To::kNobody, "", "no time").outcome, Outcome::kAssigned);
  EXPECT_EQ(Owner(id), "");
  EXPECT_EQ(world_.Show(id, "pool"), "sales");
  EXPECT_EQ(Load("ann"), 0);
  EXPECT_THAT(world_.Told(id).details,
              ElementsAre(Pair("owner", "ann -> nobody"), Pair("reason", "no time")));
  EXPECT_EQ(Assign(id, To::kNobody).outcome, Outcome::kUnchanged);
  EXPECT_EQ(Assign(id, To::kMember, "ann").outcome, Outcome::kAssigned);
  EXPECT_EQ(Load("ann"), 1);
}

TEST_P(AssignTest, OnlyOpenLeadsAreRoutedAndCount) {
  const std::string id = Lead();
  world_.engine().Apply(world_.Next(),
                        {"", TransitionLead{id, "Unqualified", "no_need", "", std::nullopt}});
  EXPECT_EQ(Load("ann"), 0);
  EXPECT_THAT(std::string(Assign(id, To::kAuto).status.message()),
              HasSubstr("only open leads are routed, this one is Unqualified"));
  EXPECT_EQ(Assign(id, To::kMember, "bob").outcome, Outcome::kAssigned);
  EXPECT_EQ(Load("bob"), 0);
  world_.engine().Apply(world_.Next(), {"", TransitionLead{id, "Nurture", "", "", std::nullopt}});
  EXPECT_EQ(Load("bob"), 1);
}

TEST_P(AssignTest, AConflictNamesTheOwner) {
  const std::string id = Lead();
  Assign(id, To::kMember, "eve");
  const Reply late = Assign(id, To::kMember, "bob", "", 1);
  EXPECT_EQ(late.status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(late.status.message()),
              HasSubstr("at version 2, not 1: its owner is eve"));
  EXPECT_EQ(Assign("01nobody", To::kAuto).status.code(), absl::StatusCode::kNotFound);
}

TEST_P(AssignTest, WhoComesInBehindItInOneCallGetsTheNewOwner) {
  const std::string id = Lead({{"phone", "+1 415 555 0100"}});
  std::vector<Command> commands;
  commands.push_back({"", AssignLead{id, To::kMember, "eve", "", std::nullopt}});
  commands.push_back({"", Submit{MakeLead(world_.model(), {{"full_name", "Person"},
                                                           {"email", "new@example.com"},
                                                           {"phone", "+1 415 555 0100"}})}});
  const std::vector<Reply> replies = world_.engine().ApplyMany(world_.Next(), commands);
  EXPECT_EQ(replies[1].assignment.owner, "eve") << "the owner of the same person's lead";
}

// The last free place of a member, taken between the decision and the commit: the cap holds, and
// the lead stays where it was.
TEST_P(AssignTest, ACapHoldsAgainstARace) {
  const std::string first = Lead(), second = Lead();
  const std::string owner = Owner(second);
  std::vector<Command> commands;
  commands.push_back({"", AssignLead{first, To::kMember, "bob", "", std::nullopt}});
  commands.push_back({"", AssignLead{second, To::kMember, "bob", "", std::nullopt}});
  if (owner == "bob") Assign(second, To::kMember, "ann");
  const std::vector<Reply> replies = world_.engine().ApplyMany(world_.Next(), commands);
  EXPECT_EQ(replies[0].outcome, Outcome::kAssigned) << replies[0].status;
  EXPECT_EQ(replies[1].outcome, Outcome::kUnchanged) << replies[1].status;
  EXPECT_THAT(replies[1].assignment.steps.front().answer, HasSubstr("full: 1 of 1 leads"));
  EXPECT_EQ(Load("bob"), 1);
  EXPECT_EQ(Owner(second), "ann");
  EXPECT_EQ(world_.Types(second).back(), "unchanged");
}

// At every moment each member's load is the open leads that they own.
TEST_P(AssignTest, LoadsAreTheOpenLeads) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const auto draw = [&](size_t below) { return static_cast<size_t>(random() % below); };
  std::vector<std::string> ids;
  for (int i = 0; i < 8; ++i) ids.push_back(Lead());
  const std::vector<std::string> members = {"ann", "bob", "cleo", "dan", "eve"};
  const std::vector<std::string> states = {"Contacted", "Unqualified", "Nurture", "New"};
  for (int i = 0; i < 150; ++i) {
    const std::string& id = ids[draw(ids.size())];
    Reply reply;
    switch (draw(5)) {
      case 0:
        reply = world_.engine().Apply(
            world_.Next(),
            {"", TransitionLead{id, states[draw(states.size())], "other", "", std::nullopt}});
        break;
      case 1:
        reply = Assign(id, To::kPool, draw(2) == 0 ? "sales" : "key");
        break;
      case 2:
        reply = Assign(id, draw(2) == 0 ? To::kAuto : To::kNobody);
        break;
      default:
        reply = Assign(id, To::kMember, members[draw(members.size())]);
    }
    ASSERT_NE(reply.outcome, Outcome::kFailed) << reply.status;
    world_.now += static_cast<int64_t>(draw(kDay / 4));
    std::map<std::string, int64_t> open;
    for (const LeadRecord& record : world_.All()) {
      const StateConfig* state = world_.model().lifecycle().Find(record.lead.text(field::kStatus));
      if (state->type == StateType::kOpen && record.lead.has(field::kOwner)) {
        ++open[std::string(record.lead.text(field::kOwner))];
      }
    }
    for (const std::string& member : members) {
      ASSERT_EQ(Load(member), open[member]) << "seed " << seed << " step " << i << " " << member;
    }
  }
}

LEADCORE_ON_BOTH_STORES(AssignTest);

}  // namespace
}  // namespace leadcore
