// SPDX-License-Identifier: Apache-2.0
//
// Scoring: groups between floor and cap, the ledger, bands, and until when a score holds.
#include "leadcore/scoring.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cctype>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "leadcore/model.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr int64_t kNow = 1'767'603'600'000'000;  // 2026-01-05T09:00:00Z
constexpr int64_t kHour = 3'600'000'000;

std::shared_ptr<const Model> WithScoring(const std::string& scoring) {
  Faults faults;
  auto model = Model::Parse("{\"scoring\": " + scoring + "}", &faults);
  EXPECT_NE(model, nullptr) << FormatFaults(faults);
  return model;
}

std::string FaultsOf(const std::string& scoring) {
  Faults faults;
  EXPECT_EQ(Model::Parse("{\"scoring\": " + scoring + "}", &faults), nullptr);
  return FormatFaults(faults);
}

Score Evaluate(const Model& model, const Lead& lead, std::vector<RuleTrace>* trace = nullptr) {
  return model.scoring().Evaluate(lead.view(), FromMicros(kNow), trace);
}

Points Sum(const Score& score) {
  Points sum = 0;
  for (const LedgerEntry& entry : score.ledger) sum += entry.points;
  return sum;
}

constexpr const char* kGroups = R"json({"floor": -10, "cap": 50, "groups": [
  {"name": "who", "floor": -5, "cap": 20, "rules": [
    {"name": "large", "when": "lead.employee_count >= 100", "points": 15},
    {"name": "huge", "when": "lead.employee_count >= 1000", "points": 15},
    {"name": "student", "when": "lead.job_title.contains('Student')", "points": -30}]},
  {"name": "what", "floor": -100, "cap": 100, "rules": [
    {"name": "rich", "when": "lead.annual_revenue >= 1000000.0", "points": 45.5},
    {"name": "titles", "field": "job_title", "table": {"CEO": 12, "Vice President": 7.25}}]}],
  "bands": [{"name": "cold", "from": 0}, {"name": "hot", "from": 30}]})json";

TEST(Scoring, GroupsAndTheWholeAreHeldAndTheLedgerAddsUp) {
  const auto model = WithScoring(kGroups);
  Lead lead(model->schema());
  lead.Set(field::kEmployeeCount, Value::Integer(5000));
  lead.SetText(field::kJobTitle, "vice  PRESIDENT");
  Score score = Evaluate(*model, lead);
  EXPECT_EQ(score.total, 27'250);
  EXPECT_EQ(score.band, "cold");
  ASSERT_EQ(score.ledger.size(), 4u);
  EXPECT_EQ(score.ledger[2].kind, LedgerEntry::Kind::kGroupCap);
  EXPECT_EQ(score.ledger[2].points, -10'000);
  EXPECT_EQ(score.ledger[3].rule, "titles");
  EXPECT_EQ(score.groups[0].points, 20'000);
  EXPECT_EQ(score.groups[1].points, 7'250);
  EXPECT_EQ(Sum(score), score.total);

  lead.Set(field::kAnnualRevenue, Value::OfMoney({5'000'000'00, model->config().currency}));
  score = Evaluate(*model, lead);
  EXPECT_EQ(score.total, 50'000);
  EXPECT_EQ(score.ledger.back().kind, LedgerEntry::Kind::kTotalCap);
  EXPECT_EQ(score.band, "hot");
  EXPECT_EQ(Sum(score), score.total);
}

TEST(Scoring, PointsMayBeTakenDownToTheFloor) {
  const auto model = WithScoring(kGroups);
  Lead lead(model->schema());
  lead.SetText(field::kJobTitle, "Student");
  const Score score = Evaluate(*model, lead);
  EXPECT_EQ(score.total, -5'000);
  EXPECT_EQ(score.ledger.back().kind, LedgerEntry::Kind::kGroupFloor);
  EXPECT_EQ(score.ledger.back().points, 25'000);
  EXPECT_EQ(score.band, "cold");
  EXPECT_EQ(Sum(score), score.total);
}

TEST(Scoring, WhatIsMissingDoesNotMatchAndIsNamed) {
  const auto model = WithScoring(kGroups);
  const Lead lead(model->schema());
  std::vector<RuleTrace> trace;
  EXPECT_EQ(Evaluate(*model, lead, &trace).total, 0);
  ASSERT_EQ(trace.size(), 5u);
  EXPECT_EQ(trace[0].rule, "large");
  EXPECT_EQ(trace[0].truth, Truth::kUndetermined);
  EXPECT_THAT(trace[0].missing, ElementsAre("lead.employee_count"));
  EXPECT_THAT(trace[2].missing, ElementsAre("lead.job_title"));
  EXPECT_EQ(trace[4].points, 0);
}

TEST(Scoring, ATestOfPresenceIsDetermined) {
  const auto model = WithScoring(R"json({"groups": [{"name": "g", "rules": [
    {"name": "no phone", "when": "!has(lead.phone)", "points": 4},
    {"name": "either", "when": "lead.employee_count > 5 || lead.country == 'US'", "points": 8}]}],
    "bands": [{"name": "b", "from": 0}]})json");
  Lead lead(model->schema());
  lead.SetText(field::kCountry, "US");
  EXPECT_EQ(Evaluate(*model, lead).total, 12'000) << "a true side settles an or";
}

// ---- Bands

TEST(ScoringBand, SeedBandsOfTheDefaultModel) {
  const auto path = testing::SharedPath("acceptance/cases.json");
  LEADCORE_SKIP_WITHOUT(path, "acceptance/cases.json");
  const nlohmann::json cases = nlohmann::json::parse(testing::ReadFile(*path));
  ASSERT_FALSE(cases.at("seed_bands").empty());
  for (const nlohmann::json& each : cases["seed_bands"]) {
    std::string expected = each[1];
    for (char& c : expected) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    EXPECT_EQ(Model::Default()->scoring().Band(each[0].get<int64_t>() * kOnePoint), expected)
        << each[0];
  }
}

TEST(ScoringBand, WhatIsShownIsWhatIsBanded) {
  const Scoring& scoring = Model::Default()->scoring();
  EXPECT_EQ(ShownPoints(30'499), 30);
  EXPECT_EQ(scoring.Band(30'499), "cold");
  EXPECT_EQ(ShownPoints(30'500), 31);
  EXPECT_EQ(scoring.Band(30'500), "warm");
  EXPECT_EQ(ShownPoints(-500), 0);
  EXPECT_EQ(ShownPoints(-501), -1);
  EXPECT_EQ(scoring.Band(-90'000), "cold");
  EXPECT_EQ(scoring.Band(900'000), "hot");
}

// ---- Time

// Up to `valid_until` nothing changes by time alone; a score without it never changes.
TEST(ScoringTime, AScoreHoldsUntilItSaysSo) {
  const auto model = WithScoring(R"json({"groups": [{"name": "g", "cap": 1000, "floor": -1000,
    "rules": [
    {"name": "seen", "when": "count('page_view', days(7)) >= 2", "points": 10},
    {"name": "often", "when": "count('page_view', days(2)) >= 3", "points": 20},
    {"name": "long ago", "when": "now - last('page_view') > days(3)", "points": -7},
    {"name": "fresh", "when": "now - lead.create_time < duration('36h')", "points": 5},
    {"name": "due", "when": "lead.next_action_due < now", "points": 3}]}],
    "bands": [{"name": "b", "from": 0}]})json");
  const uint64_t seed = testing::Seed();
  std::mt19937_64 random(seed);
  const auto below = [&](int64_t n) {
    return static_cast<int64_t>(random() % static_cast<uint64_t>(n));
  };
  const ActivityKind& kind = *model->FindKind("page_view");
  size_t limited = 0;
  for (size_t run = 0; run < testing::Scaled(400); ++run) {
    Lead lead(model->schema());
    lead.Set(field::kCreateTime, Value::Time(kNow - below(72) * kHour));
    lead.Set(field::kNextActionDue, Value::Time(kNow + (below(96) - 48) * kHour));
    ActivitySummary summary;
    for (int64_t i = below(5); i > 0; --i) {
      Activity view;
      view.kind = "page_view";
      view.time = kNow - below(200) * kHour - below(kHour);
      model->aggregates().Add(view, *kind.schema, FromMicros(kNow), &summary);
    }
    const auto at = [&](int64_t time) {
      return model->scoring().Evaluate(lead.view(&summary), FromMicros(time));
    };
    int64_t time = kNow;
    for (int step = 0; step < 8; ++step) {
      const Score score = at(time);
      if (!score.valid_until) {
        EXPECT_EQ(at(time + 1000 * 24 * kHour).total, score.total) << "seed " << seed << " " << run;
        break;
      }
      ++limited;
      ASSERT_GT(*score.valid_until, time) << "seed " << seed << " " << run;
      EXPECT_EQ(at(*score.valid_until - 1).total, score.total) << "seed " << seed << " " << run;
      const int64_t middle = time + below(*score.valid_until - time);
      EXPECT_EQ(at(middle).total, score.total) << "seed " << seed << " " << run;
      time = *score.valid_until;
    }
  }
  EXPECT_GT(limited, testing::Scaled(400));
}

// Until when a rule holds for a lead made five hours ago less 7 us, due in 123 us, whose one page
// view was at 07:30.
std::optional<int64_t> Until(const std::string& when) {
  const auto model = WithScoring(R"json({"bands": [{"name": "b", "from": 0}], "groups": [
    {"name": "g", "rules": [{"name": "r", "points": 1, "when": ")json" +
                                 when + "\"}]}]}");
  Lead lead(model->schema());
  lead.Set(field::kCreateTime, Value::Time(kNow - 5 * kHour + 7));
  lead.Set(field::kNextActionDue, Value::Time(kNow + 123));
  Activity view;
  view.kind = "page_view";
  view.time = kNow - kHour - kHour / 2;
  ActivitySummary summary;
  model->aggregates().Add(view, *model->FindKind("page_view")->schema, FromMicros(kNow), &summary);
  return model->scoring().Evaluate(lead.view(&summary), FromMicros(kNow)).valid_until;
}

TEST(ScoringTime, AScoreHoldsExactlyUntilARuleChanges) {
  EXPECT_EQ(Until("now - lead.create_time < hours(6)"), kNow + kHour + 7);
  EXPECT_EQ(Until("now - lead.create_time > hours(6)"), kNow + kHour + 8);
  EXPECT_EQ(Until("lead.next_action_due < now"), kNow + 124);
  EXPECT_EQ(Until("lead.next_action_due <= now"), kNow + 123);
  EXPECT_EQ(Until("count('page_view', hours(3)) >= 1"), kNow + kHour)
      << "the clock hours 7, 8 and 9 hold it until ten";
  EXPECT_EQ(Until("now < timestamp('2026-01-05T09:00:01Z')"), kNow + 1'000'000);
}

TEST(ScoringTime, AScoreHoldsForeverWhereNothingIsLeftToChange) {
  for (const char* when :
       {"now - lead.create_time < hours(4)", "now - lead.create_time > hours(4)",
        "lead.create_time < now", "lead.employee_count > 5", "now - lead.convert_time < hours(4)",
        "count('page_view', hours(1)) >= 1", "count('page_view') >= 1",
        "now < timestamp('2026-01-05T08:59:59Z')"}) {
    EXPECT_EQ(Until(when), std::nullopt) << when;
  }
}

// ---- Mistakes

TEST(ScoringFaults, EveryMistakeIsFoundAtOnce) {
  const std::string faults = FaultsOf(R"({"floor": 10, "cap": 5, "groups": [
    {"name": "g", "floor": 3, "cap": 1, "rules": [
      {"name": "r", "when": "lead.score > 5", "points": 1},
      {"name": "r", "when": "lead.country", "points": 1.2345},
      {"name": "t", "field": "employee_count", "table": {"5": 1}},
      {"name": "n"}]},
    {"name": "g", "rules": []}],
    "bands": [{"name": "a", "from": 10}, {"name": "b", "from": 10}, {"name": "a", "from": 20}]})");
  for (const char* path :
       {"scoring.floor", "scoring.groups[0].floor", "scoring.groups[0].rules[0].when",
        "scoring.groups[0].rules[1].name", "scoring.groups[0].rules[1].when",
        "scoring.groups[0].rules[1].points", "scoring.groups[0].rules[2].field",
        "scoring.groups[0].rules[3]", "scoring.groups[1].name", "scoring.bands[1].from",
        "scoring.bands[2].name"}) {
    EXPECT_THAT(faults, HasSubstr(path));
  }
}

}  // namespace
}  // namespace leadcore
