// SPDX-License-Identifier: Apache-2.0
#include "engine/migrate.h"

#include <algorithm>
#include <utility>

#include "leadcore/codec.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kPage = 500;
constexpr int kMostAttempts = 20;
// After so many pages without a change the cursor is written all the same.
constexpr int kMostUnwritten = 20;
constexpr RecordKind kScanned[] = {RecordKind::kClaim, RecordKind::kMatchKey, RecordKind::kLead};

// Up to the next line end.
std::string_view TakeLine(std::string_view* text) {
  const size_t end = std::min(text->find('\n'), text->size());
  const std::string_view line = text->substr(0, end);
  text->remove_prefix(std::min(end + 1, text->size()));
  return line;
}

}  // namespace

RecordKey MetaEpoch() { return {RecordKind::kMeta, "publishing"}; }

std::string MigrationCursor::Encode() const {
  return Cat(model, "\n", normalizer, "\n", aggregates, "\n", int{rebuild}, int{renormalize},
             int{reindex}, static_cast<int>(phase), "\n", last);
}

std::optional<MigrationCursor> MigrationCursor::Decode(std::string_view body) {
  if (body.empty()) return std::nullopt;
  MigrationCursor cursor;
  cursor.model = TakeLine(&body);
  cursor.normalizer = TakeLine(&body);
  cursor.aggregates = TakeLine(&body);
  const std::string_view digits = TakeLine(&body);
  const auto digit = [&](size_t at) { return at < digits.size() ? digits[at] - '0' : 0; };
  cursor.rebuild = digit(0) == 1;
  cursor.renormalize = digit(1) == 1;
  cursor.reindex = digit(2) == 1;
  cursor.phase = static_cast<Phase>(std::clamp(digit(3), int{kClaims}, int{kDone}));
  cursor.last = body;
  return cursor;
}

bool Renormalize(const Model& model, Lead* lead) {
  Lead normal = NormalizeKnownLead(model, *lead).lead;
  if (EncodeLead(normal, LeadForm::kStored) == EncodeLead(*lead, LeadForm::kStored)) return false;
  *lead = std::move(normal);
  return true;
}

// ---- The cursor

Batch Migration::CursorBatch(std::string body) const {
  Batch batch;
  batch.now = ToMicros(call_.now);
  batch.checks = {{MetaEpoch(), epoch_}};
  batch.finish = [this, body = std::move(body)](const Given&) {
    Writes writes;
    writes.puts = {{MetaEpoch(), body, {}}};
    writes.events = {MakeEvent(call_, model_, "migrating", "", "")};
    writes.events[0].leads.clear();
    return writes;
  };
  return batch;
}

absl::StatusOr<bool> Migration::Begin(std::vector<Batch> first) {
  return Commit(std::move(first), cursor_);
}

absl::Status Migration::End(std::string body) {
  const Batch batch = CursorBatch(std::move(body));
  CommitResult result;  // stale: it is somebody else's already
  return store_->Commit(workspace_, std::span(&batch, 1), std::span(&result, 1));
}

// Each batch is committed only with all before it, the cursor with all of them.
absl::StatusOr<bool> Migration::Commit(std::vector<Batch> batches, const MigrationCursor& next) {
  for (Batch& batch : batches) batch.checks.push_back({MetaEpoch(), epoch_});
  batches.push_back(CursorBatch(next.Encode()));
  for (size_t i = 1; i < batches.size(); ++i) batches[i].after = {i - 1};
  std::vector<CommitResult> results(batches.size());
  const absl::Status status = store_->Commit(workspace_, batches, results);
  if (!status.ok()) return status;
  if (results.back().code != CommitResult::Code::kCommitted) return false;
  ++epoch_;
  cursor_ = next;
  unwritten_ = 0;
  return true;
}

// ---- The pages

absl::StatusOr<bool> Migration::Run() {
  for (int attempt = 0; cursor_.phase != MigrationCursor::kDone;) {
    const absl::StatusOr<bool> done = Step();
    if (!done.ok()) return done.status();
    attempt = *done ? 0 : attempt + 1;
    if (*done) continue;
    const auto snapshot = store_->Read(workspace_);
    if (!snapshot.ok()) return snapshot.status();
    const auto epoch = (*snapshot)->Get(MetaEpoch());
    if (!epoch.ok()) return epoch.status();
    if (!*epoch || (*epoch)->version != epoch_) return false;
    if (attempt == kMostAttempts) {
      return absl::AbortedError("leads are changed past the engine all the time; open again");
    }
  }
  return true;
}

// One page; false when nothing of its end was written.
absl::StatusOr<bool> Migration::Step() {
  std::vector<StoredRecord> page;
  std::vector<Batch> batches;
  claimed_.clear();
  {
    const auto snapshot = store_->Read(workspace_);
    if (!snapshot.ok()) return snapshot.status();
    absl::Status status = ReadPage(**snapshot, &page);
    for (size_t i = 0; status.ok() && i < page.size(); ++i) {
      status = cursor_.phase == MigrationCursor::kLeads
                   ? Bring(**snapshot, page[i].key.id, &batches)
                   : Sweep(**snapshot, page[i], &batches);
    }
    if (!status.ok()) return status;
  }
  MigrationCursor next = cursor_;
  const bool end = page.size() < kPage;
  if (end) next.phase = static_cast<MigrationCursor::Phase>(next.phase + 1);
  next.last = end ? std::string() : page.back().key.id;
  if (batches.empty() && unwritten_ < kMostUnwritten) {
    ++unwritten_;
    cursor_ = std::move(next);
    return true;
  }
  return Commit(std::move(batches), next);
}

absl::Status Migration::ReadPage(const Snapshot& snapshot, std::vector<StoredRecord>* page) const {
  ScanRequest scan;
  scan.kind = kScanned[cursor_.phase];
  scan.limit = kPage;
  if (!cursor_.last.empty()) scan.after = {IndexValue(cursor_.last), cursor_.last};
  return snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
    page->push_back(record);
    return true;
  });
}

// Takes back a claim or candidate key that its lead does not have any more. Those go first, so that
// they are free for whom they belong to now.
absl::Status Migration::Sweep(const Snapshot& snapshot, const StoredRecord& stored,
                              std::vector<Batch>* batches) const {
  const bool claim = stored.key.kind == RecordKind::kClaim;
  const size_t separator = stored.key.id.rfind(kKeySeparator);
  const std::string text = claim ? stored.key.id : stored.key.id.substr(0, separator);
  const std::string id = claim ? stored.body : stored.key.id.substr(separator + 1);
  absl::StatusOr<LeadRecord> record = ReadLead(model_, snapshot, id);
  if (!record.ok() && !absl::IsNotFound(record.status())) return record.status();
  if (record.ok()) {
    if (cursor_.renormalize) Renormalize(model_, &record->lead);
    const auto holder = snapshot.Lookup(text);
    if (!holder.ok()) return holder.status();
    const bool claimed = *holder && **holder == id;
    for (const MatchKey& key : model_.matching().Keys(record->lead.view(), model_.email_lists())) {
      if (key.text != text) continue;
      // A candidate that claims the key as well need not be found twice.
      if (claim ? key.exclusive : !(key.exclusive && claimed)) return absl::OkStatus();
    }
  }
  Batch batch;
  batch.now = ToMicros(call_.now);
  if (record.ok()) batch.checks = {{{RecordKind::kLead, id}, record->lead.version()}};
  if (claim) batch.releases = {{text, id}};
  batch.finish = [this, claim, id, key = stored.key](const Given&) {
    Writes writes;
    if (!claim) writes.deletes = {key};
    writes.events = {MakeEvent(call_, model_, "rekeyed", id, "")};
    return writes;
  };
  batches->push_back(std::move(batch));
  return absl::OkStatus();
}

absl::Status Migration::Bring(const Snapshot& snapshot, const std::string& id,
                              std::vector<Batch>* batches) {
  absl::StatusOr<LeadRecord> record = ReadLead(model_, snapshot, id);
  if (!record.ok()) return record.status();
  absl::StatusOr<bool> rebuilt = false;
  if (cursor_.rebuild) rebuilt = Rebuild(snapshot, id, &record->state);
  if (!rebuilt.ok()) return rebuilt.status();
  const bool renormalized = cursor_.renormalize && Renormalize(model_, &record->lead);
  const std::vector<MatchKey> keys =
      model_.matching().Keys(record->lead.view(), model_.email_lists());
  std::vector<Put> puts;
  if (renormalized || cursor_.reindex) puts.push_back(LeadPut(record->lead));
  Rescored rescored;
  Batch batch = RescoreBatch(model_, call_, *std::move(record), &rescored);
  const absl::Status status = AddKeys(snapshot, id, keys, &batch, &puts);
  if (!status.ok()) return status;
  const bool rekeyed = !batch.claims.empty() || !puts.empty();
  if (!rescored.score && !rescored.outlook && !rekeyed && !*rebuilt) return absl::OkStatus();
  batch.finish = [finish = std::move(batch.finish), puts = std::move(puts),
                  scored = rescored.score || rescored.outlook](const Given& given) {
    Writes writes = finish(given);
    if (!scored) writes.events[0].type = "rekeyed";
    writes.puts.insert(writes.puts.end(), puts.begin(), puts.end());
    return writes;
  };
  batches->push_back(std::move(batch));
  return absl::OkStatus();
}

// Counts all activities of the lead again; false when that changed nothing.
absl::StatusOr<bool> Migration::Rebuild(const Snapshot& snapshot, const std::string& id,
                                        LeadState* state) const {
  const std::string before = EncodeLeadState(*state);
  state->activities = ActivitySummary();
  const absl::Status status = ScanAll(snapshot, ActivitiesOf(id), [&](const StoredRecord& record) {
    const absl::StatusOr<Activity> activity = DecodeActivity(record.body);
    if (!activity.ok()) return activity.status();
    const ActivityKind* kind = model_.FindKind(activity->kind);
    if (kind == nullptr) return absl::OkStatus();
    model_.aggregates().Add(*activity, *kind->schema, call_.now, &state->activities);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return EncodeLeadState(*state) != before;
}

// Adds to `batch` the keys that the lead lacks. Who claims a key first keeps it; the others are
// found by it, as after "create and flag".
absl::Status Migration::AddKeys(const Snapshot& snapshot, const std::string& id,
                                const std::vector<MatchKey>& keys, Batch* batch,
                                std::vector<Put>* puts) {
  for (const MatchKey& key : keys) {
    const auto holder = snapshot.Lookup(key.text);
    if (!holder.ok()) return holder.status();
    if (key.exclusive && *holder && **holder == id) continue;
    if (key.exclusive && !*holder && claimed_.emplace(key.text, id).first->second == id) {
      batch->claims.push_back({key.text, id});
      continue;
    }
    Put put = MatchKeyPut(key.text, id);
    const auto known = snapshot.Get(put.key);
    if (!known.ok()) return known.status();
    if (!*known) puts->push_back(std::move(put));
  }
  return absl::OkStatus();
}

}  // namespace leadcore
