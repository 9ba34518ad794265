// SPDX-License-Identifier: Apache-2.0
//
// TransitionLead and automatic moves: the lifecycle at work.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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
using ::testing::IsEmpty;
using testing::kDay;
using testing::kHour;
using testing::MakeActivity;
using testing::MakeLead;
using ::testing::Pair;
using testing::StoreKind;
using testing::World;

constexpr std::string_view kModel = R"({
  "name": "moves",
  "required": [{"any_of": ["email"]}],
  "unqualified_reasons": ["no_need", "bad_data"],
  "lifecycle": {"initial": "New", "states": [
      {"name": "New", "stage": "lead", "next_action": "Call", "next_action_within": "1d",
       "to": ["Contacted", "Lost"]},
      {"name": "Contacted", "stage": "mql", "next_action": "Follow up", "next_action_within": "3d",
       "to": ["Qualified", "Lost", "New"]},
      {"name": "Qualified", "stage": "sql", "to": ["Won", "Lost", "Contacted"], "qualifies": true,
       "required": ["company", "job_title"],
       "guards": [{"name": "need", "when": "lead.bant.need_confirmed"},
                  {"name": "size", "when": "lead.employee_count >= 10"}]},
      {"name": "Lost", "type": "lost", "next_action": "Archive", "to": ["New"]},
      {"name": "Won", "type": "won", "stage": "customer"}],
    "automatic": [
      {"name": "called", "from": ["New"], "to": "Contacted", "when": "count('call') >= 1"},
      {"name": "clear", "from": ["Contacted"], "to": "Qualified", "when": "lead.rating == 'hot'"}]},
  "scoring": {"bands": [{"name": "cold", "from": 0}],
    "groups": [{"name": "fit", "rules": [
      {"name": "is lost", "points": 7, "when": "lead.status == 'Lost'"}]}]},
  "routing": {"pools": [{"name": "all", "members": [{"id": "ann"}]}], "fallback_pool": "all"}})";

class TransitionTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  Reply Move(std::string_view id, std::string_view to, std::string_view reason = "",
             std::string_view override_reason = "", std::optional<int64_t> version = {}) {
    return world_.engine().Apply(
        world_.Next(), {"", TransitionLead{std::string(id), std::string(to), std::string(reason),
                                           std::string(override_reason), version}});
  }
  std::string New(const Fields& more = {}) {
    Fields fields = {{"full_name", "Ada Lovelace"}, {"email", "ada@example.com"}};
    fields.insert(fields.end(), more.begin(), more.end());
    return world_.Created(fields);
  }
  std::string Ready() {
    return New({{"company", "Engines"},
                {"job_title", "Countess"},
                {"bant.need_confirmed", "yes"},
                {"employee_count", "12"}});
  }
  int64_t Load() { return world_.Counter(Routing::LoadCounter("ann")); }
  int64_t TimeOf(std::string_view id, FieldId field) {
    const LeadRecord record = world_.Get(id);
    return record.lead.has(field) ? record.lead[field].micros() : -1;
  }
  void TearDown() override { world_.ExpectWhole(); }

  World world_{kModel, GetParam()};
};

TEST_P(TransitionTest, WhatGoesWithTheStateIsSet) {
  const std::string id = New();
  EXPECT_EQ(TimeOf(id, field::kStatusTime), world_.now);
  world_.now += kHour;
  const Reply reply = Move(id, "contacted");
  EXPECT_EQ(reply.outcome, Outcome::kTransitioned) << reply.status;
  EXPECT_EQ(reply.version, 2);
  EXPECT_EQ(world_.Show(id, "status"), "Contacted");
  EXPECT_EQ(world_.Show(id, "stage"), "mql");
  EXPECT_EQ(world_.Show(id, "next_action"), "Follow up");
  EXPECT_EQ(TimeOf(id, field::kNextActionDue), world_.now + 3 * kDay);
  EXPECT_EQ(TimeOf(id, field::kStatusTime), world_.now);
  EXPECT_EQ(TimeOf(id, field::kQualifyTime), -1);
  EXPECT_THAT(world_.Told(id).details, ElementsAre(Pair("status", "New -> Contacted")));
  EXPECT_THAT(world_.Types(id), ElementsAre("created", "status_changed"));
}

TEST_P(TransitionTest, OnlyAlongTheModelAndOnlyFromWhatWasRead) {
  const std::string id = New();
  const Reply skipped = Move(id, "Qualified");
  EXPECT_EQ(skipped.outcome, Outcome::kRejected);
  EXPECT_EQ(skipped.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(skipped.rule, "transition");
  EXPECT_THAT(std::string(skipped.status.message()), HasSubstr("may come: Contacted, Lost"));
  EXPECT_THAT(std::string(Move(id, "Contactd").status.message()),
              HasSubstr("did you mean 'Contacted'?"));
  EXPECT_EQ(Move("01nobody", "Contacted").status.code(), absl::StatusCode::kNotFound);
  const Reply late = Move(id, "Contacted", "", "", 7);
  EXPECT_EQ(late.status.code(), absl::StatusCode::kAborted);
  EXPECT_THAT(std::string(late.status.message()),
              HasSubstr("is at version 1, not 7: its status is New"));
  EXPECT_EQ(Move(id, "New").outcome, Outcome::kUnchanged);
  EXPECT_EQ(world_.Get(id).lead.version(), 1);
}

TEST_P(TransitionTest, ARefusalNamesEverythingThatIsMissing) {
  const std::string id = New({{"company", "Engines"}, {"employee_count", "3"}});
  Move(id, "Contacted");
  const Reply reply = Move(id, "Qualified");
  EXPECT_EQ(reply.outcome, Outcome::kRejected);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(reply.rule, "required");
  EXPECT_THAT(reply.missing, ElementsAre("job_title", "bant.need_confirmed"));
  EXPECT_THAT(std::string(reply.status.message()),
              AllOf(HasSubstr("Qualified asks for more: job_title is missing; 'need' cannot be "
                              "told: bant.need_confirmed is missing; 'size' does not hold"),
                    HasSubstr("override")));
  EXPECT_EQ(world_.Show(id, "status"), "Contacted");
}

TEST_P(TransitionTest, WhatWasMissingIsGiven) {
  const std::string id = Ready();
  Move(id, "Contacted");
  world_.now += kDay;
  EXPECT_EQ(Move(id, "Qualified").outcome, Outcome::kTransitioned);
  EXPECT_EQ(TimeOf(id, field::kQualifyTime), world_.now);
  // The first time counts, and a stage that was reached stays.
  world_.now += kDay;
  Move(id, "Contacted");
  EXPECT_EQ(world_.Show(id, "stage"), "sql");
  Move(id, "Qualified");
  EXPECT_EQ(TimeOf(id, field::kQualifyTime), world_.now - kDay);
  EXPECT_EQ(TimeOf(id, field::kStatusTime), world_.now);
}

TEST_P(TransitionTest, AnOverrideSaysWhyAndOfWhat) {
  const std::string id = New();
  Move(id, "Contacted");
  EXPECT_EQ(Move(id, "Qualified", "", "the CEO knows them").outcome, Outcome::kTransitioned);
  EXPECT_THAT(
      world_.Told(id).details,
      ElementsAre(Pair("status", "Contacted -> Qualified"), Pair("override", "the CEO knows them"),
                  Pair("overridden", HasSubstr("'need' cannot be told"))));
  // It overrides no arrow.
  EXPECT_EQ(Move(id, "New", "", "because").outcome, Outcome::kRejected);
}

TEST_P(TransitionTest, LosingNeedsAReasonOfTheModel) {
  const std::string id = New();
  EXPECT_EQ(Load(), 1);
  const Reply none = Move(id, "Lost");
  EXPECT_EQ(none.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(none.rule, "reason");
  EXPECT_THAT(std::string(none.status.message()), HasSubstr("needs a reason: no_need, bad_data"));
  EXPECT_THAT(std::string(Move(id, "Lost", "bored").status.message()),
              HasSubstr("'bored' is no reason of the model"));
  EXPECT_EQ(Move(id, "Lost", "No Need").outcome, Outcome::kTransitioned);
  EXPECT_EQ(world_.Show(id, "unqualified_reason"), "no_need");
  EXPECT_EQ(world_.Score(id), 7) << "rules may read the status";
  EXPECT_EQ(Load(), 0) << "it is no open lead any more";
  EXPECT_EQ(world_.Show(id, "owner"), "ann");
  EXPECT_EQ(Move(id, "New").outcome, Outcome::kTransitioned);
  EXPECT_EQ(world_.Show(id, "unqualified_reason"), "");
  EXPECT_EQ(Load(), 1);
}

TEST_P(TransitionTest, WonIsConvertedNow) {
  const std::string id = Ready();
  Move(id, "Contacted");
  Move(id, "Qualified");
  world_.now += kDay;
  EXPECT_EQ(Move(id, "Won").outcome, Outcome::kTransitioned);
  EXPECT_EQ(TimeOf(id, field::kConvertTime), world_.now);
  EXPECT_EQ(world_.Show(id, "stage"), "customer");
  EXPECT_FALSE(world_.Get(id).lead.has(field::kNextAction));
  EXPECT_EQ(Load(), 0);
}

// ---- Moves that come by themselves

TEST_P(TransitionTest, TheFirstCallMovesTheLead) {
  const std::string id = New();
  world_.Happened(id, "page_view");
  EXPECT_EQ(world_.Show(id, "status"), "New");
  world_.now += kHour;
  const Reply call = world_.Happened(id, "call");
  EXPECT_EQ(call.outcome, Outcome::kLogged) << call.status;
  EXPECT_EQ(call.positions.size(), 2U);
  EXPECT_NE(call.activity_id, "");
  EXPECT_EQ(world_.Show(id, "status"), "Contacted");
  EXPECT_EQ(TimeOf(id, field::kStatusTime), world_.now);
  EXPECT_THAT(world_.Types(id), ElementsAre("created", "activity", "activity", "status_changed"));
  EXPECT_THAT(world_.Told(id).details,
              ElementsAre(Pair("status", "New -> Contacted"), Pair("rule", "called")));
  world_.Happened(id, "call");
  EXPECT_EQ(world_.Types(id).back(), "activity");
}

TEST_P(TransitionTest, OneMoveLeadsToTheNextWhereTheStateHasWhatItAsksFor) {
  const std::string id = New();
  const auto set = [&](const Fields& fields) {
    UpdateLead update{id, MakeLead(world_.model(), fields), {}, std::nullopt};
    for (const auto& [name, text] : fields) update.fields.emplace_back(name);
    return world_.engine().Apply(world_.Next(), {"", update});
  };
  set({{"rating", "hot"}});
  EXPECT_EQ(world_.Show(id, "status"), "New");
  world_.Happened(id, "call");
  EXPECT_EQ(world_.Show(id, "status"), "Contacted") << "the guards of Qualified do not hold";
  set({{"company", "Engines"}, {"job_title", "Countess"}, {"employee_count", "40"}});
  EXPECT_EQ(world_.Show(id, "status"), "Contacted");
  set({{"bant.need_confirmed", "yes"}});
  EXPECT_EQ(world_.Show(id, "status"), "Qualified");
  EXPECT_THAT(world_.Told(id).details,
              ElementsAre(Pair("status", "Contacted -> Qualified"), Pair("rule", "clear")));
}

TEST_P(TransitionTest, WhoMovesByHandIsNotMovedOnByTheSameCommand) {
  const std::string id = New();
  world_.Happened(id, "call");
  EXPECT_EQ(Move(id, "New").outcome, Outcome::kTransitioned);
  EXPECT_EQ(world_.Show(id, "status"), "New");
}

TEST_P(TransitionTest, CallsOfOneLeadInOneCommandMoveItOnce) {
  const std::string id = New();
  std::vector<Command> commands;
  for (const char* kind : {"page_view", "call", "call", "page_view"}) {
    commands.push_back({"", LogActivity{MakeActivity(id, kind), "", ""}});
  }
  commands.push_back({"", TransitionLead{id, "Lost", "no_need", "", std::nullopt}});
  commands.push_back({"", LogActivity{MakeActivity(id, "call"), "", ""}});
  for (const Reply& reply : world_.engine().ApplyMany(world_.Next(), commands)) {
    EXPECT_TRUE(reply.status.ok()) << reply.status;
  }
  EXPECT_EQ(world_.Show(id, "status"), "Lost");
  EXPECT_THAT(world_.Types(id), ElementsAre("created", "activity", "activity", "status_changed",
                                            "activity", "activity", "status_changed", "activity"));
}

// ---- At random

TEST_P(TransitionTest, NoLeadIsEverWhereTheModelDoesNotLead) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const auto draw = [&](size_t below) { return static_cast<size_t>(random() % below); };
  std::vector<std::string> ids;
  for (int i = 0; i < 6; ++i) {
    const std::string address = "p" + std::to_string(i) + "@example.com";
    ids.push_back(world_.Created({{"full_name", "Person"}, {"email", address}}));
  }
  const std::vector<std::string> states = {"New", "Contacted", "Qualified", "Lost", "Won"};
  const Lifecycle& lifecycle = world_.model().lifecycle();
  for (int i = 0; i < 200; ++i) {
    const std::string& id = ids[draw(ids.size())];
    const std::string from = world_.Show(id, "status");
    const std::string& to = states[draw(states.size())];
    Reply reply;
    const bool logs = draw(3) == 0;
    if (logs) {
      reply = world_.Happened(id, draw(2) == 0 ? "call" : "page_view");
    } else {
      reply = Move(id, to, draw(2) == 0 ? "no_need" : "", draw(3) == 0 ? "because" : "");
    }
    ASSERT_NE(reply.outcome, Outcome::kFailed) << reply.status;
    const std::string now = world_.Show(id, "status");
    if (!logs) {
      ASSERT_EQ(now, reply.outcome == Outcome::kTransitioned ? to : from);
    }
    ASSERT_TRUE(lifecycle.CheckTransition(from, now).ok())
        << "seed " << seed << ": " << from << " to " << now;
  }
  int64_t open = 0;
  for (const std::string& id : ids) {
    open += lifecycle.Find(world_.Show(id, "status"))->type == StateType::kOpen ? 1 : 0;
  }
  EXPECT_EQ(Load(), open) << "seed " << seed;
}

LEADCORE_ON_BOTH_STORES(TransitionTest);

// ---- What a model may say

TEST(TransitionModel, FaultsOfGuardsAndMovesNameTheirPlace) {
  Faults faults;
  EXPECT_EQ(Model::Parse(R"({"lifecycle": {"initial": "A", "states": [
      {"name": "A", "to": ["B"], "required": ["emial"], "guards": [{"when": "lead.x"}, {}]},
      {"name": "B", "type": "won"}],
    "automatic": [
      {"name": "back", "from": ["B", "C"], "to": "A", "when": "true"},
      {"to": "Z", "when": "lead.score > 1 +"}]}})",
                         &faults),
            nullptr);
  const std::string text = FormatFaults(faults);
  for (const char* part :
       {"lifecycle.states[0].required[0]: unknown field 'emial', did you mean 'email'?",
        "lifecycle.states[0].guards[0].name: a guard needs a name",
        "lifecycle.states[0].guards[0].when: 1:6: unknown field 'x'",
        "lifecycle.states[0].guards[1].when: the condition is missing",
        "lifecycle.automatic[0].from[0]: 'A' does not follow 'B'",
        "lifecycle.automatic[0].from[1]: no state is named 'C'",
        "lifecycle.automatic[1].name: a move needs a name",
        "lifecycle.automatic[1].to: no state is named 'Z'",
        "lifecycle.automatic[1].from: name the states", "lifecycle.automatic[1].when: 1:"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace leadcore
