// SPDX-License-Identifier: Apache-2.0
//
// Open: which model, may it be published here, and bringing the leads up to it.
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "engine/lead_cache.h"
#include "engine/migrate.h"
#include "engine/parts.h"
#include "engine/turnstile.h"
#include "leadcore/codec.h"
#include "leadcore/engine.h"
#include "leadcore/normalize.h"
#include "model/json.h"
#include "model/parse.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr int kMostAttempts = 20;
constexpr size_t kMostNamed = 10;

RecordKey Meta(std::string_view name) { return {RecordKind::kMeta, std::string(name)}; }
RecordKey MetaModel() { return Meta("model"); }
RecordKey MetaNormalizer() { return Meta("normalizer"); }
RecordKey MetaAggregates() { return Meta("aggregates"); }

// What the workspace says of itself.
struct Published {
  std::string hash;  // "" while nothing was published
  std::string text;
  std::string normalizer;
  std::string aggregates;
  int64_t version = 0;  // of the record that names the model
  // A migration that did not come to its end.
  std::optional<MigrationCursor> pending;
  std::string pending_text;  // of its model
  int64_t epoch = 0;
};

absl::StatusOr<std::string> BodyOf(const Snapshot& snapshot, const RecordKey& key,
                                   int64_t* version = nullptr) {
  const auto record = snapshot.Get(key);
  if (!record.ok()) return record.status();
  if (version != nullptr) *version = *record ? (*record)->version : 0;
  return *record ? (*record)->body : std::string();
}

absl::StatusOr<Published> ReadPublished(const Store& store, std::string_view workspace) {
  const auto snapshot = store.Read(workspace);
  if (!snapshot.ok()) return snapshot.status();
  Published published;
  absl::Status status;
  const auto read = [&](const RecordKey& key, int64_t* version) {
    absl::StatusOr<std::string> body = BodyOf(**snapshot, key, version);
    if (status.ok()) status = body.status();
    return body.ok() ? *std::move(body) : std::string();
  };
  published.hash = read(MetaModel(), &published.version);
  published.normalizer = read(MetaNormalizer(), nullptr);
  published.aggregates = read(MetaAggregates(), nullptr);
  published.pending = MigrationCursor::Decode(read(MetaEpoch(), &published.epoch));
  published.text = read({RecordKind::kModel, published.hash}, nullptr);
  if (published.pending) {
    published.pending_text = read({RecordKind::kModel, published.pending->model}, nullptr);
  }
  if (!status.ok()) return status;
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

// Fields whose stored values the model would not find any more: what a name meant once, in whatever
// model, it means for good.
absl::Status CheckFields(const Model& model, const Snapshot& snapshot,
                         std::vector<std::string>* blocks) {
  std::set<std::string> told;
  ScanRequest scan;
  scan.kind = RecordKind::kModel;
  return ScanAll(snapshot, scan, [&](const StoredRecord& record) {
    // Read, not compiled: who tunes rules has published many.
    Faults faults;
    ModelConfig old;
    const std::optional<Json> document = ParseJson(record.body, &faults);
    if (document) ParseModelConfig(*document, &old, &faults);
    if (!faults.empty()) return absl::OkStatus();
    for (const CustomField& was : old.fields) {
      const Field* now = model.schema()->Find(was.name);
      if (now == nullptr || (now->type == was.type && now->shape == was.shape)) continue;
      if (!told.insert(was.name).second) continue;
      blocks->push_back(Cat("field '", was.name, "' is ", TypeName(was.type),
                            " in a published model and ", TypeName(now->type),
                            " in this one; give the new one another name"));
    }
    return absl::OkStatus();
  });
}

// What of the workspace the model would break.
absl::StatusOr<std::vector<std::string>> Blocks(const Model& model, const Store& store,
                                                std::string_view workspace) {
  std::vector<std::string> blocks;
  const auto snapshot = store.Read(workspace);
  if (!snapshot.ok()) return snapshot.status();
  absl::Status status = CheckStatuses(model, **snapshot, &blocks);
  if (status.ok()) status = CheckFields(model, **snapshot, &blocks);
  if (!status.ok()) return status;
  return blocks;
}

// The fields that leads are found by, as one text.
std::string IndexedFields(const Model& model) {
  std::string names;
  for (const Field& field : model.schema()->fields()) {
    if (field.promoted) names += Cat(field.name, " ");
  }
  return names;
}

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

// Brings the document into the feed, before anything that is decided by it; nothing when it is
// there. `model` and `call` must outlive the batch.
absl::StatusOr<std::vector<Batch>> ModelBatches(const Model& model, const Store& store,
                                                std::string_view workspace, const Call& call) {
  const auto snapshot = store.Read(workspace);
  if (!snapshot.ok()) return snapshot.status();
  const auto known = (*snapshot)->Get(ModelPut(model).key);
  if (!known.ok()) return known.status();
  std::vector<Batch> batches;
  if (*known) return batches;
  Batch& batch = batches.emplace_back();
  batch.now = ToMicros(call.now);
  batch.checks = {{ModelPut(model).key, 0}};
  batch.finish = [&](const Given&) {
    Writes writes;
    writes.puts = {ModelPut(model)};
    writes.events = {ModelEvent(call, model, "model_added")};
    return writes;
  };
  return batches;
}

// What has to be done for `model`, from the start or from where it was left.
MigrationCursor PlanMigration(const Model& model, const Published& published) {
  MigrationCursor cursor;
  cursor.model = model.hash();
  cursor.normalizer = std::to_string(kNormalizerVersion);
  cursor.aggregates = std::to_string(model.aggregates().Fingerprint());
  cursor.rebuild = published.aggregates != cursor.aggregates;
  cursor.renormalize = published.normalizer != cursor.normalizer;
  Faults faults;
  const std::shared_ptr<const Model> old = Model::Parse(published.text, &faults);
  cursor.reindex = old == nullptr || IndexedFields(*old) != IndexedFields(model);
  if (!published.pending) return cursor;
  // Somebody has begun to bring leads up to this, or to something else.
  const MigrationCursor& pending = *published.pending;
  cursor.rebuild |= pending.rebuild || pending.aggregates != cursor.aggregates;
  cursor.renormalize |= pending.renormalize || pending.normalizer != cursor.normalizer;
  cursor.reindex |= pending.reindex || pending.model != cursor.model;
  if (pending.model != cursor.model || pending.normalizer != cursor.normalizer) return cursor;
  cursor.phase = pending.phase;
  cursor.last = pending.last;
  return cursor;
}

// The batch after which `model` is the published one.
Batch PublishingBatch(const Model& model, const Published& published, const Call& call,
                      int64_t epoch) {
  const bool fresh = published.hash.empty();
  Batch batch;
  batch.now = ToMicros(call.now);
  batch.checks = {{MetaModel(), published.version}, {MetaEpoch(), epoch}};
  batch.finish = [&model, &call, fresh](const Given&) {
    Writes writes;
    if (fresh) writes.puts.push_back(ModelPut(model));
    writes.puts.push_back({MetaModel(), model.hash(), {}});
    writes.puts.push_back({MetaNormalizer(), std::to_string(kNormalizerVersion), {}});
    writes.puts.push_back({MetaAggregates(), std::to_string(model.aggregates().Fingerprint()), {}});
    writes.puts.push_back({MetaEpoch(), "", {}});
    writes.events = {ModelEvent(call, model, "model_published")};
    return writes;
  };
  return batch;
}

// Brings all leads up to `model`; nullopt when somebody else was faster, else the epoch.
absl::StatusOr<std::optional<int64_t>> Migrate(const Model& model, const Published& published,
                                               Store* store, std::string_view workspace,
                                               const Call& call) {
  absl::StatusOr<std::vector<std::string>> blocks = Blocks(model, *store, workspace);
  if (!blocks.ok()) return blocks.status();
  if (!blocks->empty()) return Blocked(*blocks);
  absl::StatusOr<std::vector<Batch>> document = ModelBatches(model, *store, workspace, call);
  if (!document.ok()) return document.status();
  const MigrationCursor cursor = PlanMigration(model, published);
  const std::string before = published.pending ? published.pending->Encode() : std::string();
  Migration migration(model, store, workspace, call, cursor, published.epoch);
  absl::StatusOr<bool> mine = true;
  if (cursor.Encode() != before) mine = migration.Begin(*std::move(document));
  if (!mine.ok()) return mine.status();
  if (!*mine) return std::nullopt;
  // Now that nobody else writes: what came in while it was looked at first.
  blocks = Blocks(model, *store, workspace);
  if (!blocks.ok()) return blocks.status();
  if (!blocks->empty()) {
    const absl::Status ended = migration.End(before);
    return ended.ok() ? Blocked(*blocks) : ended;
  }
  mine = migration.Run();
  if (!mine.ok()) return mine.status();
  if (!*mine) return std::nullopt;
  return migration.epoch();
}

// One try to make `model` the published one; the epoch from then on, or nullopt: somebody else
// published meanwhile.
absl::StatusOr<std::optional<int64_t>> Publish(const Model& model, const Published& published,
                                               Store* store, std::string_view workspace,
                                               const Call& call) {
  const bool same = published.hash == model.hash() && !published.pending &&
                    published.normalizer == std::to_string(kNormalizerVersion) &&
                    published.aggregates == std::to_string(model.aggregates().Fingerprint());
  if (same) return published.epoch;
  int64_t epoch = published.epoch;
  if (!published.hash.empty()) {
    const auto migrated = Migrate(model, published, store, workspace, call);
    if (!migrated.ok() || !*migrated) return migrated;
    epoch = **migrated;
  }
  CommitResult result;
  const absl::Status status =
      CommitOne(store, workspace, PublishingBatch(model, published, call, epoch), &result);
  if (!status.ok()) return status;
  if (result.code != CommitResult::Code::kCommitted) return std::nullopt;
  return epoch + 1;
}

// The model to open with: the one that is asked for, else the one that was being published, else
// the published one, else the default.
absl::StatusOr<std::shared_ptr<const Model>> ChooseModel(const EngineOptions& options,
                                                         const Published& published) {
  if (options.model != nullptr) return options.model;
  const bool go_on = published.pending && !options.read_only;
  const std::string& hash = go_on ? published.pending->model : published.hash;
  if (hash.empty() || hash == Model::Default()->hash()) return Model::Default();
  Faults faults;
  std::shared_ptr<const Model> model =
      Model::Parse(go_on ? published.pending_text : published.text, &faults);
  if (model != nullptr) return model;
  return FailedPrecondition("the published model does not compile with this version: ",
                            FormatFaults(faults));
}

}  // namespace

Engine::Engine(EngineOptions options, Store* store, std::shared_ptr<const Model> model,
               int64_t epoch)
    : store_(store),
      workspace_(std::move(options.workspace)),
      read_only_(options.read_only),
      model_(std::move(model)),
      epoch_(epoch),
      cache_(std::make_unique<LeadCache>(options.cached_leads)),
      turnstile_(std::make_unique<Turnstile>()) {}

Engine::~Engine() = default;

absl::StatusOr<std::unique_ptr<Engine>> Engine::Open(EngineOptions options, Store* store,
                                                     const Call& call) {
  if (options.workspace.empty()) return InvalidArgument("the workspace needs a name");
  std::string place;
  for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
    const absl::StatusOr<Published> published = ReadPublished(*store, options.workspace);
    if (!published.ok()) return published.status();
    absl::StatusOr<std::shared_ptr<const Model>> model = ChooseModel(options, *published);
    if (!model.ok()) return model.status();
    absl::StatusOr<std::optional<int64_t>> epoch = published->epoch;
    if (!options.read_only) {
      epoch = Publish(**model, *published, store, options.workspace, call);
    }
    if (!epoch.ok()) return epoch.status();
    if (*epoch) {
      return std::unique_ptr<Engine>(
          new Engine(std::move(options), store, *std::move(model), **epoch));
    }
    // Another engine that does the same gets on with it.
    const bool moves = published->pending && published->pending->model == (*model)->hash() &&
                       published->pending->Encode() != place;
    if (!moves) continue;
    place = published->pending->Encode();
    attempt = 0;
  }
  return absl::AbortedError("other models are being published here all the time; open again");
}

absl::Status Superseded(const Model& model) {
  return FailedPrecondition("this engine's model, ", model.hash(),
                            ", is no longer the one of the workspace: another one is published, or "
                            "just being; open again and try with the same request id");
}

}  // namespace leadcore
