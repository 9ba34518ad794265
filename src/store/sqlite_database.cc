// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_database.h"

#include <cerrno>
#include <climits>
#include <utility>

#include "store/page_seal.h"
#include "store/sqlite_page_vfs.h"
#include "text.h"

namespace leadcore {
namespace {

// A reader may meet the writer's checkpoint, the writer a reader that is just starting.
constexpr int kBusyMilliseconds = 10'000;
constexpr int kReadMilliseconds = 1'000;  // so long a read transaction lives at most
// Frames of the log, one for each page that a commit changed.
constexpr int kWorthMoving = 8192;
constexpr int kLongestLog = 4 * kWorthMoving;

}  // namespace

absl::Status SqliteError(sqlite3* handle, std::string_view doing) {
  const int extended = sqlite3_extended_errcode(handle);
  const int code = extended & 0xff;
  if (code == SQLITE_NOMEM || extended == SQLITE_IOERR_NOMEM) {
    return absl::ResourceExhaustedError("out of memory");
  }
  const std::string_view what =
      extended == SQLITE_IOERR_DATA ? "a page has a wrong checksum" : sqlite3_errmsg(handle);
  const std::string message = Cat(doing, ": ", what);
  if (extended == SQLITE_IOERR_DATA || code == SQLITE_CORRUPT) {
    return absl::DataLossError(
        ToAbsl(Cat("the database is damaged; `leadcore verify` tells where; restore a backup, or "
                   "save what is whole by `leadcore export --skip-damaged` (",
                   message, ")")));
  }
  const int system = code == SQLITE_IOERR ? sqlite3_system_errno(handle) : 0;
  const bool full = code == SQLITE_FULL || system == ENOSPC || system == EDQUOT;
  if (full || extended == SQLITE_IOERR_SHMSIZE) {
    return absl::ResourceExhaustedError(
        ToAbsl(Cat("the disk is full; make room and try again (", message, ")")));
  }
  const char* const path = sqlite3_db_filename(handle, "main");
  const std::string_view name = path == nullptr || *path == 0 ? "the file" : path;
  switch (code) {
    case SQLITE_NOTADB:
      return InvalidArgument("the file is no leadcore database, or its first page is damaged: ",
                             "restore a backup, or save what is whole by `leadcore export ",
                             "--skip-damaged` (", message, ")");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(
          ToAbsl(Cat("the database is locked by another program; try again (", message, ")")));
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return FailedPrecondition(name, " or its folder cannot be written or opened (", message,
                                "); to look at a database on a medium that is only read, copy it ",
                                "to a folder that can be written");
    default:
      return Internal(name, ": ", message);
  }
}

SqliteStatement::SqliteStatement(SqliteStatement&& other) noexcept
    : statement_(std::exchange(other.statement_, nullptr)), own_(other.own_), next_(other.next_) {}

SqliteStatement::~SqliteStatement() {
  if (statement_ == nullptr) return;
  if (own_) {
    sqlite3_finalize(statement_);
    return;
  }
  sqlite3_reset(statement_);
  sqlite3_clear_bindings(statement_);
}

SqliteStatement& SqliteStatement::Bind(std::string_view text) {
  const char* data = text.data() == nullptr ? "" : text.data();
  sqlite3_bind_text64(statement_, next_++, data, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}
SqliteStatement& SqliteStatement::Bind(int64_t value) {
  sqlite3_bind_int64(statement_, next_++, value);
  return *this;
}
SqliteStatement& SqliteStatement::BindBlob(std::string_view bytes) {
  const char* data = bytes.data() == nullptr ? "" : bytes.data();
  sqlite3_bind_blob64(statement_, next_++, data, bytes.size(), SQLITE_STATIC);
  return *this;
}
SqliteStatement& SqliteStatement::BindIndex(const IndexValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return Bind(*text);
  if (const auto* whole = std::get_if<int64_t>(&value)) return Bind(*whole);
  if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement_, next_++, *real);
  } else {
    sqlite3_bind_null(statement_, next_++);
  }
  return *this;
}

absl::StatusOr<bool> SqliteStatement::Step() {
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return SqliteError(sqlite3_db_handle(statement_), "reading or writing");
}

absl::Status SqliteStatement::Run() { return Step().status(); }

std::string_view SqliteStatement::Text(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  return {data == nullptr ? "" : data,
          static_cast<size_t>(sqlite3_column_bytes(statement_, column))};
}
int64_t SqliteStatement::Integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}
bool SqliteStatement::Null(int column) const {
  return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
void SqliteStatement::Indexed(int column, IndexValue* value) const {
  switch (sqlite3_column_type(statement_, column)) {
    case SQLITE_NULL:
      *value = std::monostate();
      return;
    case SQLITE_INTEGER:
      *value = Integer(column);
      return;
    case SQLITE_FLOAT:
      *value = sqlite3_column_double(statement_, column);
      return;
    default:
      if (auto* text = std::get_if<std::string>(value)) {
        *text = Text(column);
      } else {
        *value = std::string(Text(column));
      }
  }
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteDatabase::Open(const std::string& path,
                                                                     Mode mode,
                                                                     const std::string& vfs,
                                                                     int page_size) {
  const absl::StatusOr<std::string> sealed = PageVfs(vfs);
  if (!sealed.ok()) return sealed.status();
  const char* const plain = vfs.empty() ? nullptr : vfs.c_str();
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_READWRITE;
  if (mode == Mode::kCreate) flags |= SQLITE_OPEN_CREATE;
  // First, so that the connection has an owner on every way out.
  std::unique_ptr<SqliteDatabase> database(new SqliteDatabase);
  const int code = sqlite3_open_v2(path.c_str(), &database->handle_, flags,
                                   mode == Mode::kReadUnsealed ? plain : sealed->c_str());
  sqlite3* const handle = database->handle_;
  if (handle == nullptr) return absl::ResourceExhaustedError("out of memory");
  if (code != SQLITE_OK) return SqliteError(handle, Cat("opening ", path));
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  sqlite3_extended_result_codes(handle, 1);
  if (mode == Mode::kRead || mode == Mode::kReadUnsealed) {
    // Whoever only reads neither writes pages back nor takes the log away.
    sqlite3_db_config(handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
    const absl::Status status = database->Execute(
        "PRAGMA query_only=1; PRAGMA wal_autocheckpoint=0; PRAGMA cache_size=-32768");
    if (!status.ok()) return status;
    return database;
  }
  // Room for the checksums, in a file that is still empty.
  int reserved = kPageChecksumBytes;
  sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved);
  const absl::Status status = database->Execute(Cat("PRAGMA page_size=", page_size));
  if (!status.ok()) return status;
  return database;
}

SqliteDatabase::~SqliteDatabase() {
  Forget();
  sqlite3_finalize(rollback_);
  sqlite3_close_v2(handle_);
}

void SqliteDatabase::MoveLogBack() {
  longest_log_ = kLongestLog;
  sqlite3_wal_hook(handle_, AfterCommit, this);
}

int SqliteDatabase::AfterCommit(void* self, sqlite3* handle, const char* name, int frames) {
  auto* const database = static_cast<SqliteDatabase*>(self);
  // It has begun anew since.
  if (frames < database->log_) database->longest_log_ = kLongestLog;
  database->log_ = frames;
  if (frames < kWorthMoving) return SQLITE_OK;
  if (frames < database->longest_log_) {
    sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
  } else {
    // Whoever reads for longer, as a backup does, is waited for ever more seldom.
    database->longest_log_ = frames < INT_MAX / 2 ? 2 * frames : INT_MAX;
    sqlite3_busy_timeout(handle, kReadMilliseconds);
    sqlite3_wal_checkpoint_v2(handle, name, SQLITE_CHECKPOINT_RESTART, nullptr, nullptr);
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
  }
  // The commit is done, whatever became of this.
  return SQLITE_OK;
}

void SqliteDatabase::Forget() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  statements_.clear();
}

absl::Status SqliteDatabase::Execute(const std::string& sql) {
  if (sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return SqliteError(handle_, sql.substr(0, sql.find('\n')));
}

absl::Status SqliteDatabase::Run(std::string_view sql) {
  absl::StatusOr<SqliteStatement> statement = Prepare(sql);
  return statement.ok() ? statement->Run() : statement.status();
}

absl::Status SqliteDatabase::BeginRead() {
  // The transaction starts with its first read.
  absl::Status status = Run("BEGIN");
  if (status.ok()) status = Run("SELECT 1 FROM sqlite_schema LIMIT 1");
  if (!status.ok()) return status;
  return rollback_ != nullptr ? absl::OkStatus() : Prepare("ROLLBACK", &rollback_);
}

bool SqliteDatabase::Rollback() noexcept {
  if (sqlite3_get_autocommit(handle_) != 0) return true;
  if (rollback_ == nullptr) {
    return sqlite3_exec(handle_, "ROLLBACK", nullptr, nullptr, nullptr) == SQLITE_OK;
  }
  sqlite3_step(rollback_);
  return sqlite3_reset(rollback_) == SQLITE_OK;
}

absl::Status SqliteDatabase::Prepare(std::string_view sql, sqlite3_stmt** statement) {
  const int code = sqlite3_prepare_v3(handle_, sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, statement, nullptr);
  return code == SQLITE_OK ? absl::OkStatus() : SqliteError(handle_, sql);
}

absl::StatusOr<SqliteStatement> SqliteDatabase::Prepare(std::string_view sql) {
  auto at = statements_.find(sql);
  // Its place comes first: a statement that nobody finalizes would keep the file open.
  if (at == statements_.end()) at = statements_.emplace(sql, nullptr).first;
  if (at->second == nullptr) {
    const absl::Status status = Prepare(sql, &at->second);
    if (!status.ok()) return status;
  }
  if (sqlite3_stmt_busy(at->second) == 0) return SqliteStatement(at->second);
  sqlite3_stmt* another = nullptr;
  const absl::Status status = Prepare(sql, &another);
  if (!status.ok()) return status;
  return SqliteStatement(another, true);
}

absl::StatusOr<int64_t> SqliteDatabase::QueryInteger(const std::string& sql) {
  absl::StatusOr<SqliteStatement> statement = Prepare(sql);
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Integer(0) : 0;
}

}  // namespace leadcore
