// SPDX-License-Identifier: Apache-2.0
//
// The baseline of store_bench: the rows that a database got for its leads, written again by a bare
// program: prepared statements, one transaction for so many leads, the same tables, indexes, page
// size and durability, and nothing decided, looked up or checked.
#ifndef LEADCORE_BENCHMARKS_BARE_ROWS_H_
#define LEADCORE_BENCHMARKS_BARE_ROWS_H_

#include <sqlite3.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "leadcore/store.h"

namespace leadcore::bench {

class BareRows {
 public:
  // Reads what a database holds, lead by lead in the order in which they came.
  BareRows(const std::string& path, const Store& store, std::string_view workspace) {
    sqlite3* const from = Connect(path, SQLITE_OPEN_READWRITE);
    ReadSchema(from);
    std::map<std::string, size_t> by_lead, by_request, by_position;
    ReadFeed(store, workspace, &by_lead, &by_request, &by_position);
    const auto lead_of = [](const std::string& id) { return id.substr(id.rfind('\x1f') + 1); };
    const auto same = [](const std::string& id) { return id; };
    Read(from, "lead_records", "id", same, by_lead);
    Read(from, "lead_state_records", "id", same, by_lead);
    Read(from, "match_key_records", "id", lead_of, by_lead);
    Read(from, "claims", "holder", same, by_lead);
    Read(from, "requests", "request_id", same, by_request);
    Read(from, "events", "position", same, by_position);
    Read(from, "event_payloads", "position", same, by_position);
    Read(from, "event_leads", "position", same, by_position);
    sqlite3_close(from);
  }

  // A new file that gets the leads, batch after batch.
  class Writer {
   public:
    Writer(const BareRows& rows, const std::string& path)
        : rows_(rows), into_(Connect(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE)) {
      Execute(into_,
              "PRAGMA page_size=4096; PRAGMA synchronous=EXTRA; PRAGMA journal_mode=WAL; "
              "PRAGMA cache_size=-131072; PRAGMA wal_autocheckpoint=8192; "
              "PRAGMA temp_store=MEMORY");
      for (const std::string& sql : rows.schema_) Execute(into_, sql);
      for (const Table& table : rows.tables_) statements_.push_back(Prepare(into_, table.insert));
    }
    ~Writer() {
      for (sqlite3_stmt* const statement : statements_) sqlite3_finalize(statement);
      sqlite3_close(into_);
    }
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    // The next leads, in one transaction; fewer at the end.
    void Write(size_t leads) {
      Execute(into_, "BEGIN IMMEDIATE");
      for (; leads > 0 && next_ < rows_.leads_.size(); --leads) {
        for (const Row& row : rows_.leads_[next_]) Put(statements_[row.table], row);
        ++next_;
      }
      Execute(into_, "COMMIT");
    }

   private:
    const BareRows& rows_;
    sqlite3* const into_;
    std::vector<sqlite3_stmt*> statements_;
    size_t next_ = 0;
  };

 private:
  using Cell = std::variant<std::monostate, int64_t, double, std::pair<bool, std::string>>;
  struct Row {
    size_t table = 0;
    std::vector<Cell> cells;
  };
  struct Table {
    std::string name, insert;
  };

  static void Check(sqlite3* database, int code) {
    if (code == SQLITE_OK || code == SQLITE_ROW || code == SQLITE_DONE) return;
    std::cerr << "bare program: " << sqlite3_errmsg(database) << "\n";
    std::abort();
  }
  static sqlite3* Connect(const std::string& path, int flags) {
    sqlite3* database = nullptr;
    Check(database, sqlite3_open_v2(path.c_str(), &database, flags | SQLITE_OPEN_NOMUTEX, nullptr));
    return database;
  }
  static void Execute(sqlite3* database, const std::string& sql) {
    Check(database, sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr));
  }
  static sqlite3_stmt* Prepare(sqlite3* database, const std::string& sql) {
    sqlite3_stmt* statement = nullptr;
    Check(database, sqlite3_prepare_v3(database, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT,
                                       &statement, nullptr));
    return statement;
  }

  void ReadSchema(sqlite3* from) {
    sqlite3_stmt* const rows =
        Prepare(from,
                "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND type IN ('table','index') "
                "ORDER BY type DESC");
    while (sqlite3_step(rows) == SQLITE_ROW) {
      schema_.emplace_back(reinterpret_cast<const char*>(sqlite3_column_text(rows, 0)));
    }
    sqlite3_finalize(rows);
  }

  // Which event is about which lead, and the counters that it left.
  void ReadFeed(const Store& store, std::string_view workspace,
                std::map<std::string, size_t>* by_lead, std::map<std::string, size_t>* by_request,
                std::map<std::string, size_t>* by_position) {
    tables_.push_back({"counters",
                       "INSERT INTO counters(workspace, name, value) VALUES(?,?,?) "
                       "ON CONFLICT DO UPDATE SET value=excluded.value"});
    FeedRequest request;
    request.headers_only = true;
    for (size_t seen = 1; seen > 0;) {
      seen = 0;
      const absl::Status status = store.Feed(workspace, request, [&](const Event& event) {
        ++seen;
        request.after = event.position;
        if (event.leads.empty()) return true;
        const size_t place = leads_.size();
        leads_.emplace_back();
        by_lead->emplace(event.leads[0], place);
        by_request->emplace(event.request_id, place);
        by_position->emplace(std::to_string(event.position), place);
        for (const CounterWrite& counter : event.counters) {
          leads_.back().push_back(
              {0, {Text(std::string(workspace)), Text(counter.name), Cell(counter.value)}});
        }
        return true;
      });
      if (!status.ok()) std::abort();
    }
  }

  static Cell Text(std::string text) { return std::pair(true, std::move(text)); }

  static Cell CellOf(sqlite3_stmt* row, int column) {
    const auto bytes = [&] {
      const auto* data = static_cast<const char*>(sqlite3_column_blob(row, column));
      return std::string(data == nullptr ? "" : data,
                         static_cast<size_t>(sqlite3_column_bytes(row, column)));
    };
    switch (sqlite3_column_type(row, column)) {
      case SQLITE_INTEGER:
        return static_cast<int64_t>(sqlite3_column_int64(row, column));
      case SQLITE_FLOAT:
        return sqlite3_column_double(row, column);
      case SQLITE_NULL:
        return std::monostate();
      case SQLITE_TEXT:
        return Text(bytes());
      default:
        return std::pair(false, bytes());
    }
  }

  template <typename Key>
  void Read(sqlite3* from, const std::string& name, const std::string& column, Key key,
            const std::map<std::string, size_t>& places) {
    sqlite3_stmt* const rows =
        Prepare(from, "SELECT CAST(" + column + " AS TEXT), * FROM " + name + " ORDER BY 1");
    Table table{name, "INSERT INTO " + name + "("};
    std::string marks;
    for (int i = 1; i < sqlite3_column_count(rows); ++i) {
      table.insert += std::string(i > 1 ? "," : "") + "\"" + sqlite3_column_name(rows, i) + "\"";
      marks += i > 1 ? ",?" : "?";
    }
    table.insert += ") VALUES(" + marks + ")";
    while (sqlite3_step(rows) == SQLITE_ROW) {
      const auto place =
          places.find(key(reinterpret_cast<const char*>(sqlite3_column_text(rows, 0))));
      if (place == places.end()) continue;
      Row row{tables_.size(), {}};
      for (int i = 1; i < sqlite3_column_count(rows); ++i) row.cells.push_back(CellOf(rows, i));
      leads_[place->second].push_back(std::move(row));
    }
    sqlite3_finalize(rows);
    tables_.push_back(std::move(table));
  }

  static void Put(sqlite3_stmt* statement, const Row& row) {
    for (size_t i = 0; i < row.cells.size(); ++i) {
      const int place = static_cast<int>(i) + 1;
      if (const auto* whole = std::get_if<int64_t>(&row.cells[i])) {
        sqlite3_bind_int64(statement, place, *whole);
      } else if (const auto* real = std::get_if<double>(&row.cells[i])) {
        sqlite3_bind_double(statement, place, *real);
      } else if (const auto* bytes = std::get_if<std::pair<bool, std::string>>(&row.cells[i])) {
        const auto size = static_cast<int>(bytes->second.size());
        bytes->first ? sqlite3_bind_text(statement, place, bytes->second.data(), size, nullptr)
                     : sqlite3_bind_blob(statement, place, bytes->second.data(), size, nullptr);
      } else {
        sqlite3_bind_null(statement, place);
      }
    }
    Check(sqlite3_db_handle(statement), sqlite3_step(statement));
    sqlite3_reset(statement);
  }

  std::vector<std::string> schema_;
  std::vector<Table> tables_;
  std::vector<std::vector<Row>> leads_;  // the rows of each
};

}  // namespace leadcore::bench

#endif  // LEADCORE_BENCHMARKS_BARE_ROWS_H_
