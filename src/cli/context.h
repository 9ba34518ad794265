// SPDX-License-Identifier: Apache-2.0
//
// What the subcommands share: options, the clock, opening, messages and exit codes.
#ifndef LEADCORE_SRC_CLI_CONTEXT_H_
#define LEADCORE_SRC_CLI_CONTEXT_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "leadcore/csv.h"
#include "leadcore/engine.h"
#include "leadcore/model.h"
#include "leadcore/store.h"

namespace leadcore::cli {

// The one workspace of the command.
inline constexpr char kWorkspace[] = "default";

enum ExitCode { kDone = 0, kFailed = 1, kWrong = 2, kIncomplete = 3, kInterrupted = 130 };

// Every option of every subcommand; each reads its own.
struct Options {
  std::string now;
  std::string actor;
  bool json = false;
  std::string db;
  std::string model;
  std::string map;
  std::string rejects;
  bool dry_run = false;
  CsvOptions csv;
  std::string file;
  std::vector<std::string> files;
  std::string id;
  std::string filter;
  std::string search;
  std::string sort;
  bool descending = false;
  int64_t limit = -1;  // all
  std::string cursor;
  bool explain = false;
  int64_t after = 0;
  bool follow = false;
  std::string format;
  bool skip_damaged = false;
  bool unsealed = false;
  std::string report;
  absl::Duration wait = absl::ZeroDuration();
  // One activity of `log`.
  std::string lead, external_id, email, kind, time, outcome, next_step, due, request_id;
  std::vector<std::string> tags, attributes;
  // Changes of one lead.
  std::vector<std::string> edits;
  int64_t version = -1;  // any
  std::string status, reason, override_reason, member, pool;
  bool automatic = false, release = false;
};

// One line on stderr, in front of it the name of the program.
void Complain(std::string_view message);
int Fail(const absl::Status& status);

// Whether `path` is the database `db` or one of the files that belong to it.
bool IsFileOf(const std::string& db, const std::string& path);

// --now, or the clock.
absl::StatusOr<absl::Time> Now(const Options& options);
// --request-id; without it each run is a request of its own: said twice it is done twice.
std::string RequestId(const Options& options, std::string_view what);
absl::StatusOr<Call> MakeCall(const Options& options, std::string request_id);

// Set when the user pressed Ctrl-C.
bool Interrupted();
void CatchInterrupts();

// A store with an engine on it.
struct Session {
  std::shared_ptr<const Model> model;  // null: the published one
  std::unique_ptr<Store> store;
  std::unique_ptr<Engine> engine;
  std::function<void()> cleanup;  // of a dry run

  Session() = default;
  Session(Session&&) = default;
  Session& operator=(Session&&) = delete;
  ~Session();
};
enum class Access { kRead, kWrite, kCreate, kDryRun };
// Complains itself; `code` is the exit code when there is nothing.
std::unique_ptr<Session> Open(const Options& options, Access access, int* code);

// A session that reads, null when there is none, and its call.
struct Reading {
  std::unique_ptr<Session> session;
  Call call;
  int code = kDone;
};
// Catches interrupts, too.
Reading OpenForReading(const Options& options);
// The exit code after everything was printed.
int Finished(const absl::Status& status);

// --model, or the default model. Complains itself; nullptr.
std::shared_ptr<const Model> ModelOrDefault(const Options& options);

// ---- subcommands; the exit code

int Check(const Options& options);
int Template(const Options& options);
int Import(const Options& options);
int ScoreFile(const Options& options);
int MatchFile(const Options& options);
int LogActivities(const Options& options);
int TickAll(const Options& options);
int Update(const Options& options);
int Transition(const Options& options);
int Assign(const Options& options);
int Show(const Options& options);
int List(const Options& options);
int Feed(const Options& options);
int Export(const Options& options);
int ExportRest(const Options& options);
int MakeReport(const Options& options);
int Verify(const Options& options);
int ReplayFeed(const Options& options);
int Erase(const Options& options);
int Backup(const Options& options);
int Restore(const Options& options);

}  // namespace leadcore::cli

#endif  // LEADCORE_SRC_CLI_CONTEXT_H_
