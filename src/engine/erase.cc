// SPDX-License-Identifier: Apache-2.0
//
// EraseLead: a person asks to be forgotten.
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "store/seal.h"
#include "text.h"

namespace leadcore {
namespace {

RecordKey Meta(std::string id) { return {RecordKind::kMeta, std::move(id)}; }
RecordKey Secret() { return Meta("suppression"); }

// How a key stands on the list of those who were erased.
RecordKey Suppression(std::string_view secret, std::string_view key) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string id = "suppressed/";
  for (const char byte : KeyedHash(secret, key)) {
    id.push_back(kDigits[static_cast<unsigned char>(byte) >> 4]);
    id.push_back(kDigits[static_cast<unsigned char>(byte) & 15]);
  }
  return Meta(std::move(id));
}

// The secret of the list; "" while nobody was erased.
absl::StatusOr<std::string> SecretOf(const Scene& scene) {
  if (!scene.notes->suppression) {
    const auto record = scene.snapshot.Get(Secret());
    if (!record.ok()) return record.status();
    scene.notes->suppression = *record ? (*record)->body : std::string();
  }
  return *scene.notes->suppression;
}

}  // namespace

absl::Status CollectEvents(const Store& store, std::string_view workspace, std::string_view lead,
                           std::vector<int64_t>* positions) {
  FeedRequest request;
  request.lead = std::string(lead);
  request.headers_only = true;
  while (true) {
    size_t seen = 0;
    const absl::Status status = store.Feed(workspace, request, [&](const Event& event) {
      ++seen;
      request.after = event.position;
      if (event.leads.front() == lead) positions->push_back(event.position);
      return true;
    });
    if (!status.ok() || seen < request.limit) return status;
  }
}

absl::Status CollectErasure(const Model& model, const Store& store, std::string_view workspace,
                            const Snapshot& snapshot, const LeadRecord& record, ErasurePlan* plan) {
  const std::string id(record.lead.id());
  plan->checks = {{{RecordKind::kLead, id}, record.lead.version()},
                  {{RecordKind::kLeadState, id}, record.state.version}};
  plan->deletes = {{RecordKind::kLead, id}, {RecordKind::kLeadState, id}};
  for (const MatchKey& key : model.matching().Keys(record.lead.view(), model.email_lists())) {
    const auto holder = snapshot.Lookup(key.text);
    if (!holder.ok()) return holder.status();
    if (*holder && **holder == id) plan->releases.push_back({key.text, id});
    plan->deletes.push_back(MatchKeyPut(key.text, id).key);
  }
  plan->load = LoadCounterOf(model, record.lead);
  const absl::Status collected =
      ScanAll(snapshot, ActivitiesOf(id), [&](const StoredRecord& activity) {
        plan->deletes.push_back(activity.key);
        return absl::OkStatus();
      });
  if (!collected.ok()) return collected;
  return CollectEvents(store, workspace, id, &plan->events);
}

absl::StatusOr<bool> Suppressed(const Scene& scene, std::string_view key,
                                std::vector<Check>* checks) {
  const absl::StatusOr<std::string> secret = SecretOf(scene);
  if (!secret.ok()) return secret.status();
  checks->push_back({secret->empty() ? Secret() : Suppression(*secret, key), 0});
  if (secret->empty()) return false;
  const auto record = scene.snapshot.Get(checks->back().key);
  if (!record.ok()) return record.status();
  return record->has_value();
}

absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const EraseLead& erase) {
  Prepared prepared;
  prepared.keys.push_back(erase.lead_id);
  absl::StatusOr<LeadRecord> record = ReadLead(scene.model, scene.snapshot, erase.lead_id);
  if (absl::IsNotFound(record.status())) return Rejected(record.status(), std::move(prepared));
  if (!record.ok()) return record.status();
  auto plan = std::make_shared<ErasurePlan>();
  absl::Status status = CollectErasure(scene.model, scene.store, scene.workspace, scene.snapshot,
                                       *record, plan.get());
  if (!status.ok()) return status;
  for (const RecordKey& key : plan->deletes) {
    if (key.kind != RecordKind::kMatchKey) continue;
    prepared.keys.push_back(key.id.substr(0, key.id.rfind(kKeySeparator)));
  }
  prepared.keys.push_back(DomainKey(record->lead.text(field::kDomain)));
  absl::StatusOr<std::string> secret = SecretOf(scene);
  if (!secret.ok()) return secret.status();
  // The first one makes the secret of the list.
  prepared.wait =
      scene.notes->states.count(erase.lead_id) != 0 || (secret->empty() && scene.notes->erases);
  scene.notes->erases = true;

  prepared.reply->outcome = Outcome::kErased;
  prepared.reply->lead_id = erase.lead_id;
  Call call = scene.call;
  call.request_id = request_id;
  Batch batch;
  batch.request_id = request_id;
  batch.now = ToMicros(call.now);
  batch.checks = plan->checks;
  // Two first erasures at once must not make two secrets.
  if (secret->empty()) batch.checks.push_back({Secret(), 0});
  batch.releases = plan->releases;
  if (!plan->load.empty()) batch.counters = {plan->load};
  batch.finish = [model = &scene.model, call, plan, secret = *std::move(secret),
                  reply = prepared.reply](const Given& given) {
    Writes writes;
    writes.deletes = plan->deletes;
    writes.erase = plan->events;
    const std::string key = secret.empty() ? KeyedHash(given.random, "suppression") : secret;
    if (secret.empty()) writes.puts.push_back({Secret(), key, {}});
    for (const Claim& release : plan->releases) {
      writes.puts.push_back({Suppression(key, release.key), "", {}});
    }
    if (!plan->load.empty()) writes.counters = {{plan->load, given.counters[0] - 1}};
    writes.events = {MakeEvent(call, *model, kErasedType, reply->lead_id, "")};
    writes.reply = RememberedOutcome(*reply);
    return writes;
  };
  prepared.batch = std::move(batch);
  return prepared;
}

}  // namespace leadcore
