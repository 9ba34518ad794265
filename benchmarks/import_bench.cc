// SPDX-License-Identifier: Apache-2.0
//
// Where the time of an import goes: the same 20,000 rows through one more stage each time.
#include <benchmark/benchmark.h>

#include <filesystem>
#include <functional>

#include "leadcore/engine.h"
#include "leadcore/memory_store.h"
#include "leadcore/sqlite_store.h"
#include "leads.h"

namespace leadcore {
namespace {

constexpr size_t kRows = 20'000;
constexpr size_t kGroup = 1000;

const std::string& File() {
  static const auto* const csv = new std::string(bench::MakeCsv(kRows, 7));
  return *csv;
}

void BM_1_ReadRows(benchmark::State& state) {
  for (auto _ : state) {
    CsvReader reader = *CsvReader::Open(CsvFromText(File()));
    CsvRow row;
    int64_t cells = 0;
    while (*reader.Next(&row)) cells += static_cast<int64_t>(row.cells.size());
    if (cells < static_cast<int64_t>(kRows)) state.SkipWithError("rows are missing");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_1_ReadRows)->Unit(benchmark::kMillisecond);

void BM_2_MakeLeads(benchmark::State& state) {
  for (auto _ : state) {
    if (bench::ReadLeads(*Model::Default(), File()).size() != kRows) {
      state.SkipWithError("rows are missing");
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_2_MakeLeads)->Unit(benchmark::kMillisecond);

void BM_3_NormalizeAndScore(benchmark::State& state) {
  for (auto _ : state) {
    for (const Lead& lead : bench::ReadLeads(*Model::Default(), File())) {
      benchmark::DoNotOptimize(
          ScoreLead(*Model::Default(), lead, absl::FromUnixSeconds(1'780'000'000)));
    }
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}
BENCHMARK(BM_3_NormalizeAndScore)->Unit(benchmark::kMillisecond);

void ImportInto(benchmark::State& state, const std::function<std::unique_ptr<Store>()>& open) {
  const Call call{absl::FromUnixSeconds(1'780'000'000), "bench", "import", ""};
  for (auto _ : state) {
    state.PauseTiming();
    const std::unique_ptr<Store> store = open();
    const auto engine = *Engine::Open({}, store.get(), call);
    state.ResumeTiming();
    std::vector<Command> commands;
    int64_t done = 0, row = 0;
    for (Lead& lead : bench::ReadLeads(*Model::Default(), File())) {
      commands.push_back({"row/" + std::to_string(++row), Submit{std::move(lead), true}});
      if (commands.size() < kGroup) continue;
      for (const Reply& reply : engine->ApplyMany(call, commands)) {
        done += reply.outcome != Outcome::kFailed;
      }
      commands.clear();
    }
    if (done != static_cast<int64_t>(kRows)) state.SkipWithError("rows are missing");
  }
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kRows));
}

void BM_4_IntoMemory(benchmark::State& state) {
  ImportInto(state, [] { return NewMemoryStore(); });
}
BENCHMARK(BM_4_IntoMemory)->Unit(benchmark::kMillisecond);

void BM_5_IntoSqlite(benchmark::State& state) {
  const std::string file =
      (std::filesystem::temp_directory_path() / "leadcore_import_bench.db").string();
  const auto remove = [&] {
    for (const char* end : {"", "-wal", "-shm", ".lock"}) std::filesystem::remove(file + end);
  };
  ImportInto(state, [&] {
    remove();
    return *OpenSqliteStore({file, true, true});
  });
  remove();
}
BENCHMARK(BM_5_IntoSqlite)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace leadcore
