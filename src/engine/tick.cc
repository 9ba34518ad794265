// SPDX-License-Identifier: Apache-2.0
//
// Tick: scores that time alone has changed.
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "leadcore/engine.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kPage = 1000;
constexpr int64_t kRememberRequests = int64_t{30} * 24 * 3600 * 1'000'000;

bool SameScore(const Score& a, const Score& b) {
  if (a.total != b.total || a.band != b.band || a.ledger.size() != b.ledger.size()) return false;
  for (size_t i = 0; i < a.ledger.size(); ++i) {
    if (a.ledger[i].points != b.ledger[i].points || a.ledger[i].rule != b.ledger[i].rule ||
        a.ledger[i].group != b.ledger[i].group) {
      return false;
    }
  }
  return true;
}

// What ticks and the fields of the groups go by.
bool SameOutlook(const Score& a, const Score& b) {
  return a.valid_until == b.valid_until &&
         std::equal(a.groups.begin(), a.groups.end(), b.groups.begin(), b.groups.end(),
                    [](const GroupScore& one, const GroupScore& other) {
                      return one.group == other.group && one.points == other.points;
                    });
}

}  // namespace

Batch RescoreBatch(const Model& model, const Call& call, LeadRecord record, Rescored* what) {
  const std::string id(record.lead.id());
  const Score before = record.state.score;
  Evaluate(model, call.now, &record.lead, &record.state);
  what->score = !SameScore(before, record.state.score);
  what->band = before.band != record.state.score.band;
  what->outlook = !SameOutlook(before, record.state.score);
  Batch batch;
  batch.now = ToMicros(call.now);
  batch.checks = {{{RecordKind::kLead, id}, record.lead.version()},
                  {{RecordKind::kLeadState, id}, record.state.version}};
  batch.finish = [model = &model, call, id, state = std::move(record.state), before,
                  band = what->band](const Given&) {
    Writes writes;
    writes.puts = {StatePut(id, state, *model->schema())};
    EventPayload payload;
    payload.details = {
        {"score", Cat(ShownPoints(before.total), " -> ", ShownPoints(state.score.total))}};
    if (band) payload.details.emplace_back("band", Cat(before.band, " -> ", state.score.band));
    writes.events = {
        MakeEvent(call, *model, band ? "band_changed" : "scored", id, EncodeEventPayload(payload))};
    return writes;
  };
  return batch;
}

absl::StatusOr<TickReply> Engine::Tick(const Call& call, size_t limit) {
  if (read_only_) {
    return absl::FailedPreconditionError("the engine was opened for reading only");
  }
  TickReply reply;
  while (reply.due < limit) {
    std::vector<Batch> batches;
    std::vector<Rescored> changes;
    {
      const absl::StatusOr<std::unique_ptr<Snapshot>> snapshot = store_->Read(workspace_);
      if (!snapshot.ok()) return snapshot.status();
      ScanRequest scan;
      scan.kind = RecordKind::kLeadState;
      scan.index = Schema::BuiltIn()->at(field::kScoreValidUntil).name;
      scan.low = IndexValue(INT64_MIN);
      scan.high = IndexValue(ToMicros(call.now));
      scan.limit = std::min(kPage, limit - reply.due);
      std::vector<std::string> due;
      absl::Status status =
          (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
            due.push_back(record.key.id);
            return true;
          });
      if (!status.ok()) return status;
      for (const std::string& id : due) {
        absl::StatusOr<LeadRecord> record = ReadLead(*model_, **snapshot, id);
        if (!record.ok()) return record.status();
        changes.emplace_back();
        batches.push_back(RescoreBatch(*model_, call, *std::move(record), &changes.back()));
        batches.back().checks.push_back({MetaModel(), model_version_});
      }
    }
    if (batches.empty()) return reply;
    std::vector<CommitResult> results(batches.size());
    const absl::Status status = store_->Commit(workspace_, batches, results);
    if (!status.ok()) return status;
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].code == CommitResult::Code::kStale && results[i].key == MetaModel()) {
        return ModelChanged();
      }
      // Whoever was faster evaluated the lead as well; if it is still due, the next page has it.
      if (results[i].code != CommitResult::Code::kCommitted) continue;
      ++reply.due;
      reply.changed += changes[i].score;
      reply.band_changed += changes[i].band;
    }
  }
  reply.more = true;
  return reply;
}

absl::Status Engine::Maintain(const Call& call) {
  if (read_only_) {
    return absl::FailedPreconditionError("the engine was opened for reading only");
  }
  Batch batch;
  batch.now = ToMicros(call.now);
  batch.forget_requests_before = batch.now - kRememberRequests;
  batch.finish = [&](const Given&) {
    Writes writes;
    writes.events = {MakeEvent(call, *model_, "maintained", "", "")};
    writes.events[0].leads.clear();
    return writes;
  };
  CommitResult result;
  return store_->Commit(workspace_, std::span(&batch, 1), std::span(&result, 1));
}

}  // namespace leadcore
