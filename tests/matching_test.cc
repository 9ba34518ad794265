// SPDX-License-Identifier: Apache-2.0
//
// Matching: which keys a lead has, and which of several hits decides.
#include "leadcore/matching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "leadcore/model.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr const char* kKeys = R"json({"keys": [
  {"name": "external_id", "exclusive": true, "fields": ["external_id"], "on_hit": "reject"},
  {"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "fill"},
  {"name": "phone", "fields": ["phone"], "on_hit": "attach"},
  {"name": "person", "fields": ["company", "full_name"], "on_hit": "flag"}]})json";

class MatchingTest : public ::testing::Test {
 protected:
  MatchingTest() {
    Faults faults;
    model_ = Model::Parse(kKeys, &faults);
    EXPECT_NE(model_, nullptr) << FormatFaults(faults);
  }

  // Texts of the keys; those that claim are marked with '!'.
  std::vector<std::string> Keys(const std::map<FieldId, std::string>& fields) {
    Lead lead(model_->schema());
    for (const auto& [id, text] : fields) lead.SetText(id, text);
    std::vector<std::string> texts;
    for (const MatchKey& key : model_->matching().Keys(lead.view(), model_->email_lists())) {
      texts.push_back((key.exclusive ? "!" : "") + key.text);
    }
    return texts;
  }
  MatchKey Key(size_t key, bool exclusive) { return {key, "k" + std::to_string(key), exclusive}; }

  std::shared_ptr<const Model> model_;
};

TEST_F(MatchingTest, SpellingsOfOneThingGiveOneKey) {
  EXPECT_THAT(Keys({{field::kEmail, "Ada.Lovelace+news@Googlemail.com"}}),
              ElementsAre("!email:adalovelace@gmail.com"));
  EXPECT_EQ(Keys({{field::kCompany, "The Müller & Co. GmbH"}, {field::kFullName, "ADA Lovelace"}}),
            Keys({{field::kCompany, "muller and co"}, {field::kFullName, "Ada Lovelace"}}));
  EXPECT_THAT(Keys({{field::kExternalId, "A-1"}, {field::kPhone, "+14155552671"}}),
              ElementsAre(HasSubstr("!external_id:"), "phone:+14155552671"));
}

TEST_F(MatchingTest, WhatCannotBeReadOrIsSharedClaimsNothing) {
  EXPECT_THAT(Keys({{field::kEmail, "not an address"}}), IsEmpty());
  EXPECT_THAT(Keys({{field::kPhone, "call me"}}), IsEmpty());
  EXPECT_THAT(Keys({{field::kPhone, "+15555555555"}}), IsEmpty()) << "outside every range";
  EXPECT_THAT(Keys({{field::kEmail, "info@example.com"}}), ElementsAre("email:info@example.com"));
  EXPECT_THAT(Keys({{field::kCompany, "Acme"}}), IsEmpty()) << "one of two fields";
  EXPECT_THAT(Keys({{field::kExternalId, ""}}), IsEmpty());
  EXPECT_THAT(Keys({}), IsEmpty());
}

TEST_F(MatchingTest, OtherAddressesAreKeysToo) {
  Lead lead(model_->schema());
  lead.SetText(field::kEmail, "ada@example.com");
  lead.AppendText(field::kOtherEmails, "ADA@example.com");
  lead.AppendText(field::kOtherEmails, "ada@example.org");
  lead.SetText(field::kMobilePhone, "+14155552671");
  std::vector<std::string> texts;
  for (const MatchKey& key : model_->matching().Keys(lead.view(), model_->email_lists())) {
    texts.push_back(key.text);
  }
  EXPECT_THAT(texts,
              ElementsAre("email:ada@example.com", "email:ada@example.org", "phone:+14155552671"));
}

TEST_F(MatchingTest, TheBestExclusiveHitDecidesElseTheBestCandidate) {
  using Action = MatchDecision::Action;
  const Matching& matching = model_->matching();
  EXPECT_EQ(matching.Decide({}).action, Action::kCreate);

  std::vector<Match> matches = {{Key(3, false), "l9"},
                                {Key(2, false), "l5"},
                                {Key(2, false), "l4"},
                                {Key(1, true), "l7"},
                                {Key(0, true), "l8"}};
  // In whatever order they come.
  std::sort(matches.begin(), matches.end(),
            [](const Match& a, const Match& b) { return a.lead < b.lead; });
  do {
    const MatchDecision decision = matching.Decide(matches);
    ASSERT_EQ(decision.action, Action::kReject);
    ASSERT_EQ(decision.lead, "l8");
    ASSERT_EQ(decision.key, "external_id");
    ASSERT_EQ(decision.hits.size(), 5u);
    ASSERT_EQ(decision.hits[0].lead, "l8");
  } while (std::next_permutation(matches.begin(), matches.end(),
                                 [](const Match& a, const Match& b) { return a.lead < b.lead; }));

  const MatchDecision candidates = matching.Decide(
      std::vector<Match>{{Key(3, false), "l1"}, {Key(2, false), "l5"}, {Key(2, false), "l4"}});
  EXPECT_EQ(candidates.action, Action::kAttach);
  EXPECT_EQ(candidates.lead, "l4") << "of one key the oldest";
  const MatchDecision flagged = matching.Decide(std::vector<Match>{{Key(3, false), "l1"}});
  EXPECT_EQ(flagged.action, Action::kCreate);
  ASSERT_EQ(flagged.hits.size(), 1u);
  EXPECT_EQ(flagged.hits[0].key, "person");
}

TEST(MatchingFaults, EveryMistakeIsFoundAtOnce) {
  Faults faults;
  EXPECT_EQ(Model::Parse(R"json({"keys": [
    {"name": "a", "fields": ["emial"], "on_hit": "flag"},
    {"name": "b", "fields": ["phone"], "on_hit": "reject"},
    {"name": "a", "exclusive": true, "fields": ["score"], "on_hit": "reject"},
    {"name": "c", "fields": [], "on_hit": "flag"},
    {"name": "d", "fields": ["tags"], "on_hit": "flag"}]})json",
                         &faults),
            nullptr);
  const std::string text = FormatFaults(faults);
  for (const char* part :
       {"keys[0].fields[0]", "did you mean 'email'", "keys[1].on_hit", "keys[2].name",
        "keys[2].fields[0]", "keys[3].fields", "keys[4].fields[0]"}) {
    EXPECT_THAT(text, HasSubstr(part));
  }
}

}  // namespace
}  // namespace leadcore
