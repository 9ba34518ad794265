// SPDX-License-Identifier: Apache-2.0
//
// Matching: which keys a lead has, and which of several hits decides.
#include "leadcore/matching.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <tuple>
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

// ---- What a part of a key is

std::vector<std::string> KeysOf(const char* keys, const std::map<FieldId, std::string>& fields) {
  Faults faults;
  const auto model = Model::Parse(std::string(R"({"keys": )") + keys + "}", &faults);
  EXPECT_NE(model, nullptr) << FormatFaults(faults);
  Lead lead(model->schema());
  for (const auto& [id, text] : fields) lead.SetText(id, text);
  std::vector<std::string> texts;
  for (const MatchKey& key : model->matching().Keys(lead.view(), model->email_lists())) {
    texts.push_back(key.text);
  }
  return texts;
}

TEST(MatchingParts, AFieldWithoutANormalFormMakesNoKey) {
  const char* keys = R"json([{"name": "site", "fields": ["website"]},
    {"name": "firm", "fields": ["company"]}, {"name": "name", "fields": ["full_name"]},
    {"name": "title", "fields": ["job_title"]}])json";
  for (const char* text : {"", " ", "-", "?!", "\t\n", "..."}) {
    EXPECT_THAT(KeysOf(keys, {{field::kWebsite, text},
                              {field::kCompany, text},
                              {field::kFullName, text},
                              {field::kJobTitle, text}}),
                IsEmpty())
        << "'" << text << "'";
  }
  EXPECT_THAT(KeysOf(keys, {{field::kWebsite, "co.uk"}}), IsEmpty()) << "everybody's";
  EXPECT_EQ(KeysOf(keys, {{field::kWebsite, "https://www.Example.co.uk/about?x=1"}}),
            KeysOf(keys, {{field::kWebsite, "example.co.uk"}}));
  EXPECT_THAT(KeysOf(keys, {{field::kJobTitle, "  Chief  EXECUTIVE "}}),
              ElementsAre("title:chief executive"));
}

TEST(MatchingParts, PartsDoNotRunIntoEachOther) {
  const char* keys = R"([{"name": "k", "fields": ["first_name", "last_name"]}])";
  const auto key = [&](const char* first, const char* last) {
    const auto texts = KeysOf(keys, {{field::kFirstName, first}, {field::kLastName, last}});
    EXPECT_EQ(texts.size(), 1u) << first << ", " << last;
    return texts.empty() ? "" : texts[0];
  };
  EXPECT_EQ(key("Ann", "Bee"),
            "k:ann\x1f"
            "bee");
  EXPECT_NE(key("Ann", "Bee Cee"), key("Ann Bee", "Cee"));
  EXPECT_NE(key("Ann\x1f"
                "Bee",
                "Cee"),
            key("Ann",
                "Bee\x1f"
                "Cee"));
}

TEST(MatchingParts, LongTextsAreKeyedShortAndStillApart) {
  const char* keys = R"([{"name": "k", "fields": ["external_id"]}])";
  const std::string id(5000, 'x');
  const auto one = KeysOf(keys, {{field::kExternalId, id}});
  const auto other = KeysOf(keys, {{field::kExternalId, id + "y"}});
  ASSERT_EQ(one.size(), 1u);
  ASSERT_EQ(other.size(), 1u);
  EXPECT_NE(one, other);
  EXPECT_EQ(one, KeysOf(keys, {{field::kExternalId, id}}));
  EXPECT_LT(one[0].size(), 100u);
  EXPECT_NE(KeysOf(keys, {{field::kExternalId, "A-1"}}), KeysOf(keys, {{field::kExternalId, "a1"}}))
      << "ids of other systems are compared as they are";
}

TEST_F(MatchingTest, AFaxFindsNobodyAndAMobileFindsThePhone) {
  Lead lead(model_->schema());
  lead.AppendText(field::kOtherPhones, "fax +14155552671");
  EXPECT_THAT(model_->matching().Keys(lead.view(), model_->email_lists()), IsEmpty());
  EXPECT_EQ(Keys({{field::kMobilePhone, "+14155552671"}}),
            Keys({{field::kPhone, "+1 (415) 555-2671"}}));
}

// ---- Against a naive choice

TEST_F(MatchingTest, ASharedAddressOfARefusingKeyRefusesNobody) {
  const MatchDecision decision =
      model_->matching().Decide(std::vector<Match>{{Key(0, false), "l1"}});
  EXPECT_EQ(decision.action, MatchDecision::Action::kCreate);
  EXPECT_EQ(decision.lead, "");
  EXPECT_THAT(decision.contested, IsEmpty());
  ASSERT_EQ(decision.hits.size(), 1u);
  EXPECT_FALSE(decision.hits[0].exclusive);
}

TEST_F(MatchingTest, DecidesAsANaiveChoiceDoesWhateverTheOrder) {
  using Action = MatchDecision::Action;
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const char* names[] = {"external_id", "email", "phone", "person"};
  for (size_t run = 0; run < testing::Scaled(2000); ++run) {
    std::vector<Match> matches;
    for (size_t i = 1 + random() % 6; i > 0; --i) {
      const size_t key = random() % 4;
      const bool exclusive = key < 2 && random() % 2 == 0;
      matches.push_back({Key(key, exclusive), "l" + std::to_string(random() % 4)});
    }
    const auto rank = [](const Match& match) {
      return std::make_tuple(!match.key.exclusive, match.key.key, match.lead);
    };
    const auto less = [&](const Match& a, const Match& b) { return rank(a) < rank(b); };
    const Match first = *std::min_element(matches.begin(), matches.end(), less);
    // A shared address of an exclusive key decides nothing.
    std::vector<Match> able;
    for (const Match& match : matches) {
      if (match.key.exclusive || match.key.key >= 2) able.push_back(match);
    }
    const Match best = able.empty() ? first : *std::min_element(able.begin(), able.end(), less);
    std::set<std::string> leads, claimed;
    for (const Match& match : matches) {
      leads.insert(match.lead);
      if (match.key.exclusive) claimed.insert(match.key.text);
    }
    const Action actions[] = {Action::kReject, Action::kFill, Action::kAttach, Action::kCreate};
    const Action wanted = able.empty() ? Action::kCreate : actions[best.key.key];
    const MatchDecision decision = model_->matching().Decide(matches);
    SCOPED_TRACE("seed " + std::to_string(seed) + " run " + std::to_string(run));
    ASSERT_EQ(decision.action, wanted);
    ASSERT_EQ(decision.key, names[best.key.key]);
    ASSERT_EQ(decision.key_text, best.key.text);
    ASSERT_EQ(decision.lead, decision.action == Action::kCreate ? "" : best.lead);
    ASSERT_EQ(decision.hits.size(), leads.size());
    ASSERT_EQ(decision.hits[0].lead, first.lead);
    std::set<std::string> hit;
    for (const KeyHit& each : decision.hits) hit.insert(each.lead);
    ASSERT_EQ(hit, leads);
    ASSERT_EQ(std::set<std::string>(decision.contested.begin(), decision.contested.end()), claimed);
  }
}

// ---- Mistakes

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
