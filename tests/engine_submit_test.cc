// SPDX-License-Identifier: Apache-2.0
//
// Submit: what comes in is normalised, found to be known or made, and answered for.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine_util.h"
#include "leadcore/audit.h"

namespace leadcore::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string WithKeys(std::string_view keys) {
  return R"({"required": [{"any_of": ["full_name", "email"]}], "keys": [)" + std::string(keys) +
         "]}";
}
std::string EmailKey(std::string_view on_hit) {
  return WithKeys(R"({"name": "email", "exclusive": true, "fields": ["email"], "on_hit": ")" +
                  std::string(on_hit) + R"("})");
}
std::string PhoneKey(std::string_view on_hit) {
  return WithKeys(R"({"name": "phone", "fields": ["phone"], "on_hit": ")" + std::string(on_hit) +
                  R"("})");
}

EventPayload PayloadOf(const Event& event) {
  absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
  EXPECT_TRUE(payload.ok()) << payload.status();
  return payload.ok() ? *std::move(payload) : EventPayload();
}

class EngineSubmitTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  StoreKind store() const { return GetParam(); }
};
LEADCORE_ON_BOTH_STORES(EngineSubmitTest);

TEST_P(EngineSubmitTest, ALeadIsNormalisedScoredRoutedAndTold) {
  World world(Model::Default(), store());
  const Reply reply = world.Put({{"full_name", "  Dr. Ada   Lovelace "},
                                 {"email", "Ada@Analytical.Example.COM"},
                                 {"phone", "(415) 555-2671"},
                                 {"job_title", "CTO"},
                                 {"country", "usa"},
                                 {"region", "california"},
                                 {"source", "linkedin"}});
  ASSERT_TRUE(reply.status.ok()) << reply.status;
  EXPECT_EQ(reply.outcome, Outcome::kCreated);
  EXPECT_FALSE(reply.replayed);
  EXPECT_EQ(ShownPoints(reply.score.total), 18 + 5);  // executive, core market
  EXPECT_EQ(reply.score.band, "cold");
  EXPECT_EQ(reply.assignment.owner, "ann");
  EXPECT_EQ(reply.positions, std::vector<int64_t>{2});  // the first: model_published
  EXPECT_THAT(reply.issues, IsEmpty());
  const std::vector<std::pair<std::string_view, std::string_view>> expected = {
      {"id", reply.lead_id},
      {"full_name", "Ada Lovelace"},
      {"salutation", "Dr."},
      {"first_name", "Ada"},
      {"last_name", "Lovelace"},
      {"email", "Ada@analytical.example.com"},
      {"email_kind", "business"},
      {"phone", "+14155552671"},
      {"country", "US"},
      {"region", "CA"},
      {"domain", "example.com"},
      {"source", "social_media"},
      {"status", "New"},
      {"stage", "lead"},
      {"next_action", "Initial contact"},
      {"next_action_due", "2026-01-06T09:00:00Z"},
      {"create_time", "2026-01-05T09:00:00Z"},
      {"update_time", "2026-01-05T09:00:00Z"},
      {"assign_time", "2026-01-05T09:00:00Z"},
      {"territory", "West"},
      {"pool", "west"},
      {"owner", "ann"},
      {"score", "23"},
      {"band", "cold"},
      {"version", "1"}};
  for (const auto& [name, text] : expected) {
    EXPECT_EQ(world.Show(reply.lead_id, name), text) << name;
  }
  EXPECT_THAT(world.Types(reply.lead_id), ElementsAre("created"));
}

TEST_P(EngineSubmitTest, AnEventCarriesTheLeadAsItStands) {
  World world(Model::Default(), store());
  const std::string id = world.Created({{"full_name", "Ada"}, {"email", "ada@example.org"}});
  const Event event = world.Events().back();
  EXPECT_EQ(event.leads, std::vector<std::string>{id});
  EXPECT_EQ(event.actor, "tester");
  EXPECT_EQ(event.request_id, "request-1");
  EXPECT_EQ(event.time, kStart);
  EXPECT_EQ(event.model, world.model().hash());
  const EventPayload payload = PayloadOf(event);
  EXPECT_EQ(payload.lead(), EncodeLead(world.Get(id).lead, LeadForm::kStored));
  EXPECT_EQ(payload.state(), EncodeLeadState(world.Get(id).state));
  ASSERT_TRUE(payload.assignment.has_value());
  EXPECT_EQ(payload.assignment->owner, "iris");
}

TEST_P(EngineSubmitTest, AnExclusiveKeyRefusesByDefaultAndSaysHowToGoOn) {
  World world(Model::Default(), store());
  const std::string id = world.Created({{"full_name", "Ada"}, {"email", "ada@example.org"}});
  const size_t events = world.Events().size();
  const Reply reply = world.Put({{"full_name", "Other"}, {"email", "ADA@Example.org"}});
  EXPECT_EQ(reply.outcome, Outcome::kDuplicate);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(reply.lead_id, id);
  ASSERT_THAT(reply.hits, SizeIs(1));
  EXPECT_EQ(reply.hits[0].key, "email");
  EXPECT_THAT(reply.status.ToString(),
              AllOf(HasSubstr("key 'email'"), HasSubstr("ada@example.org"), HasSubstr(id),
                    HasSubstr("change that lead"), HasSubstr("attach, fill or flag")));
  EXPECT_EQ(world.Events().size(), events);
  EXPECT_THAT(world.All(), SizeIs(1));
}

TEST_P(EngineSubmitTest, AnExclusiveKeyMayAttach) {
  World world(EmailKey("attach"), store());
  const std::string id = world.Created({{"full_name", "Ada"}, {"email", "ada@example.org"}});
  const int64_t before = world.Score(id);
  const Reply reply = world.Put({{"full_name", "Ada L"},
                                 {"email", "ada@example.org"},
                                 {"company", "Acme"},
                                 {"tags", "one;two"}});
  EXPECT_EQ(reply.outcome, Outcome::kAttached) << reply.status;
  EXPECT_EQ(reply.lead_id, id);
  EXPECT_THAT(reply.activity_id, Not(IsEmpty()));
  EXPECT_EQ(world.Show(id, "company"), "");  // people's data is not touched
  EXPECT_EQ(world.Score(id), before + 10);   // filled in a form
  EXPECT_EQ(ShownPoints(reply.score.total), before + 10);
  EXPECT_EQ(world.Show(id, "version"), "1");
  EXPECT_THAT(world.Types(id), ElementsAre("created", "attached"));
  const absl::StatusOr<Activity> activity =
      DecodeActivity(PayloadOf(world.Events().back()).activity());
  ASSERT_TRUE(activity.ok());
  EXPECT_EQ(activity->kind, "form_submit");
  const auto has = [&](std::string_view name, std::string_view text) {
    for (const auto& [each, value] : activity->attributes) {
      if (each == name) return std::get<std::string>(value) == text;
    }
    return false;
  };
  EXPECT_TRUE(has("full_name", "Ada L"));
  EXPECT_TRUE(has("company", "Acme"));
  EXPECT_TRUE(has("tags", "one;two"));
}

TEST_P(EngineSubmitTest, AnExclusiveKeyMayFill) {
  World world(EmailKey("fill"), store());
  const std::string id = world.Created({{"full_name", "Ada"}, {"email", "ada@example.org"}});
  world.now += kHour;
  const Reply reply = world.Put({{"full_name", "Another Name"},
                                 {"email", "ada@example.org"},
                                 {"job_title", "CEO"},
                                 {"external_id", "X1"}});
  EXPECT_EQ(reply.outcome, Outcome::kFilled) << reply.status;
  EXPECT_EQ(reply.lead_id, id);
  EXPECT_EQ(world.Show(id, "full_name"), "Ada");
  EXPECT_EQ(world.Show(id, "job_title"), "CEO");
  EXPECT_EQ(world.Show(id, "external_id"), "X1");
  EXPECT_EQ(world.Show(id, "update_time"), "2026-01-05T10:00:00Z");
  EXPECT_EQ(world.Show(id, "create_time"), "2026-01-05T09:00:00Z");
  EXPECT_EQ(world.Show(id, "version"), "2");
  EXPECT_EQ(world.Score(id), 18);
  EXPECT_THAT(world.Types(id), ElementsAre("created", "filled"));
  const EventPayload payload = PayloadOf(world.Events().back());
  EXPECT_THAT(payload.details, ElementsAre(std::pair<std::string, std::string>(
                                   "filled", "last_name, job_title, external_id")));
}

TEST_P(EngineSubmitTest, WhatWasFilledInIsClaimed) {
  World world(WithKeys(R"({"name": "external_id", "exclusive": true, "fields": ["external_id"],
                           "on_hit": "reject"},
                          {"name": "phone", "fields": ["phone"], "on_hit": "fill"})"),
              store());
  const std::string id = world.Created({{"full_name", "Ada"}, {"phone", "+14155552671"}});
  const std::string other = world.Created({{"full_name", "Bob"}, {"external_id", "B"}});
  EXPECT_EQ(
      world.Put({{"full_name", "Ada"}, {"phone", "+14155552671"}, {"external_id", "A"}}).outcome,
      Outcome::kFilled);
  const Reply again = world.Put({{"full_name", "Eve"}, {"external_id", "A"}});
  EXPECT_EQ(again.outcome, Outcome::kDuplicate);
  EXPECT_EQ(again.lead_id, id);
  const Reply bob = world.Put({{"full_name", "Eve"}, {"external_id", "B"}});
  EXPECT_EQ(bob.lead_id, other);
}

TEST_P(EngineSubmitTest, AnExclusiveKeyMayFlagAndIsNotClaimedTwice) {
  World world(EmailKey("flag"), store());
  const std::string first = world.Created({{"full_name", "Ada"}, {"email", "ada@example.org"}});
  const Reply reply = world.Put({{"full_name", "Ada Two"}, {"email", "ada@example.org"}});
  EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  EXPECT_NE(reply.lead_id, first);
  ASSERT_THAT(reply.hits, SizeIs(1));
  EXPECT_EQ(reply.hits[0].lead, first);
  EXPECT_TRUE(reply.hits[0].exclusive);
  EXPECT_EQ(world.Show(reply.lead_id, "email"), "ada@example.org");
  const Lead lead = world.Get(reply.lead_id).lead;
  ASSERT_TRUE(lead.has(field::kDataIssues));
  EXPECT_EQ(lead[field::kDataIssues].records()[0][1], first);
  // The holder stays the first, and its history shows who came.
  EXPECT_EQ(world.Put({{"full_name", "X"}, {"email", "ada@example.org"}}).hits[0].lead, first);
  EXPECT_THAT(world.Types(first), ElementsAre("created", "created", "created"));
}

TEST_P(EngineSubmitTest, CandidateKeysNeverRefuse) {
  for (const std::string_view on_hit : {"flag", "attach", "fill"}) {
    World world(PhoneKey(on_hit), store());
    const std::string first = world.Created({{"full_name", "Ada"}, {"phone", "+14155552671"}});
    const Reply reply =
        world.Put({{"full_name", "Bob"}, {"phone", "415-555-2671"}, {"company", "Acme"}});
    EXPECT_TRUE(reply.status.ok()) << on_hit;
    ASSERT_THAT(reply.hits, SizeIs(1)) << on_hit;
    EXPECT_EQ(reply.hits[0].lead, first);
    EXPECT_FALSE(reply.hits[0].exclusive);
    if (on_hit == "flag") {
      EXPECT_EQ(reply.outcome, Outcome::kCreated);
      EXPECT_NE(reply.lead_id, first);
    } else {
      EXPECT_EQ(reply.outcome, on_hit == "attach" ? Outcome::kAttached : Outcome::kFilled);
      EXPECT_EQ(reply.lead_id, first);
      EXPECT_EQ(world.Show(first, "company"), on_hit == "fill" ? "Acme" : "");
    }
  }
  Faults faults;
  EXPECT_EQ(Model::Parse(PhoneKey("reject"), &faults), nullptr);
  ASSERT_FALSE(faults.empty());
  EXPECT_EQ(faults[0].path, "keys[0].on_hit");
}

TEST_P(EngineSubmitTest, ASharedAddressRefusesNobody) {
  World world(Model::Default(), store());
  const std::string first = world.Created({{"full_name", "Ada"}, {"email", "info@acme.example"}});
  const Reply reply = world.Put({{"full_name", "Bob"}, {"email", "info@acme.example"}});
  EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  ASSERT_THAT(reply.hits, SizeIs(1));
  EXPECT_EQ(reply.hits[0].lead, first);
  EXPECT_FALSE(reply.hits[0].exclusive);
}

TEST_P(EngineSubmitTest, ASharedAddressIsFlaggedWhateverItsKeySays) {
  for (const std::string_view on_hit : {"attach", "fill"}) {
    World world(EmailKey(on_hit), store());
    const std::string first = world.Created({{"full_name", "Ada"}, {"email", "info@acme.example"}});
    const Reply reply = world.Put({{"full_name", "Bob"}, {"email", "info@acme.example"}});
    EXPECT_EQ(reply.outcome, Outcome::kCreated) << on_hit;
    ASSERT_THAT(reply.hits, SizeIs(1));
    EXPECT_EQ(reply.hits[0].lead, first);
  }
}

TEST_P(EngineSubmitTest, WhatIsAttachedIsWhole) {
  World world(EmailKey("attach"), store());
  const std::string id = world.Created({{"full_name", "Ada"}, {"email", "ada@example.org"}});
  Lead lead = MakeLead(world.model(), {{"full_name", "Ada"}, {"email", "ada@example.org"}});
  lead.AppendRecord(field::kStakeholders, {"Bob", "CFO"});
  lead.AppendRecord(field::kStakeholders, {"Eve", std::nullopt, "eve@example.org"});
  const Reply reply = world.engine().SubmitLead(world.Next(), lead);
  ASSERT_EQ(reply.outcome, Outcome::kAttached) << reply.status;
  const absl::StatusOr<Activity> activity =
      DecodeActivity(PayloadOf(world.Events().back()).activity());
  ASSERT_TRUE(activity.ok());
  const std::pair<std::string, Attribute> stakeholders = {
      "stakeholders", "name: Bob, title: CFO; name: Eve, email: eve@example.org"};
  EXPECT_THAT(activity->attributes, ::testing::Contains(stakeholders));
}

TEST_P(EngineSubmitTest, WhoIsArchivedTakesNoTurn) {
  World world(Model::Default(), store());
  const Reply reply = world.Import(
      {{"full_name", "A"}, {"email", "a@example.org"}, {"archive_time", "2025-01-01T00:00:00Z"}});
  EXPECT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  EXPECT_EQ(reply.assignment.owner, "");
  EXPECT_EQ(world.Show(reply.lead_id, "owner"), "");
}

TEST_P(EngineSubmitTest, TheMostTrustedKeyDecidesAndTheOthersAreFlagged) {
  World world(WithKeys(R"({"name": "external_id", "exclusive": true, "fields": ["external_id"],
                           "on_hit": "attach"},
                          {"name": "email", "exclusive": true, "fields": ["email"],
                           "on_hit": "reject"},
                          {"name": "phone", "fields": ["phone"], "on_hit": "flag"})"),
              store());
  const std::string phone = world.Created({{"full_name", "P"}, {"phone", "+14155552671"}});
  const std::string email = world.Created({{"full_name", "E"}, {"email", "e@example.org"}});
  const std::string other = world.Created({{"full_name", "X"}, {"external_id", "X"}});
  const Reply reply = world.Put({{"full_name", "All"},
                                 {"external_id", "X"},
                                 {"email", "e@example.org"},
                                 {"phone", "+14155552671"}});
  EXPECT_EQ(reply.outcome, Outcome::kAttached) << reply.status;
  EXPECT_EQ(reply.lead_id, other);
  ASSERT_THAT(reply.hits, SizeIs(3));
  EXPECT_EQ(reply.hits[0].lead, other);
  EXPECT_EQ(reply.hits[1].lead, email);
  EXPECT_EQ(reply.hits[2].lead, phone);
}

// A first name that is filled in makes another key of the full name.
TEST_P(EngineSubmitTest, AKeyThatAFillReplacesIsGivenUp) {
  for (const std::string_view exclusive : {"true", "false"}) {
    World world(WithKeys(R"({"name": "email", "exclusive": true, "fields": ["email"],
                             "on_hit": "fill"},
                            {"name": "who", "exclusive": )" +
                         std::string(exclusive) + R"(, "fields": ["full_name"],
                             "on_hit": "flag"})"),
                store());
    const std::string lead = world.Created({{"full_name", "Madonna"}, {"email", "m@example.org"}});
    const Reply filled = world.Put({{"full_name", "Madonna Ciccone"}, {"email", "m@example.org"}});
    EXPECT_EQ(filled.outcome, Outcome::kFilled) << filled.status;
    EXPECT_THAT(world.Put({{"full_name", "Madonna"}}).hits, IsEmpty()) << exclusive;
    EXPECT_THAT(world.Put({{"full_name", "Madonna Ciccone"}}).hits, SizeIs(1)) << exclusive;
    const Reply erased = world.engine().Apply(world.Next(), {"", EraseLead{lead}});
    EXPECT_EQ(erased.outcome, Outcome::kErased) << erased.status;
    std::string fault;
    const auto verified =
        VerifyWorkspace(world.store(), "test", [&](std::string_view what) { fault = what; });
    EXPECT_TRUE(verified.ok()) << verified.status();
    EXPECT_EQ(fault, "") << exclusive;
  }
}

// What a store could not read again, or a feed not tell.
TEST_P(EngineSubmitTest, WhatIsTooLargeOrNoTextIsRefusedWithItsNeighboursTaken) {
  World world(EmailKey("reject"), store());
  const auto submit = [&](std::string request_id, std::string_view field, const std::string& text) {
    const Fields fields = {{"full_name", "A B"}, {field, text}};
    return Command{std::move(request_id), Submit{MakeLead(world.model(), fields)}};
  };
  std::string many;
  for (int i = 0; i <= 1000; ++i) many += "t" + std::to_string(i) + ";";
  std::string large;
  while (large.size() < (3u << 20)) large += std::string(100'000, 'x') + ";";
  const std::vector<Reply> replies =
      world.engine().ApplyMany(world.At("call"), std::vector<Command>{
                                                     submit("many", "technologies", many),
                                                     submit("large", "technologies", large),
                                                     submit("\xff\x01", "city", "Rome"),
                                                     submit(std::string(2000, 'r'), "city", "Rome"),
                                                     submit("good", "city", "Rome"),
                                                 });
  for (size_t i = 0; i < 4; ++i) {
    EXPECT_EQ(replies[i].outcome, Outcome::kRejected) << i;
    EXPECT_EQ(replies[i].status.code(), absl::StatusCode::kInvalidArgument) << i;
  }
  EXPECT_EQ(replies[4].outcome, Outcome::kCreated) << replies[4].status;
  EXPECT_THAT(world.All(), SizeIs(1));
  Call call = world.Next();
  call.actor = "\xff";
  EXPECT_EQ(
      world.engine().SubmitLead(call, MakeLead(world.model(), {{"full_name", "C D"}})).outcome,
      Outcome::kFailed);
}

}  // namespace
}  // namespace leadcore::testing
