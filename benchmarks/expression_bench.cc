// SPDX-License-Identifier: Apache-2.0
//
// What it costs to compile a condition and to ask it of one lead.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "leadcore/expression.h"
#include "leadcore/lead.h"

namespace leadcore {
namespace {

struct Case {
  const char* name;
  std::string_view source;
};
constexpr Case kCases[] = {
    {"number", "lead.employee_count >= 200"},
    {"choice", "lead.industry in [\"Software\", \"FinTech\", \"Media\"] && lead.country == \"DE\""},
    {"text",
     "lead.job_title.lowerAscii().contains(\"sales\") && lead.email.endsWith(\"@example.com\")"},
    {"pattern", "lead.job_title.matches(\"(?i)\\\\b(vp|chief|head) of\\\\b\")"},
    {"time", "now - lead.create_time < days(30) && lead.annual_revenue > 1000000"},
    {"activity",
     "lead.employee_count >= 200 && lead.industry in [\"Software\", \"FinTech\"] && "
     "count(\"page_view\", days(7), activity.path.startsWith(\"/pricing\")) >= 2"},
    {"list", "lead.tags.exists(t, t.startsWith(\"vip\")) || \"eu\" in lead.tags"},
};
constexpr int64_t kNow = 1'795'000'000'000'000;

struct World {
  World() : lead(Schema::BuiltIn()) {
    Faults faults;
    kinds.resize(1);
    kinds[0].name = "page_view";
    kinds[0].attributes = {{"path", Type::kText, Shape::kScalar, {}, false, ""}};
    kinds[0].schema = Schema::ForActivity(kinds[0].attributes, &faults);
    lead.SetText(field::kIndustry, "Media");
    lead.SetText(field::kCountry, "DE");
    lead.SetText(field::kJobTitle, "Regional VP of Sales and Marketing");
    lead.SetText(field::kEmail, "ann.miller@example.com");
    lead.Set(field::kEmployeeCount, Value::Integer(250));
    lead.Set(field::kAnnualRevenue, Value::OfMoney({500'000'000, Currency{}}));
    lead.Set(field::kCreateTime, Value::Time(kNow - 5 * 86'400'000'000));
    for (std::string_view tag : {"webinar", "newsletter", "vip-2026", "eu"}) {
      lead.AppendText(field::kTags, tag);
    }
  }

  std::shared_ptr<const Expression> Compile(std::string_view source,
                                            ActivityAggregates* aggregates) const {
    ExpressionScope scope;
    scope.schema = &lead.schema();
    scope.kinds = kinds;
    scope.aggregates = aggregates;
    Faults faults;
    return Expression::Compile(source, scope, ExpressionType::kBool, "when", &faults);
  }

  std::vector<ActivityKind> kinds;
  Lead lead;
};

void BM_Compile(benchmark::State& state) {
  const Case& bench = kCases[state.range(0)];
  const World world;
  state.SetLabel(bench.name);
  for (auto _ : state) {
    ActivityAggregates aggregates;
    benchmark::DoNotOptimize(world.Compile(bench.source, &aggregates));
  }
}
BENCHMARK(BM_Compile)->DenseRange(0, std::size(kCases) - 1);

void BM_Test(benchmark::State& state) {
  const Case& bench = kCases[state.range(0)];
  const World world;
  ActivityAggregates aggregates;
  const auto expression = world.Compile(bench.source, &aggregates);
  ActivitySummary summary;
  Activity activity;
  activity.kind = "page_view";
  activity.attributes = {{"path", std::string("/pricing/eu")}};
  for (int i = 0; i < 20; ++i) {
    activity.time = kNow - i * int64_t{5} * 3'600'000'000;
    aggregates.Add(activity, *world.kinds[0].schema, FromMicros(kNow), &summary);
  }
  const LeadView view = world.lead.view(&summary);
  state.SetLabel(bench.name);
  const absl::Time now = FromMicros(kNow);
  for (auto _ : state) benchmark::DoNotOptimize(expression->Test(view, now));
}
BENCHMARK(BM_Test)->DenseRange(0, std::size(kCases) - 1);

}  // namespace
}  // namespace leadcore
