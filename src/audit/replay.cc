// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/audit.h"
#include "leadcore/codec.h"
#include "store/seal.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kMostBatches = 1000;

// The last event of a workspace; position 0 when there is none.
absl::StatusOr<Event> LastEvent(const Store& store, std::string_view workspace) {
  Event last;
  FeedRequest request;
  request.limit = 1;
  request.headers_only = true;
  // Positions are dense, so the end can be searched for.
  for (int64_t step = 1; step > 0;) {
    request.after = last.position + step - 1;
    bool found = false;
    const absl::Status status = store.Feed(workspace, request, [&](const Event& event) {
      last = event;
      found = true;
      return false;
    });
    if (!status.ok()) return status;
    step = found ? step * 2 : step / 2;
  }
  return last;
}

absl::Status Damaged(const Event& event, std::string_view what) {
  return absl::DataLossError(ToAbsl(Cat("event ", event.position, ": ", what)));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Replay>> Replay::Start(Store* store, std::string workspace) {
  absl::StatusOr<Event> last = LastEvent(*store, workspace);
  if (!last.ok()) return last.status();
  std::unique_ptr<Replay> replay(new Replay(store, std::move(workspace)));
  replay->position_ = last->position;
  replay->chain_ = last->chain;
  return replay;
}

absl::Status Replay::Check(const Event& event) {
  if (event.position != position_ + 1) {
    return InvalidArgument("event ", position_ + 1, " is due, not ", event.position,
                           "; give the feed from there on");
  }
  const bool right = event.salt.empty()
                         ? event.payload.empty()
                         : KeyedHash(event.salt, event.payload) == event.payload_hash;
  if (!right) {
    return Damaged(event, "the payload is not the one whose hash it carries");
  }
  if (NextChain(chain_, EncodeEventHeader(event)) != event.chain) {
    return Damaged(event, "the header is not the one that was chained");
  }
  return absl::OkStatus();
}

absl::Status Replay::ReadKnown(int64_t from) {
  known_.clear();
  known_from_ = from;
  FeedRequest request;
  request.after = from - 1;
  request.headers_only = true;
  return store_->Feed(workspace_, request, [this](const Event& known) {
    known_.push_back(known.chain);
    return true;
  });
}

// Of a feed that tells another story nothing may be passed over as known.
absl::Status Replay::CheckKnown(const Event& event) {
  if (event.position < known_from_ || event.position >= known_from_ + std::ssize(known_)) {
    absl::Status status = ReadKnown(event.position);
    // It may be one of those that are kept back.
    if (status.ok() && known_.empty()) status = Flush();
    if (status.ok() && known_.empty()) status = ReadKnown(event.position);
    if (!status.ok()) return status;
  }
  if (known_.empty()) return InvalidArgument("event ", event.position, " comes twice in its batch");
  if (known_[static_cast<size_t>(event.position - known_from_)] == event.chain) {
    return absl::OkStatus();
  }
  return FailedPrecondition("the database has another event ", event.position,
                            ": it is no copy of what this feed tells (a restored backup goes on ",
                            "otherwise); replay into a new database");
}

absl::Status Replay::Apply(Event event) {
  if (!failed_.ok()) return failed_;
  if (event.position < 1) return InvalidArgument("there is no event ", event.position);
  if (event.position <= position_) return CheckKnown(event);
  const absl::Status status = Check(event);
  if (!status.ok()) return status;
  failed_ = absl::Status(absl::StatusCode::kUnavailable, "");  // stays if memory runs out
  failed_ = Take(std::move(event));
  return failed_;
}

absl::Status Replay::Take(Event event) {
  position_ = event.position;
  chain_ = event.chain;
  if (missing_ == 0) {
    if (event.batch_events < 1) return Damaged(event, "it begins no batch");
    missing_ = static_cast<size_t>(event.batch_events);
  }
  pending_.push_back(std::move(event));
  if (--missing_ > 0) return absl::OkStatus();
  // What an erasure takes away has to be there first.
  const bool erases = pending_.front().type == kErasedType;
  const absl::Status flushed = erases ? Commit() : absl::OkStatus();
  if (!flushed.ok()) return flushed;
  Batch batch;
  const absl::Status decoded = Decode(std::exchange(pending_, {}), &batch);
  if (!decoded.ok()) return decoded;
  batches_.push_back(std::move(batch));
  return erases || batches_.size() >= kMostBatches ? Commit() : absl::OkStatus();
}

absl::Status Replay::Flush() {
  if (batches_.empty()) return failed_;
  const absl::Status status = Commit();
  if (!status.ok()) failed_ = status;
  return status;
}

absl::Status Replay::Commit() {
  if (batches_.empty()) return absl::OkStatus();
  std::vector<CommitResult> results(batches_.size());
  // Never twice: of a commit that failed it is not known what is in.
  const std::vector<Batch> batches = std::exchange(batches_, {});
  const absl::Status status = store_->Commit(workspace_, batches, results);
  if (!status.ok()) return status;
  const bool all = std::all_of(results.begin(), results.end(), [](const CommitResult& result) {
    return result.code == CommitResult::Code::kCommitted;
  });
  if (all) return absl::OkStatus();
  return FailedPrecondition("somebody else writes to this workspace; replay needs it alone");
}

absl::StatusOr<std::shared_ptr<const Model>> Replay::ModelOf(const std::string& hash) {
  std::shared_ptr<const Model>& model = models_[hash];
  if (model != nullptr) return model;
  std::string& text = documents_[hash];
  if (text.empty()) {
    const auto snapshot = store_->Read(workspace_);
    if (!snapshot.ok()) return snapshot.status();
    const auto record = (*snapshot)->Get({RecordKind::kModel, hash});
    if (!record.ok()) return record.status();
    if (!*record) return absl::DataLossError(ToAbsl(Cat("the feed lacks the model ", hash)));
    text = (*record)->body;
  }
  Faults faults;
  model = Model::Parse(text, &faults);
  if (model == nullptr) {
    return FailedPrecondition("model ", hash,
                              " does not compile with this version: ", FormatFaults(faults));
  }
  return model;
}

absl::Status Replay::Decode(std::vector<Event> events, Batch* batch) {
  Event& first = events.front();
  absl::StatusOr<EventPayload> payload = DecodeEventPayload(first.payload);
  if (!payload.ok()) return Damaged(first, Message(payload.status()));
  for (RecordImage& image : payload->images) {
    if (image.kind == static_cast<uint8_t>(RecordKind::kModel)) documents_[image.id] = image.body;
  }
  const absl::StatusOr<std::shared_ptr<const Model>> model = ModelOf(first.model);
  if (!model.ok()) return model.status();
  Writes writes;
  for (RecordImage& image : payload->images) {
    const RecordKey key{static_cast<RecordKind>(image.kind), std::move(image.id)};
    if (image.deleted) {
      writes.deletes.push_back(key);
      continue;
    }
    absl::StatusOr<Put> put = PutOfImage(**model, key, std::move(image.body));
    if (!put.ok()) return Damaged(first, Message(put.status()));
    writes.puts.push_back(*std::move(put));
  }
  for (ClaimImage& claim : payload->claims) {
    batch->claims.push_back({std::move(claim.key), std::move(claim.holder)});
  }
  for (ClaimImage& claim : payload->releases) {
    batch->releases.push_back({std::move(claim.key), std::move(claim.holder)});
  }
  if (first.type == kErasedType) {
    const absl::Status status = Erase(first, **model, batch, &writes);
    if (!status.ok()) return status;
  }
  if (!first.reply.empty()) {
    batch->request_id = first.request_id;
    batch->fingerprint = std::move(payload->fingerprint);
  }
  batch->now = first.time;
  batch->forget_requests_before = first.forgot_requests_before;
  writes.counters = first.counters;
  writes.reply = first.reply;
  writes.events = std::move(events);
  batch->finish = [writes = std::move(writes)](const Given&) { return writes; };
  return absl::OkStatus();
}

// A workspace that was replayed before the erasure still has all of it.
absl::Status Replay::Erase(const Event& event, const Model& model, Batch* batch, Writes* writes) {
  const std::string& id = event.leads.empty() ? std::string() : event.leads.front();
  const auto snapshot = store_->Read(workspace_);
  if (!snapshot.ok()) return snapshot.status();
  ErasurePlan plan;
  absl::StatusOr<LeadRecord> record = ReadLead(model, **snapshot, id);
  absl::Status status = record.status();
  if (record.ok()) {
    status = CollectErasure(model, *store_, workspace_, **snapshot, *record, &plan);
  } else if (absl::IsNotFound(status)) {
    status = CollectEvents(*store_, workspace_, id, &plan.events);
  }
  if (!status.ok()) return status;
  batch->releases.insert(batch->releases.end(), plan.releases.begin(), plan.releases.end());
  writes->deletes.insert(writes->deletes.end(), plan.deletes.begin(), plan.deletes.end());
  writes->erase = std::move(plan.events);
  return absl::OkStatus();
}

}  // namespace leadcore
