// SPDX-License-Identifier: Apache-2.0
//
// The durable path: what the engine makes of it, beside a bare program that writes the same rows
// (bare_rows.h). Every figure comes with its ratio from the same run. `./lead bench store`.
//
// The files lie in $LEADCORE_BENCH_DIR, else in the folder for temporary files. Reads are of a
// database of $LEADCORE_BENCH_LEADS leads (1,000,000), which the leadcore command imports first.
#include <benchmark/benchmark.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

#include "bare_rows.h"
#include "counting_vfs.h"
#include "leadcore/engine.h"
#include "leadcore/sqlite_store.h"
#include "leads.h"

namespace leadcore {
namespace {

using bench::BareRows;
using bench::CountingVfs;

constexpr size_t kLargest = 10'000;  // batches of one call
constexpr size_t kMany = 50'000;

Call At(std::string request_id) {
  return {absl::FromUnixSeconds(1'780'000'000), "bench", std::move(request_id), ""};
}

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::filesystem::path Folder() {
  const char* const named = std::getenv("LEADCORE_BENCH_DIR");
  return named != nullptr ? std::filesystem::path(named) : std::filesystem::temp_directory_path();
}

void Remove(const std::filesystem::path& path) {
  for (const char* end : {"", "-wal", "-shm", ".lock"})
    std::filesystem::remove(path.string() + end);
}

// A database that goes with it.
class File {
 public:
  explicit File(const std::string& name) : path_(Folder() / ("leadcore_bench_" + name + ".db")) {
    Remove(path_);
  }
  ~File() { Remove(path_); }
  std::string path() const { return path_.string(); }

 private:
  const std::filesystem::path path_;
};

// Submits of the generator's leads, no two of one person.
const std::vector<Command>& Submits() {
  static const auto* const commands = [] {
    auto* const all = new std::vector<Command>;
    for (Lead& lead : bench::ReadLeads(*Model::Default(), bench::MakeCsv(kMany, 7, true))) {
      all->push_back({"request-" + std::to_string(all->size()), Submit{std::move(lead)}});
    }
    return all;
  }();
  return *commands;
}

// Submits `count` leads in calls of `group`; false when one failed. Time goes on by a millisecond a
// lead, as in a day's work: ids are in order of time.
bool SubmitAll(Engine& engine, std::span<const Command> commands, size_t group) {
  static std::atomic<int64_t> clock = 0;
  bool good = true;
  for (size_t at = 0; at < commands.size(); at += group) {
    const auto part = commands.subspan(at, std::min(group, commands.size() - at));
    Call call = At("many");
    call.now += absl::Milliseconds(clock.fetch_add(static_cast<int64_t>(part.size())));
    for (const Reply& reply : engine.ApplyMany(call, part)) {
      good &= reply.outcome != Outcome::kFailed;
    }
  }
  return good;
}

// The rows that the first `count` submits leave.
const BareRows& Rows(size_t count) {
  static auto* const known = new std::map<size_t, std::unique_ptr<BareRows>>;
  std::unique_ptr<BareRows>& rows = (*known)[count];
  if (rows != nullptr) return *rows;
  const File file("rows");
  const auto store = *OpenSqliteStore({file.path()});
  const auto engine = *Engine::Open({}, store.get(), At("open"));
  SubmitAll(*engine, std::span(Submits()).first(count), kLargest);
  rows = std::make_unique<BareRows>(file.path(), *store, "default");
  return *rows;
}

// Argument: leads in a call and in a transaction. The time is the engine's; `of_bare` is the bare
// program's time divided by it: 1 would be as fast.
void BM_Submit(benchmark::State& state) {
  const auto group = static_cast<size_t>(state.range(0));
  const size_t count = group == 1 ? 2000 : kMany;
  const BareRows& rows = Rows(count);
  double engine_seconds = 0, bare_seconds = 0;
  for (auto _ : state) {
    const File file("submit"), bare_file("bare");
    const auto store = *OpenSqliteStore({file.path()});
    const auto engine = *Engine::Open({}, store.get(), At("open"));
    BareRows::Writer bare(rows, bare_file.path());
    // In turns, so that a slow minute of the machine is one of both.
    const size_t turn = std::max<size_t>(group, 500);
    for (size_t at = 0; at < count; at += turn) {
      const double start = Seconds();
      const size_t some = std::min(turn, count - at);
      if (!SubmitAll(*engine, std::span(Submits()).subspan(at, some), group)) {
        state.SkipWithError("a submit failed");
      }
      const double between = Seconds();
      for (size_t done = 0; done < some; done += group) bare.Write(group);
      engine_seconds += between - start;
      bare_seconds += Seconds() - between;
    }
    state.SetIterationTime(engine_seconds);
  }
  const auto done = static_cast<double>(count * static_cast<size_t>(state.iterations()));
  state.counters["leads/s"] = done / engine_seconds;
  state.counters["bare/s"] = done / bare_seconds;
  state.counters["of_bare"] = bare_seconds / engine_seconds;
}
BENCHMARK(BM_Submit)
    ->ArgName("group")
    ->Arg(1)
    ->Arg(100)
    ->Arg(kLargest)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// Argument: threads that submit lead by lead, when a sync takes a millisecond more.
void BM_SubmitThreads(benchmark::State& state) {
  const auto threads = static_cast<size_t>(state.range(0));
  const size_t each = 4000 / threads;
  const std::span<const Command> submits = Submits();  // made before the time is taken
  CountingVfs vfs("leadcore_bench_slow");
  vfs.sync_micros = 1000;
  double seconds = 0;
  for (auto _ : state) {
    const File file("threads");
    SqliteOptions options{file.path()};
    options.vfs = vfs.name();
    const auto store = *OpenSqliteStore(options);
    const auto engine = *Engine::Open({}, store.get(), At("open"));
    const double start = Seconds();
    std::vector<std::thread> running;
    for (size_t i = 0; i < threads; ++i) {
      running.emplace_back([&, i] { SubmitAll(*engine, submits.subspan(i * each, each), 1); });
    }
    for (std::thread& thread : running) thread.join();
    const double took = Seconds() - start;
    seconds += took;
    state.SetIterationTime(took);
  }
  const auto done = static_cast<double>(threads * each * static_cast<size_t>(state.iterations()));
  state.counters["leads/s"] = done / seconds;
  state.counters["syncs/lead"] = static_cast<double>(vfs.syncs) / done;
}
BENCHMARK(BM_SubmitThreads)
    ->ArgName("threads")
    ->Arg(1)
    ->Arg(8)
    ->Arg(16)
    ->UseManualTime()
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// What one submit costs the disk, and how long single ones take.
void BM_SubmitLatency(benchmark::State& state) {
  const auto group = static_cast<size_t>(state.range(0));
  const size_t count = group == 1 ? 5000 : kMany;
  CountingVfs vfs("leadcore_bench_count");
  std::vector<double> micros;
  for (auto _ : state) {
    const File file("latency");
    SqliteOptions options{file.path()};
    options.vfs = vfs.name();
    const auto store = *OpenSqliteStore(options);
    const auto engine = *Engine::Open({}, store.get(), At("open"));
    vfs.syncs = 0;
    vfs.bytes_written = 0;
    micros.clear();
    for (size_t at = 0; at < count; at += group) {
      const double start = Seconds();
      SubmitAll(*engine, std::span(Submits()).subspan(at, group), group);
      micros.push_back((Seconds() - start) * 1e6);
    }
  }
  std::sort(micros.begin(), micros.end());
  const auto at = [&](double part) {
    return micros[static_cast<size_t>(part * static_cast<double>(micros.size() - 1))];
  };
  state.counters["syncs/lead"] = static_cast<double>(vfs.syncs) / static_cast<double>(count);
  state.counters["KB/lead"] =
      static_cast<double>(vfs.bytes_written) / 1000 / static_cast<double>(count);
  state.counters["p50_us"] = at(0.5);
  state.counters["p99_us"] = at(0.99);
  state.counters["p99.9_us"] = at(0.999);
}
BENCHMARK(BM_SubmitLatency)
    ->ArgName("group")
    ->Arg(1)
    ->Arg(kLargest)
    ->Iterations(1)
    ->Unit(benchmark::kMillisecond);

// ---- The command, and what it made

struct Ran {
  double seconds = 0;
  double mebibytes = 0;  // at most, in memory
  int64_t bytes = 0;     // printed
  int64_t lines = 0;
  bool good = false;
};

// Runs the leadcore command; what it prints is counted.
Ran RunCommand(const std::vector<std::string>& words) {
  std::vector<std::string> all = {LEADCORE_COMMAND};
  all.insert(all.end(), words.begin(), words.end());
  std::vector<char*> arguments;
  for (std::string& word : all) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  int ends[2] = {-1, -1};
  if (pipe(ends) != 0) return {};
  const double start = Seconds();
  const pid_t child = fork();
  if (child == 0) {
    dup2(ends[1], 1);
    execv(LEADCORE_COMMAND, arguments.data());
    _exit(127);
  }
  close(ends[1]);
  Ran ran;
  std::vector<char> buffer(1 << 20);
  for (ssize_t size = 0; (size = read(ends[0], buffer.data(), buffer.size())) > 0;) {
    ran.bytes += size;
    ran.lines += std::count(buffer.begin(), buffer.begin() + size, '\n');
  }
  close(ends[0]);
  int status = 0;
  rusage usage = {};
  wait4(child, &status, 0, &usage);
  ran.seconds = Seconds() - start;
  ran.mebibytes = static_cast<double>(usage.ru_maxrss) / 1024;
  ran.good = WIFEXITED(status) && WEXITSTATUS(status) == 0;
  return ran;
}

// `rows` generated leads as a CSV file.
std::string CsvFile(size_t rows) {
  const std::string path = (Folder() / "leadcore_bench.csv").string();
  std::ofstream(path, std::ios::binary) << bench::MakeCsv(rows, 7);
  return path;
}

// The same rows by the command and as groups of submits that were read before.
void BM_Import(benchmark::State& state) {
  const std::string csv = CsvFile(kMany);
  std::vector<Command> commands;
  {
    std::ifstream file(csv, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    for (Lead& lead : bench::ReadLeads(*Model::Default(), text)) {
      commands.push_back({"row-" + std::to_string(commands.size()), Submit{std::move(lead), true}});
    }
  }
  double import_seconds = 0, submit_seconds = 0;
  for (auto _ : state) {
    {
      const File file("import");
      const Ran ran = RunCommand({"import", "--db", file.path(), csv});
      if (!ran.good) state.SkipWithError("the import failed");
      import_seconds += ran.seconds;
      state.SetIterationTime(ran.seconds);
    }
    const File file("submit");
    const auto store = *OpenSqliteStore({file.path()});
    const auto engine = *Engine::Open({}, store.get(), At("open"));
    const double start = Seconds();
    SubmitAll(*engine, commands, kLargest);
    submit_seconds += Seconds() - start;
  }
  std::filesystem::remove(csv);
  const auto done = static_cast<double>(kMany * static_cast<size_t>(state.iterations()));
  state.counters["rows/s"] = done / import_seconds;
  state.counters["of_submit"] = submit_seconds / import_seconds;
}
BENCHMARK(BM_Import)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

// A large database, imported once by the command; it stays for the next run when the folder is
// named.
class Large {
 public:
  static const Large& Get() {
    static const auto* const large = new Large;
    return *large;
  }
  const std::string& path() const { return path_; }
  const Ran& import() const { return import_; }
  Engine& engine() const { return *engine_; }
  Store& store() const { return *store_; }
  const std::vector<std::string>& ids() const { return ids_; }
  const std::vector<std::string>& emails() const { return emails_; }

 private:
  Large() : path_((Folder() / "leadcore_bench_large.db").string()) {
    const char* const count = std::getenv("LEADCORE_BENCH_LEADS");
    const size_t leads = count != nullptr ? std::strtoull(count, nullptr, 10) : 1'000'000;
    if (std::getenv("LEADCORE_BENCH_DIR") == nullptr || !std::filesystem::exists(path_)) {
      Remove(path_);
      const std::string csv = CsvFile(leads);
      import_ = RunCommand({"import", "--db", path_, csv});
      std::filesystem::remove(csv);
    }
    SqliteOptions options{path_};
    store_ = *OpenSqliteStore(options);
    engine_ = *Engine::Open({}, store_.get(), At("open"));
    Sample();
  }

  // Leads from all over the database.
  void Sample() {
    ListRequest request;
    request.limit = 5000;
    request.sort = "email";
    for (int page = 0; page < 20; ++page) {
      const auto reply = engine_->List(At("list"), request);
      if (!reply.ok()) std::abort();
      for (const LeadRecord& record : reply->leads) {
        ids_.emplace_back(record.lead.id());
        if (!record.lead.text(field::kEmail).empty()) {
          emails_.emplace_back(record.lead.text(field::kEmail));
        }
      }
      request.cursor = reply->cursor;
      if (request.cursor.empty()) break;
    }
  }

  const std::string path_;
  Ran import_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Engine> engine_;
  std::vector<std::string> ids_, emails_;
};

void BM_ImportLarge(benchmark::State& state) {
  for (auto _ : state) state.SetIterationTime(std::max(Large::Get().import().seconds, 1e-9));
  state.counters["MiB"] = Large::Get().import().mebibytes;
  if (Large::Get().import().seconds == 0) state.SetLabel("the file was there");
}
BENCHMARK(BM_ImportLarge)->UseManualTime()->Iterations(1)->Unit(benchmark::kSecond);

// Argument: among how many leads the reads are spread; 0: all that were sampled, of which most
// pages are in no cache of this program.
size_t Spread(const benchmark::State& state, size_t all) {
  const auto some = static_cast<size_t>(state.range(0));
  return some == 0 ? all : std::min(some, all);
}

void BM_Get(benchmark::State& state) {
  const Large& large = Large::Get();
  const Call call = At("get");
  const size_t spread = Spread(state, large.ids().size());
  size_t at = 0;
  for (auto _ : state) {
    const auto record = large.engine().Get(call, large.ids()[at++ * 7919 % spread]);
    if (!record.ok()) state.SkipWithError("a lead is missing");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Get)->ArgName("among")->Arg(500)->Arg(0);

void BM_FindByEmail(benchmark::State& state) {
  const Large& large = Large::Get();
  const Call call = At("find");
  const size_t spread = Spread(state, large.emails().size());
  size_t at = 0;
  for (auto _ : state) {
    const auto record = large.engine().Find(call, "email", large.emails()[at++ * 7919 % spread]);
    if (!record.ok()) state.SkipWithError("a lead is missing");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_FindByEmail)->ArgName("among")->Arg(500)->Arg(0);

void ListFirstPage(benchmark::State& state, const std::string& filter) {
  const Large& large = Large::Get();
  ListRequest request;
  request.filter = filter;
  size_t scanned = 0, found = 0;
  for (auto _ : state) {
    const auto reply = large.engine().List(At("list"), request);
    if (!reply.ok()) return state.SkipWithError("the list failed");
    scanned = reply->scanned;
    found = reply->leads.size();
  }
  state.counters["scanned"] = static_cast<double>(scanned);
  state.counters["found"] = static_cast<double>(found);
}
void BM_ListByIndex(benchmark::State& state) {
  ListFirstPage(state, "lead.country == 'DE' && lead.employee_count >= 100");
}
BENCHMARK(BM_ListByIndex)->Unit(benchmark::kMillisecond);
// Few leads are like that, and no index tells: all are looked at.
void BM_ListByFullScan(benchmark::State& state) {
  ListFirstPage(state, "lead.employee_count == 12345 && lead.job_title == 'CEO'");
}
BENCHMARK(BM_ListByFullScan)->Unit(benchmark::kMillisecond)->Iterations(2);

void BM_FeedHeaders(benchmark::State& state) {
  const Large& large = Large::Get();
  FeedRequest request;
  request.headers_only = true;
  request.limit = kLargest;
  int64_t events = 0;
  for (auto _ : state) {
    const int64_t before = request.after;
    const absl::Status status = large.engine().Feed(At("feed"), request, [&](const Event& event) {
      request.after = event.position;
      ++events;
      return true;
    });
    if (!status.ok()) return state.SkipWithError("the feed failed");
    if (request.after == before) request.after = 0;
  }
  state.SetItemsProcessed(events);
}
BENCHMARK(BM_FeedHeaders)->Unit(benchmark::kMillisecond);

void BM_FeedJson(benchmark::State& state) {
  double seconds = 0;
  int64_t bytes = 0, events = 0;
  for (auto _ : state) {
    const Ran ran =
        RunCommand({"feed", "--json", "--db", Large::Get().path(), "--limit", "200000"});
    if (!ran.good) return state.SkipWithError("the feed failed");
    seconds += ran.seconds;
    bytes += ran.bytes;
    events += ran.lines;
    state.SetIterationTime(ran.seconds);
  }
  state.counters["bytes/event"] = static_cast<double>(bytes) / static_cast<double>(events);
  state.counters["events/s"] = static_cast<double>(events) / seconds;
}
BENCHMARK(BM_FeedJson)->UseManualTime()->Iterations(1)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace leadcore
