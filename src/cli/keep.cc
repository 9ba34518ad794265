// SPDX-License-Identifier: Apache-2.0
//
// verify, replay, erase, backup and restore: that nothing is lost, and that what should be is.
#include <filesystem>
#include <fstream>
#include <iostream>
#include <istream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "context.h"
#include "json_out.h"
#include "leadcore/audit.h"
#include "leadcore/sqlite_store.h"
#include "model/json.h"
#include "store/sqlite_page_vfs.h"
#include "text.h"

namespace leadcore::cli {
namespace {

absl::StatusOr<std::unique_ptr<Store>> OpenToRead(const std::string& db) {
  SqliteOptions options;
  options.path = db;
  options.write = false;
  return OpenSqliteStore(options);
}

// Tells all damage of a store and of what it holds; what it found whole is counted.
VerifyReply Inspect(const Store& store, absl::FunctionRef<void(std::string_view)> tell) {
  const absl::Status storage = store.Verify(tell);
  if (!storage.ok() && !absl::IsDataLoss(storage)) tell(Message(storage));
  const absl::StatusOr<VerifyReply> reply = VerifyWorkspace(store, kWorkspace, tell);
  if (reply.ok()) return *reply;
  tell(Message(reply.status()));
  return {};
}

// Looks for damage of a database; prints what it finds.
class Inspection {
 public:
  explicit Inspection(const Options& options) : options_(options) {}

  int Run() {
    const auto store = OpenToRead(options_.db);
    if (!store.ok() && !absl::IsDataLoss(store.status())) return Fail(store.status());
    if (!store.ok()) {
      // The page that says what is where, of which nothing but its number can be told.
      const absl::Status status = CheckPages(options_.db, "", [this](int64_t page) {
        Tell(Cat("page ", page, ": its checksum is wrong"));
      });
      if (!status.ok()) Tell(Message(status));
      Tell(Message(store.status()));
    } else {
      found_ = Inspect(**store, [this](std::string_view what) { Tell(what); });
    }
    Conclude();
    return faults_ == 0 ? kDone : kFailed;
  }

 private:
  void Tell(std::string_view what) {
    ++faults_;
    if (!options_.json) {
      std::cout << what << "\n";
      return;
    }
    JsonWriter json;
    json.StartObject();
    json.Member("fault", what);
    json.EndObject();
    std::cout << json.Take() << "\n";
  }

  void Conclude() const {
    if (!options_.json) {
      std::cout << options_.db << ": " << found_.leads << " leads, " << found_.events << " events, "
                << (faults_ == 0 ? "no fault" : Cat(faults_, faults_ == 1 ? " fault" : " faults"))
                << "\n";
      return;
    }
    JsonWriter json;
    json.StartObject();
    json.Member("db", options_.db);
    json.Member("leads", found_.leads);
    json.Member("events", found_.events);
    json.Member("faults", faults_);
    json.EndObject();
    std::cout << json.Take() << "\n";
  }

  const Options& options_;
  VerifyReply found_;
  int64_t faults_ = 0;
};

// ---- A line of `feed --json`, back into an event

class EventReader {
 public:
  absl::StatusOr<Event> Read(const Json& json) {
    Text(json, "type", &event_.type);
    Text(json, "actor", &event_.actor);
    Text(json, "request_id", &event_.request_id);
    Text(json, "model", &event_.model);
    Number(json, "sequence", &event_.position);
    Number(json, "batch_events", &event_.batch_events);
    Bytes(json, "reply", &event_.reply);
    Bytes(json, "payload", &event_.payload);
    Bytes(json, "salt", &event_.salt);
    Bytes(json, "payload_hash", &event_.payload_hash);
    Bytes(json, "chain", &event_.chain);
    std::optional<int64_t> time;
    Time(json, "time", &time);
    Time(json, "forgot_requests_before", &event_.forgot_requests_before);
    if (!time) Missing("time");
    event_.time = time.value_or(0);
    Leads(json);
    Counters(json);
    if (!status_.ok()) return status_;
    return std::move(event_);
  }

 private:
  void Missing(std::string_view name) {
    if (status_.ok()) {
      status_ = InvalidArgument("member '", name, "' is missing or is not what `leadcore feed ",
                                "--json` writes");
    }
  }
  const Json* Find(const Json& json, std::string_view name, Json::Kind kind) {
    const Json* member = json.kind == Json::Kind::kObject ? json.Find(name) : nullptr;
    return member != nullptr && member->kind == kind ? member : nullptr;
  }
  void Text(const Json& json, std::string_view name, std::string* out) {
    const Json* member = Find(json, name, Json::Kind::kString);
    member == nullptr ? Missing(name) : void(*out = member->text);
  }
  void Number(const Json& json, std::string_view name, int64_t* out) {
    const Json* member = Find(json, name, Json::Kind::kNumber);
    const absl::StatusOr<Value> value =
        ParseValue(Type::kInteger, member == nullptr ? "" : member->text, {});
    value.ok() && !value->absent() ? void(*out = value->integer()) : Missing(name);
  }
  // null is "".
  void Bytes(const Json& json, std::string_view name, std::string* out) {
    if (Find(json, name, Json::Kind::kNull) != nullptr) return;
    const Json* member = Find(json, name, Json::Kind::kString);
    if (member == nullptr || !absl::Base64Unescape(ToAbsl(member->text), out)) Missing(name);
  }
  void Time(const Json& json, std::string_view name, std::optional<int64_t>* out) {
    const Json* member = Find(json, name, Json::Kind::kString);
    if (member == nullptr) return;
    const absl::StatusOr<Value> value = ParseValue(Type::kTime, member->text, {});
    value.ok() ? void(*out = value->micros()) : Missing(name);
  }
  void Leads(const Json& json) {
    const Json* leads = Find(json, "leads", Json::Kind::kArray);
    if (leads == nullptr) return Missing("leads");
    for (const Json& lead : leads->items) event_.leads.push_back(lead.text);
  }
  void Counters(const Json& json) {
    const Json* counters = Find(json, "counters", Json::Kind::kArray);
    if (counters == nullptr) return Missing("counters");
    for (const Json& each : counters->items) {
      CounterWrite& counter = event_.counters.emplace_back();
      Text(each, "name", &counter.name);
      Number(each, "value", &counter.value);
    }
  }

  Event event_;
  absl::Status status_;
};

// Feeds lines to a replay; stops at the first that does not fit.
int ReplayLines(std::istream& in, const std::string& name, Replay* replay) {
  std::string line;
  int64_t number = 0;
  while (!Interrupted() && std::getline(in, line)) {
    ++number;
    if (line.empty()) continue;
    Faults faults;
    const std::optional<Json> json = ParseJson(line, &faults);
    absl::StatusOr<Event> event =
        json ? EventReader().Read(*json) : InvalidArgument(FormatFaults(faults));
    absl::Status status = event.status();
    if (event.ok()) status = replay->Apply(*std::move(event));
    // A feed that is followed stands still now and then: what came is written.
    if (status.ok() && in.rdbuf()->in_avail() == 0) status = replay->Flush();
    if (status.ok()) continue;
    const absl::Status flushed = replay->Flush();
    if (!flushed.ok()) status = flushed;
    Complain(Cat(name, ": line ", number, ": ", Message(status)));
    if (absl::IsFailedPrecondition(status)) return kFailed;
    Complain("the lines before it are in; give the feed from a whole copy again, they are skipped");
    return kFailed;
  }
  const absl::Status status = replay->Flush();
  if (!status.ok()) return Fail(status);
  if (!Interrupted()) return kDone;
  Complain(Cat("interrupted; the events up to ", replay->position(),
               " are in; run the same command again to go on, they are skipped"));
  return kInterrupted;
}

absl::Status RestoreSealed(const Options& options) {
  const auto backup = OpenToRead(options.file);
  if (!backup.ok()) return backup.status();
  const absl::Status whole =
      (*backup)->Verify([&](std::string_view what) { Complain(Cat(options.file, ": ", what)); });
  return whole.ok() ? BackupSqliteStore(options.file, options.db) : whole;
}

void RemoveDatabase(const std::string& path) {
  for (const char* end : {"", "-wal", "-shm"}) {
    std::error_code unknown;
    std::filesystem::remove(path + end, unknown);
  }
}

// The content is proved under another name first: each record by the hashes of the feed.
absl::Status RestoreUnsealed(const Options& options) {
  const std::string unproved = options.db + ".unproved";
  RemoveDatabase(unproved);  // of one that was killed
  absl::Status status = SealSqliteStore(options.file, unproved);
  if (!status.ok()) return status;
  if (const auto store = OpenToRead(unproved); store.ok()) {
    Inspect(**store, [&](std::string_view what) {
      Complain(Cat(options.file, ": ", what));
      status = absl::DataLossError(ToAbsl(Cat(
          options.file, " is not what its feed says; nothing was restored; save what is whole by ",
          "`leadcore export --skip-damaged`")));
    });
  } else {
    status = store.status();
  }
  if (status.ok()) status = BackupSqliteStore(unproved, options.db);
  RemoveDatabase(unproved);
  return status;
}

}  // namespace

int Verify(const Options& options) { return Inspection(options).Run(); }

int ReplayFeed(const Options& options) {
  std::ifstream file;
  if (!options.file.empty() && options.file != "-") {
    file.open(options.file, std::ios::binary);
    if (!file) return Fail(NotFound(options.file, " cannot be read"));
  }
  const bool from_file = file.is_open();
  std::istream& in = from_file ? file : std::cin;
  const std::string name = from_file ? options.file : "stdin";
  // Nothing new is a feed, but makes no database.
  std::error_code unknown;
  if (!std::filesystem::exists(options.db, unknown) &&
      in.peek() == std::istream::traits_type::eof()) {
    return Fail(InvalidArgument(name, " is empty; give the lines of leadcore feed --json"));
  }
  SqliteOptions where;
  where.path = options.db;
  where.wait = options.wait;
  const auto store = OpenSqliteStore(where);
  if (!store.ok()) return Fail(store.status());
  const auto replay = Replay::Start(store->get(), kWorkspace);
  if (!replay.ok()) return Fail(replay.status());
  const int64_t before = (*replay)->position();
  CatchInterrupts();
  const int code = ReplayLines(in, name, replay->get());
  if (code != kDone) return code;
  JsonWriter json;
  json.StartObject();
  json.Member("db", options.db);
  json.Member("events", (*replay)->position() - before);
  json.Member("sequence", (*replay)->position());
  json.EndObject();
  std::cout << json.Take() << std::endl;
  return kDone;
}

int Erase(const Options& options) {
  int code = kDone;
  const std::unique_ptr<Session> session = Open(options, Access::kWrite, &code);
  if (session == nullptr) return code;
  code = kDone;
  size_t erased = 0;
  std::vector<Outcome> outcomes;
  for (const std::string& id : options.files) {
    const absl::StatusOr<Call> call = MakeCall(options, Cat("erase/", id));
    if (!call.ok()) return Fail(call.status());
    const Reply reply = session->engine->Apply(*call, {"", EraseLead{id}});
    erased += reply.outcome == Outcome::kErased ? 1 : 0;
    if (reply.outcome != Outcome::kErased) code = Fail(reply.status);
    outcomes.push_back(reply.outcome);
  }
  // Erased is who is in no file any more.
  const absl::Status status =
      erased == 0 ? absl::OkStatus() : VacuumSqliteStore(session->store.get());
  for (size_t i = 0; i < outcomes.size(); ++i) {
    const bool traces = outcomes[i] == Outcome::kErased && !status.ok();
    JsonWriter json;
    json.StartObject();
    json.Member("lead", options.files[i]);
    json.Member("outcome", OutcomeName(traces ? Outcome::kFailed : outcomes[i]));
    json.EndObject();
    std::cout << json.Take() << "\n";
  }
  std::cout << std::flush;
  if (status.ok()) return code;
  Complain(Cat("erased, but traces may be left in ", options.db, ": ", Message(status)));
  Complain(absl::IsUnavailable(status)
               ? "run the same command again when no other program reads the database"
               : "run the same command again when the cause is mended; it needs room for a copy "
                 "beside the database and for one in the folder for temporary files (TMPDIR)");
  return kFailed;
}

int Backup(const Options& options) {
  if (IsFileOf(options.db, options.file)) {
    return Fail(InvalidArgument(options.file, " is the database's own; name another file"));
  }
  const absl::Status status = BackupSqliteStore(options.db, options.file);
  if (!status.ok()) return Fail(status);
  JsonWriter json;
  json.StartObject();
  json.Member("db", options.db);
  json.Member("backup", options.file);
  json.Member("bytes", static_cast<int64_t>(std::filesystem::file_size(options.file)));
  json.EndObject();
  std::cout << json.Take() << std::endl;
  return kDone;
}

int Restore(const Options& options) {
  absl::Status status = options.unsealed ? RestoreUnsealed(options) : RestoreSealed(options);
  if (!status.ok()) return Fail(status);
  JsonWriter json;
  json.StartObject();
  json.Member("db", options.db);
  json.Member("backup", options.file);
  json.EndObject();
  std::cout << json.Take() << std::endl;
  return kDone;
}

}  // namespace leadcore::cli
