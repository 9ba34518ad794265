// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_snapshot.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "store/order.h"
#include "store/sqlite_tables.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kMostIdle = 16;
constexpr int64_t kLargestPage = 10'000;
constexpr size_t kMostFeedBytes = size_t{4} << 20;

// The condition and order of one run through an index, with what is bound to it.
struct Query {
  std::string sql;
  std::vector<IndexValue> values;
};

class SqliteSnapshot : public Snapshot {
 public:
  SqliteSnapshot(SqliteReaders* readers, std::unique_ptr<SqliteDatabase> database,
                 std::string_view workspace)
      : readers_(readers), database_(std::move(database)), workspace_(workspace) {}
  // Allocates nothing: memory may have run out.
  ~SqliteSnapshot() override {
    if (database_->Rollback()) readers_->Give(std::move(database_));
  }

  absl::StatusOr<std::optional<StoredRecord>> Get(const RecordKey& key) const override {
    if (key.kind == RecordKind::kLead) return GetLead(key);
    if (key.kind == RecordKind::kLeadState && state_ && state_->key.id == key.id) {
      return std::exchange(state_, std::nullopt);
    }
    auto statement = database_->Prepare(
        Cat("SELECT version, body FROM ", RecordTable(key.kind), " WHERE workspace=? AND id=?"));
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(key.id).Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::nullopt;
    return StoredRecord{key, statement->Integer(0), std::string(statement->Text(1))};
  }

  absl::StatusOr<std::optional<std::string>> Lookup(std::string_view claim) const override {
    auto statement = database_->Prepare("SELECT holder FROM claims WHERE workspace=? AND key=?");
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(claim).Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::nullopt;
    return std::string(statement->Text(0));
  }

  absl::StatusOr<int64_t> Counter(std::string_view name) const override {
    auto statement = database_->Prepare("SELECT value FROM counters WHERE workspace=? AND name=?");
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(name).Step();
    if (!row.ok()) return row.status();
    return *row ? statement->Integer(0) : 0;
  }

  absl::Status Scan(
      const ScanRequest& request,
      absl::FunctionRef<bool(const StoredRecord&, const IndexValue&)> sink) const override {
    std::vector<Query> queries;
    const absl::Status planned = Plan(request, &queries);
    if (!planned.ok()) return planned;
    auto left = static_cast<int64_t>(std::min<size_t>(request.limit, kLargestPage));
    StoredRecord record{{request.kind, {}}, 0, {}};
    IndexValue value;
    for (const Query& query : queries) {
      if (left == 0) break;
      auto statement = database_->Prepare(query.sql);
      if (!statement.ok()) return statement.status();
      statement->Bind(workspace_);
      for (const IndexValue& bound : query.values) statement->BindIndex(bound);
      statement->Bind(left);
      while (true) {
        const absl::StatusOr<bool> row = statement->Step();
        if (!row.ok()) return row.status();
        if (!*row) break;
        record.key.id = statement->Text(0);
        record.version = statement->Integer(1);
        record.body = statement->Text(2);
        statement->Indexed(3, &value);
        if (!sink(record, value)) return absl::OkStatus();
        --left;
      }
    }
    return absl::OkStatus();
  }

 private:
  // Whoever reads a lead reads its state next: both with one statement.
  absl::StatusOr<std::optional<StoredRecord>> GetLead(const RecordKey& key) const {
    auto statement = database_->Prepare(
        "SELECT l.version, l.body, s.version, s.body FROM lead_records l LEFT JOIN "
        "lead_state_records s ON s.workspace=?1 AND s.id=?2 WHERE l.workspace=?1 AND l.id=?2");
    if (!statement.ok()) return statement.status();
    const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(key.id).Step();
    if (!row.ok()) return row.status();
    if (!*row) return std::nullopt;
    if (!statement->Null(2)) {
      state_ = StoredRecord{
          {RecordKind::kLeadState, key.id}, statement->Integer(2), std::string(statement->Text(3))};
    }
    return StoredRecord{key, statement->Integer(0), std::string(statement->Text(1))};
  }

  // Claims, counters and requests in the form of records.
  static std::string_view ScannedTable(RecordKind kind) {
    switch (kind) {
      case RecordKind::kClaim:
        return "(SELECT workspace, key AS id, 1 AS version, holder AS body FROM claims)";
      case RecordKind::kCounter:
        return "(SELECT workspace, name AS id, 1 AS version, CAST(value AS TEXT) AS body "
               "FROM counters)";
      case RecordKind::kRequest:
        return "(SELECT workspace, request_id AS id, 1 AS version, '' AS body FROM requests)";
      default:
        return RecordTable(kind);
    }
  }

  static std::string Select(const ScanRequest& request, const std::string& column) {
    return Cat("SELECT id, version, body, ", column, " FROM ", ScannedTable(request.kind),
               " WHERE workspace=?");
  }

  static void AddUpperBound(const ScanRequest& request, const std::string& column, Query* query) {
    if (!request.high) return;
    const auto* text = std::get_if<std::string>(&*request.high);
    if (!request.high_is_prefix || text == nullptr) {
      query->sql += Cat(" AND ", column, "<=?");
      query->values.push_back(*request.high);
      return;
    }
    const std::optional<std::string> past = AfterPrefix(*text);
    if (!past) return;
    query->sql += Cat(" AND ", column, "<?");
    query->values.emplace_back(*past);
  }

  // Records in the order of their ids.
  static Query ById(const ScanRequest& request) {
    Query query{Select(request, "id"), {}};
    if (request.low) {
      query.sql += " AND id>=?";
      query.values.push_back(*request.low);
    }
    AddUpperBound(request, "id", &query);
    if (request.after) {
      query.sql += request.descending ? " AND id<?" : " AND id>?";
      query.values.emplace_back(request.after->second);
    }
    query.sql += Cat(" ORDER BY id", request.descending ? " DESC" : "", " LIMIT ?");
    return query;
  }

  // Records without an entry in the index, by id.
  static Query Absent(const ScanRequest& request, const std::string& column) {
    Query query{Select(request, column.empty() ? "NULL" : column), {}};
    if (!column.empty()) query.sql += Cat(" AND ", column, " IS NULL");
    if (request.after && std::holds_alternative<std::monostate>(request.after->first)) {
      query.sql += request.descending ? " AND id<?" : " AND id>?";
      query.values.emplace_back(request.after->second);
    }
    query.sql += Cat(" ORDER BY id", request.descending ? " DESC" : "", " LIMIT ?");
    return query;
  }

  static Query Present(const ScanRequest& request, const std::string& column) {
    Query query{Cat(Select(request, column), " AND ", column, " IS NOT NULL"), {}};
    if (request.low && !std::holds_alternative<std::monostate>(*request.low)) {
      query.sql += Cat(" AND ", column, ">=?");
      query.values.push_back(*request.low);
    }
    AddUpperBound(request, column, &query);
    if (request.after && !std::holds_alternative<std::monostate>(request.after->first)) {
      query.sql += Cat(" AND (", column, ",id)", request.descending ? "<" : ">", "(?,?)");
      query.values.push_back(request.after->first);
      query.values.emplace_back(request.after->second);
    }
    const std::string_view order = request.descending ? " DESC" : "";
    query.sql += Cat(" ORDER BY ", column, order, ", id", order, " LIMIT ?");
    return query;
  }

  // SQL orders NULL with nothing, so what is absent is read on its own.
  absl::Status Plan(const ScanRequest& request, std::vector<Query>* queries) const {
    if (request.index.empty()) {
      queries->push_back(ById(request));
      return absl::OkStatus();
    }
    const absl::StatusOr<bool> known = HasIndex(database_.get(), request.kind, request.index);
    if (!known.ok()) return known.status();
    const std::string column = *known ? Quoted(request.index) : std::string();
    using Nothing = std::monostate;
    const bool absent_in = !request.low || std::holds_alternative<Nothing>(*request.low);
    const bool present_in = !request.high || !std::holds_alternative<Nothing>(*request.high);
    const bool after_absent =
        request.after && std::holds_alternative<Nothing>(request.after->first);
    const bool after_present = request.after && !after_absent;
    if (absent_in && !(after_present && !request.descending)) {
      queries->push_back(Absent(request, column));
    }
    if (present_in && *known && !(after_absent && request.descending)) {
      queries->push_back(Present(request, column));
    }
    if (request.descending) std::reverse(queries->begin(), queries->end());
    return absl::OkStatus();
  }

  SqliteReaders* const readers_;
  std::unique_ptr<SqliteDatabase> database_;
  const std::string workspace_;
  mutable std::optional<StoredRecord> state_;  // of the lead that was read last
};

std::vector<int64_t> DecodePositions(std::string_view bytes) {
  std::vector<int64_t> positions;
  for (size_t at = 0; at + 8 <= bytes.size(); at += 8) {
    uint64_t position = 0;
    for (int i = 7; i >= 0; --i) {
      position = position << 8 | static_cast<unsigned char>(bytes[at + static_cast<size_t>(i)]);
    }
    positions.push_back(static_cast<int64_t>(position));
  }
  return positions;
}

}  // namespace

SqliteReaders::SqliteReaders(std::string path, std::string vfs)
    : path_(std::move(path)), vfs_(std::move(vfs)) {
  idle_.reserve(kMostIdle);
}

absl::StatusOr<std::unique_ptr<SqliteDatabase>> SqliteReaders::Take() {
  {
    const std::lock_guard lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<SqliteDatabase> database = std::move(idle_.back());
      idle_.pop_back();
      return database;
    }
  }
  return SqliteDatabase::Open(path_, SqliteDatabase::Mode::kRead, vfs_);
}

void SqliteReaders::Give(std::unique_ptr<SqliteDatabase> database) noexcept {
  const std::lock_guard lock(mutex_);
  if (idle_.size() < kMostIdle) idle_.push_back(std::move(database));
}

absl::StatusOr<std::unique_ptr<Snapshot>> BeginSnapshot(SqliteReaders* readers,
                                                        std::string_view workspace) {
  absl::StatusOr<std::unique_ptr<SqliteDatabase>> database = readers->Take();
  if (!database.ok()) return database.status();
  const absl::Status status = (*database)->BeginRead();
  if (!status.ok()) return status;
  return std::make_unique<SqliteSnapshot>(readers, *std::move(database), workspace);
}

std::string EncodePositions(const std::vector<int64_t>& positions) {
  std::string bytes;
  for (const int64_t position : positions) {
    for (int i = 0; i < 8; ++i) {
      bytes.push_back(static_cast<char>(static_cast<uint64_t>(position) >> (8 * i)));
    }
  }
  return bytes;
}

absl::StatusOr<std::optional<StoredOutcome>> ReadOutcome(SqliteDatabase* database,
                                                         std::string_view workspace,
                                                         std::string_view request_id) {
  auto statement = database->Prepare(
      "SELECT fingerprint, positions, reply, time FROM requests WHERE workspace=? AND "
      "request_id=?");
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Bind(workspace).Bind(request_id).Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  return StoredOutcome{std::string(statement->Text(0)), DecodePositions(statement->Text(1)),
                       std::string(statement->Text(2)), statement->Integer(3)};
}

absl::StatusOr<FeedHead> ReadHead(SqliteDatabase* database, std::string_view workspace) {
  auto statement = database->Prepare(
      "SELECT position, chain FROM events WHERE workspace=? ORDER BY position DESC LIMIT 1");
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Bind(workspace).Step();
  if (!row.ok()) return row.status();
  if (!*row) return FeedHead();
  return FeedHead{statement->Integer(0), std::string(statement->Text(1))};
}

std::string JoinLeads(const std::vector<std::string>& leads) {
  std::string text;
  for (const std::string& lead : leads) text += Cat(text.empty() ? "" : " ", lead);
  return text;
}

namespace {

std::string FeedSql(const FeedRequest& request) {
  const bool of_lead = !request.lead.empty();
  return Cat(
      "SELECT e.position, e.type, e.time, e.actor, e.request_id, e.model, e.leads, e.counters, "
      "e.reply, e.forgot_requests_before, e.batch_events, e.payload_hash, e.chain",
      request.headers_only ? "" : ", p.salt, p.payload", " FROM ",
      of_lead ? "event_leads l JOIN events e ON e.workspace=l.workspace AND e.position=l.position"
              : "events e",
      request.headers_only
          ? ""
          : " LEFT JOIN event_payloads p ON p.workspace=e.workspace AND p.position=e.position",
      of_lead ? " WHERE l.workspace=?1 AND l.position>?2 AND l.lead=?4 ORDER BY l.position"
              : " WHERE e.workspace=?1 AND e.position>?2 ORDER BY e.position",
      " LIMIT ?3");
}

absl::Status ReadEvent(const SqliteStatement& row, bool headers_only, Event* event) {
  event->position = row.Integer(0);
  event->type = row.Text(1);
  event->time = row.Integer(2);
  event->actor = row.Text(3);
  event->request_id = row.Text(4);
  event->model = row.Text(5);
  const std::string_view leads = row.Text(6);
  event->leads.clear();
  for (size_t start = 0; start < leads.size();) {
    const size_t end = std::min(leads.find(' ', start), leads.size());
    event->leads.emplace_back(leads.substr(start, end - start));
    start = end + 1;
  }
  absl::StatusOr<std::vector<CounterWrite>> counters = DecodeCounters(row.Text(7));
  if (!counters.ok()) return counters.status();
  event->counters = *std::move(counters);
  event->reply = row.Text(8);
  event->forgot_requests_before.reset();
  if (!row.Null(9)) event->forgot_requests_before = row.Integer(9);
  event->batch_events = row.Integer(10);
  event->payload_hash = row.Text(11);
  event->chain = row.Text(12);
  if (headers_only) return absl::OkStatus();
  event->salt = row.Text(13);
  event->payload = row.Text(14);
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadFeed(SqliteDatabase* database, std::string_view workspace,
                      const FeedRequest& request, std::vector<Event>* events, size_t* count,
                      bool* more) {
  *count = 0;
  *more = true;
  auto statement = database->Prepare(FeedSql(request));
  if (!statement.ok()) return statement.status();
  statement->Bind(workspace).Bind(request.after);
  statement->Bind(static_cast<int64_t>(request.limit));
  if (!request.lead.empty()) statement->Bind(request.lead);
  for (size_t bytes = 0; *count < request.limit && bytes < kMostFeedBytes;) {
    const absl::StatusOr<bool> row = statement->Step();
    if (!row.ok()) return row.status();
    *more = *row;
    if (!*row) return absl::OkStatus();
    if (*count == events->size()) events->emplace_back();
    const absl::Status status = ReadEvent(*statement, request.headers_only, &(*events)[*count]);
    if (!status.ok()) return status;
    bytes += (*events)[*count].payload.size();
    ++*count;
  }
  return absl::OkStatus();
}

}  // namespace leadcore
