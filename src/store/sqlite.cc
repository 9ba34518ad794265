// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <utility>

#include "leadcore/sqlite_store.h"
#include "store/owner_lock.h"
#include "store/sqlite_database.h"
#include "store/sqlite_snapshot.h"
#include "store/sqlite_tables.h"
#include "text.h"

namespace leadcore {
namespace {

// Batches of one call, inside the writer's open transaction.
class Committer {
 public:
  Committer(SqliteDatabase* database, std::string_view workspace,
            std::map<RecordKind, std::set<std::string>>* columns)
      : database_(*database), workspace_(workspace), columns_(*columns) {}

  absl::Status Run(const Batch& batch, CommitResult* result) {
    const absl::StatusOr<bool> refused = Refused(batch, result);
    if (!refused.ok()) return refused.status();
    if (*refused) return absl::OkStatus();
    std::vector<int64_t> values;
    for (const std::string& name : batch.counters) {
      const absl::StatusOr<int64_t> value =
          Integer("SELECT value FROM counters WHERE workspace=? AND name=?", name);
      if (!value.ok()) return value.status();
      values.push_back(*value);
    }
    Writes writes;
    if (batch.finish) writes = batch.finish(values);
    return Apply(batch, writes, result);
  }

 private:
  // The integer of one row, 0 when there is none.
  absl::StatusOr<int64_t> Integer(const std::string& sql, std::string_view key) {
    auto statement = database_.Prepare(sql);
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(key).Step();
    if (!row.ok()) return row.status();
    return *row ? statement->Integer(0) : 0;
  }

  absl::StatusOr<std::string> HolderOf(std::string_view claim) {
    auto statement = database_.Prepare("SELECT holder FROM claims WHERE workspace=? AND key=?");
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(claim).Step();
    if (!row.ok()) return row.status();
    return *row ? std::string(statement->Text(0)) : std::string();
  }

  // True when the request is known, or a check or claim does not hold; nothing was written then.
  absl::StatusOr<bool> Refused(const Batch& batch, CommitResult* result) {
    if (!batch.request_id.empty()) {
      absl::StatusOr<std::optional<StoredOutcome>> known =
          ReadOutcome(&database_, workspace_, batch.request_id);
      if (!known.ok()) return known.status();
      if (*known) {
        const bool same = (*known)->fingerprint == batch.fingerprint;
        result->code = same ? CommitResult::Code::kReplayed : CommitResult::Code::kReused;
        if (same) {
          result->positions = std::move((*known)->positions);
          result->reply = std::move((*known)->reply);
        }
        return true;
      }
    }
    for (const Check& check : batch.checks) {
      const absl::StatusOr<int64_t> version = Integer(
          Cat("SELECT version FROM ", RecordTable(check.key.kind), " WHERE workspace=? AND id=?"),
          check.key.id);
      if (!version.ok()) return version.status();
      if (*version == check.version) continue;
      result->code = CommitResult::Code::kStale;
      result->key = check.key;
      return true;
    }
    for (const Claim& claim : batch.claims) {
      const absl::StatusOr<std::string> holder = HolderOf(claim.key);
      if (!holder.ok()) return holder.status();
      const bool free =
          holder->empty() || *holder == claim.holder ||
          std::any_of(batch.releases.begin(), batch.releases.end(), [&](const Claim& release) {
            return release.key == claim.key && release.holder == *holder;
          });
      if (free) continue;
      result->code = CommitResult::Code::kClaimHeld;
      result->key = {RecordKind::kMatchKey, claim.key};
      result->holder = *holder;
      return true;
    }
    return false;
  }

  absl::Status Apply(const Batch& batch, const Writes& writes, CommitResult* result) {
    absl::Status status = WriteClaims(batch);
    for (size_t i = 0; status.ok() && i < writes.deletes.size(); ++i) {
      auto statement = database_.Prepare(
          Cat("DELETE FROM ", RecordTable(writes.deletes[i].kind), " WHERE workspace=? AND id=?"));
      if (!statement.ok()) return statement.status();
      status = statement->Bind(workspace_).Bind(writes.deletes[i].id).Run();
    }
    for (size_t i = 0; status.ok() && i < writes.puts.size(); ++i) {
      status = WriteRecord(writes.puts[i]);
    }
    for (size_t i = 0; status.ok() && i < writes.counters.size(); ++i) {
      auto statement = database_.Prepare(
          "INSERT INTO counters(workspace, name, value) VALUES(?,?,?) "
          "ON CONFLICT DO UPDATE SET value=excluded.value");
      if (!statement.ok()) return statement.status();
      const CounterWrite& counter = writes.counters[i];
      status = statement->Bind(workspace_).Bind(counter.name).Bind(counter.value).Run();
    }
    if (status.ok()) status = WriteEvents(writes.events, result);
    result->reply = writes.reply;
    if (status.ok()) status = Remember(batch, *result);
    return status;
  }

  absl::Status WriteClaims(const Batch& batch) {
    for (const Claim& release : batch.releases) {
      auto statement =
          database_.Prepare("DELETE FROM claims WHERE workspace=? AND key=? AND holder=?");
      if (!statement.ok()) return statement.status();
      const absl::Status status =
          statement->Bind(workspace_).Bind(release.key).Bind(release.holder).Run();
      if (!status.ok()) return status;
    }
    for (const Claim& claim : batch.claims) {
      auto statement = database_.Prepare(
          "INSERT INTO claims(workspace, key, holder) VALUES(?,?,?) "
          "ON CONFLICT DO UPDATE SET holder=excluded.holder");
      if (!statement.ok()) return statement.status();
      const absl::Status status =
          statement->Bind(workspace_).Bind(claim.key).Bind(claim.holder).Run();
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  // The statement that writes all columns of a table; made anew when a column comes.
  const std::string& PutSql(RecordKind kind) {
    std::string& sql = put_sql_[kind];
    if (!sql.empty()) return sql;
    std::string names, marks, updates;
    for (const std::string& column : columns_[kind]) {
      names += Cat(", ", Quoted(column));
      marks += ",?";
      updates += Cat(", ", Quoted(column), "=excluded.", Quoted(column));
    }
    sql = Cat("INSERT INTO ", RecordTable(kind), "(workspace, id, version, body", names,
              ") VALUES(?,?,1,?", marks,
              ") ON CONFLICT DO UPDATE SET version=version+1, body=excluded.body", updates);
    return sql;
  }

  absl::Status WriteRecord(const Put& put) {
    std::set<std::string>& columns = columns_[put.key.kind];
    for (const IndexEntry& entry : put.index) {
      if (columns.count(entry.name) != 0) continue;
      const absl::Status status = AddIndexColumn(&database_, put.key.kind, entry.name);
      if (!status.ok()) return status;
      columns.insert(entry.name);
      put_sql_.erase(put.key.kind);
    }
    auto statement = database_.Prepare(PutSql(put.key.kind));
    if (!statement.ok()) return statement.status();
    statement->Bind(workspace_).Bind(put.key.id).BindBlob(put.body);
    // What is bound must live until the statement has run.
    const IndexValue absent;
    for (const std::string& column : columns) {
      const auto entry = std::find_if(put.index.begin(), put.index.end(),
                                      [&](const IndexEntry& each) { return each.name == column; });
      statement->BindIndex(entry == put.index.end() ? absent : entry->value);
    }
    return statement->Run();
  }

  absl::Status WriteEvents(const std::vector<Event>& events, CommitResult* result) {
    if (events.empty()) return absl::OkStatus();
    if (next_position_ == 0) {
      const absl::StatusOr<int64_t> last = LastPosition();
      if (!last.ok()) return last.status();
      next_position_ = *last + 1;
    }
    for (const Event& event : events) {
      const absl::Status status = WriteEvent(event, next_position_);
      if (!status.ok()) return status;
      result->positions.push_back(next_position_++);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<int64_t> LastPosition() {
    auto statement = database_.Prepare(
        "SELECT position FROM events WHERE workspace=? ORDER BY position DESC LIMIT 1");
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Bind(workspace_).Step();
    if (!row.ok()) return row.status();
    return *row ? statement->Integer(0) : 0;
  }

  absl::Status WriteEvent(const Event& event, int64_t position) {
    auto header = database_.Prepare(
        "INSERT INTO events(workspace, position, type, time, actor, request_id, model, leads) "
        "VALUES(?,?,?,?,?,?,?,?)");
    if (!header.ok()) return header.status();
    const std::string leads = JoinLeads(event.leads);
    absl::Status status = header->Bind(workspace_)
                              .Bind(position)
                              .Bind(event.type)
                              .Bind(event.time)
                              .Bind(event.actor)
                              .Bind(event.request_id)
                              .Bind(event.model)
                              .Bind(leads)
                              .Run();
    if (!status.ok()) return status;
    auto payload =
        database_.Prepare("INSERT INTO event_payloads(workspace, position, payload) VALUES(?,?,?)");
    if (!payload.ok()) return payload.status();
    status = payload->Bind(workspace_).Bind(position).BindBlob(event.payload).Run();
    for (size_t i = 0; status.ok() && i < event.leads.size(); ++i) {
      auto lead = database_.Prepare(
          "INSERT OR IGNORE INTO event_leads(workspace, lead, position) VALUES(?,?,?)");
      if (!lead.ok()) return lead.status();
      status = lead->Bind(workspace_).Bind(event.leads[i]).Bind(position).Run();
    }
    return status;
  }

  absl::Status Remember(const Batch& batch, const CommitResult& result) {
    if (!batch.request_id.empty()) {
      auto statement = database_.Prepare(
          "INSERT INTO requests(workspace, request_id, fingerprint, positions, reply, time) "
          "VALUES(?,?,?,?,?,?)");
      if (!statement.ok()) return statement.status();
      const std::string positions = EncodePositions(result.positions);
      const absl::Status status = statement->Bind(workspace_)
                                      .Bind(batch.request_id)
                                      .Bind(batch.fingerprint)
                                      .BindBlob(positions)
                                      .BindBlob(result.reply)
                                      .Bind(batch.now)
                                      .Run();
      if (!status.ok()) return status;
    }
    if (!batch.forget_requests_before) return absl::OkStatus();
    auto statement = database_.Prepare("DELETE FROM requests WHERE workspace=? AND time<?");
    if (!statement.ok()) return statement.status();
    return statement->Bind(workspace_).Bind(*batch.forget_requests_before).Run();
  }

  SqliteDatabase& database_;
  const std::string_view workspace_;
  std::map<RecordKind, std::set<std::string>>& columns_;
  std::map<RecordKind, std::string> put_sql_;
  int64_t next_position_ = 0;
};

// The writer keeps the hot part of every index in memory, and moves the log into the file when it
// is worth the fsync.
constexpr const char* kWriterSettings =
    "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-131072; "
    "PRAGMA wal_autocheckpoint=8192; PRAGMA temp_store=MEMORY";

class SqliteStore : public Store {
 public:
  SqliteStore(std::string path, std::unique_ptr<OwnerLock> lock,
              std::unique_ptr<SqliteDatabase> writer)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        writer_(std::move(writer)),
        readers_(path_) {}

  absl::StatusOr<std::unique_ptr<Snapshot>> Read(std::string_view workspace) const override {
    return BeginSnapshot(&readers_, workspace);
  }

  absl::Status Commit(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results) override {
    const std::lock_guard guard(mutex_);
    if (lock_ == nullptr) return FailedPrecondition(path_, " was opened for reading only");
    if (writer_ == nullptr) {
      const absl::Status status = Reopen();
      if (!status.ok()) return status;
    }
    absl::Status status = writer_->Execute("BEGIN IMMEDIATE");
    if (!status.ok()) return status;
    status = Write(workspace, batches, results);
    if (!status.ok()) {
      columns_.clear();  // columns that were added in it are gone again
      writer_->Forget();
      if (!writer_->Execute("ROLLBACK").ok()) writer_.reset();
      return status;
    }
    status = writer_->Execute("COMMIT");
    return status.ok() ? status : Settle(workspace, batches, results, status);
  }

  absl::StatusOr<std::optional<StoredOutcome>> FindOutcome(
      std::string_view workspace, std::string_view request_id) const override {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = readers_.Take();
    if (!database.ok()) return database.status();
    absl::StatusOr<std::optional<StoredOutcome>> outcome =
        ReadOutcome(database->get(), workspace, request_id);
    if (outcome.ok()) readers_.Give(*std::move(database));
    return outcome;
  }

  absl::Status Feed(std::string_view workspace, const FeedRequest& request,
                    absl::FunctionRef<bool(const Event&)> sink) const override {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = readers_.Take();
    if (!database.ok()) return database.status();
    const absl::Status status = ReadFeed(database->get(), workspace, request, sink);
    if (status.ok()) readers_.Give(*std::move(database));
    return status;
  }

  absl::Status Verify() const override {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = readers_.Take();
    if (!database.ok()) return database.status();
    {
      auto statement = (*database)->Prepare("PRAGMA integrity_check(1)");
      if (!statement.ok()) return statement.status();
      const absl::StatusOr<bool> row = statement->Step();
      if (!row.ok()) return row.status();
      if (statement->Text(0) != "ok") {
        return absl::DataLossError(ToAbsl(Cat(path_, ": ", statement->Text(0))));
      }
    }
    const absl::StatusOr<int64_t> holes = (*database)->QueryInteger(
        "SELECT count(*) FROM (SELECT count(*) n, max(position) m FROM events GROUP BY workspace) "
        "WHERE n<>m");
    if (!holes.ok()) return holes.status();
    if (*holes != 0) return absl::DataLossError(ToAbsl(Cat(path_, ": events are missing")));
    readers_.Give(*std::move(database));
    return absl::OkStatus();
  }

 private:
  absl::Status Write(std::string_view workspace, std::span<const Batch> batches,
                     std::span<CommitResult> results) {
    for (const RecordKind kind : {RecordKind::kLead, RecordKind::kLeadState, RecordKind::kActivity,
                                  RecordKind::kMatchKey, RecordKind::kModel, RecordKind::kMeta}) {
      if (columns_.count(kind) != 0) continue;
      absl::StatusOr<std::set<std::string>> columns = IndexColumns(writer_.get(), kind);
      if (!columns.ok()) return columns.status();
      columns_[kind] = *std::move(columns);
    }
    Committer committer(writer_.get(), workspace, &columns_);
    for (size_t i = 0; i < batches.size(); ++i) {
      results[i] = CommitResult();
      const absl::Status status = committer.Run(batches[i], &results[i]);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Reopen() {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> writer =
        SqliteDatabase::Open(path_, SqliteDatabase::Mode::kWrite);
    if (!writer.ok()) return writer.status();
    writer_ = *std::move(writer);
    columns_.clear();
    return writer_->Execute(kWriterSettings);
  }

  // COMMIT failed: what became of the transaction only the file knows. All of it is in, or nothing.
  absl::Status Settle(std::string_view workspace, std::span<const Batch> batches,
                      std::span<CommitResult> results, const absl::Status& error) {
    writer_.reset();
    const absl::Status reopened = Reopen();
    for (size_t i = 0; reopened.ok() && i < batches.size(); ++i) {
      const bool wrote = results[i].code == CommitResult::Code::kCommitted;
      if (batches[i].request_id.empty() || !wrote) continue;
      const absl::StatusOr<std::optional<StoredOutcome>> outcome =
          ReadOutcome(writer_.get(), workspace, batches[i].request_id);
      if (!outcome.ok()) break;
      return *outcome ? absl::OkStatus() : error;
    }
    return absl::UnavailableError(
        ToAbsl(Cat("it is not known whether this was written; retry with the same request id (",
                   Message(error), ")")));
  }

  const std::string path_;
  const std::unique_ptr<OwnerLock> lock_;  // null when opened for reading
  std::mutex mutex_;                       // of the writer
  std::unique_ptr<SqliteDatabase> writer_;
  std::map<RecordKind, std::set<std::string>> columns_;
  mutable SqliteReaders readers_;
};

absl::Status Exists(const SqliteOptions& options) {
  std::error_code error;
  const bool exists = std::filesystem::exists(options.path, error);
  if (exists && std::filesystem::is_directory(options.path, error)) {
    return InvalidArgument(options.path, " is a folder; name a file");
  }
  if (exists || (options.write && options.create)) return absl::OkStatus();
  return NotFound("there is no database ", options.path, "; an import makes one");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> OpenSqliteStore(const SqliteOptions& options) {
  absl::Status status = Exists(options);
  if (!status.ok()) return status;
  bool fresh = false;
  if (!options.write) {
    absl::StatusOr<std::unique_ptr<SqliteDatabase>> database =
        SqliteDatabase::Open(options.path, SqliteDatabase::Mode::kRead);
    if (!database.ok()) return database.status();
    status = CheckFile(database->get(), options.path, &fresh);
    if (!status.ok()) return status;
    if (fresh) return InvalidArgument(options.path, " is empty; an import fills it");
    return std::make_unique<SqliteStore>(options.path, nullptr, nullptr);
  }
  absl::StatusOr<std::unique_ptr<OwnerLock>> lock = OwnerLock::Take(options.path);
  if (!lock.ok()) return lock.status();
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::Open(
      options.path, options.create ? SqliteDatabase::Mode::kCreate : SqliteDatabase::Mode::kWrite);
  if (!database.ok()) return database.status();
  status = CheckFile(database->get(), options.path, &fresh);
  if (status.ok()) {
    status = (*database)->Execute(kWriterSettings);
  }
  if (status.ok() && fresh) status = CreateTables(database->get());
  if (!status.ok()) return status;
  return std::make_unique<SqliteStore>(options.path, *std::move(lock), *std::move(database));
}

absl::Status CopySqliteStore(const std::string& from, const std::string& to) {
  absl::Status status = Exists({from, false, false});
  if (!status.ok()) return status;
  if (std::filesystem::exists(to)) return FailedPrecondition(to, " is there already");
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database =
      SqliteDatabase::Open(from, SqliteDatabase::Mode::kRead);
  if (!database.ok()) return database.status();
  bool fresh = false;
  status = CheckFile(database->get(), from, &fresh);
  if (!status.ok()) return status;
  // The new file is written, not the one that is read.
  status = (*database)->Execute("PRAGMA query_only=0");
  if (!status.ok()) return status;
  auto statement = (*database)->Prepare("VACUUM INTO ?");
  if (!statement.ok()) return statement.status();
  return statement->Bind(to).Run();
}

}  // namespace leadcore
