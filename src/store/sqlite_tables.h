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

// Index columns of a table. An index is a column of its table: NULL, number or text, which SQLite
// orders as we do.
absl::StatusOr<std::set<std::string>> IndexColumns(SqliteDatabase* database, RecordKind kind);
// Whether a table has the column of an index; what was found once is there for ever.
absl::StatusOr<bool> HasIndexColumn(SqliteDatabase* database, RecordKind kind,
                                    const std::string& name);
// Adds columns and their indexes, and makes the views over them anew.
absl::Status AddIndexColumns(SqliteDatabase* database, RecordKind kind,
                             const std::vector<std::string>& names);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_SQLITE_TABLES_H_
