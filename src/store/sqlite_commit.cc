// SPDX-License-Identifier: Apache-2.0
#include "store/sqlite_commit.h"

#include <algorithm>
#include <utility>

#include "store/sqlite_snapshot.h"
#include "store/sqlite_tables.h"
#include "text.h"

namespace leadcore {
namespace {

using Code = CommitResult::Code;

// The statement that writes all columns of a table.
std::string PutSql(RecordKind kind, const std::unordered_map<std::string, size_t>& columns) {
  std::string names, marks, updates;
  for (const auto& [column, place] : columns) {
    names += Cat(", ", Quoted(column));
    marks += ",?";
    updates += Cat(", ", Quoted(column), "=excluded.", Quoted(column));
  }
  return Cat("INSERT INTO ", RecordTable(kind), "(workspace, id, version, body", names,
             ") VALUES(?,?,1,?", marks,
             ") ON CONFLICT DO UPDATE SET version=version+1, body=excluded.body", updates);
}

void Number(WriterState::Table* table, RecordKind kind) {
  size_t next = 0;
  for (auto& [column, place] : table->columns) place = next++;
  table->put = PutSql(kind, table->columns);
}

}  // namespace

absl::Status SqliteCommitter::Run(std::string_view workspace, const Batch& batch,
                                  std::span<const CommitResult> before, CommitResult* result) {
  workspace_ = workspace;
  *result = CommitResult();
  const absl::StatusOr<bool> refused = Refused(batch, before, result);
  if (!refused.ok()) return refused.status();
  if (*refused) return absl::OkStatus();
  std::vector<int64_t> values;
  for (const std::string& name : batch.counters) {
    const absl::StatusOr<WriterState::Counter*> counter = CounterOf(name);
    if (!counter.ok()) return counter.status();
    values.push_back((*counter)->value);
  }
  const std::string random = DrawRandom(random_);
  Writes writes;
  if (batch.finish) writes = batch.finish({values, random});
  if (!writes.events.empty()) {
    const absl::StatusOr<FeedHead*> head = Head();
    if (!head.ok()) return head.status();
    SealEvents(batch, random, *head, &writes);
  }
  silent_ = silent_ || writes.events.empty();
  return Apply(batch, writes, result);
}

// The integer of one row, 0 when there is none.
absl::StatusOr<int64_t> SqliteCommitter::Integer(std::string_view sql, std::string_view key) {
  auto statement = database_.Prepare(sql);
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(key).Step();
  if (!row.ok()) return row.status();
  return *row ? statement->Integer(0) : 0;
}

absl::StatusOr<std::string> SqliteCommitter::HolderOf(std::string_view claim) {
  auto statement = database_.Prepare("SELECT holder FROM claims WHERE workspace=? AND key=?");
  if (!statement.ok()) return statement.status();
  const absl::StatusOr<bool> row = statement->Bind(workspace_).Bind(claim).Step();
  if (!row.ok()) return row.status();
  return *row ? std::string(statement->Text(0)) : std::string();
}

absl::StatusOr<bool> SqliteCommitter::Known(const Batch& batch, CommitResult* result) {
  if (batch.request_id.empty()) return false;
  absl::StatusOr<std::optional<StoredOutcome>> known =
      ReadOutcome(&database_, workspace_, batch.request_id);
  if (!known.ok()) return known.status();
  if (!*known) return false;
  const std::string& fingerprint = (*known)->fingerprint;
  const bool same = fingerprint.empty() || fingerprint == batch.fingerprint;
  result->code = same ? Code::kReplayed : Code::kReused;
  if (same) {
    result->positions = std::move((*known)->positions);
    result->reply = std::move((*known)->reply);
  }
  return true;
}

// True when the request is known, or a check or claim does not hold; nothing was written then. Else
// the claims are exchanged.
absl::StatusOr<bool> SqliteCommitter::Refused(const Batch& batch,
                                              std::span<const CommitResult> before,
                                              CommitResult* result) {
  const absl::StatusOr<bool> known = Known(batch, result);
  if (!known.ok() || *known) return known;
  if (!AllCommitted(before, batch.after)) {
    result->code = Code::kStale;
    return true;
  }
  for (const Check& check : batch.checks) {
    const absl::StatusOr<WriterState::Table*> table = TableOf(check.key.kind);
    if (!table.ok()) return table.status();
    const absl::StatusOr<int64_t> version = Integer((*table)->version, check.key.id);
    if (!version.ok()) return version.status();
    if (*version == check.version) continue;
    result->code = Code::kStale;
    result->key = check.key;
    return true;
  }
  const absl::StatusOr<bool> exchanged = ExchangeClaims(batch, result);
  if (!exchanged.ok()) return exchanged.status();
  return !*exchanged;
}

// Gives up and takes the claims of a batch; where one is held, none of them.
absl::StatusOr<bool> SqliteCommitter::ExchangeClaims(const Batch& batch, CommitResult* result) {
  std::vector<const Claim*> dropped, taken;
  for (const Claim& release : batch.releases) {
    const absl::StatusOr<bool> held = DropClaim(release);
    if (!held.ok()) return held.status();
    if (*held) dropped.push_back(&release);
  }
  for (const Claim& claim : batch.claims) {
    const absl::StatusOr<bool> free = TakeClaim(claim);
    if (!free.ok()) return free.status();
    if (*free) {
      taken.push_back(&claim);
      continue;
    }
    absl::StatusOr<std::string> holder = HolderOf(claim.key);
    if (!holder.ok()) return holder.status();
    if (*holder == claim.holder) continue;
    result->code = Code::kClaimHeld;
    result->key = {RecordKind::kMatchKey, claim.key};
    result->holder = *std::move(holder);
    absl::Status status;
    for (size_t i = 0; status.ok() && i < taken.size(); ++i) status = DropClaim(*taken[i]).status();
    for (size_t i = 0; status.ok() && i < dropped.size(); ++i) {
      status = TakeClaim(*dropped[i]).status();
    }
    if (!status.ok()) return status;
    return false;
  }
  return true;
}

// False: somebody holds it.
absl::StatusOr<bool> SqliteCommitter::TakeClaim(const Claim& claim) {
  Stamps::Note(workspace_, claim, &written_);
  auto statement = database_.Prepare(
      "INSERT INTO claims(workspace, key, holder) VALUES(?,?,?) ON CONFLICT DO NOTHING");
  if (!statement.ok()) return statement.status();
  const absl::Status status = statement->Bind(workspace_).Bind(claim.key).Bind(claim.holder).Run();
  if (!status.ok()) return status;
  return database_.changed() > 0;
}

// False: its holder does not hold it.
absl::StatusOr<bool> SqliteCommitter::DropClaim(const Claim& claim) {
  Stamps::Note(workspace_, claim, &written_);
  auto statement = database_.Prepare("DELETE FROM claims WHERE workspace=? AND key=? AND holder=?");
  if (!statement.ok()) return statement.status();
  const absl::Status status = statement->Bind(workspace_).Bind(claim.key).Bind(claim.holder).Run();
  if (!status.ok()) return status;
  return database_.changed() > 0;
}

absl::StatusOr<WriterState::Counter*> SqliteCommitter::CounterOf(std::string_view name) {
  auto workspace = state_.counters.find(workspace_);
  if (workspace == state_.counters.end()) {
    workspace = state_.counters.emplace(workspace_, decltype(workspace->second)()).first;
  }
  const auto known = workspace->second.find(name);
  if (known != workspace->second.end()) return &known->second;
  const absl::StatusOr<int64_t> value =
      Integer("SELECT value FROM counters WHERE workspace=? AND name=?", name);
  if (!value.ok()) return value.status();
  return &workspace->second.emplace(name, WriterState::Counter{*value}).first->second;
}

absl::Status SqliteCommitter::Finish() {
  for (auto& [workspace, counters] : state_.counters) {
    for (auto& [name, counter] : counters) {
      if (!counter.changed) continue;
      auto statement = database_.Prepare(
          "INSERT INTO counters(workspace, name, value) VALUES(?,?,?) "
          "ON CONFLICT DO UPDATE SET value=excluded.value");
      if (!statement.ok()) return statement.status();
      const absl::Status status = statement->Bind(workspace).Bind(name).Bind(counter.value).Run();
      if (!status.ok()) return status;
      counter.changed = false;
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<FeedHead*> SqliteCommitter::Head() {
  const auto known = state_.heads.find(workspace_);
  if (known != state_.heads.end()) return &known->second;
  absl::StatusOr<FeedHead> head = ReadHead(&database_, workspace_);
  if (!head.ok()) return head.status();
  return &(state_.heads[std::string(workspace_)] = *std::move(head));
}

absl::StatusOr<WriterState::Table*> SqliteCommitter::TableOf(RecordKind kind) {
  WriterState::Table& table = state_.tables[kind];
  if (!table.put.empty()) return &table;
  const absl::StatusOr<std::set<std::string>> columns = IndexColumns(&database_, kind);
  if (!columns.ok()) return columns.status();
  for (const std::string& column : *columns) table.columns[column] = 0;
  table.version = Cat("SELECT version FROM ", RecordTable(kind), " WHERE workspace=? AND id=?");
  table.remove = Cat("DELETE FROM ", RecordTable(kind), " WHERE workspace=? AND id=?");
  Number(&table, kind);
  return &table;
}

absl::Status SqliteCommitter::Apply(const Batch& batch, const Writes& writes,
                                    CommitResult* result) {
  absl::Status status;
  for (size_t i = 0; status.ok() && i < writes.deletes.size(); ++i) {
    status = Delete(writes.deletes[i]);
  }
  for (size_t i = 0; status.ok() && i < writes.puts.size(); ++i) {
    status = WriteRecord(writes.puts[i]);
  }
  for (size_t i = 0; status.ok() && i < writes.counters.size(); ++i) {
    const absl::StatusOr<WriterState::Counter*> counter = CounterOf(writes.counters[i].name);
    status = counter.status();
    if (status.ok()) **counter = {writes.counters[i].value, true};
  }
  for (size_t i = 0; status.ok() && i < writes.erase.size(); ++i) {
    status = Erase(writes.erase[i]);
  }
  for (size_t i = 0; status.ok() && i < writes.events.size(); ++i) {
    status = WriteEvent(writes.events[i]);
    result->positions.push_back(writes.events[i].position);
  }
  result->reply = writes.reply;
  if (status.ok()) status = Remember(batch, *result);
  return status;
}

absl::Status SqliteCommitter::Delete(const RecordKey& key) {
  Stamps::Note(workspace_, key, &written_);
  const absl::StatusOr<WriterState::Table*> table = TableOf(key.kind);
  if (!table.ok()) return table.status();
  auto statement = database_.Prepare((*table)->remove);
  if (!statement.ok()) return statement.status();
  return statement->Bind(workspace_).Bind(key.id).Run();
}

absl::Status SqliteCommitter::AddColumns(const Put& put, WriterState::Table* table) {
  std::vector<const IndexEntry*> added;
  for (const IndexEntry& entry : put.index) {
    if (table->columns.try_emplace(entry.name, 0).second) added.push_back(&entry);
  }
  if (added.empty()) return absl::OkStatus();
  const absl::Status status = AddIndexColumns(&database_, put.key.kind, added);
  Number(table, put.key.kind);
  return status;
}

absl::Status SqliteCommitter::WriteRecord(const Put& put) {
  Stamps::Note(workspace_, put.key, &written_);
  const absl::StatusOr<WriterState::Table*> table = TableOf(put.key.kind);
  if (!table.ok()) return table.status();
  const absl::Status added = AddColumns(put, *table);
  if (!added.ok()) return added;
  auto statement = database_.Prepare((*table)->put);
  if (!statement.ok()) return statement.status();
  statement->Bind(workspace_).Bind(put.key.id).BindBlob(put.body);
  // What is bound must live until the statement has run.
  const IndexValue absent;
  row_.assign((*table)->columns.size(), &absent);
  for (const IndexEntry& entry : put.index) {
    row_[(*table)->columns.find(entry.name)->second] = &entry.value;
  }
  for (const IndexValue* value : row_) statement->BindIndex(*value);
  bytes_ += put.body.size();
  return statement->Run();
}

absl::Status SqliteCommitter::WriteEvent(const Event& event) {
  auto header = database_.Prepare(
      "INSERT INTO events(workspace, position, type, time, actor, request_id, model, leads, "
      "counters, reply, forgot_requests_before, batch_events, payload_hash, chain) "
      "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  if (!header.ok()) return header.status();
  const std::string leads = JoinLeads(event.leads);
  const std::string counters = EncodeCounters(event.counters);
  const IndexValue forgot =
      event.forgot_requests_before ? IndexValue(*event.forgot_requests_before) : IndexValue();
  absl::Status status = header->Bind(workspace_)
                            .Bind(event.position)
                            .Bind(event.type)
                            .Bind(event.time)
                            .Bind(event.actor)
                            .Bind(event.request_id)
                            .Bind(event.model)
                            .Bind(leads)
                            .BindBlob(counters)
                            .BindBlob(event.reply)
                            .BindIndex(forgot)
                            .Bind(event.batch_events)
                            .BindBlob(event.payload_hash)
                            .BindBlob(event.chain)
                            .Run();
  if (status.ok() && !event.salt.empty()) {
    auto payload = database_.Prepare(
        "INSERT INTO event_payloads(workspace, position, salt, payload) VALUES(?,?,?,?)");
    if (!payload.ok()) return payload.status();
    status = payload->Bind(workspace_)
                 .Bind(event.position)
                 .BindBlob(event.salt)
                 .BindBlob(event.payload)
                 .Run();
  }
  for (size_t i = 0; status.ok() && i < event.leads.size(); ++i) {
    auto lead = database_.Prepare(
        "INSERT OR IGNORE INTO event_leads(workspace, lead, position) VALUES(?,?,?)");
    if (!lead.ok()) return lead.status();
    status = lead->Bind(workspace_).Bind(event.leads[i]).Bind(event.position).Run();
  }
  bytes_ += event.payload.size() + event.request_id.size() + 256;
  return status;
}

absl::Status SqliteCommitter::Erase(int64_t position) {
  auto payload = database_.Prepare("DELETE FROM event_payloads WHERE workspace=? AND position=?");
  if (!payload.ok()) return payload.status();
  const absl::Status status = payload->Bind(workspace_).Bind(position).Run();
  if (!status.ok()) return status;
  auto request = database_.Prepare(
      "UPDATE requests SET fingerprint='' WHERE workspace=?1 AND request_id="
      "(SELECT request_id FROM events WHERE workspace=?1 AND position=?2)");
  if (!request.ok()) return request.status();
  return request->Bind(workspace_).Bind(position).Run();
}

absl::Status SqliteCommitter::Remember(const Batch& batch, const CommitResult& result) {
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

}  // namespace leadcore
