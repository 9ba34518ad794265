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
// There while leads are brought up to a model: its hash, a space, the version of the normaliser.
RecordKey MetaMigration() { return Meta("migration"); }
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
  std::string migration;  // not "": bringing leads up to another one ended in the middle
  int64_t version = 0;    // of the record that names the model
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
  const auto migration = (*snapshot)->Get(MetaMigration());
  if (!migration.ok()) return migration.status();
  published.migration = BodyOf(*migration);
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

// What of the leads has to be made anew, beside keys and scores.
struct Anew {
  bool summaries = false;  // of activities
  bool fields = false;     // in the forms of this program's normaliser
  bool indexes = false;
};

// Brings the leads of a workspace up to a model, as long as nobody else begins to publish.
class Migration {
 public:
  // `version`: of the record that names the published model.
  Migration(const Model& model, const Anew& anew, int64_t version, Store* store,
            std::string_view workspace, const Call& call)
      : model_(model),
        anew_(anew),
        version_(version),
        store_(store),
        workspace_(workspace),
        call_(call) {}

  // Stale keys go first, so that they are free for whom they belong to now. What was done of it
  // stays done when it ends in the middle; running it again does the rest.
  absl::Status Run() {
    absl::Status swept = Sweep(RecordKind::kClaim);
    if (swept.ok()) swept = Sweep(RecordKind::kMatchKey);
    if (!swept.ok()) return swept;
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
  // Run ended because somebody else began.
  bool overtaken() const { return overtaken_; }

 private:
  absl::Status CommitAll(std::vector<Batch>* batches, std::vector<CommitResult>* results) {
    for (Batch& batch : *batches) {
      batch.checks.insert(batch.checks.begin(), {MetaModel(), version_});
    }
    results->resize(batches->size());
    const absl::Status status = store_->Commit(workspace_, *batches, *results);
    if (!status.ok()) return status;
    overtaken_ = std::ranges::any_of(*results, [](const CommitResult& result) {
      return result.code == CommitResult::Code::kStale && result.key == MetaModel();
    });
    return overtaken_ ? absl::AbortedError("another model is being published") : status;
  }

  // Takes back the claims or candidate keys that leads do not have any more.
  absl::Status Sweep(RecordKind kind) {
    ScanRequest scan;
    scan.kind = kind;
    scan.limit = kPage;
    while (true) {
      std::vector<StoredRecord> page;
      std::vector<Batch> batches;
      {
        const auto snapshot = store_->Read(workspace_);
        if (!snapshot.ok()) return snapshot.status();
        absl::Status status =
            (*snapshot)->Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
              page.push_back(record);
              return true;
            });
        for (size_t i = 0; status.ok() && i < page.size(); ++i) {
          status = SweepOne(**snapshot, page[i], &batches);
        }
        if (!status.ok()) return status;
      }
      if (!batches.empty()) {
        std::vector<CommitResult> results;
        const absl::Status status = CommitAll(&batches, &results);
        if (!status.ok()) return status;
        const bool stale = std::ranges::any_of(results, [](const CommitResult& result) {
          return result.code != CommitResult::Code::kCommitted;
        });
        if (stale) continue;  // the same page again
      }
      if (page.size() < kPage) return absl::OkStatus();
      scan.after = {IndexValue(page.back().key.id), page.back().key.id};
    }
  }

  absl::Status SweepOne(const Snapshot& snapshot, const StoredRecord& stored,
                        std::vector<Batch>* batches) {
    const bool claim = stored.key.kind == RecordKind::kClaim;
    const size_t separator = stored.key.id.rfind(kKeySeparator);
    const std::string text = claim ? stored.key.id : stored.key.id.substr(0, separator);
    const std::string id = claim ? stored.body : stored.key.id.substr(separator + 1);
    absl::StatusOr<LeadRecord> record = ReadLead(model_, snapshot, id);
    if (!record.ok() && !absl::IsNotFound(record.status())) return record.status();
    if (record.ok()) {
      if (anew_.fields) Renormalize(&record->lead);
      const auto holder = snapshot.Lookup(text);
      if (!holder.ok()) return holder.status();
      const bool claimed = *holder && **holder == id;
      for (const MatchKey& key :
           model_.matching().Keys(record->lead.view(), model_.email_lists())) {
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
    std::vector<CommitResult> results;
    const absl::Status status = CommitAll(&batches, &results);
    if (!status.ok()) return status;
    for (size_t i = 0; i < results.size(); ++i) {
      if (results[i].code != CommitResult::Code::kCommitted) again->push_back(names[i]);
    }
    return absl::OkStatus();
  }

  absl::StatusOr<std::optional<Batch>> One(const Snapshot& snapshot, const std::string& id) {
    absl::StatusOr<LeadRecord> record = ReadLead(model_, snapshot, id);
    if (absl::IsNotFound(record.status())) return std::nullopt;  // erased meanwhile
    if (!record.ok()) return record.status();
    if (anew_.summaries) {
      const absl::Status status = Rebuild(snapshot, id, &record->state);
      if (!status.ok()) return status;
    }
    bool renormalized = false;
    if (anew_.fields) renormalized = Renormalize(&record->lead);
    const std::vector<MatchKey> keys =
        model_.matching().Keys(record->lead.view(), model_.email_lists());
    std::vector<Put> puts;
    if (renormalized || anew_.indexes) puts.push_back(LeadPut(record->lead));
    Rescored rescored;
    Batch batch = RescoreBatch(model_, call_, *std::move(record), &rescored);
    const absl::Status status = AddKeys(snapshot, id, keys, &batch, &puts);
    if (!status.ok()) return status;
    const bool rekeyed = !batch.claims.empty() || !puts.empty();
    if (!rescored.score && !rescored.outlook && !rekeyed && !anew_.summaries) return std::nullopt;
    batch.finish = [finish = std::move(batch.finish), puts = std::move(puts)](const Given& given) {
      Writes writes = finish(given);
      writes.puts.insert(writes.puts.end(), puts.begin(), puts.end());
      return writes;
    };
    return batch;
  }

  // Brings the fields into the form of this program's normaliser; false when they had it.
  bool Renormalize(Lead* lead) const {
    NormalizedLead normalized = NormalizeLead(model_, *lead, true);
    for (const FieldId id : {field::kId, field::kVersion, field::kMergedInto, field::kPool,
                             field::kTerritory, field::kUpdateTime}) {
      normalized.lead.Set(id, (*lead)[id]);
    }
    if (EncodeLead(normalized.lead, LeadForm::kStored) == EncodeLead(*lead, LeadForm::kStored)) {
      return false;
    }
    *lead = std::move(normalized.lead);
    return true;
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

  // Adds to `batch` the keys that the lead lacks. Who claims a key first keeps it; the others are
  // found by it, as after "create and flag".
  absl::Status AddKeys(const Snapshot& snapshot, const std::string& id,
                       const std::vector<MatchKey>& keys, Batch* batch, std::vector<Put>* puts) {
    for (const MatchKey& key : keys) {
      const auto holder = snapshot.Lookup(key.text);
      if (!holder.ok()) return holder.status();
      if (key.exclusive && *holder && **holder == id) continue;
      if (key.exclusive && !*holder) {
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

  const Model& model_;
  const Anew anew_;
  const int64_t version_;
  Store* const store_;
  const std::string_view workspace_;
  const Call& call_;
  bool overtaken_ = false;
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

Put ModelPut(const Model& model) { return {{RecordKind::kModel, model.hash()}, model.text(), {}}; }

Event ModelEvent(const Call& call, const Model& model, std::string_view type) {
  Event event = MakeEvent(call, model, type, "", "");
  event.leads.clear();
  return event;
}

// Says that leads are going to be brought up to `model`, whose document comes into the feed before
// anything that is decided by it. Engines that were opened before are refused from here on. False:
// somebody else published meanwhile.
absl::StatusOr<bool> Announce(const Model& model, const Published& published, Store* store,
                              std::string_view workspace, const Call& call) {
  bool known = false;
  {
    const auto snapshot = store->Read(workspace);
    if (!snapshot.ok()) return snapshot.status();
    const auto document = (*snapshot)->Get(ModelPut(model).key);
    if (!document.ok()) return document.status();
    known = document->has_value();
  }
  Batch batch;
  batch.now = ToMicros(call.now);
  batch.checks = {{MetaModel(), published.version}};
  batch.finish = [&](const Given&) {
    Writes writes;
    if (!known) writes.puts.push_back(ModelPut(model));
    writes.puts.push_back({MetaModel(), published.hash, {}});
    writes.puts.push_back({MetaMigration(), Cat(model.hash(), " ", kNormalizerVersion), {}});
    writes.events = {ModelEvent(call, model, "model_added")};
    return writes;
  };
  CommitResult result;
  const absl::Status status = CommitOne(store, workspace, batch, &result);
  if (!status.ok()) return status;
  return result.code == CommitResult::Code::kCommitted;
}

absl::Status CheckBlocks(const Model& model, const Model* old, const Store& store,
                         std::string_view workspace) {
  std::vector<std::string> blocks;
  const auto snapshot = store.Read(workspace);
  if (!snapshot.ok()) return snapshot.status();
  const absl::Status status = CheckStatuses(model, **snapshot, &blocks);
  if (!status.ok()) return status;
  if (old != nullptr) CheckFields(model, *old, &blocks);
  return blocks.empty() ? absl::OkStatus() : Blocked(blocks);
}

// Whether leads have to be put again to be found by the indexes of `model`.
bool OtherIndexes(const Model& model, const Model* old) {
  if (old == nullptr) return true;
  return std::ranges::any_of(model.schema()->fields(), [&](const Field& field) {
    const Field* was = old->schema()->Find(field.name);
    return field.promoted != (was != nullptr && was->promoted);
  });
}

// One try to make `model` the published one: the version of the record that names it. None:
// somebody else published meanwhile.
absl::StatusOr<std::optional<int64_t>> Publish(const Model& model, const Published& published,
                                               Store* store, std::string_view workspace,
                                               const Call& call) {
  const std::string fingerprint = std::to_string(model.aggregates().Fingerprint());
  const std::string normalizer = std::to_string(kNormalizerVersion);
  const bool fresh = published.hash.empty();
  // What an unfinished change did to the leads is not known: it is made anew.
  const bool unfinished = !published.migration.empty();
  const bool normalized = published.normalizer == normalizer &&
                          (!unfinished || published.migration.ends_with(Cat(" ", normalizer)));
  Anew anew{unfinished || published.aggregates != fingerprint, !fresh && !normalized, unfinished};
  if (published.hash == model.hash() && !anew.summaries && !anew.fields) return published.version;

  int64_t version = published.version;
  if (!fresh) {
    Faults faults;
    const std::shared_ptr<const Model> old = Model::Parse(published.text, &faults);
    absl::Status status = CheckBlocks(model, old.get(), *store, workspace);
    if (!status.ok()) return status;
    const absl::StatusOr<bool> announced = Announce(model, published, store, workspace, call);
    if (!announced.ok()) return announced.status();
    if (!*announced) return std::nullopt;
    anew.indexes |= OtherIndexes(model, old.get());
    Migration migration(model, anew, ++version, store, workspace, call);
    status = migration.Run();
    if (migration.overtaken()) return std::nullopt;
    if (!status.ok()) return status;
  }
  Batch batch;
  batch.now = ToMicros(call.now);
  batch.checks = {{MetaModel(), version}};
  batch.finish = [&](const Given&) {
    Writes writes;
    if (fresh) writes.puts.push_back(ModelPut(model));
    if (!fresh) writes.deletes = {MetaMigration()};
    writes.puts.push_back({MetaModel(), model.hash(), {}});
    writes.puts.push_back({MetaNormalizer(), normalizer, {}});
    writes.puts.push_back({MetaAggregates(), fingerprint, {}});
    writes.events = {ModelEvent(call, model, "model_published")};
    return writes;
  };
  CommitResult result;
  const absl::Status status = CommitOne(store, workspace, batch, &result);
  if (!status.ok()) return status;
  if (result.code != CommitResult::Code::kCommitted) return std::nullopt;
  return version + 1;
}

}  // namespace

RecordKey MetaModel() { return Meta("model"); }

absl::Status ModelChanged() {
  return absl::FailedPreconditionError(
      "another model was published here since this engine was opened; open it again");
}

Engine::Engine(EngineOptions options, Store* store, std::shared_ptr<const Model> model,
               int64_t model_version)
    : store_(store),
      workspace_(std::move(options.workspace)),
      read_only_(options.read_only),
      model_(std::move(model)),
      model_version_(model_version) {}

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
    absl::StatusOr<std::optional<int64_t>> version = published->version;
    if (!options.read_only) {
      version = Publish(*model, *published, store, options.workspace, call);
    }
    if (!version.ok()) return version.status();
    if (*version) {
      return std::unique_ptr<Engine>(
          new Engine(std::move(options), store, std::move(model), **version));
    }
  }
  return absl::AbortedError("other models are being published here all the time; open again");
}

}  // namespace leadcore
