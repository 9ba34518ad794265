// SPDX-License-Identifier: Apache-2.0
//
// The tests that a model carries: each expectation can hold and can fail, and says where.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "engine_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A model with these tests; `lead` scores 20 as it comes and 30 after a call in the last two days.
std::string WithTests(std::string_view tests) {
  return R"json({
  "required": [{"any_of": ["full_name"]}],
  "sources": [{"id": "web", "name": "Website"}],
  "scoring": {"groups": [
      {"name": "who", "rules": [{"name": "boss", "when": "lead.job_title == 'CEO'", "points": 20}]},
      {"name": "does", "rules": [
        {"name": "called", "when": "count('call', days(2)) >= 1", "points": 10},
        {"name": "long", "when": "sum('call', 'minutes', days(2)) >= 60", "points": 2.5}]}],
    "bands": [{"name": "cold", "from": 0}, {"name": "hot", "from": 30}]},
  "routing": {"territories": [{"name": "Home", "areas": [{"country": "DE"}]}],
    "pools": [{"name": "p", "members": [{"id": "ann"}]}], "fallback_pool": "p"},
  "tests": [)json" +
         std::string(tests) + "]}";
}

Faults FaultsOf(std::string_view tests) { return RunModelTests(ParseModel(WithTests(tests))); }

TEST(ModelTests, TheExamplesHold) {
  size_t models = 0;
  for (const auto& file : std::filesystem::directory_iterator(SourcePath("examples/models"))) {
    Faults faults;
    const auto model = Model::Parse(ReadFile(file.path()), &faults);
    if (model == nullptr) continue;  // one that takes other files in, which the core does not read
    EXPECT_EQ(FormatFaults(RunModelTests(model)), "") << file.path();
    models += model->config().tests.empty() ? 0 : 1;
  }
  EXPECT_GE(models, 2u);
  EXPECT_THAT(RunModelTests(Model::Default()), IsEmpty());
}

TEST(ModelTests, WhatHoldsIsSilent) {
  const Faults faults = FaultsOf(R"json(
    {"name": "all of it",
     "lead": {"full_name": "Ada", "job_title": "CEO", "country": "Germany", "source": "website",
              "tags": "a;b"},
     "activities": [{"kind": "call", "ago": "47h", "attributes": {"minutes": 60}},
                    {"kind": "call", "ago": "3d", "attributes": {"minutes": 60}}],
     "expect": {"score": 33, "scores": {"who": 20, "does": 13}, "band": "hot", "owner": "ann",
                "pool": "p", "territory": "Home", "status": "New", "source": "web"}},
    {"name": "refused", "lead": {"company": "Acme"}, "expect": {"outcome": "rejected"}},
    {"name": "old", "lead": {"full_name": "Ada", "status": "Contacted",
                             "create_time": "2020-01-01T00:00:00Z"},
     "expect": {"status": "Contacted", "score": 0}})json");
  EXPECT_EQ(FormatFaults(faults), "");
}

TEST(ModelTests, EveryExpectationThatFailsSaysWhereAndWhatItGot) {
  const Faults faults = FaultsOf(R"json(
    {"name": "good", "lead": {"full_name": "Ada"}, "expect": {"score": 0}},
    {"name": "bad", "lead": {"full_name": "Ada", "job_title": "CEO"},
     "activities": [{"kind": "call", "ago": "1h"}],
     "expect": {"score": 31, "scores": {"who": 19, "does": 10}, "band": "cold", "owner": "bob",
                "pool": "q", "territory": "Away", "status": "Contacted", "source": "web"}})json");
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"tests[1].expect.score", "'bad': expected 31, got 30: who/boss 20, does/called 10"},
      {"tests[1].expect.scores.who", "expected 19, got 20"},
      {"tests[1].expect.band", "expected 'cold', got 'hot'"},
      {"tests[1].expect.owner", "expected 'bob', got 'ann'"},
      {"tests[1].expect.pool", "expected 'q', got 'p'"},
      {"tests[1].expect.territory", "expected 'Away', got ''"},
      {"tests[1].expect.status", "expected 'Contacted', got 'New'"},
      {"tests[1].expect.source", "expected 'web', got ''"}};
  ASSERT_THAT(faults, SizeIs(expected.size())) << FormatFaults(faults);
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(faults[i].path, expected[i].first);
    EXPECT_THAT(faults[i].message, HasSubstr(expected[i].second));
  }
}

TEST(ModelTests, AnOutcomeThatIsNotExpectedTellsTheRefusal) {
  const Faults faults = FaultsOf(R"json(
    {"name": "refused", "lead": {"company": "Acme"}, "expect": {"score": 0}},
    {"name": "taken", "lead": {"full_name": "Ada"}, "expect": {"outcome": "rejected"}})json");
  ASSERT_THAT(faults, SizeIs(2));
  EXPECT_EQ(faults[0].path, "tests[0].expect.outcome");
  EXPECT_THAT(faults[0].message, AllOf(HasSubstr("expected created, got rejected"),
                                       HasSubstr("a lead needs full_name")));
  EXPECT_EQ(faults[1].path, "tests[1].expect.outcome");
  EXPECT_THAT(faults[1].message, HasSubstr("expected rejected, got created"));
}

TEST(ModelTests, WhatCannotBeReadOrLoggedIsAFaultOfItsOwn) {
  const Faults faults = FaultsOf(R"json(
    {"name": "number", "lead": {"full_name": "Ada", "employee_count": "many"}, "expect": {}},
    {"name": "attribute", "lead": {"full_name": "Ada"},
     "activities": [{"kind": "call", "ago": "1h", "attributes": {"minutes": "long"}}],
     "expect": {"score": 0}})json");
  ASSERT_THAT(faults, SizeIs(2)) << FormatFaults(faults);
  EXPECT_EQ(faults[0].path, "tests[0].lead.employee_count");
  EXPECT_EQ(faults[1].path, "tests[1].activities[0]");
  EXPECT_THAT(faults[1].message, HasSubstr("attribute 'minutes'"));
}

// Each runs on a store of its own: no test sees the leads, keys and turns of another.
TEST(ModelTests, TestsDoNotSeeEachOther) {
  const std::string same = R"json({"name": "same", "lead": {"full_name": "Ada",
      "email": "ada@example.org", "external_id": "A"}, "expect": {"owner": "ann"}})json";
  EXPECT_THAT(FaultsOf(same + "," + same), IsEmpty());
}

TEST(ModelTests, TheClockIsTheTestsOwn) {
  const Faults faults = FaultsOf(R"json(
    {"name": "then", "now": "2020-02-03T04:05:06Z", "lead": {"full_name": "Ada"},
     "activities": [{"kind": "call", "ago": "49h"}], "expect": {"score": 0}})json");
  EXPECT_EQ(FormatFaults(faults), "");
}

}  // namespace
}  // namespace leadcore::testing
