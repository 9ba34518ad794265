// SPDX-License-Identifier: Apache-2.0
//
// One SQLite connection and its prepared statements, with errors as values.
#ifndef LEADCORE_SRC_STORE_SQLITE_DATABASE_H_
#define LEADCORE_SRC_STORE_SQLITE_DATABASE_H_

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/store.h"

namespace leadcore {

// A prepared statement on loan from its Database: reset and given back when it goes.
class SqliteStatement {
 public:
  // `own`: it is finalized when it goes.
  explicit SqliteStatement(sqlite3_stmt* statement, bool own = false)
      : statement_(statement), own_(own) {}
  SqliteStatement(SqliteStatement&& other) noexcept;
  SqliteStatement& operator=(SqliteStatement&&) = delete;
  ~SqliteStatement();

  // Parameters in order, from the first. Text is borrowed until the statement is reset.
  SqliteStatement& Bind(std::string_view text);
  SqliteStatement& Bind(int64_t value);
  SqliteStatement& BindBlob(std::string_view bytes);
  SqliteStatement& BindIndex(const IndexValue& value);

  // True when there is a row.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();

  std::string_view Text(int column) const;  // text or blob; valid until the next step
  int64_t Integer(int column) const;
  bool Null(int column) const;
  void Indexed(int column, IndexValue* value) const;  // its memory is used again

 private:
  sqlite3_stmt* statement_;
  const bool own_;
  int next_ = 1;
};

// Not thread-safe.
class SqliteDatabase {
 public:
  // kReadUnsealed: pages are taken whatever their checksums say.
  enum class Mode { kCreate, kWrite, kRead, kReadUnsealed };
  // `vfs`: under which the file lies, "" is the system's. `page_size`: of a file that is new.
  static absl::StatusOr<std::unique_ptr<SqliteDatabase>> Open(const std::string& path, Mode mode,
                                                              const std::string& vfs,
                                                              int page_size = 4096);
  ~SqliteDatabase();

  // Statements without parameters; several at once, separated by ';'.
  absl::Status Execute(const std::string& sql);
  // A statement without result that is run again and again.
  absl::Status Run(std::string_view sql);
  // Prepared once, kept under its text; another one while that is stepped through.
  absl::StatusOr<SqliteStatement> Prepare(std::string_view sql);
  // Rows that the last statement changed.
  int64_t changed() const { return sqlite3_changes64(handle_); }
  // Indexes that were asked for and found (sqlite_tables.h).
  std::set<std::string>& known_indexes() { return known_indexes_; }
  // From now on a commit moves the log into the file once that is worth the sync: as far as readers
  // let it. When they overlap for so long that the log has grown to four times that, a commit waits
  // up to a second for them to end, and the log begins anew.
  void MoveLogBack();
  // Starts a transaction that only reads, as of now.
  absl::Status BeginRead();
  // Ends a transaction without its changes, if there is one; false when that failed. Allocates
  // nothing.
  bool Rollback() noexcept;
  // Gives up all prepared statements, before the schema changes.
  void Forget();
  sqlite3* handle() { return handle_; }
  // The first column of the first row.
  absl::StatusOr<int64_t> QueryInteger(const std::string& sql);

 private:
  SqliteDatabase() = default;

  struct TextHash {
    using is_transparent = void;
    size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  absl::Status Prepare(std::string_view sql, sqlite3_stmt** statement);
  static int AfterCommit(void* self, sqlite3* handle, const char* name, int frames);

  sqlite3* handle_ = nullptr;
  sqlite3_stmt* rollback_ = nullptr;
  // By their text; nullptr where preparing failed. Not Abseil's map, which an insertion that runs
  // out of memory leaves broken.
  std::unordered_map<std::string, sqlite3_stmt*, TextHash, std::equal_to<>> statements_;
  std::set<std::string> known_indexes_;
  // Frames: at the last commit, and how many there have to be for readers to be waited for.
  int log_ = 0, longest_log_ = 0;
};

// What an error of SQLite means for the caller: DATA_LOSS, RESOURCE_EXHAUSTED, UNAVAILABLE …
absl::Status SqliteError(sqlite3* handle, std::string_view doing);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_SQLITE_DATABASE_H_
