// SPDX-License-Identifier: Apache-2.0
//
// The states of a lead, and the sources it comes from: checked when compiled, then looked up.
#include "leadcore/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "leadcore/model.h"
#include "leadcore/sources.h"

namespace leadcore {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string FaultsOf(const std::string& json) {
  Faults faults;
  EXPECT_EQ(Model::Parse(json, &faults), nullptr) << json;
  return FormatFaults(faults);
}

TEST(Lifecycle, TheDefaultIsTheSixStatesOfTheGuide) {
  const Lifecycle& lifecycle = Model::Default()->lifecycle();
  EXPECT_EQ(lifecycle.initial().name, "New");
  ASSERT_EQ(lifecycle.states().size(), 6u);
  EXPECT_EQ(lifecycle.Find("Converted")->type, StateType::kWon);
  EXPECT_EQ(lifecycle.Find("unqualified")->type, StateType::kLost);
  EXPECT_EQ(lifecycle.Find("New")->next_action, "Initial contact");
  EXPECT_EQ(lifecycle.Find("Working"), nullptr);
}

TEST(Lifecycle, ARefusalNamesWhatIsAllowed) {
  const Lifecycle& lifecycle = Model::Default()->lifecycle();
  EXPECT_TRUE(lifecycle.CheckTransition("New", "Contacted").ok());
  EXPECT_TRUE(lifecycle.CheckTransition("New", "New").ok());
  const absl::Status skipped = lifecycle.CheckTransition("New", "Converted");
  EXPECT_EQ(skipped.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(skipped.message()),
              AllOf(HasSubstr("Converted"), HasSubstr("Contacted"), HasSubstr("Qualified")));
  const absl::Status ended = lifecycle.CheckTransition("Converted", "New");
  EXPECT_EQ(ended.code(), absl::StatusCode::kFailedPrecondition);
  const absl::Status unknown = lifecycle.UnknownState("Qualifed");
  EXPECT_EQ(unknown.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(unknown.message()), HasSubstr("Qualified"));
}

TEST(Lifecycle, EveryMistakeIsFoundAtOnce) {
  const std::string faults = FaultsOf(R"json({"lifecycle": {"initial": "Start", "states": [
    {"name": "Begin", "to": ["End", "Nowhere"]},
    {"name": "begin"},
    {"name": "Island", "to": ["Begin"], "stage": "moon"},
    {"name": "End"}]}})json");
  for (const char* part : {"lifecycle.initial", "lifecycle.states[0].to[1]",
                           "lifecycle.states[1].name", "lifecycle.states[2].stage"}) {
    EXPECT_THAT(faults, HasSubstr(part));
  }
  EXPECT_THAT(FaultsOf(R"json({"lifecycle": {"initial": "A", "states": [
    {"name": "A", "to": ["Z"]}, {"name": "Island"}, {"name": "Z", "type": "won"}]}})json"),
              HasSubstr("lifecycle.states[1]"));
}

TEST(Sources, AreFoundByIdNameAndAlias) {
  Faults faults;
  const auto model = Model::Parse(R"json({"sources": [
    {"id": "web", "name": "Web site", "aliases": ["www", "Home-Page"], "medium": "organic"},
    {"id": "ads", "medium": "paid",
     "costs": [{"from": "2026-01-01", "to": "2026-03-31", "amount": "1200.50 USD"}]}]})json",
                                  &faults);
  ASSERT_NE(model, nullptr) << FormatFaults(faults);
  const Sources& sources = model->sources();
  for (const char* text : {"web", "WEB", "Web Site", "www", "home page"}) {
    ASSERT_NE(sources.Find(text), nullptr) << text;
    EXPECT_EQ(sources.Find(text)->id, "web");
  }
  EXPECT_EQ(sources.Find("fair"), nullptr);
  ASSERT_EQ(sources.Find("ads")->costs.size(), 1u);
  EXPECT_EQ(sources.Find("ads")->costs[0].amount.minor, 120'050);
  EXPECT_EQ(Model::Default()->sources().all().size(), 8u) << "the guide's eight";
}

TEST(Sources, EveryMistakeIsFoundAtOnce) {
  const std::string faults = FaultsOf(R"json({"sources": [
    {"id": "web", "aliases": ["www"]}, {"id": "Web"}, {"id": "x", "aliases": ["WWW"]}, {"id": ""},
    {"id": "y", "costs": [{"from": "2026-02-01", "to": "2026-01-01", "amount": "5 USD"}]}]})json");
  for (const char* part :
       {"sources[1].id", "sources[2].aliases[0]", "sources[3].id", "sources[4].costs[0]"}) {
    EXPECT_THAT(faults, HasSubstr(part));
  }
}

}  // namespace
}  // namespace leadcore
