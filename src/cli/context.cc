// SPDX-License-Identifier: Apache-2.0
#include "context.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <iostream>
#include <iterator>
#include <utility>

#include "absl/time/clock.h"
#include "leadcore/memory_store.h"
#include "leadcore/sqlite_store.h"
#include "model_file.h"
#include "text.h"

namespace leadcore::cli {
namespace {

volatile std::sig_atomic_t interrupted = 0;

extern "C" void OnInterrupt(int) { interrupted = 1; }

// A dry run works on a copy, so that it answers exactly what the run would.
absl::Status OpenCopy(const std::string& db, Session* session) {
  if (!std::filesystem::exists(db)) {
    session->store = NewMemoryStore();
    return absl::OkStatus();
  }
  std::string folder = (std::filesystem::temp_directory_path() / "leadcore-XXXXXX").string();
  if (mkdtemp(folder.data()) == nullptr) {
    return FailedPrecondition("no temporary folder can be made at ", folder,
                              "; set TMPDIR to a folder that can be written");
  }
  session->cleanup = [folder] {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  };
  const std::string copy = folder + "/leads.db";
  const absl::Status status = BackupSqliteStore(db, copy);
  if (!status.ok()) return status;
  absl::StatusOr<std::unique_ptr<Store>> store = OpenSqliteStore({copy, true, false});
  if (!store.ok()) return store.status();
  session->store = *std::move(store);
  return absl::OkStatus();
}

}  // namespace

void Complain(std::string_view message) { std::cerr << "leadcore: " << message << std::endl; }

int Fail(const absl::Status& status) {
  Complain(Message(status));
  return kFailed;
}

bool IsFileOf(const std::string& db, const std::string& path) {
  // As SQLite and the lock name them: behind the end of a link.
  const auto canonical = [](const std::string& name) {
    std::error_code error;
    const auto whole = std::filesystem::absolute(name, error);
    return std::filesystem::weakly_canonical(whole, error).string();
  };
  constexpr std::string_view kEnds[] = {"", "-wal", "-shm", "-journal", ".lock"};
  return std::any_of(std::begin(kEnds), std::end(kEnds), [&](std::string_view end) {
    return Cat(canonical(db), end) == canonical(path);
  });
}

absl::StatusOr<absl::Time> Now(const Options& options) {
  if (options.now.empty()) return FromMicros(absl::ToUnixMicros(absl::Now()));
  const absl::StatusOr<Value> value = ParseValue(Type::kTime, options.now, {});
  if (!value.ok()) return InvalidArgument("--now: ", Message(value.status()));
  return FromMicros(value->micros());
}

std::string RequestId(const Options& options, std::string_view what) {
  if (!options.request_id.empty()) return options.request_id;
  return Cat(what, "/", absl::ToUnixNanos(absl::Now()), "/", getpid());
}

absl::StatusOr<Call> MakeCall(const Options& options, std::string request_id) {
  const absl::StatusOr<absl::Time> now = Now(options);
  if (!now.ok()) return now.status();
  const char* user = std::getenv("USER");
  std::string actor = options.actor;
  if (actor.empty()) actor = user != nullptr && *user != '\0' ? user : "command line";
  return Call{*now, actor, std::move(request_id), actor};
}

bool Interrupted() { return interrupted != 0; }

void CatchInterrupts() {
  struct sigaction action = {};
  action.sa_handler = OnInterrupt;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

Session::~Session() {
  engine.reset();
  store.reset();
  if (cleanup) cleanup();
}

std::unique_ptr<Session> Open(const Options& options, Access access, int* code) {
  auto session = std::make_unique<Session>();
  *code = kWrong;
  if (!options.model.empty()) {
    session->model = LoadModelFile(options.model);
    if (session->model == nullptr) return nullptr;
  }
  const absl::StatusOr<Call> call = MakeCall(options, "open");
  if (!call.ok()) {
    Complain(Message(call.status()));
    return nullptr;
  }
  *code = kFailed;
  absl::Status status;
  if (access == Access::kDryRun) {
    status = OpenCopy(options.db, session.get());
  } else {
    SqliteOptions where;
    where.path = options.db;
    where.write = access != Access::kRead;
    where.create = access == Access::kCreate;
    where.wait = options.wait;
    absl::StatusOr<std::unique_ptr<Store>> store = OpenSqliteStore(where);
    status = store.status();
    if (store.ok()) session->store = *std::move(store);
  }
  if (status.ok()) {
    absl::StatusOr<std::unique_ptr<Engine>> engine = Engine::Open(
        {session->model, kWorkspace, access == Access::kRead}, session->store.get(), *call);
    status = engine.status();
    if (engine.ok()) session->engine = *std::move(engine);
  }
  if (!status.ok()) {
    Complain(Message(status));
    return nullptr;
  }
  return session;
}

Reading OpenForReading(const Options& options) {
  Reading reading;
  reading.session = Open(options, Access::kRead, &reading.code);
  if (reading.session == nullptr) return reading;
  reading.code = kDone;
  absl::StatusOr<Call> call = MakeCall(options, "read");
  if (call.ok()) reading.call = *std::move(call);
  CatchInterrupts();
  return reading;
}

int Finished(const absl::Status& status) {
  std::cout.flush();
  if (!status.ok()) return Fail(status);
  return Interrupted() ? kInterrupted : kDone;
}

std::shared_ptr<const Model> ModelOrDefault(const Options& options) {
  return options.model.empty() ? Model::Default() : LoadModelFile(options.model);
}

}  // namespace leadcore::cli
