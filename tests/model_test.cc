// SPDX-License-Identifier: Apache-2.0
//
// Model documents: every mistake at once, each with its place and a way on; what is inherited.
#include "leadcore/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <string_view>

namespace leadcore {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string FaultsOf(std::string_view json) {
  Faults faults;
  EXPECT_EQ(Model::Parse(json, &faults), nullptr) << json;
  EXPECT_FALSE(faults.empty());
  for (const Fault& fault : faults) {
    EXPECT_GE(fault.line, 1) << fault.message;
    EXPECT_GE(fault.column, 1) << fault.message;
  }
  return FormatFaults(faults);
}

std::shared_ptr<const Model> Parsed(std::string_view json) {
  Faults faults;
  auto model = Model::Parse(json, &faults);
  EXPECT_NE(model, nullptr) << FormatFaults(faults);
  return model;
}

TEST(ModelFaults, TextThatIsNoJsonIsRefusedWhereItGoesWrong) {
  EXPECT_THAT(FaultsOf(""), StartsWith("1:1: not JSON"));
  EXPECT_THAT(FaultsOf("{\n  \"name\": \"a\",\n}"), StartsWith("3:1: not JSON"));
  EXPECT_THAT(FaultsOf("{\"name\": \"a\"} x"), StartsWith("1:15: not JSON"));
  EXPECT_THAT(FaultsOf("81"), StartsWith("1:1: "));
  EXPECT_THAT(FaultsOf("[]"), AllOf(StartsWith("1:1: "), HasSubstr("expected an object")));
  EXPECT_THAT(FaultsOf(std::string_view("{\"a\0\": 1}", 10)), HasSubstr("NUL"));
  EXPECT_THAT(FaultsOf("\xef\xbb\xbf{}"), HasSubstr("byte order mark"));
  EXPECT_THAT(FaultsOf("{\"name\": \"\xff\"}"), StartsWith("1:"));
}

TEST(ModelFaults, WhatIsTooLargeOrTooDeepIsRefused) {
  EXPECT_THAT(FaultsOf("{\"name\": \"" + std::string(9 << 20, 'x') + "\"}"), HasSubstr("bytes"));
  const std::string deep = std::string(40, '[') + std::string(40, ']');
  EXPECT_THAT(FaultsOf("{\"tests\": " + deep + "}"), HasSubstr("32"));
  const std::string bomb(100'000, '[');
  EXPECT_THAT(FaultsOf("{\"tests\": " + bomb), StartsWith("1:"));
}

TEST(ModelFaults, EveryMistakeIsToldAtOnceWithItsPlaceAndAWayOn) {
  const std::string faults = FaultsOf(R"({
  "curency": "USD",
  "country": 5,
  "required": [{"any_of": []}],
  "scoring": {"groups": [{"name": "g", "rules": [
    {"name": "r", "when": "lead.emplyee_count > 5", "points": "many"}]}],
    "bands": [{"name": "all", "from": 0.5}]},
  "routing": {"pools": [{"name": "p", "strategy": "random"}]}
})");
  EXPECT_THAT(faults,
              HasSubstr("2:14: curency: unknown member 'curency', did you mean 'currency'?"));
  EXPECT_THAT(faults, HasSubstr("3:14: country: expected a string, found a number"));
  EXPECT_THAT(faults, HasSubstr("4:15: required[0]: name at least one field in `any_of`"));
  EXPECT_THAT(faults, HasSubstr("6:33: scoring.groups[0].rules[0].when: 1:6: unknown field "
                                "'emplyee_count', did you mean 'employee_count'?"));
  EXPECT_THAT(faults, HasSubstr("6:63: scoring.groups[0].rules[0].points: expected a number"));
  EXPECT_THAT(faults, HasSubstr("7:39: scoring.bands[0].from: expected a whole number"));
  EXPECT_THAT(faults, HasSubstr("'random' is none of: round_robin, weighted, least_loaded"));
}

TEST(ModelFaults, AMemberThatComesTwiceIsRefused) {
  EXPECT_THAT(FaultsOf(R"({"name": "a", "name": "b"})"), HasSubstr("twice"));
}

TEST(ModelFaults, AFaultOfWhatWasInheritedIsLocatedAtTheDocument) {
  // The default model's keys read fields; a custom field may not take the name of one.
  const std::string faults = FaultsOf(R"({"fields": [{"name": "email", "type": "integer"}]})");
  EXPECT_THAT(faults, HasSubstr("fields[0].name"));
}

// Every table of a store has columns of these names.
TEST(ModelFaults, AFieldNamedLikeAColumnOfTheStoreIsNotIndexed) {
  for (const std::string name : {"body", "workspace"}) {
    const std::string field = R"({"fields": [{"name": ")" + name + R"(", "type": "text")";
    EXPECT_THAT(FaultsOf(field + R"(, "indexed": true}]})"), HasSubstr("cannot be indexed"));
    Faults faults;
    EXPECT_NE(Model::Parse(field + "}]}", &faults), nullptr) << FormatFaults(faults);
  }
}

TEST(Model, WhatIsLeftOutIsTheDefaults) {
  const auto model = Parsed(R"({"name": "mine"})");
  const ModelConfig &mine = model->config(), &base = Model::Default()->config();
  EXPECT_EQ(mine.keys.size(), base.keys.size());
  EXPECT_EQ(mine.sources.size(), base.sources.size());
  EXPECT_EQ(mine.required.size(), base.required.size());
  EXPECT_EQ(mine.lifecycle.states.size(), base.lifecycle.states.size());
  EXPECT_EQ(mine.scoring.groups.size(), base.scoring.groups.size());
  EXPECT_EQ(mine.unqualified_reasons, base.unqualified_reasons);
  EXPECT_TRUE(mine.routing.pools.empty()) << "nobody is assigned without routing";
  EXPECT_TRUE(mine.tests.empty());
  EXPECT_TRUE(mine.fields.empty());
}

TEST(Model, WhatIsThereReplacesAndKindsAreAdded) {
  const auto model = Parsed(R"json({
    "keys": [], "sources": [],
    "activity_kinds": [{"name": "visit", "attributes": [{"name": "km", "type": "real"}]},
                       {"name": "call", "response": false}],
    "scoring": {"groups": [{"name": "g", "rules": [
      {"name": "near", "when": "sum('visit', 'km') > 5.0", "points": 3}]}],
      "bands": [{"name": "all", "from": 0}]}})json");
  EXPECT_TRUE(model->config().keys.empty());
  EXPECT_TRUE(model->config().sources.empty());
  ASSERT_NE(model->FindKind("visit"), nullptr);
  ASSERT_NE(model->FindKind("page_view"), nullptr) << "the default's stay";
  EXPECT_FALSE(model->IsResponse(*model->FindKind("call")));
  EXPECT_TRUE(Model::Default()->IsResponse(*Model::Default()->FindKind("call")));
  EXPECT_EQ(model->kinds().size(), Model::Default()->kinds().size() + 1);
}

TEST(Model, TheHashIsThatOfTheText) {
  const auto one = Parsed(R"({"name": "a"})"), same = Parsed(R"({"name": "a"})"),
             other = Parsed(R"({"name": "b"})");
  EXPECT_EQ(one->hash(), same->hash());
  EXPECT_NE(one->hash(), other->hash());
  EXPECT_EQ(one->hash().size(), 32u);
  EXPECT_EQ(one->text(), R"({"name": "a"})");
}

TEST(Model, NamesAreReadInBothSpellingsOfProtobuf) {
  const auto model = Parsed(R"({"unqualifiedReasons": ["spam"], "scoring": {"groups": [],
    "bands": [{"name": "a", "from": "0"}, {"name": "b", "from": "10"}]}})");
  EXPECT_EQ(model->config().unqualified_reasons.size(), 1u);
  EXPECT_EQ(model->config().scoring.bands[1].from, 10);
}

TEST(Model, AFilterKnowsTheModelsFieldsAndNoActivities) {
  const auto model = Parsed(R"({"fields": [{"name": "fleet", "type": "integer"}]})");
  Faults faults;
  EXPECT_NE(model->CompileFilter("lead.fleet > 3", &faults), nullptr) << FormatFaults(faults);
  EXPECT_EQ(Model::Default()->CompileFilter("lead.fleet > 3", &faults), nullptr);
  EXPECT_EQ(model->CompileFilter("count('call') > 3", &faults), nullptr);
  EXPECT_EQ(model->CompileFilter("lead.fleet", &faults), nullptr) << "not a condition";
  EXPECT_THAT(FormatFaults(faults), Not(HasSubstr("0:0")));
}

}  // namespace
}  // namespace leadcore
