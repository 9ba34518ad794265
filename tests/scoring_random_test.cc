// SPDX-License-Identifier: Apache-2.0
//
// Scoring of random models and leads against the same rules written out in C++, at any moment.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "leadcore/model.h"
#include "leadcore/scoring.h"
#include "test_util.h"

namespace leadcore {
namespace {

using nlohmann::json;
using ::testing::ElementsAreArray;

constexpr int64_t kNow = 1'767'603'600'000'000;  // 2026-01-05T09:00:00Z
constexpr int64_t kHour = 3'600'000'000;

// What the rules ask about.
struct Facts {
  std::optional<int64_t> employees, created, due;
  std::optional<std::string> country, title;
  std::vector<int64_t> views;  // when pages were viewed
};

int64_t HourOf(int64_t time) { return time / kHour; }  // times here are after 1970

struct Answer {
  Truth truth = Truth::kUndetermined;
  Points points = 0;
  std::vector<std::string> missing;
};
Answer Known(bool truth) { return {truth ? Truth::kTrue : Truth::kFalse, 0, {}}; }
Answer Missing(const char* name) { return {Truth::kUndetermined, 0, {name}}; }

// A rule twice: as the model writes it, and as a function of facts and time.
struct Rule {
  json model;
  std::function<Answer(const Facts&, int64_t now)> naive;
};

class Maker {
 public:
  explicit Maker(uint64_t seed) : random_(seed) {}

  int64_t Below(int64_t n) { return static_cast<int64_t>(random_() % static_cast<uint64_t>(n)); }

  // From -60 to 60, in eighths of a point.
  double RandomPoints() { return static_cast<double>(Below(961) - 480) / 8; }

  Rule MakeRule(int64_t number) {
    Rule rule = number % 7 == 6 ? Table() : Condition();
    rule.model["name"] = "r" + std::to_string(number);
    return rule;
  }

  Facts MakeFacts() {
    Facts facts;
    if (Below(3) != 0) facts.employees = Below(10);
    if (Below(3) != 0) facts.country = Below(2) == 0 ? "US" : "DE";
    if (Below(3) != 0) facts.title = Below(2) == 0 ? "CEO" : "Clerk";
    if (Below(3) != 0) facts.created = kNow - Below(50 * kHour);
    if (Below(3) != 0) facts.due = kNow + Below(50 * kHour) - 25 * kHour;
    // Some lie ahead: clocks differ.
    for (int64_t i = Below(6); i > 0; --i) facts.views.push_back(kNow - Below(60 * kHour) + kHour);
    return facts;
  }

 private:
  Rule When(const std::string& when, std::function<Answer(const Facts&, int64_t)> naive) {
    const double points = RandomPoints();
    return {{{"when", when}, {"points", points}},
            [naive = std::move(naive), points](const Facts& facts, int64_t now) {
              Answer answer = naive(facts, now);
              answer.points = static_cast<Points>(points * kOnePoint);
              return answer;
            }};
  }

  Rule Condition() {
    const int64_t n = 1 + Below(4);
    const int64_t hours = 1 + Below(40);
    const std::string number = std::to_string(n);
    const std::string window = "hours(" + std::to_string(hours) + ")";
    switch (Below(6)) {
      case 0:
        return When("lead.employee_count >= " + number, [=](const Facts& facts, int64_t) {
          return facts.employees ? Known(*facts.employees >= n) : Missing("lead.employee_count");
        });
      case 1:  // a false side settles an and
        return When("lead.employee_count >= " + number + " && lead.country == 'US'",
                    [=](const Facts& facts, int64_t) {
                      if (facts.employees && *facts.employees < n) return Known(false);
                      if (facts.country && *facts.country != "US") return Known(false);
                      Answer answer = Known(true);
                      if (!facts.employees) answer.missing.push_back("lead.employee_count");
                      if (!facts.country) answer.missing.push_back("lead.country");
                      if (!answer.missing.empty()) answer.truth = Truth::kUndetermined;
                      return answer;
                    });
      case 2:
        return When("!has(lead.country)",
                    [](const Facts& facts, int64_t) { return Known(!facts.country.has_value()); });
      case 3:
        return When("count('page_view', " + window + ") >= " + number, [=](const Facts& facts,
                                                                           int64_t now) {
          const auto inside = [=](int64_t view) {
            return HourOf(view) > HourOf(now) - hours && HourOf(view) <= HourOf(now);
          };
          return Known(std::count_if(facts.views.begin(), facts.views.end(), inside) >= n);
        });
      case 4:
        return When("now - lead.create_time < " + window, [=](const Facts& facts, int64_t now) {
          return facts.created ? Known(now - *facts.created < hours * kHour)
                               : Missing("lead.create_time");
        });
      default:
        return When("lead.next_action_due < now - " + window, [=](const Facts& facts, int64_t now) {
          return facts.due ? Known(*facts.due < now - hours * kHour)
                           : Missing("lead.next_action_due");
        });
    }
  }

  Rule Table() {
    const double points = RandomPoints();
    return {{{"field", "job_title"}, {"table", {{"ceo", points}, {"Founder", 3}}}},
            [points](const Facts& facts, int64_t) {
              if (!facts.title) return Missing("lead.job_title");
              Answer answer = Known(*facts.title == "CEO");
              if (answer.truth == Truth::kTrue) {
                answer.points = static_cast<Points>(points * kOnePoint);
              }
              return answer;
            }};
  }

  std::mt19937_64 random_;
};

struct Group {
  Points floor, cap;
  std::vector<Rule> rules;
};

// A model and the same as C++.
struct Pair {
  std::shared_ptr<const Model> model;
  Points floor, cap;
  std::vector<Group> groups;
};

Pair MakePair(Maker* maker) {
  json groups = json::array();
  Pair pair{nullptr, -20'000, 60'000 + 10'000 * maker->Below(5), {}};
  int64_t number = 0;
  for (int64_t g = 1 + maker->Below(3); g > 0; --g) {
    Group group{-5'000 * maker->Below(6), 5'000 * maker->Below(12), {}};
    json rules = json::array();
    for (int64_t r = 1 + maker->Below(6); r > 0; --r) {
      group.rules.push_back(maker->MakeRule(number++));
      rules.push_back(group.rules.back().model);
    }
    groups.push_back({{"name", "g" + std::to_string(g)},
                      {"floor", group.floor / kOnePoint},
                      {"cap", group.cap / kOnePoint},
                      {"rules", rules}});
    pair.groups.push_back(std::move(group));
  }
  const json scoring = {
      {"floor", pair.floor / kOnePoint},
      {"cap", pair.cap / kOnePoint},
      {"groups", groups},
      {"bands", {{{"name", "cold"}, {"from", 0}}, {{"name", "hot"}, {"from", 30}}}}};
  Faults faults;
  pair.model = Model::Parse(json{{"scoring", scoring}}.dump(), &faults);
  EXPECT_NE(pair.model, nullptr) << FormatFaults(faults);
  return pair;
}

Points NaiveTotal(const Pair& pair, const Facts& facts, int64_t now) {
  Points total = 0;
  for (const Group& group : pair.groups) {
    Points sum = 0;
    for (const Rule& rule : group.rules) {
      const Answer answer = rule.naive(facts, now);
      if (answer.truth == Truth::kTrue) sum += answer.points;
    }
    total += std::clamp(sum, group.floor, group.cap);
  }
  return std::clamp(total, pair.floor, pair.cap);
}

// The lead of `facts`, with its activities counted as they became known at kNow.
class Subject {
 public:
  Subject(std::shared_ptr<const Model> model, const Facts& facts)
      : model_(std::move(model)), lead_(model_->schema()) {
    if (facts.employees) lead_.Set(field::kEmployeeCount, Value::Integer(*facts.employees));
    if (facts.country) lead_.SetText(field::kCountry, *facts.country);
    if (facts.title) lead_.SetText(field::kJobTitle, *facts.title);
    if (facts.created) lead_.Set(field::kCreateTime, Value::Time(*facts.created));
    if (facts.due) lead_.Set(field::kNextActionDue, Value::Time(*facts.due));
    for (const int64_t time : facts.views) {
      Activity view;
      view.kind = "page_view";
      view.time = time;
      model_->aggregates().Add(view, *model_->FindKind("page_view")->schema, FromMicros(kNow),
                               &summary_);
    }
  }

  Score At(int64_t now, std::vector<RuleTrace>* trace = nullptr) const {
    return model_->scoring().Evaluate(lead_.view(&summary_), FromMicros(now), trace);
  }

 private:
  std::shared_ptr<const Model> model_;
  Lead lead_;
  ActivitySummary summary_;
};

void CheckScore(const Pair& pair, const Facts& facts, const Subject& subject, int64_t now) {
  std::vector<RuleTrace> trace;
  const Score score = subject.At(now, &trace);
  ASSERT_EQ(score.total, NaiveTotal(pair, facts, now));
  ASSERT_EQ(score.band, ShownPoints(score.total) >= 30 ? "hot" : "cold");
  Points ledger = 0, groups = 0, cut = 0;
  for (const LedgerEntry& entry : score.ledger) {
    ledger += entry.points;
    const bool total =
        entry.kind == LedgerEntry::Kind::kTotalCap || entry.kind == LedgerEntry::Kind::kTotalFloor;
    if (total) cut += entry.points;
    ASSERT_NE(entry.points, 0) << "an entry that says nothing";
  }
  for (const GroupScore& group : score.groups) groups += group.points;
  ASSERT_EQ(ledger, score.total);
  ASSERT_EQ(groups + cut, score.total);
  size_t at = 0;
  for (const Group& group : pair.groups) {
    for (const Rule& rule : group.rules) {
      ASSERT_LT(at, trace.size());
      const Answer answer = rule.naive(facts, now);
      ASSERT_EQ(trace[at].truth, answer.truth) << rule.model;
      ASSERT_EQ(trace[at].points, answer.points) << rule.model;
      ASSERT_THAT(trace[at].missing, ElementsAreArray(answer.missing)) << rule.model;
      ++at;
    }
  }
  ASSERT_EQ(at, trace.size());
}

TEST(ScoringRandom, IsWhatTheRulesSayAndHoldsUntilItSaysSo) {
  const uint64_t seed = testing::Seed();
  Maker maker(seed);
  size_t limited = 0, changed = 0;
  for (size_t run = 0; run < testing::Scaled(1000); ++run) {
    SCOPED_TRACE("seed " + std::to_string(seed) + " run " + std::to_string(run));
    const Pair pair = MakePair(&maker);
    ASSERT_NE(pair.model, nullptr);
    const Facts facts = maker.MakeFacts();
    const Subject subject(pair.model, facts);
    int64_t now = kNow + maker.Below(kHour);
    for (int step = 0; step < 6; ++step) {
      ASSERT_NO_FATAL_FAILURE(CheckScore(pair, facts, subject, now));
      const Score score = subject.At(now);
      const int64_t until = score.valid_until.value_or(now + 400 * kHour);
      ASSERT_GT(until, now);
      for (const int64_t time : {until - 1, now + maker.Below(until - now)}) {
        ASSERT_EQ(NaiveTotal(pair, facts, time), score.total) << "it changed before " << until;
        ASSERT_NO_FATAL_FAILURE(CheckScore(pair, facts, subject, time));
      }
      if (!score.valid_until) break;
      ++limited;
      changed += NaiveTotal(pair, facts, until) != score.total;
      now = until;
    }
  }
  EXPECT_GT(limited, testing::Scaled(1000));
  EXPECT_GT(changed, limited / 10) << "most limits have a reason";
}

}  // namespace
}  // namespace leadcore
