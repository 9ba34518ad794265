// SPDX-License-Identifier: Apache-2.0
//
// Request ids, what a lead must have, what cannot be read, and leads that another system brings.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "engine_util.h"

namespace leadcore::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

const Fields kAda = {{"full_name", "Ada"}, {"email", "ada@example.org"}};

class EngineImportTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  EngineImportTest() : world_(Model::Default(), GetParam()) {}

  Reply SubmitAs(const char* request_id, const Fields& fields) {
    return world_.engine().SubmitLead(world_.At(request_id), MakeLead(world_.model(), fields));
  }
  // field, original and reason of the only issue.
  static void ExpectIssue(const std::vector<Record>& issues, std::string_view name,
                          std::string_view original, std::string_view reason) {
    ASSERT_THAT(issues, SizeIs(1));
    EXPECT_EQ(issues[0][0], name);
    EXPECT_EQ(issues[0][1], original);
    EXPECT_THAT(issues[0][2].value_or(""), HasSubstr(std::string(reason)));
  }

  World world_;
};
LEADCORE_ON_BOTH_STORES(EngineImportTest);

TEST_P(EngineImportTest, TheSameRequestIsDoneOnceAndToldAgain) {
  const Reply first = SubmitAs("same", kAda);
  ASSERT_EQ(first.outcome, Outcome::kCreated) << first.status;
  const std::string before = EncodeLead(world_.Get(first.lead_id).lead, LeadForm::kComplete);
  world_.now += kHour;
  const Reply again = SubmitAs("same", kAda);
  EXPECT_TRUE(again.replayed);
  EXPECT_EQ(again.outcome, Outcome::kCreated);
  EXPECT_TRUE(again.status.ok());
  EXPECT_EQ(again.lead_id, first.lead_id);
  EXPECT_EQ(again.positions, first.positions);
  EXPECT_EQ(EncodeLead(world_.Get(first.lead_id).lead, LeadForm::kComplete), before);
  EXPECT_THAT(world_.Events(), SizeIs(2));

  const Activity note = MakeActivity(first.lead_id, "note");
  const Reply logged = world_.engine().Log(world_.At("note"), note);
  const Reply logged_again = world_.engine().Log(world_.At("note"), note);
  EXPECT_TRUE(logged_again.replayed);
  EXPECT_EQ(logged_again.activity_id, logged.activity_id);
  EXPECT_EQ(world_.Get(first.lead_id).state.version, 2);
}

TEST_P(EngineImportTest, ARequestIdIsNotUsedForOtherContent) {
  const Reply first = SubmitAs("same", kAda);
  for (const Fields& other : {Fields{{"full_name", "Bob"}, {"email", "bob@example.org"}},
                              Fields{{"full_name", "Eve"}, {"email", "ada@example.org"}}}) {
    const Reply reply = SubmitAs("same", other);
    EXPECT_EQ(reply.outcome, Outcome::kRejected);
    EXPECT_EQ(reply.status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(reply.status.ToString(),
                AllOf(HasSubstr("request id 'same'"), HasSubstr("use a new one for new content")));
  }
  EXPECT_EQ(world_.engine().Log(world_.At("same"), MakeActivity(first.lead_id, "note")).outcome,
            Outcome::kRejected);
  EXPECT_THAT(world_.All(), SizeIs(1));
}

TEST_P(EngineImportTest, ARefusalIsNotRemembered) {
  const Reply refused = SubmitAs("same", {{"full_name", "Ada"}});
  EXPECT_EQ(refused.outcome, Outcome::kRejected);
  EXPECT_EQ(SubmitAs("same", kAda).outcome, Outcome::kCreated);
}

TEST_P(EngineImportTest, RequestsAreForgottenAfterThirtyDays) {
  SubmitAs("same", kAda);
  world_.now += 30 * kDay;
  ASSERT_TRUE(world_.engine().Maintain(world_.At("maintain")).ok());
  EXPECT_TRUE(SubmitAs("same", kAda).replayed);
  world_.now += 1;
  ASSERT_TRUE(world_.engine().Maintain(world_.At("maintain")).ok());
  EXPECT_EQ(SubmitAs("same", kAda).outcome, Outcome::kDuplicate);
}

TEST_P(EngineImportTest, WithoutARequestIdOrATimeNothingIsDone) {
  const Lead lead = MakeLead(world_.model(), kAda);
  EXPECT_THAT(world_.engine().SubmitLead(world_.At(""), lead).status.ToString(),
              HasSubstr("request_id is empty"));
  Call call = world_.At("id");
  call.now = absl::InfiniteFuture();
  EXPECT_THAT(world_.engine().SubmitLead(call, lead).status.ToString(), HasSubstr("infinite"));
  EXPECT_THAT(world_.All(), IsEmpty());
}

TEST_P(EngineImportTest, ARefusalNamesEveryRuleThatIsNotSatisfied) {
  const Reply reply = world_.Put({{"company", "Acme"}});
  EXPECT_EQ(reply.outcome, Outcome::kRejected);
  EXPECT_EQ(reply.status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(reply.status.ToString(),
              AllOf(HasSubstr("required[0]: a lead needs full_name"),
                    HasSubstr("required[1]: a lead needs email or phone or mobile_phone")));
  const Reply unreadable = world_.Put({{"full_name", "Ada"}, {"email", "ada at home"}});
  EXPECT_EQ(unreadable.outcome, Outcome::kRejected);
  EXPECT_THAT(unreadable.status.ToString(), HasSubstr("email is there but cannot be read"));
  ASSERT_THAT(unreadable.issues, SizeIs(1));
  EXPECT_EQ(unreadable.issues[0][1], "ada at home");
  EXPECT_EQ(world_.Put({{"full_name", "Ada"}, {"mobile_phone", "415 555 2671"}}).outcome,
            Outcome::kCreated);
}

TEST_P(EngineImportTest, WhatCannotBeReadIsKeptAndNoted) {
  Fields fields = kAda;
  fields.emplace_back("phone", "call me maybe");
  const Reply phone = world_.Put(fields);
  ASSERT_EQ(phone.outcome, Outcome::kCreated) << phone.status;
  ExpectIssue(phone.issues, "phone", "call me maybe", "");
  EXPECT_EQ(world_.Show(phone.lead_id, "phone"), "call me maybe");
  const Lead lead = world_.Get(phone.lead_id).lead;
  ASSERT_TRUE(lead.has(field::kDataIssues));
  const auto stored = lead[field::kDataIssues].records();
  ExpectIssue({stored.begin(), stored.end()}, "phone", "call me maybe", "");

  const Reply country =
      world_.Put({{"full_name", "B"}, {"email", "b@example.org"}, {"country", "Atlantis"}});
  ExpectIssue(country.issues, "country", "Atlantis", "");
  const Reply choice =
      world_.Put({{"full_name", "C"}, {"email", "c@example.org"}, {"priority", "sometimes"}});
  ExpectIssue(choice.issues, "priority", "sometimes", "not one of: low, medium, high, critical");
  EXPECT_EQ(world_.Show(choice.lead_id, "priority"), "");
}

TEST_P(EngineImportTest, OnlyAnImportBringsWhatTheEngineDecides) {
  const Reply reply = world_.Put({{"full_name", "Ada"},
                                  {"email", "ada@example.org"},
                                  {"status", "Converted"},
                                  {"id", "mine"},
                                  {"version", "7"},
                                  {"score", "99"}});
  ASSERT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  ExpectIssue(reply.issues, "status", "Converted", "only an import may bring it");
  EXPECT_EQ(world_.Show(reply.lead_id, "status"), "New");
  EXPECT_NE(reply.lead_id, "mine");
  EXPECT_EQ(world_.Show(reply.lead_id, "version"), "1");
  EXPECT_EQ(world_.Score(reply.lead_id), 0);
}

TEST_P(EngineImportTest, AnImportKeepsStatusAndTimesAndIsOneEvent) {
  const Reply reply = world_.Import({{"full_name", "Ada"},
                                     {"email", "ada@example.org"},
                                     {"status", "qualified"},
                                     {"owner", "iris"},
                                     {"create_time", "2024-02-03T04:05:06Z"},
                                     {"qualify_time", "2024-03-01T00:00:00Z"},
                                     {"assign_time", "2024-02-04T00:00:00Z"}});
  ASSERT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
  EXPECT_THAT(reply.issues, IsEmpty());
  EXPECT_THAT(world_.Types(reply.lead_id), ElementsAre("imported"));
  const std::vector<std::pair<const char*, const char*>> expected = {
      {"status", "Qualified"},
      {"stage", "sql"},
      {"owner", "iris"},
      {"create_time", "2024-02-03T04:05:06Z"},
      {"qualify_time", "2024-03-01T00:00:00Z"},
      {"assign_time", "2024-02-04T00:00:00Z"},
      {"update_time", "2026-01-05T09:00:00Z"}};
  for (const auto& [name, text] : expected) {
    EXPECT_EQ(world_.Show(reply.lead_id, name), text) << name;
  }
  EXPECT_EQ(world_.Events().back().time, kStart);
}

TEST_P(EngineImportTest, AnUnknownStatusIsRefusedWithTheWayOut) {
  Fields fields = kAda;
  fields.emplace_back("status", "Qualifed");
  const Reply reply = world_.Import(fields);
  EXPECT_EQ(reply.outcome, Outcome::kRejected);
  EXPECT_THAT(reply.status.ToString(),
              AllOf(HasSubstr("status 'Qualifed'"), HasSubstr("did you mean 'Qualified'"),
                    HasSubstr("import.values")));
  EXPECT_THAT(world_.All(), IsEmpty());
}

// A customer who comes back is not a new lead.
TEST_P(EngineImportTest, WhoIsWonLostOrArchivedKeepsTheirKeysAndTakesNoTurn) {
  const std::vector<Fields> gone = {
      {{"full_name", "A"}, {"email", "a@example.org"}, {"status", "Converted"}},
      {{"full_name", "B"}, {"email", "b@example.org"}, {"status", "Unqualified"}},
      {{"full_name", "C"}, {"email", "c@example.org"}, {"archive_time", "2025-01-01T00:00:00Z"}}};
  for (const Fields& fields : gone) {
    const Reply reply = world_.Import(fields);
    ASSERT_EQ(reply.outcome, Outcome::kCreated) << reply.status;
    const Reply back = world_.Put({{"full_name", "Back"}, {"email", fields[1].second}});
    EXPECT_EQ(back.outcome, Outcome::kDuplicate);
    EXPECT_EQ(back.lead_id, reply.lead_id);
    if (fields[2].first == "status") {
      EXPECT_EQ(world_.Show(reply.lead_id, "owner"), "");
      EXPECT_EQ(reply.assignment.ticket, 0);
    }
  }
}

}  // namespace
}  // namespace leadcore::testing
