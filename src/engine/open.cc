// SPDX-License-Identifier: Apache-2.0
//
// Open: which model, may it be published here, and bringing the leads up to it.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "leadcore/engine.h"
#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kPage = 500;
constexpr int kMostAttempts = 20;
constexpr size_t kMostNamed = 10;

RecordKey Meta(std::string_view name) { return {RecordKind::kMeta, std::string(name)}; }
RecordKey MetaModel() { return Meta("model"); }
RecordKey MetaNormalizer() { return Meta("normalizer"); }
RecordKey MetaAggregates() { return Meta("aggregates"); }

std::string BodyOf(const std::optional<StoredRecord>& record) {
  return record ? record->body : std::string();
}

// What the workspace says of itself.
struct Published {
  std::string hash;  // "" while nothing was published
  std::string text;
  std::string normalizer;
  std::string aggregates;
  int64_t version = 0;  // of the record that names the model
};

absl::StatusOr<Published> ReadPublished(const Store& store, std::string_view workspace) {
  const auto snapshot = store.Read(workspace);
  if (!snapshot.ok()) return snapshot.status();
  Published published;
  const auto model = (*snapshot)->Get(MetaModel());
  if (!model.ok()) return model.status();
  if (!*model) return published;
  published.hash = (*model)->body;
  published.version = (*model)->version;
  const auto text = (*snapshot)->Get({RecordKind::kModel, published.hash});
  if (!text.ok()) return text.status();
  published.text = BodyOf(*text);
  const auto normalizer = (*snapshot)->Get(MetaNormalizer());
  if (!normalizer.ok()) return normalizer.status();
  published.normalizer = BodyOf(*normalizer);
  const auto aggregates = (*snapshot)->Get(MetaAggregates());
  if (!aggregates.ok()) return aggregates.status();
  published.aggregates = BodyOf(*aggregates);
  return published;
}

// Statuses that leads have and the model does not know.
absl::Status CheckStatuses(const Model& model, const Snapshot& snapshot,
                           std::vector<std::string>* blocks) {
  ScanRequest scan;
  scan.index = Schema::BuiltIn()->at(field::kStatus).name;
  scan.low = IndexValue(std::string());
  scan.limit = 1;
  while (true) {
    std::optional<std::string> status;
    const absl::Status scanned =
        snapshot.Scan(scan, [&](const StoredRecord&, const IndexValue& value) {
          if (const auto* text = std::get_if<std::string>(&value)) status = *text;
          return false;
        });
    if (!scanned.ok()) return scanned;
    if (!status) return absl::OkStatus();
    const StateConfig* state = model.lifecycle().Find(*status);
    if (state == nullptr || state->name != *status) {
      blocks->push_back(Cat("leads have the status '", *status, "', which the model lacks"));
    }
    // Past every id of this status.
    scan.after = {IndexValue(*status), std::string(64, '\x7f')};
  }
}

void CheckFields(const Model& model, const Model& old, std::vector<std::string>* blocks) {
  for (const CustomField& was : old.config().fields) {
    const Field* now = model.schema()->Find(was.name);
    if (now == nullptr || (now->type == was.type && now->shape == was.shape)) continue;
    blocks->push_back(Cat("field '", was.name, "' is ", TypeName(was.type),
                          " in the published model and ", TypeName(now->type),
                          " in this one; give the new one another name"));
  }
}

// Brings the leads of a workspace up to a model.
class Migration {
 public:
  Migration(const Model& model, const Model* old, bool rebuild, Store* store,
            std::string_view workspace, const Call& call)
      : model_(model),
        old_(old),
        rebuild_(rebuild),
        store_(store),
        workspace_(workspace),
        call_(call) {}

  absl::Status Run() {
    std::string last;
    while (true) {
      std::vector<std::string> ids;
      absl::Status status = Page(last, &ids);
      if (!status.ok() || ids.empty()) return status;
      last = ids.back();
      status = Bring(ids);
      if (!status.ok()) return status;
    }
  }

 private:
  absl::Status Page(const std::string& last, std::vector<std::string>* ids) {
    const auto snapshot = store_->Read(workspace_);
    if (!snapshot.ok()) return snapshot.status();
    ScanRequest scan;
    scan.limit = kPage;
    if (!last.empty()) scan.after = {IndexValue(last), last};
    return (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
      ids->push_back(record.key.id);
      return true;
    });
  }

  absl::Status Bring(std::vector<std::string> ids) {
    for (int attempt = 0; attempt < kMostAttempts && !ids.empty(); ++attempt) {
      // After a lost race one at a time: two leads of a page may want the same claim.
      const size_t step = attempt == 0 ? ids.size() : 1;
      std::vector<std::string> again;
      for (size_t at = 0; at < ids.size(); at += step) {
        const absl::Status status = Commit(std::span(ids).subspan(at, step), &again);
        if (!status.ok()) return status;
      }
      ids = std::move(again);
    }
    if (ids.empty()) return absl::OkStatus();
    return absl::AbortedError(ToAbsl(Cat("lead ", ids[0], " changes all the time; open again")));
  }

  absl::Status Commit(std::span<const std::string> ids, std::vector<std::string>* again) {
    std::vector<Batch> batches;
    std::vector<std::string> names;
    {
      const auto snapshot = store_->Read(workspace_);
      if (!snapshot.ok()) return snapshot.status();
      for (const std::string& id : ids) {
        absl::StatusOr<std::optional<Batch>> batch = One(**snapshot, id);
        if (!batch.ok()) return batch.status();
        if (!*batch) continue;
        batches.push_back(**std::move(batch));
        names.push_back(id);
      }
    }
    if (batches.empty()) return absl::OkStatus();
    std::vector<CommitResult> results(batches.size());
    const absl::Status status = store_->Commit(workspace_, batches, results);
    if (!status.ok()) return status;
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].code != CommitResult::Code::kCommitted) again->push_back(names[i]);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Batch>> One(const Snapshot& snapshot, const std::string& id) {
    absl::StatusOr<LeadRecord> record = ReadLead(model_, snapshot, id);
    if (!record.ok()) return record.status();
    if (rebuild_) {
      const absl::Status status = Rebuild(snapshot, id, &record->state);
      if (!status.ok()) return status;
    }
    const std::vector<MatchKey> keys =
        model_.matching().Keys(record->lead.view(), model_.email_lists());
    std::vector<MatchKey> old_keys;
    if (old_ != nullptr) {
      // The old model's schema may have other fields: what it made keys of lies in its own lead.
      absl::StatusOr<LeadRecord> old_record = ReadLead(*old_, snapshot, id);
      if (!old_record.ok()) return old_record.status();
      old_keys = old_->matching().Keys(old_record->lead.view(), old_->email_lists());
    }
    Rescored rescored;
    Batch batch = RescoreBatch(model_, call_, *std::move(record), &rescored);
    bool rekeyed = false;
    const absl::Status status = Rekey(snapshot, id, keys, old_keys, &batch, &rekeyed);
    if (!status.ok()) return status;
    if (!rescored.score && !rescored.outlook && !rekeyed && !rebuild_) return std::nullopt;
    return batch;
  }

  // Counts all activities of the lead again.
  absl::Status Rebuild(const Snapshot& snapshot, const std::string& id, LeadState* state) {
    state->activities = ActivitySummary();
    ScanRequest scan;
    scan.kind = RecordKind::kActivity;
    scan.index = "lead";
    scan.low = scan.high = IndexValue(id);
    while (true) {
      absl::Status decoded;
      size_t seen = 0;
      const absl::Status status =
          snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue& value) {
            ++seen;
            scan.after = {value, record.key.id};
            absl::StatusOr<Activity> activity = DecodeActivity(record.body);
            decoded = activity.status();
            if (!activity.ok()) return false;
            const ActivityKind* kind = model_.FindKind(activity->kind);
            if (kind == nullptr) return true;
            model_.aggregates().Add(*activity, *kind->schema, call_.now, &state->activities);
            return true;
          });
      if (!status.ok()) return status;
      if (!decoded.ok()) return decoded;
      if (seen < scan.limit) return absl::OkStatus();
    }
  }

  static bool Has(const std::vector<MatchKey>& keys, const MatchKey& key) {
    return std::any_of(keys.begin(), keys.end(), [&](const MatchKey& other) {
      return other.text == key.text && other.exclusive == key.exclusive;
    });
  }

  // Adds to `batch` what changes between the keys of two models. Who claims a key first keeps it;
  // the others are found by it, as after "create and flag".
  absl::Status Rekey(const Snapshot& snapshot, const std::string& id,
                     const std::vector<MatchKey>& keys, const std::vector<MatchKey>& old_keys,
                     Batch* batch, bool* rekeyed) {
    std::vector<Put> puts;
    std::vector<RecordKey> deletes;
    for (const MatchKey& key : old_keys) {
      if (Has(keys, key)) continue;
      if (key.exclusive) batch->releases.push_back({key.text, id});
      deletes.push_back(MatchKeyPut(key.text, id).key);
    }
    for (const MatchKey& key : keys) {
      if (Has(old_keys, key)) continue;
      const auto holder = snapshot.Lookup(key.text);
      if (!holder.ok()) return holder.status();
      if (key.exclusive && (!*holder || **holder == id)) {
        batch->claims.push_back({key.text, id});
      } else {
        puts.push_back(MatchKeyPut(key.text, id));
      }
    }
    *rekeyed =
        !batch->claims.empty() || !batch->releases.empty() || !puts.empty() || !deletes.empty();
    if (!*rekeyed) return absl::OkStatus();
    batch->finish = [finish = std::move(batch->finish), puts = std::move(puts),
                     deletes = std::move(deletes)](const Given& given) {
      Writes writes = finish(given);
      const auto put = [&](const RecordKey& key) {
        return std::any_of(puts.begin(), puts.end(), [&](const Put& p) { return p.key == key; });
      };
      for (const RecordKey& key : deletes) {
        if (!put(key)) writes.deletes.push_back(key);
      }
      writes.puts.insert(writes.puts.end(), puts.begin(), puts.end());
      return writes;
    };
    return absl::OkStatus();
  }

  const Model& model_;
  const Model* const old_;
  const bool rebuild_;
  Store* const store_;
  const std::string_view workspace_;
  const Call& call_;
};

absl::Status Blocked(const std::vector<std::string>& blocks) {
  std::string message = "the model cannot be published here: ";
  for (size_t i = 0; i < blocks.size() && i < kMostNamed; ++i) {
    message += Cat(i == 0 ? "" : "; ", blocks[i]);
  }
  if (blocks.size() > kMostNamed) message += Cat("; and ", blocks.size() - kMostNamed, " more");
  return FailedPrecondition(message);
}

absl::Status CommitOne(Store* store, std::string_view workspace, const Batch& batch,
                       CommitResult* result) {
  return store->Commit(workspace, std::span(&batch, 1), std::span(result, 1));
}

// One try to make `model` the published one. False: somebody else published meanwhile.
absl::StatusOr<bool> Publish(const Model& model, const Published& published, Store* store,
                             std::string_view workspace, const Call& call) {
  const std::string fingerprint = std::to_string(model.aggregates().Fingerprint());
  const std::string normalizer = std::to_string(kNormalizerVersion);
  if (!published.hash.empty() && published.normalizer != normalizer) {
    return FailedPrecondition("the database was keyed by normaliser version ", published.normalizer,
                              ", this program has version ", normalizer,
                              "; export with the old program and import with this one");
  }
  const bool rebuild = published.aggregates != fingerprint;
  if (published.hash == model.hash() && !rebuild) return true;

  std::shared_ptr<const Model> old;
  if (!published.hash.empty()) {
    Faults faults;
    old = Model::Parse(published.text, &faults);
    std::vector<std::string> blocks;
    {
      const auto snapshot = store->Read(workspace);
      if (!snapshot.ok()) return snapshot.status();
      const absl::Status status = CheckStatuses(model, **snapshot, &blocks);
      if (!status.ok()) return status;
    }
    if (old != nullptr) CheckFields(model, *old, &blocks);
    if (!blocks.empty()) return Blocked(blocks);
  }

  Batch batch;
  batch.now = ToMicros(call.now);
  CommitResult result;
  batch.finish = [&model](const Given&) {
    Writes writes;
    writes.puts = {{{RecordKind::kModel, model.hash()}, model.text(), {}}};
    return writes;
  };
  absl::Status status = CommitOne(store, workspace, batch, &result);
  if (!status.ok()) return status;
  if (!published.hash.empty()) {
    status = Migration(model, old.get(), rebuild, store, workspace, call).Run();
    if (!status.ok()) return status;
  }
  batch.checks = {{MetaModel(), published.version}};
  batch.finish = [&](const Given&) {
    Writes writes;
    writes.puts = {{MetaModel(), model.hash(), {}},
                   {MetaNormalizer(), normalizer, {}},
                   {MetaAggregates(), fingerprint, {}}};
    Event event = MakeEvent(call, model, "model_published", "", "");
    event.leads.clear();
    writes.events = {std::move(event)};
    return writes;
  };
  status = CommitOne(store, workspace, batch, &result);
  if (!status.ok()) return status;
  return result.code == CommitResult::Code::kCommitted;
}

}  // namespace

Engine::Engine(EngineOptions options, Store* store, std::shared_ptr<const Model> model)
    : store_(store),
      workspace_(std::move(options.workspace)),
      read_only_(options.read_only),
      model_(std::move(model)) {}

Engine::~Engine() = default;

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(EngineOptions options, Store* store,
                                                     const Call& call) {
  if (options.workspace.empty()) return InvalidArgument("the workspace needs a name");
  std::shared_ptr<const Model> model = options.model;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const absl::StatusOr<Published> published = ReadPublished(*store, options.workspace);
    if (!published.ok()) return published.status();
    if (options.model == nullptr) {
      model = Model::Default();
      if (!published->hash.empty() && published->hash != model->hash()) {
        Faults faults;
        model = Model::Parse(published->text, &faults);
        if (model == nullptr) {
          return FailedPrecondition("the published model does not compile with this version: ",
                                    FormatFaults(faults));
        }
      }
    }
    absl::StatusOr<bool> done = true;
    if (!options.read_only) {
      done = Publish(*model, *published, store, options.workspace, call);
    }
    if (!done.ok()) return done.status();
    if (*done) {
      return std::unique_ptr<Engine>(new Engine(std::move(options), store, std::move(model)));
    }
  }
  return absl::AbortedError("other models are being published here all the time; open again");
}

}  // namespace leadcore
