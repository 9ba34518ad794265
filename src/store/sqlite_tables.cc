// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_tables.h"

#include <utility>
#include <vector>

#include "store/page_seal.h"
#include "text.h"

namespace leadcore {
namespace {

// Short rows lie in their key's tree (WITHOUT ROWID). A page of such a tree takes rows up to a
// quarter of it, what is longer fills pages of its own: records and payloads are kept by rowid.
constexpr std::string_view kTables = R"sql(
CREATE TABLE claims(workspace TEXT NOT NULL, key TEXT NOT NULL, holder TEXT NOT NULL,
  PRIMARY KEY(workspace, key)) WITHOUT ROWID;
CREATE TABLE counters(workspace TEXT NOT NULL, name TEXT NOT NULL, value INTEGER NOT NULL,
  PRIMARY KEY(workspace, name)) WITHOUT ROWID;
CREATE TABLE requests(workspace TEXT NOT NULL, request_id TEXT NOT NULL, fingerprint TEXT NOT NULL,
  positions BLOB NOT NULL, reply BLOB NOT NULL, time INTEGER NOT NULL,
  PRIMARY KEY(workspace, request_id)) WITHOUT ROWID;
CREATE INDEX requests_by_time ON requests(workspace, time);
CREATE TABLE events(workspace TEXT NOT NULL, position INTEGER NOT NULL, type TEXT NOT NULL,
  time INTEGER NOT NULL, actor TEXT NOT NULL, request_id TEXT NOT NULL, model TEXT NOT NULL,
  leads TEXT NOT NULL, counters BLOB NOT NULL, reply BLOB NOT NULL, forgot_requests_before INTEGER,
  batch_events INTEGER NOT NULL, payload_hash BLOB NOT NULL, chain BLOB NOT NULL,
  PRIMARY KEY(workspace, position)) WITHOUT ROWID;
CREATE TABLE event_payloads(workspace TEXT NOT NULL, position INTEGER NOT NULL,
  salt BLOB NOT NULL, payload BLOB NOT NULL, PRIMARY KEY(workspace, position));
CREATE TABLE event_leads(workspace TEXT NOT NULL, lead TEXT NOT NULL, position INTEGER NOT NULL,
  PRIMARY KEY(workspace, lead, position)) WITHOUT ROWID;
)sql";

constexpr RecordKind kKinds[] = {RecordKind::kLead,     RecordKind::kLeadState,
                                 RecordKind::kActivity, RecordKind::kMatchKey,
                                 RecordKind::kModel,    RecordKind::kMeta};

absl::Status MakeViews(SqliteDatabase* database) {
  std::string leads = "CREATE VIEW leads AS SELECT l.workspace, l.id, l.version";
  for (const auto& [kind, alias] :
       {std::pair(RecordKind::kLead, "l."), std::pair(RecordKind::kLeadState, "s.")}) {
    const absl::StatusOr<std::set<std::string>> columns = IndexColumns(database, kind);
    if (!columns.ok()) return columns.status();
    for (const std::string& column : *columns) {
      if (column.starts_with("search.")) continue;
      leads += Cat(", ", alias, Quoted(column), " AS ", Quoted(column));
    }
  }
  leads += " FROM lead_records l LEFT JOIN lead_state_records s USING(workspace, id);";
  const absl::StatusOr<std::set<std::string>> columns =
      IndexColumns(database, RecordKind::kActivity);
  if (!columns.ok()) return columns.status();
  std::string activities = "CREATE VIEW activities AS SELECT workspace, id";
  for (const std::string& column : *columns) activities += Cat(", ", Quoted(column));
  activities += " FROM activity_records;";
  return database->Execute(
      Cat("DROP VIEW IF EXISTS leads; DROP VIEW IF EXISTS activities;", leads, activities));
}

std::string IndexName(RecordKind kind, std::string_view entry) {
  return Cat(RecordTable(kind), ".", entry);
}

// The column of an index that AddIndexColumns made, "table.column"; of others, any that is never
// NULL.
std::string IndexedColumn(const std::string& index) {
  const size_t dot = index.find('.');
  return dot == std::string::npos ? "workspace" : Quoted(index.substr(dot + 1));
}

}  // namespace

std::string_view RecordTable(RecordKind kind) {
  switch (kind) {
    case RecordKind::kLead:
      return "lead_records";
    case RecordKind::kLeadState:
      return "lead_state_records";
    case RecordKind::kActivity:
      return "activity_records";
    case RecordKind::kMatchKey:
      return "match_key_records";
    case RecordKind::kModel:
      return "model_records";
    case RecordKind::kMeta:
      return "meta_records";
    default:
      return "";
  }
}

std::string Quoted(std::string_view name) {
  std::string out = "\"";
  for (const char c : name) {
    if (c == '"') out.push_back('"');
    out.push_back(c);
  }
  return out + "\"";
}

absl::Status CheckFile(SqliteDatabase* database, const std::string& path, bool* fresh) {
  const absl::StatusOr<int64_t> tables =
      database->QueryInteger("SELECT count(*) FROM sqlite_schema");
  if (!tables.ok()) return tables.status();
  *fresh = *tables == 0;
  if (*fresh) return absl::OkStatus();
  const absl::StatusOr<int64_t> application = database->QueryInteger("PRAGMA application_id");
  if (!application.ok()) return application.status();
  if (*application != kApplicationId) {
    return InvalidArgument(path, " is a database of another program; name another file");
  }
  const absl::StatusOr<int64_t> version = database->QueryInteger("PRAGMA user_version");
  if (!version.ok()) return version.status();
  if (*version > kFileVersion) {
    return FailedPrecondition(path, " was written by a newer leadcore (file version ", *version,
                              ", this one knows ", kFileVersion, "); use the newer program");
  }
  return absl::OkStatus();
}

absl::Status CreateTables(SqliteDatabase* database) {
  std::string sql = Cat("BEGIN IMMEDIATE;", kTables);
  for (const RecordKind kind : kKinds) {
    sql += Cat("CREATE TABLE ", RecordTable(kind),
               "(workspace TEXT NOT NULL, id TEXT NOT NULL, version INTEGER NOT NULL, ",
               "body BLOB NOT NULL, PRIMARY KEY(workspace, id))",
               kind == RecordKind::kMatchKey ? " WITHOUT ROWID;" : ";");
  }
  sql += Cat("PRAGMA application_id=", int64_t{kApplicationId},
             ";PRAGMA user_version=", kFileVersion, ";");
  absl::Status status = database->Execute(sql);
  if (status.ok()) status = MakeViews(database);
  if (status.ok()) status = database->Execute("COMMIT");
  return status;
}

absl::Status CheckTables(SqliteDatabase* database,
                         absl::FunctionRef<void(std::string_view what)> damage) {
  // By name first: the check below ends at a page that cannot be read.
  std::vector<std::pair<std::string, std::string>> parts;  // table, index or ""
  {
    auto statement = database->Prepare(
        "SELECT tbl_name, iif(type='index', name, '') FROM sqlite_schema WHERE rootpage>0");
    if (!statement.ok()) return statement.status();
    while (true) {
      const absl::StatusOr<bool> row = statement->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      parts.emplace_back(statement->Text(0), statement->Text(1));
    }
  }
  bool readable = true;
  for (const auto& [table, index] : parts) {
    const std::string_view where = index.empty() ? " NOT INDEXED" : "";
    const bool automatic = index.starts_with("sqlite_autoindex_");
    if (automatic) continue;  // cannot be named in a query; integrity_check reads it
    const absl::StatusOr<int64_t> bytes = database->QueryInteger(
        index.empty()
            ? Cat("SELECT sum(length(CAST(workspace AS BLOB))) FROM ", Quoted(table), where)
            : Cat("SELECT count(*) FROM ", Quoted(table), " INDEXED BY ", Quoted(index), " WHERE ",
                  IndexedColumn(index), " IS NOT NULL"));
    if (bytes.ok()) continue;
    readable = false;
    damage(Cat(index.empty() ? Cat("table ", table) : Cat("index ", index),
               " cannot be read whole: ", Message(bytes.status())));
  }
  auto statement = database->Prepare("PRAGMA integrity_check");
  if (!statement.ok()) return statement.status();
  while (true) {
    const absl::StatusOr<bool> row = statement->Step();
    if (!row.ok() && readable) damage(Message(row.status()));
    if (!row.ok() || !*row) return absl::OkStatus();
    if (statement->Text(0) != "ok") damage(statement->Text(0));
  }
}

absl::StatusOr<std::set<std::string>> IndexColumns(SqliteDatabase* database, RecordKind kind) {
  absl::StatusOr<SqliteStatement> statement =
      database->Prepare(Cat("SELECT name FROM pragma_table_info('", RecordTable(kind), "')"));
  if (!statement.ok()) return statement.status();
  std::set<std::string> names;
  while (true) {
    const absl::StatusOr<bool> row = statement->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    names.emplace(statement->Text(0));
  }
  for (const char* own : {"workspace", "id", "version", "body"}) names.erase(own);
  return names;
}

absl::StatusOr<bool> HasIndex(SqliteDatabase* database, RecordKind kind, const std::string& name) {
  std::set<std::string>& known = database->known_indexes();
  const std::string index = IndexName(kind, name);
  if (known.count(index) != 0) return true;
  auto statement = database->Prepare("SELECT 1 FROM sqlite_schema WHERE type='index' AND name=?");
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Bind(index).Step();
  if (row.ok() && *row) known.insert(index);
  return row;
}

absl::Status AddIndexColumns(SqliteDatabase* database, RecordKind kind,
                             const std::vector<const IndexEntry*>& entries) {
  const std::string_view table = RecordTable(kind);
  database->Forget();
  for (const IndexEntry* const entry : entries) {
    const std::string column = Quoted(entry->name);
    std::string sql = Cat("ALTER TABLE ", table, " ADD COLUMN ", column, ";");
    if (!entry->shown_only) {
      sql += Cat("CREATE INDEX ", Quoted(IndexName(kind, entry->name)), " ON ", table,
                 "(workspace, ", column, ", id) WHERE ", column, " IS NOT NULL");
    }
    const absl::Status status = database->Execute(sql);
    if (!status.ok()) return status;
  }
  return MakeViews(database);
}

}  // namespace leadcore
