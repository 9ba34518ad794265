// SPDX-License-Identifier: Apache-2.0
//
// count, sum and last, and the series behind them: against a plain recount of all activities.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "leadcore/expression.h"
#include "leadcore/lead.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr int64_t kHour = 3'600'000'000;
constexpr int64_t kDay = 24 * kHour;
constexpr int64_t kMidday = 20'000 * kDay + 12 * kHour;

// The kinds page_view {path, seconds, price} and call.
class AggregatesTest : public ::testing::Test {
 protected:
  AggregatesTest() {
    ActivityKind view;
    view.name = "page_view";
    view.attributes = {{"path", Type::kText, Shape::kScalar, {}, false, ""},
                       {"seconds", Type::kInteger, Shape::kScalar, {}, false, ""},
                       {"price", Type::kReal, Shape::kScalar, {}, false, ""}};
    ActivityKind call;
    call.name = "call";
    kinds_ = {view, call};
    Faults faults;
    for (ActivityKind& kind : kinds_) {
      kind.schema = Schema::ForActivity(kind.attributes, &faults);
      EXPECT_TRUE(faults.empty());
    }
    scope_.schema = Schema::BuiltIn().get();
    scope_.kinds = kinds_;
    scope_.aggregates = &aggregates_;
  }

  std::shared_ptr<const Expression> Compile(
      std::string_view source, std::optional<ExpressionType> type = ExpressionType::kBool) {
    Faults faults;
    auto out = Expression::Compile(source, scope_, type, "when", &faults);
    for (const Fault& fault : faults) ADD_FAILURE() << source << ": " << fault.message;
    return out;
  }

  std::vector<std::string> FaultsOf(std::string_view source) {
    Faults faults;
    EXPECT_EQ(Expression::Compile(source, scope_, ExpressionType::kBool, "when", &faults), nullptr);
    std::vector<std::string> out;
    for (const Fault& fault : faults) {
      out.push_back(std::to_string(fault.offset) + ": " + fault.message);
    }
    return out;
  }

  void Add(const Activity& activity, int64_t now) {
    const auto kind = std::find_if(kinds_.begin(), kinds_.end(),
                                   [&](const ActivityKind& k) { return k.name == activity.kind; });
    ASSERT_NE(kind, kinds_.end());
    aggregates_.Add(activity, *kind->schema, FromMicros(now), &summary_);
  }

  std::optional<Datum> Value(const std::shared_ptr<const Expression>& expression, int64_t now,
                             std::string* why = nullptr) {
    return expression->Evaluate(lead_.view(&summary_), FromMicros(now), why);
  }
  Verdict Test(const std::shared_ptr<const Expression>& expression, int64_t now) {
    return expression->Test(lead_.view(&summary_), FromMicros(now));
  }

  static Activity PageView(int64_t time, std::string path, int64_t seconds = 0, double price = 0) {
    Activity activity;
    activity.kind = "page_view";
    activity.time = time;
    activity.attributes = {{"path", std::move(path)}, {"seconds", seconds}, {"price", price}};
    return activity;
  }

  std::vector<ActivityKind> kinds_;
  ActivityAggregates aggregates_;
  ExpressionScope scope_;
  ActivitySummary summary_;
  Lead lead_{Schema::BuiltIn()};
};

TEST_F(AggregatesTest, CountsWithinWindowsOfWholeHours) {
  const auto count = Compile("count(\"page_view\", hours(2))", ExpressionType::kInt);
  Add(PageView(kMidday, "/"), kMidday);
  Add(PageView(kMidday + 59 * kHour / 60, "/"), kMidday + kHour - 1);
  const auto at = [&](int64_t now) { return Value(count, now)->integer; };
  EXPECT_EQ(at(kMidday), 2);
  EXPECT_EQ(at(kMidday + 2 * kHour - 1), 2);  // hours 12 and 13
  EXPECT_EQ(at(kMidday + 2 * kHour), 0);      // hours 13 and 14
  const auto any = Compile("count(\"page_view\", hours(2)) > 0");
  EXPECT_EQ(Test(any, kMidday).valid_until, kMidday + 2 * kHour);
  EXPECT_EQ(Test(any, kMidday + 2 * kHour).valid_until, std::nullopt);
}

TEST_F(AggregatesTest, AFutureActivityCountsWhenItsHourIsReached) {
  const auto window = Compile("count(\"page_view\", days(1)) > 0");
  const auto ever = Compile("count(\"page_view\") > 0");
  const auto sum = Compile("sum(\"page_view\", \"seconds\")", ExpressionType::kDouble);
  Add(PageView(kMidday + 5 * kHour + 7, "/", 30), kMidday);
  for (const auto& expression : {window, ever}) {
    EXPECT_EQ(Test(expression, kMidday).truth, Truth::kFalse);
    EXPECT_EQ(Test(expression, kMidday).valid_until, kMidday + 5 * kHour);
    EXPECT_EQ(Test(expression, kMidday + 5 * kHour).truth, Truth::kTrue);
  }
  EXPECT_EQ(Value(sum, kMidday)->real, 0);
  EXPECT_EQ(Value(sum, kMidday + 6 * kHour)->real, 30);
  EXPECT_EQ(Test(ever, kMidday + 6 * kHour).valid_until, std::nullopt);
  EXPECT_EQ(Test(window, kMidday + 6 * kHour).valid_until, kMidday + 29 * kHour);
}

TEST_F(AggregatesTest, SumsInMillionthsWithoutRegardToOrder) {
  const auto sum = Compile("sum(\"page_view\", \"price\", days(1), activity.seconds > 10)",
                           ExpressionType::kDouble);
  for (int i = 0; i < 10; ++i) Add(PageView(kMidday - i * kHour, "/", 11, 0.1), kMidday);
  Add(PageView(kMidday, "/", 5, 100.0), kMidday);
  EXPECT_EQ(Value(sum, kMidday)->real, 1.0);
  EXPECT_EQ(Value(sum, kMidday + 15 * kHour)->real, 0.9);
}

TEST_F(AggregatesTest, LastIsTheLatestTimeAndUndeterminedWithoutAny) {
  const auto last =
      Compile("last(\"page_view\", activity.path == \"/a\")", ExpressionType::kTimestamp);
  const auto recent = Compile("now - last(\"page_view\", activity.path == \"/a\") < days(2)");
  std::string why;
  EXPECT_FALSE(Value(last, kMidday, &why).has_value());
  EXPECT_EQ(why, "there is no activity 'page_view' yet");
  Add(PageView(kMidday, "/a"), kMidday);
  Add(PageView(kMidday - kDay, "/a"), kMidday);  // out of order
  Add(PageView(kMidday + 1, "/b"), kMidday);
  EXPECT_EQ(Value(last, kMidday)->integer, kMidday / 1'000'000);
  EXPECT_EQ(Test(recent, kMidday).truth, Truth::kTrue);
  EXPECT_EQ(Test(recent, kMidday).valid_until, kMidday + 2 * kDay);
}

TEST_F(AggregatesTest, NothingHappenedReadsAsZero) {
  const auto count = Compile("count(\"call\") == 0 && sum(\"page_view\", \"seconds\") == 0.0");
  EXPECT_EQ(Test(count, kMidday).truth, Truth::kTrue);
  EXPECT_EQ(count->Test(lead_.view(), FromMicros(kMidday)).truth, Truth::kTrue);
}

TEST_F(AggregatesTest, AnUndeterminedConditionDoesNotCount) {
  const auto count =
      Compile("count(\"page_view\", activity.path.startsWith(\"/pricing\"))", ExpressionType::kInt);
  const auto negated = Compile("count(\"page_view\", !activity.path.startsWith(\"/pricing\"))",
                               ExpressionType::kInt);
  Activity bare;
  bare.kind = "page_view";
  bare.time = kMidday;
  Add(bare, kMidday);
  Add(PageView(kMidday, "/pricing/eu"), kMidday);
  Activity odd = PageView(kMidday, "");
  odd.attributes = {{"path", int64_t{3}}, {"unknown", true}};  // of another type: absent
  Add(odd, kMidday);
  EXPECT_EQ(Value(count, kMidday)->integer, 1);
  EXPECT_EQ(Value(negated, kMidday)->integer, 0);
}

TEST_F(AggregatesTest, EqualSeriesAreOneWhateverTheSpelling) {
  Compile("count(\"page_view\", days(7), activity.path.startsWith('/pricing')) >= 2");
  Compile("count(\"page_view\", days(30), (activity.path . startsWith(\"/pricing\"))) >= 2");
  Compile("sum(\"page_view\", \"seconds\", activity.path.startsWith('''/pricing''')) > 3.0");
  Compile("count(\"page_view\") > 3 && count(\"call\") > 1");
  ASSERT_EQ(aggregates_.series().size(), 3u);
  const ActivitySeries& series = aggregates_.series()[0];
  EXPECT_EQ(series.where, "activity.path.startsWith(\"/pricing\")");
  EXPECT_EQ(series.window_hours, 30 * 24);
  EXPECT_THAT(series.sums, ElementsAre("seconds"));
  EXPECT_EQ(aggregates_.series()[1].where, "");
}

TEST_F(AggregatesTest, KeysAreTheSameInEveryProcess) {
  Compile("sum(\"page_view\", \"seconds\", days(7), activity.path == \"/\") > 1");
  Compile("count(\"call\") > 1");
  // Stored summaries are found by these: a change of the hash loses them.
  EXPECT_EQ(aggregates_.series()[0].key, 13163479174023226174u);
  EXPECT_EQ(aggregates_.series()[1].key, 13679120910937195862u);
}

TEST_F(AggregatesTest, FitsAndFingerprintTellWhenToRebuild) {
  Compile("count(\"page_view\", days(7)) > 1");
  EXPECT_TRUE(aggregates_.Fits(summary_));  // empty
  Add(PageView(kMidday, "/"), kMidday);
  EXPECT_TRUE(aggregates_.Fits(summary_));
  const uint64_t before = aggregates_.Fingerprint();
  Compile("count(\"page_view\", days(3)) > 1");  // shorter: nothing new
  EXPECT_EQ(aggregates_.Fingerprint(), before);
  Compile("count(\"page_view\", days(8)) > 1");
  EXPECT_TRUE(aggregates_.Fits(summary_));
  EXPECT_NE(aggregates_.Fingerprint(), before);
  const auto count = Compile("count(\"call\") == 0");
  EXPECT_FALSE(aggregates_.Fits(summary_));
  EXPECT_EQ(Test(count, kMidday).truth, Truth::kTrue);  // safe on a summary of other series
  const ActivitySummary old = summary_;
  Add(PageView(kMidday, "/"), kMidday);  // left alone: it has to be rebuilt
  EXPECT_EQ(summary_.series[0].count, old.series[0].count);
}

TEST_F(AggregatesTest, ADamagedSummaryIsSafe) {
  const auto sum = Compile("sum(\"page_view\", \"seconds\", days(1)) >= 0.0");
  summary_.series.resize(1);
  summary_.series[0].buckets = {{INT32_MAX, 1}, {INT32_MIN, -5}, {480'012, INT32_MAX}};
  summary_.series[0].sums = {INT64_MIN};
  EXPECT_EQ(Test(sum, kMidday).truth, Truth::kTrue);
  summary_.series[0].bucket_sums = {INT64_MAX, INT64_MAX, INT64_MAX};
  EXPECT_EQ(Test(sum, kMidday).truth, Truth::kTrue);
}

TEST_F(AggregatesTest, MistakesAreFoundWithTheirPlace) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"count(\"page_vew\") > 1",
       "6: unknown kind of activity 'page_vew', did you mean 'page_view'?"},
      {"activity.path == \"/\"", "0: 'activity' is known only in the condition of count"},
      {"count(lead.industry) > 1", "6: the kind of activity has to be a text in quotes"},
      {"count(\"page_view\", days(7), activity.pat == \"/\") > 1",
       "37: unknown field 'pat', did you mean 'path'?"},
      {"count(\"page_view\", lead.country == \"DE\") > 1", "19: unknown name 'lead'"},
      {"count(\"page_view\", activity.time > now - days(1)) > 1",
       "35: 'now' cannot be used in the condition on activities"},
      {"count(\"page_view\", activity.path) > 1", "19: the result has to be true or false"},
      {"count(\"page_view\", minutes(90)) > 1", "19: a window is counted in whole hours"},
      {"count(\"page_view\", 7) > 1", "19: the window has to be a fixed length of time"},
      {"count(\"page_view\", days(4000)) > 1", "19: a window is at most ten years long"},
      {"sum(\"page_view\", \"path\") > 1.0", "17: only numbers can be summed, 'path' is text"},
      {"sum(\"page_view\", \"second\") > 1.0",
       "17: 'page_view' has no attribute 'second', did you mean 'seconds'?"},
      {"sum(\"page_view\") > 1.0", "0: 'sum' is written sum("},
      {"last(\"call\", days(3), true) < now", "0: 'last' is written last("},
      {"count(\"page_view\", count(\"call\") > 1) > 1", "19: 'count' cannot be used here"},
  };
  for (const auto& [source, expected] : cases) {
    EXPECT_THAT(FaultsOf(source), ElementsAre(HasSubstr(std::string(expected)))) << source;
  }
  EXPECT_THAT(aggregates_.series(), IsEmpty());  // what does not compile leaves no series
}

// Conditions on counts never change before the moment they tell.
TEST_F(AggregatesTest, ValidUntilIsNeverLate) {
  const uint64_t seed = 78;
  std::mt19937_64 random(seed);
  SCOPED_TRACE(seed);
  const std::shared_ptr<const Expression> conditions[] = {
      Compile("count(\"page_view\", hours(5)) >= 3"),
      Compile("count(\"page_view\", hours(9)) < 4 || count(\"page_view\") > 12"),
      Compile("sum(\"page_view\", \"seconds\", hours(4)) > 9.5 && count(\"page_view\") != 7"),
      Compile("now - last(\"page_view\") < hours(3) || count(\"page_view\", hours(2)) == 1")};
  for (int i = 0; i < 15; ++i) {
    const int64_t time = kMidday + static_cast<int64_t>(random() % (30 * kHour)) - 10 * kHour;
    Add(PageView(time, "/", static_cast<int64_t>(random() % 5)), kMidday);
  }
  for (const auto& condition : conditions) {
    Verdict last = Test(condition, kMidday);
    int changes = 0;
    for (int64_t now = kMidday; now < kMidday + 40 * kHour; now += kHour / 60) {
      const Verdict verdict = Test(condition, now);
      if (verdict.truth != last.truth) {
        ++changes;
        ASSERT_TRUE(last.valid_until && *last.valid_until <= now) << condition->source();
      }
      last = verdict;
    }
    EXPECT_GT(changes, 0) << condition->source();
    EXPECT_EQ(last.valid_until, std::nullopt) << condition->source();
  }
}

// Random activities, out of order and ahead of time, against a recount.
TEST_F(AggregatesTest, AgreesWithARecountOfAllActivities) {
  const uint64_t seed = 77;
  std::mt19937_64 random(seed);
  SCOPED_TRACE(seed);
  const auto count =
      Compile("count(\"page_view\", hours(30), activity.seconds >= 5)", ExpressionType::kInt);
  const auto ever = Compile("count(\"page_view\", activity.seconds >= 5)", ExpressionType::kInt);
  const auto sum = Compile("sum(\"page_view\", \"seconds\", hours(7), activity.seconds >= 5)",
                           ExpressionType::kDouble);
  std::vector<Activity> all;
  int64_t now = kMidday;
  for (int step = 0; step < 400; ++step) {
    now += static_cast<int64_t>(random() % (2 * kHour));
    const int64_t shift = static_cast<int64_t>(random() % (60 * kHour)) - 50 * kHour;
    const int64_t seconds = static_cast<int64_t>(random() % 10);
    all.push_back(PageView(now + shift, "/", seconds));
    Add(all.back(), now);
    const int64_t hour = now / kHour;
    int64_t in_window = 0, reached = 0, summed = 0;
    for (const Activity& activity : all) {
      const int64_t its_hour = activity.time / kHour;
      const int64_t its_seconds = std::get<int64_t>(activity.attributes[1].second);
      if (its_seconds < 5 || its_hour > hour) continue;
      ++reached;
      in_window += its_hour > hour - 30;
      summed += its_hour > hour - 7 ? its_seconds : 0;
    }
    ASSERT_EQ(Value(count, now)->integer, in_window) << step;
    ASSERT_EQ(Value(ever, now)->integer, reached) << step;
    ASSERT_EQ(Value(sum, now)->real, static_cast<double>(summed)) << step;
  }
  EXPECT_LE(summary_.series[0].buckets.size(), 30u + 11u);  // what no window reaches is dropped
}

}  // namespace
}  // namespace leadcore
