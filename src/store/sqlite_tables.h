// SPDX-License-Identifier: Apache-2.0
//
// The tables of a database file: their making, their versions, the columns of indexes.
#ifndef LEADCORE_SRC_STORE_SQLITE_TABLES_H_
#define LEADCORE_SRC_STORE_SQLITE_TABLES_H_

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/store.h"
#include "store/sqlite_database.h"

namespace leadcore {

// PRAGMA user_version.
inline constexpr int64_t kFileVersion = 1;

// Table of the records of a kind; "" for what is no kind of records.
std::string_view RecordTable(RecordKind kind);
// A name as SQL writes it.
std::string Quoted(std::string_view name);

// INVALID_ARGUMENT: the file belongs to another program; FAILED_PRECONDITION: to a newer version.
// `fresh` tells that it is empty.
absl::Status CheckFile(SqliteDatabase* database, const std::string& path, bool* fresh);
// Makes the tables of an empty file.
absl::Status CreateTables(SqliteDatabase* database);

// Looks through every table and index; tells what is damaged.
absl::Status CheckTables(SqliteDatabase* database,
                         absl::FunctionRef<void(std::string_view what)> damage);

// The columns of index entries. An index is one of its table's: NULL, number or text, which SQLite
// orders as we do.
absl::StatusOr<std::set<std::string>> IndexColumns(SqliteDatabase* database, RecordKind kind);
// Whether a table has an index; what was found once is there for ever.
absl::StatusOr<bool> HasIndex(SqliteDatabase* database, RecordKind kind, const std::string& name);
// Adds the columns of entries and their indexes, and makes the views over them anew.
absl::Status AddIndexColumns(SqliteDatabase* database, RecordKind kind,
                             const std::vector<const IndexEntry*>& entries);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_SQLITE_TABLES_H_
