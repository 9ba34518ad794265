// SPDX-License-Identifier: Apache-2.0
//
// One lead at a time through the default model's 27 rules, with and without telling about each.
#include <benchmark/benchmark.h>

#include "leadcore/engine.h"
#include "leads.h"

namespace leadcore {
namespace {

void Run(benchmark::State& state, bool explained, bool normalized) {
  const Model& model = *Model::Default();
  const std::vector<Lead> leads = bench::ReadLeads(model, bench::MakeCsv(1000, 1));
  const absl::Time now = absl::FromUnixSeconds(1'780'000'000);
  int64_t sum = 0;
  size_t at = 0;
  for (auto _ : state) {
    const Lead& lead = leads[at++ % leads.size()];
    std::vector<RuleTrace> trace;
    const Score score =
        normalized ? ScoreLead(model, lead, now)
                   : model.scoring().Evaluate(lead.view(), now, explained ? &trace : nullptr);
    sum += score.total;
  }
  if (sum <= 0) state.SkipWithError("nobody scored anything");
  state.SetItemsProcessed(state.iterations());
}

void BM_Score(benchmark::State& state) { Run(state, false, false); }
void BM_ScoreExplained(benchmark::State& state) { Run(state, true, false); }
void BM_ScoreWithNormalize(benchmark::State& state) { Run(state, false, true); }
BENCHMARK(BM_Score);
BENCHMARK(BM_ScoreExplained);
BENCHMARK(BM_ScoreWithNormalize);

}  // namespace
}  // namespace leadcore
