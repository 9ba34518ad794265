// SPDX-License-Identifier: Apache-2.0
//
// How alike two leads are: evidence field by field, verdicts, blocking keys, configuration.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "leadcore/matching.h"
#include "leadcore/model.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

using Fields = std::map<FieldId, std::string>;

class SimilarityTest : public ::testing::Test {
 protected:
  PreparedLead Prepare(const Fields& fields) const {
    Lead lead(model_->schema());
    for (const auto& [id, text] : fields) {
      // What a field cannot take is missing, as in a file.
      const absl::StatusOr<Value> value = ParseValue(model_->schema()->at(id).type, text, {});
      if (value.ok()) lead.Set(id, *value);
    }
    return model_->similarity().Prepare(lead.view(), model_->email_lists());
  }
  PairScore Compare(const Fields& a, const Fields& b) const {
    return model_->similarity().Compare(Prepare(a), Prepare(b), LeadFrequencies());
  }
  // The evidence about one field.
  std::optional<Evidence> About(FieldId id, const Fields& a, const Fields& b) const {
    for (const Evidence& evidence : Compare(a, b).evidence) {
      if (evidence.field == model_->schema()->at(id).name) return evidence;
    }
    return std::nullopt;
  }
  // Of two leads that have nothing but this field.
  std::string Reason(FieldId id, const std::string& a, const std::string& b) const {
    const std::optional<Evidence> evidence = About(id, {{id, a}}, {{id, b}});
    return evidence ? std::string(AgreementName(evidence->agreement)) + ": " + evidence->reason
                    : "none";
  }
  std::vector<std::string> Blocks(const Fields& fields) const {
    std::vector<std::string> texts;
    for (const BlockingKey& key : model_->similarity().Blocks(Prepare(fields))) {
      texts.push_back(key.text);
    }
    return texts;
  }

  std::shared_ptr<const Model> model_ = Model::Default();
};

TEST_F(SimilarityTest, TellsWhatAgreesAndWhatDiffers) {
  using namespace field;  // NOLINT: the names of the table
  EXPECT_EQ(Reason(kFirstName, "Robert", "ROBERT"), "same: the same first name");
  EXPECT_EQ(Reason(kFirstName, "Robert", "Bob"), "close: one is a short form of the other");
  EXPECT_EQ(Reason(kFirstName, "Bob", "Rob"), "close: one is a short form of the other");
  EXPECT_EQ(Reason(kFirstName, "Robert", "R."), "partly: one is the initial of the other");
  EXPECT_EQ(Reason(kFirstName, "Robert", "Robret"), "close: a typo in the first name");
  EXPECT_EQ(Reason(kFirstName, "Mary Ann", "Mary"), "close: one has a further first name");
  EXPECT_EQ(Reason(kFirstName, "Robert", "Anna"), "different: different");
  EXPECT_EQ(Reason(kLastName, "O'Neil", "ONeil"), "same: the same last name");
  EXPECT_EQ(Reason(kLastName, "Smith-Jones", "Jones"),
            "partly: one last name is part of the other");
  EXPECT_EQ(Reason(kEmail, "a.da@gmail.com", "Ada+x@googlemail.com"),
            "same: the same e-mail address");
  EXPECT_EQ(Reason(kEmail, "lovelace@example.com", "lovelacr@example.com"),
            "close: a typo in the e-mail address");
  EXPECT_EQ(Reason(kEmail, "info@example.com", "info@example.com"),
            "partly: the same address of a role");
  EXPECT_EQ(Reason(kPhone, "(415) 555-2671", "+1 415 555 2671"), "same: the same phone number");
  EXPECT_EQ(Reason(kPhone, "+1 415 555 2671", "+1 628 555 2671"),
            "close: the same last 7 digits of the phone number");
  EXPECT_EQ(Reason(kCompany, "Acme Corp.", "ACME, Inc."), "same: the same company");
  EXPECT_EQ(Reason(kStreet, "12 Main St., Apt 4", "12 main street"),
            "same: the same street and number");
  EXPECT_EQ(Reason(kStreet, "12 Main St", "80 Main St"), "partly: the same street, another number");
  EXPECT_EQ(Reason(kCity, "St. Louis", "Saint Louis"), "same: the same text");
  EXPECT_EQ(Reason(kRegion, "California", "CA"), "same: the same text");
  EXPECT_EQ(Reason(kPostalCode, "94107-1234", "94107"), "same: the same postal code");
  EXPECT_EQ(Reason(kJobTitle, "CEO", "Chief Executive Officer"), "same: the same text");
  EXPECT_EQ(Reason(kBirthday, "1990-03-04", "1990-04-03"), "close: day and month are swapped");
  EXPECT_EQ(Reason(kLinkedinUrl, "https://www.linkedin.com/in/ada/", "linkedin.com/in/ada"),
            "same: the same id");
}

TEST_F(SimilarityTest, WhatIsMissingOrStandsForNothingIsNoEvidence) {
  EXPECT_THAT(Compare({{field::kFirstName, "Ada"}}, {{field::kLastName, "Lovelace"}}).evidence,
              IsEmpty());
  EXPECT_EQ(Reason(field::kFirstName, "n/a", "n/a"), "none");
  EXPECT_EQ(Reason(field::kEmail, "none@example.com", "none@example.com"), "none");
  EXPECT_EQ(Reason(field::kEmail, "no address", "no address"), "none");
  EXPECT_EQ(Reason(field::kPhone, "000-000-0000", "000-000-0000"), "none");
  EXPECT_EQ(Reason(field::kPhone, "415 555 5555", "415 555 5555"), "none");
  EXPECT_EQ(Reason(field::kCompany, "unknown", "unknown"), "none");
}

TEST_F(SimilarityTest, TheNameAgainInPlaceOfACompanyIsNoEvidence) {
  const Fields ada = {{field::kFirstName, "Ada"},
                      {field::kLastName, "Lovelace"},
                      {field::kCompany, "Ada Lovelace"}};
  EXPECT_FALSE(About(field::kCompany, ada, ada).has_value());
  EXPECT_EQ(Compare(ada, ada).verdict, PairVerdict::kPossible);
}

TEST_F(SimilarityTest, NamesMayBeSwappedOrInOneField) {
  const PairScore swapped = Compare({{field::kFirstName, "Grace"}, {field::kLastName, "Hopper"}},
                                    {{field::kFirstName, "Hopper"}, {field::kLastName, "Grace"}});
  ASSERT_EQ(swapped.evidence.size(), 2u);
  EXPECT_EQ(swapped.evidence[0].reason, "first and last name are swapped");
  EXPECT_GT(swapped.points, 12 * kOnePoint);
  const PairScore whole = Compare({{field::kFirstName, "Grace"}, {field::kLastName, "Hopper"}},
                                  {{field::kFullName, "Dr. Grace Hopper"}});
  EXPECT_EQ(whole.points, 16 * kOnePoint);
}

TEST_F(SimilarityTest, TheVerdictFollowsFromWhoNotOnlyFromWhere) {
  const Fields ada = {{field::kFirstName, "Ada"},
                      {field::kLastName, "Lovelace"},
                      {field::kEmail, "ada@engines.example"},
                      {field::kPhone, "+1 415 555 2671"},
                      {field::kCompany, "Engines Inc"},
                      {field::kStreet, "12 Main St"},
                      {field::kCity, "Springfield"},
                      {field::kPostalCode, "94107"}};
  const auto with = [&](const Fields& changes) {
    Fields fields = ada;
    for (const auto& [id, text] : changes) fields[id] = text;
    return Compare(ada, fields).verdict;
  };
  EXPECT_EQ(with({}), PairVerdict::kSure);
  EXPECT_EQ(with({{field::kEmail, "lovelace@mail.example"}, {field::kCompany, "Other Ltd"}}),
            PairVerdict::kSure);
  // A colleague has phone, company and address; the husband also the last name and the mailbox.
  EXPECT_NE(with({{field::kFirstName, "Zoe"},
                  {field::kLastName, "Katz"},
                  {field::kEmail, "zoe@engines.example"}}),
            PairVerdict::kSure);
  EXPECT_NE(with({{field::kFirstName, "William"}}), PairVerdict::kSure);
  // One name alone is worth a look, no more; one mailbox is enough.
  EXPECT_EQ(
      Compare({{field::kFullName, "Ada Lovelace"}}, {{field::kFullName, "Ada Lovelace"}}).verdict,
      PairVerdict::kPossible);
  EXPECT_EQ(
      Compare({{field::kEmail, "ada@engines.example"}}, {{field::kEmail, "ADA@engines.example"}})
          .verdict,
      PairVerdict::kSure);
}

TEST_F(SimilarityTest, WhatManyHaveSaysLess) {
  std::vector<PreparedLead> leads;
  for (int i = 0; i < 2000; ++i) {
    leads.push_back(Prepare({{field::kLastName, i % 4 == 0 ? "Smith" : "N" + std::to_string(i)},
                             {field::kJobTitle, "Job " + std::to_string(i)}}));
  }
  const LeadFrequencies frequencies = model_->similarity().Count(leads);
  const PreparedLead smith = Prepare({{field::kLastName, "Smith"}});
  const PreparedLead rare = Prepare({{field::kLastName, "N3"}});
  const PairScore frequent = model_->similarity().Compare(smith, smith, frequencies);
  const PairScore one = model_->similarity().Compare(rare, rare, frequencies);
  EXPECT_LT(frequent.points, 3 * kOnePoint);
  EXPECT_GT(one.points, 9 * kOnePoint);
  EXPECT_THAT(frequent.evidence[0].reason, HasSubstr("leads have it)"));
}

// ---- Random leads

class RandomLeads {
 public:
  explicit RandomLeads(uint64_t seed) : random_(seed) {}

  Fields Next() {
    Fields fields;
    const auto maybe = [&](FieldId id, std::vector<std::string> values) {
      if (random_() % 4 != 0) fields[id] = Broken(values[random_() % values.size()]);
    };
    maybe(field::kFirstName, {"Robert", "Bob", "Anna", "Maria Luisa", "Grace", "J", "Zoë"});
    maybe(field::kLastName, {"Smith", "Smith-Jones", "Grace", "van der Berg", "Müller"});
    maybe(field::kEmail, {"bob@example.com", "info@example.com", "anna.smith@gmail.com"});
    maybe(field::kPhone, {"+14155552671", "(415) 555-2617", "+49 30 123456"});
    maybe(field::kCompany, {"Acme Inc", "Acme Trading Ltd", "Globex"});
    maybe(field::kStreet, {"12 Main St", "12 Main Street", "1 Oak Oak Ave", "Hauptstr. 5"});
    maybe(field::kCity, {"Springfield", "St. Louis"});
    maybe(field::kPostalCode, {"94107", "94110"});
    maybe(field::kBirthday, {"1990-03-04", "1990-04-03", "--03-04"});
    maybe(field::kExternalId, {"A-1000", "A-1001"});
    maybe(field::kJobTitle, {"CEO", "Chief Executive Officer", "VP Sales"});
    return fields;
  }

 private:
  std::string Broken(std::string text) {
    const size_t at = random_() % text.size();
    if (random_() % 5 != 0 || static_cast<unsigned char>(text[at]) >= 0x80) return text;
    random_() % 2 == 0 ? text.erase(at, 1) : text.insert(at, 1, 'e');
    return text;
  }
  std::mt19937_64 random_;
};

TEST_F(SimilarityTest, IsSymmetricAndAddsUp) {
  const uint64_t seed = testing::Seed();
  SCOPED_TRACE(seed);
  RandomLeads random(seed);
  std::vector<PreparedLead> leads;
  for (size_t i = 0; i < 300; ++i) leads.push_back(Prepare(random.Next()));
  const Similarity& similarity = model_->similarity();
  const LeadFrequencies counted = similarity.Count(leads);
  size_t seen[3] = {};
  for (size_t i = 0; i < testing::Scaled(leads.size()); ++i) {
    for (size_t j = 0; j < leads.size(); ++j) {
      const PairScore ab = similarity.Compare(leads[i], leads[j], counted);
      const PairScore ba = similarity.Compare(leads[j], leads[i], counted);
      ++seen[static_cast<size_t>(ab.verdict)];
      ASSERT_EQ(ab.points, ba.points) << i << " " << j;
      ASSERT_EQ(ab.verdict, ba.verdict);
      ASSERT_EQ(ab.evidence.size(), ba.evidence.size());
      Points sum = 0;
      for (size_t k = 0; k < ab.evidence.size(); ++k) {
        ASSERT_EQ(ab.evidence[k].reason, ba.evidence[k].reason) << i << " " << j;
        ASSERT_EQ(ab.evidence[k].points, ba.evidence[k].points);
        ASSERT_FALSE(ab.evidence[k].reason.empty());
        sum += ab.evidence[k].points;
      }
      ASSERT_EQ(sum, ab.points);
      // Nobody is more like another than like himself: copies may be taken for one.
      ASSERT_LE(ab.points, similarity.Compare(leads[i], leads[i], counted).points) << i << " " << j;
    }
  }
  for (const size_t count : seen) EXPECT_GT(count, 0u);
}

// ---- Blocks

TEST_F(SimilarityTest, SpellingsOfOnePersonShareABlock) {
  const Fields lead = {{field::kFirstName, "Robert"},
                       {field::kLastName, "Smith"},
                       {field::kEmail, "bob.smith@engines.example"},
                       {field::kPhone, "+1 415 555 2671"},
                       {field::kStreet, "12 Main St"},
                       {field::kPostalCode, "94107"},
                       {field::kBirthday, "1990-03-04"},
                       {field::kExternalId, "A-1"}};
  const std::vector<std::string> keys = Blocks(lead);
  const std::vector<Fields> others = {
      {{field::kEmail, "Bob.Smith@other.example"}},
      {{field::kPhone, "(628) 555-2671"}},
      {{field::kFirstName, "Bob"}, {field::kLastName, "Smith"}},
      {{field::kFirstName, "Smith"}, {field::kLastName, "Robert"}},
      {{field::kLastName, "Smyth"}, {field::kStreet, "12 Main Street"}},
      {{field::kLastName, "Smyth"}, {field::kBirthday, "1990-03-04"}},
      {{field::kStreet, "12 Main Street"}, {field::kPostalCode, "94110"}},
      {{field::kExternalId, "a1"}},
  };
  for (const Fields& other : others) {
    const std::vector<std::string> its = Blocks(other);
    size_t shared = 0;
    for (const std::string& key : its) shared += std::ranges::count(keys, key);
    EXPECT_GT(shared, 0u) << ::testing::PrintToString(other);
  }
}

TEST_F(SimilarityTest, WhatIsNoValueFormsNoBlock) {
  EXPECT_THAT(Blocks({{field::kEmail, "info@example.com"}}), Not(Contains(StartsWith("mail"))));
  EXPECT_THAT(Blocks({{field::kEmail, "none@example.com"}}), Not(Contains(StartsWith("mail"))));
  EXPECT_THAT(Blocks({{field::kPhone, "000-000-0000"}, {field::kCompany, "n/a"}}), IsEmpty());
  EXPECT_THAT(Blocks({{field::kExternalId, "0000000"}}), IsEmpty());
  EXPECT_THAT(Blocks({}), IsEmpty());
}

TEST_F(SimilarityTest, ABlockThatManyShareFindsNothingByItself) {
  // A thousand leads with the clerk's own mailbox; every tenth is there twice by another spelling.
  std::vector<PreparedLead> leads;
  for (int i = 0; i < 1000; ++i) {
    const std::string last = "X" + std::to_string(1000 + i);
    leads.push_back(Prepare({{field::kFirstName, i % 2 == 0 ? "Robert" : "Olga"},
                             {field::kLastName, last},
                             {field::kEmail, "clerk@engines.example"}}));
    if (i % 10 == 0) {
      leads.push_back(Prepare({{field::kFirstName, "Bob"},
                               {field::kLastName, last},
                               {field::kEmail, "clerk@engines.example"}}));
    }
  }
  const auto pairs = model_->similarity().Candidates(leads);
  // Without the cap: all against all, 604,450 pairs.
  EXPECT_LT(pairs.size(), 5000u);
  size_t found = 0;
  for (const auto& [a, b] : pairs) found += b == a + 1 ? 1 : 0;
  EXPECT_GE(found, 100u);
}

TEST_F(SimilarityTest, CandidatesDependOnTheSetNotOnItsOrder) {
  const uint64_t seed = testing::Seed();
  SCOPED_TRACE(seed);
  RandomLeads random(seed);
  std::vector<PreparedLead> leads;
  for (size_t i = 0; i < 400; ++i) leads.push_back(Prepare(random.Next()));
  const auto pairs = model_->similarity().Candidates(leads);
  ASSERT_FALSE(pairs.empty());
  ASSERT_LT(pairs.size(), 400u * 399 / 2);
  std::vector<size_t> order(leads.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::shuffle(order.begin(), order.end(), std::mt19937_64(seed));
  std::vector<PreparedLead> shuffled;
  for (const size_t i : order) shuffled.push_back(leads[i]);
  std::vector<std::pair<size_t, size_t>> back;
  for (const auto& [a, b] : model_->similarity().Candidates(shuffled)) {
    back.emplace_back(std::min(order[a], order[b]), std::max(order[a], order[b]));
  }
  std::ranges::sort(back);
  EXPECT_EQ(back, pairs);
}

// ---- Configuration

std::string FaultsOf(const std::string& matching) {
  Faults faults;
  EXPECT_EQ(Model::Parse("{\"fields\": [{\"name\": \"size\", \"type\": \"text\"}], \"matching\": " +
                             matching + "}",
                         &faults),
            nullptr);
  return FormatFaults(faults);
}

TEST(SimilarityModel, FaultsHavePathsAndPlaces) {
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "emial"}]})"),
              HasSubstr("matching.fields[0].field: unknown field 'emial', did you mean 'email'?"));
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "size", "kind": "shoe"}]})"),
              HasSubstr("matching.fields[0].kind: 'shoe' is none of: first_name, last_name"));
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "size"}, {"field": "size"}]})"),
              HasSubstr("matching.fields[1].field: 'size' is named twice"));
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "size", "agree": -1}]})"),
              HasSubstr("matching.fields[0].agree: bits go from 0 to 100 here"));
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "size", "disagree": 1}]})"),
              HasSubstr("matching.fields[0].disagree: bits go from -100 to 0 here"));
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "score"}]})"), HasSubstr("the engine sets it"));
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "mobile_phone"}]})"), HasSubstr("'phone' stands"));
  EXPECT_THAT(FaultsOf(R"({"fields": [{"field": "tags"}]})"), HasSubstr("lists are not compared"));
  EXPECT_THAT(FaultsOf(R"({"sure": 5})"), HasSubstr("matching.sure: what is sure is possible too"));
  EXPECT_THAT(FaultsOf(R"({"block_cap": 1})"), HasSubstr("matching.block_cap: from 2 to 10000"));
  EXPECT_THAT(FaultsOf(R"({"shure": 20})"), HasSubstr("did you mean 'sure'?"));
}

TEST(SimilarityModel, ChangesFieldsAndLeavesTheOthers) {
  Faults faults;
  const auto model = Model::Parse(R"json({
    "fields": [{"name": "vat_number", "type": "text"}],
    "matching": {"fields": [{"field": "vat_number", "kind": "id", "agree": 30},
                            {"field": "city", "agree": 0, "disagree": 0}], "sure": 25}})json",
                                  &faults);
  ASSERT_NE(model, nullptr) << FormatFaults(faults);
  EXPECT_EQ(model->similarity().config().possible, SimilarityConfig().possible);
  Lead lead(model->schema());
  lead.SetText(model->schema()->Find("vat_number")->id, "DE 811 907 980");
  lead.SetText(field::kCity, "Berlin");
  lead.SetText(field::kPostalCode, "10115");
  const PreparedLead prepared = model->similarity().Prepare(lead.view(), model->email_lists());
  const PairScore score = model->similarity().Compare(prepared, prepared, LeadFrequencies());
  ASSERT_EQ(score.evidence.size(), 2u);
  EXPECT_EQ(score.evidence[0].field, "postal_code");
  EXPECT_EQ(score.evidence[1].field, "vat_number");
  EXPECT_EQ(score.evidence[1].points, 30 * kOnePoint);
}

}  // namespace
}  // namespace leadcore
