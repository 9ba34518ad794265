// SPDX-License-Identifier: Apache-2.0
//
// Territory, rules and choice by the default model, counters in a map.
#include <benchmark/benchmark.h>

#include <map>

#include "leads.h"

namespace leadcore {
namespace {

void BM_Route(benchmark::State& state) {
  const Model& model = *Model::Default();
  std::vector<Lead> leads = bench::ReadLeads(model, bench::MakeCsv(1000, 1));
  for (Lead& lead : leads) lead.SetText(field::kCountry, "US");
  const absl::Time now = absl::FromUnixSeconds(1'780'000'000);
  std::map<std::string, int64_t> counters;
  std::vector<int64_t> values;
  size_t at = 0, assigned = 0;
  for (auto _ : state) {
    const Lead& lead = leads[at++ % leads.size()];
    benchmark::DoNotOptimize(model.routing().Territory(lead.view()));
    const Routing::Plan plan = model.routing().MakePlan(lead.view(), now, {});
    values.clear();
    for (const std::string& name : plan.counters) values.push_back(counters[name]);
    const Routing::Choice choice = model.routing().Choose(plan, values);
    for (const auto& [name, value] : choice.counters) counters[name] = value;
    assigned += !choice.assignment.owner.empty();
  }
  if (assigned != static_cast<size_t>(state.iterations())) {
    state.SkipWithError("somebody got nobody");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Route);

}  // namespace
}  // namespace leadcore
