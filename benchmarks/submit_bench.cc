// SPDX-License-Identifier: Apache-2.0
//
// Submit, one by one and in groups, and activities, on both stores. The SQLite file lies in the
// folder for temporary files; every commit is durable there.
#include <benchmark/benchmark.h>

#include <filesystem>

#include "leadcore/engine.h"
#include "leadcore/memory_store.h"
#include "leadcore/sqlite_store.h"
#include "leads.h"

namespace leadcore {
namespace {

Call At(std::string request_id) {
  return {absl::FromUnixSeconds(1'780'000'000), "bench", std::move(request_id), ""};
}

// A store in memory or in a file that goes with it.
class Place {
 public:
  explicit Place(bool sqlite) {
    if (!sqlite) {
      store_ = NewMemoryStore();
      return;
    }
    file_ = std::filesystem::temp_directory_path() / "leadcore_submit_bench.db";
    Remove();
    store_ = *OpenSqliteStore({file_.string(), true, true});
  }
  ~Place() {
    store_.reset();
    if (!file_.empty()) Remove();
  }
  Store* store() { return store_.get(); }

 private:
  void Remove() {
    for (const char* end : {"", "-wal", "-shm", ".lock"}) {
      std::filesystem::remove(file_.string() + end);
    }
  }
  std::filesystem::path file_;
  std::unique_ptr<Store> store_;
};

// Leads of the generator without end; ids and addresses come again after 20,000.
class Supply {
 public:
  Supply() : leads_(bench::ReadLeads(*Model::Default(), bench::MakeCsv(20'000, 7))) {}
  Command Next() {
    const size_t at = next_++;
    Lead lead = leads_[at % leads_.size()];
    if (at >= leads_.size()) {
      lead.SetText(field::kExternalId, "again" + std::to_string(at));
      lead.SetText(field::kEmail, "again" + std::to_string(at) + "@example.com");
    }
    return {"r" + std::to_string(at), Submit{std::move(lead), true}};
  }

 private:
  std::vector<Lead> leads_;
  size_t next_ = 0;
};

void BM_Submit(benchmark::State& state) {
  Place place(state.range(0) != 0);
  const auto group = static_cast<size_t>(state.range(1));
  const auto engine = *Engine::Open({}, place.store(), At("open"));
  Supply supply;
  for (auto _ : state) {
    state.PauseTiming();
    std::vector<Command> commands;
    for (size_t i = 0; i < group; ++i) commands.push_back(supply.Next());
    state.ResumeTiming();
    for (const Reply& reply : engine->ApplyMany(At("many"), commands)) {
      if (reply.outcome == Outcome::kFailed) {
        state.SkipWithError(std::string(reply.status.message()).c_str());
      }
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(1));
  state.SetLabel(state.range(0) != 0 ? "sqlite, durable" : "memory");
}
BENCHMARK(BM_Submit)->ArgNames({"sqlite", "group"})->ArgsProduct({{0, 1}, {1, 1000}});

void BM_LogActivity(benchmark::State& state) {
  Place place(state.range(0) != 0);
  const auto engine = *Engine::Open({}, place.store(), At("open"));
  Supply supply;
  std::vector<Command> commands;
  for (int i = 0; i < 1000; ++i) commands.push_back(supply.Next());
  std::vector<std::string> leads;
  for (const Reply& reply : engine->ApplyMany(At("many"), commands)) {
    if (reply.outcome == Outcome::kCreated) leads.push_back(reply.lead_id);
  }
  size_t at = 0;
  for (auto _ : state) {
    state.PauseTiming();
    commands.clear();
    for (int i = 0; i < 1000; ++i, ++at) {
      LogActivity log;
      log.activity.lead_id = leads[at % leads.size()];
      log.activity.kind = "page_view";
      log.activity.attributes = {{"path", std::string("/pricing")}};
      commands.push_back({"a" + std::to_string(at), std::move(log)});
    }
    state.ResumeTiming();
    for (const Reply& reply : engine->ApplyMany(At("log"), commands)) {
      if (!reply.status.ok()) state.SkipWithError(std::string(reply.status.message()).c_str());
    }
  }
  state.SetItemsProcessed(state.iterations() * 1000);
  state.SetLabel(state.range(0) != 0 ? "sqlite, durable" : "memory");
}
BENCHMARK(BM_LogActivity)->ArgName("sqlite")->Arg(0)->Arg(1);

}  // namespace
}  // namespace leadcore
