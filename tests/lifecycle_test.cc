// SPDX-License-Identifier: Apache-2.0
//
// The states of a lead: checked when compiled, then which changes they allow.
#include "leadcore/lifecycle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "leadcore/model.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

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

// ---- Used alone

ExpressionScope Alone() {
  ExpressionScope scope;
  scope.schema = Schema::BuiltIn().get();
  return scope;
}

StateConfig State(const char* name, std::vector<std::string> to,
                  StateType type = StateType::kOpen) {
  StateConfig state;
  state.name = name;
  state.type = type;
  state.to = std::move(to);
  return state;
}

std::vector<std::string> PathsOf(const LifecycleConfig& config) {
  Faults faults;
  const bool compiled = Lifecycle::Compile(config, Alone(), &faults) != nullptr;
  EXPECT_EQ(compiled, faults.empty());
  std::vector<std::string> paths;
  for (const Fault& fault : faults) paths.push_back(fault.path);
  return paths;
}

TEST(LifecycleFaults, EachIsFoundByItself) {
  const StateConfig end = State("End", {}, StateType::kWon);
  EXPECT_THAT(PathsOf({"A", {State("A", {"End"}), end}}), IsEmpty());
  EXPECT_THAT(PathsOf({"A", {State("A", {"End"}), State("End", {}, StateType::kLost)}}), IsEmpty());
  EXPECT_THAT(PathsOf({"", {State("A", {"End"}), end}}), ElementsAre("lifecycle.initial"));
  EXPECT_THAT(PathsOf({"B", {State("A", {"End"}), end}}), ElementsAre("lifecycle.initial"));
  EXPECT_THAT(PathsOf({"A", {State("A", {"End", "B"}), end}}),
              ElementsAre("lifecycle.states[0].to[1]"));
  EXPECT_THAT(PathsOf({"A", {State("A", {"End"}), end, State("C", {"A"})}}),
              ElementsAre("lifecycle.states[2]"))
      << "a way out of it is no way into it";
  EXPECT_THAT(PathsOf({"A", {State("A", {"B"}), State("B", {"A"})}}),
              ElementsAre("lifecycle.states"))
      << "nothing ends";
  EXPECT_THAT(PathsOf({"A", {State("A", {"End", "ÉND"}), end, State("ÉND", {})}}),
              ElementsAre("lifecycle.states[2].name"))
      << "accents and case aside";
  EXPECT_THAT(PathsOf({"A", {State("A", {"End", ""}), end, State("", {})}}),
              ElementsAre("lifecycle.states[2].name"));
  EXPECT_THAT(PathsOf({"", {}}), ElementsAre("lifecycle.states", "lifecycle.initial"));
  LifecycleConfig config{"A", {State("A", {"End"}), end}};
  config.states[0].next_action_within = -1;
  config.states[1].stage = "moon";
  EXPECT_THAT(PathsOf(config),
              ElementsAre("lifecycle.states[0].next_action_within", "lifecycle.states[1].stage"));
}

// Against the arrows as they were drawn: a change is allowed where there is one, or to itself; a
// model is refused exactly where a search finds a state that nothing leads to.
TEST(LifecycleRandom, AllowsTheArrowsAndFindsWhatIsUnreachable) {
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  size_t refused = 0, compiled = 0;
  for (size_t run = 0; run < testing::Scaled(1000); ++run) {
    const size_t size = 2 + random() % 6;
    const auto name = [](size_t i) { return "S" + std::to_string(i); };
    std::vector<std::vector<bool>> arrow(size, std::vector<bool>(size));
    LifecycleConfig config{name(0), {}};
    for (size_t i = 0; i < size; ++i) {
      const bool last = i + 1 == size;
      config.states.push_back(
          State(name(i).c_str(), {}, last ? StateType::kWon : StateType::kOpen));
      for (size_t j = 0; j < size; ++j) {
        if (random() % 3 != 0) continue;
        arrow[i][j] = true;
        config.states[i].to.push_back(name(j));
      }
    }
    // Everything that a path of at most `size` steps reaches.
    std::vector<bool> reached(size);
    reached[0] = true;
    for (size_t step = 0; step < size; ++step) {
      for (size_t i = 0; i < size; ++i) {
        for (size_t j = 0; j < size && reached[i]; ++j) reached[j] = reached[j] || arrow[i][j];
      }
    }
    std::vector<std::string> expected;
    for (size_t i = 0; i < size; ++i) {
      if (!reached[i]) expected.push_back("lifecycle.states[" + std::to_string(i) + "]");
    }
    ASSERT_EQ(PathsOf(config), expected) << "seed " << seed << " run " << run;
    if (!expected.empty()) {
      ++refused;
      continue;
    }
    ++compiled;
    Faults faults;
    const auto lifecycle = Lifecycle::Compile(config, Alone(), &faults);
    for (size_t i = 0; i < size; ++i) {
      for (size_t j = 0; j < size; ++j) {
        ASSERT_EQ(lifecycle->CheckTransition(name(i), name(j)).ok(), i == j || arrow[i][j])
            << "seed " << seed << " run " << run << ": " << i << " to " << j;
      }
    }
  }
  EXPECT_GT(refused, 0u);
  EXPECT_GT(compiled, 0u);
}

}  // namespace
}  // namespace leadcore
