// SPDX-License-Identifier: Apache-2.0
//
// Submit: normalise, keys, duplicates, score, route, first status, events; one batch.
#include <algorithm>
#include <set>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kMostHitsOfKey = 16;
constexpr size_t kMostOwnersAsked = 4;
// Of a lead of whom earlier commands of its group decide; with more it waits for their commit.
constexpr size_t kMostPossibleOwners = 1000;
constexpr std::string_view kSubmitKind = "form_submit";

// A known owner whom an earlier batch of the call decides.
struct LaterOwner {
  size_t known = 0;                    // its place among those known
  std::shared_ptr<const Reply> reply;  // has the owner once that batch is finished
};

}  // namespace

// A lead on its way in: everything that finish needs, once the counters are known.
struct Draft {
  Draft(const Model& its_model, Call its_call, Lead its_lead)
      : model(&its_model), call(std::move(its_call)), lead(std::move(its_lead)) {}

  const Model* const model;
  const Call call;
  Lead lead;
  LeadState state;
  bool imported = false;
  bool routed = false;
  Routing::Plan plan;
  std::vector<KnownOwner> known;  // with `later` only: the plan is made again then
  std::vector<LaterOwner> later;
  std::vector<MatchKey> keys;
  std::vector<std::string> contested;
  std::vector<IndexEntry> index;  // of the lead, all but its owner
  std::vector<Put> puts;          // everything but the lead
  std::shared_ptr<Reply> reply;
};

std::string DomainKey(std::string_view domain) { return Cat("domain/", domain); }

namespace {

std::string StoryOf(const LeadState& state, const Reply& reply) {
  EventPayload payload;
  payload.hits = reply.hits;
  payload.assignment = reply.assignment;
  payload.details = {{"score", std::to_string(ShownPoints(state.score.total))},
                     {"band", state.score.band}};
  return EncodeEventPayload(payload);
}

bool Contested(const Draft& draft, const std::string& key) {
  return std::find(draft.contested.begin(), draft.contested.end(), key) != draft.contested.end();
}

// Whoever may become the owner of a lead, so that all counters which may be needed are known before
// it is decided.
void AddPossibleOwners(const Draft& draft, std::set<std::string>* owners) {
  for (const KnownOwner& known : draft.plan.known) owners->insert(known.owner);
  const RoutingConfig& config = draft.model->config().routing;
  owners->insert(config.fallback_owner);
  if (draft.plan.pool == Routing::kNoPool) return;
  for (const MemberConfig& member : config.pools[draft.plan.pool].members) {
    owners->insert(member.id);
  }
}

// The plan with the owners that the batches before have decided; the counters stay those that were
// read.
void PlanAgain(Draft* draft) {
  for (const LaterOwner& later : draft->later) {
    draft->known[later.known].owner = later.reply->assignment.owner;
  }
  std::vector<std::string> counters = std::move(draft->plan.counters);
  draft->plan = draft->model->routing().MakePlan(draft->lead.view(), draft->call.now, draft->known);
  draft->plan.counters = std::move(counters);
}

// What does not wait for the commit to be decided, so that nobody else's commit waits for it.
void MakePuts(Draft* draft) {
  const std::string id(draft->lead.id());
  draft->index = LeadIndex(draft->lead);
  const std::string_view owner = draft->lead.schema().at(field::kOwner).name;
  std::erase_if(draft->index, [&](const IndexEntry& entry) { return entry.name == owner; });
  draft->puts.push_back(StatePut(id, draft->state, *draft->model->schema()));
  for (const MatchKey& key : draft->keys) {
    if (key.exclusive && !Contested(*draft, key.text)) continue;  // a claim
    draft->puts.push_back(MatchKeyPut(key.text, id));
  }
}

// Runs in the store's transaction: pure.
Writes FinishCreate(Draft& draft, const Given& given) {
  Writes writes;
  if (!draft.later.empty()) PlanAgain(&draft);
  if (draft.routed) {
    Routing::Choice choice = draft.model->routing().Choose(draft.plan, given.counters);
    for (auto& [name, value] : choice.counters) writes.counters.push_back({std::move(name), value});
    const Assignment& assignment = choice.assignment;
    if (!assignment.pool.empty()) draft.lead.SetText(field::kPool, assignment.pool);
    if (assignment.owner.empty()) {
      draft.lead.Clear(field::kOwner);
    } else {
      draft.lead.SetText(field::kOwner, assignment.owner);
      if (!draft.lead.has(field::kAssignTime)) {
        draft.lead.Set(field::kAssignTime, Value::Time(ToMicros(draft.call.now)));
      }
    }
    draft.reply->assignment = std::move(choice.assignment);
  }
  const std::string id(draft.lead.id());
  if (draft.lead.has(field::kOwner)) {
    const Field& owner = draft.lead.schema().at(field::kOwner);
    draft.index.push_back({std::string(owner.name), *ToIndexValue(draft.lead[field::kOwner])});
  }
  writes.puts = std::move(draft.puts);
  writes.puts.insert(
      writes.puts.begin(),
      {{RecordKind::kLead, id}, EncodeLead(draft.lead, LeadForm::kStored), std::move(draft.index)});
  Event event = MakeEvent(draft.call, *draft.model, draft.imported ? "imported" : "created", id,
                          StoryOf(draft.state, *draft.reply));
  for (const KeyHit& hit : draft.reply->hits) event.leads.push_back(hit.lead);
  writes.events.push_back(std::move(event));
  writes.reply = RememberedOutcome(*draft.reply);
  return writes;
}

class Submitter {
 public:
  Submitter(const Scene& scene, const std::string& request_id, const Submit& submit)
      : scene_(scene), request_id_(request_id), submit_(submit) {
    call_ = scene.call;
    call_.request_id = request_id;
  }

  absl::StatusOr<Prepared> Run() {
    NormalizedLead normalized = NormalizeLead(scene_.model, submit_.lead, submit_.imported);
    Lead& lead = normalized.lead;
    if (lead.has(field::kDataIssues)) {
      const auto issues = lead[field::kDataIssues].records();
      reply().issues.assign(issues.begin(), issues.end());
    }
    if (!normalized.refusals.empty()) {
      std::string message;
      for (const std::string& refusal : normalized.refusals) {
        message += Cat(message.empty() ? "" : "; ", refusal);
      }
      Refuse(Outcome::kRejected, absl::StatusCode::kInvalidArgument, std::move(message), &reply());
      return std::move(prepared_);
    }
    keys_ = scene_.model.matching().Keys(lead.view(), scene_.model.email_lists());
    for (const MatchKey& key : keys_) prepared_.keys.push_back(key.text);
    const absl::StatusOr<bool> suppressed = submit_.imported ? RefuseErased() : false;
    if (!suppressed.ok()) return suppressed.status();
    if (*suppressed) return std::move(prepared_);
    absl::StatusOr<MatchDecision> decision = Find();
    if (!decision.ok()) return decision.status();
    reply().hits = decision->hits;
    using Action = MatchDecision::Action;
    const bool adds = decision->action == Action::kAttach || decision->action == Action::kFill;
    if (adds && !pending_.empty()) {
      prepared_.wait = true;
      return std::move(prepared_);
    }
    absl::Status status;
    switch (decision->action) {
      case Action::kReject:
        Reject(*decision);
        prepared_.after = PlacesOfHits();
        break;
      case Action::kAttach:
        status = Attach(lead, *decision);
        break;
      case Action::kFill:
        status = Fill(lead, *decision);
        break;
      case Action::kCreate:
        status = Create(std::move(lead), *decision);
        break;
    }
    if (!status.ok()) return status;
    if (prepared_.batch) {
      std::vector<Check>& checks = prepared_.batch->checks;
      checks.insert(checks.end(), still_.begin(), still_.end());
    }
    return std::move(prepared_);
  }

 private:
  Reply& reply() { return *prepared_.reply; }

  // A list from somewhere does not bring back who asked to be forgotten.
  absl::StatusOr<bool> RefuseErased() {
    prepared_.wait = scene_.notes->erases;
    for (const MatchKey& key : keys_) {
      if (!key.exclusive) continue;
      const absl::StatusOr<bool> suppressed = Suppressed(scene_, key.text, &still_);
      if (!suppressed.ok()) return suppressed.status();
      if (!*suppressed) continue;
      Refuse(Outcome::kRejected, absl::StatusCode::kInvalidArgument,
             Cat("the person with this ", scene_.model.matching().keys()[key.key].name,
                 " was erased; an import does not bring them back, a submit of their own does"),
             &reply());
      return true;
    }
    return false;
  }

  // Asks the store, and what the group will create, who is known by one of the keys.
  absl::StatusOr<MatchDecision> Find() {
    std::vector<Match> matches;
    for (const MatchKey& key : keys_) {
      // Only exclusive keys are claimed.
      const absl::StatusOr<bool> claimed = key.exclusive ? FindHolder(key, &matches) : false;
      if (!claimed.ok()) return claimed.status();
      if (*claimed) continue;
      const absl::Status status = FindCandidates(key, &matches);
      if (!status.ok()) return status;
    }
    return scene_.model.matching().Decide(matches);
  }

  // False when nobody holds the key.
  absl::StatusOr<bool> FindHolder(const MatchKey& key, std::vector<Match>* matches) {
    auto holder = scene_.snapshot.Lookup(key.text);
    if (!holder.ok()) return holder.status();
    if (*holder) {
      matches->push_back({key, **std::move(holder)});
      return true;
    }
    const size_t before = matches->size();
    const absl::Status status = FindCreated(key, true, matches);
    if (!status.ok()) return status;
    return matches->size() > before;
  }

  absl::Status FindCandidates(MatchKey key, std::vector<Match>* matches) {
    key.exclusive = false;
    ScanRequest scan;
    scan.kind = RecordKind::kMatchKey;
    scan.low = scan.high = IndexValue(Cat(key.text, kKeySeparator));
    scan.high_is_prefix = true;
    scan.limit = kMostHitsOfKey;
    const size_t before = matches->size();
    const absl::Status status =
        scene_.snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
          matches->push_back({key, record.key.id.substr(key.text.size() + 1)});
          return true;
        });
    if (!status.ok()) return status;
    const size_t stored = matches->size();
    const absl::Status found = FindCreated(key, false, matches);
    if (!found.ok() || matches->size() == stored) return found;
    const auto first = matches->begin() + static_cast<std::ptrdiff_t>(before);
    std::sort(first, matches->end(),
              [](const Match& a, const Match& b) { return a.lead < b.lead; });
    if (matches->size() - before > kMostHitsOfKey) matches->resize(before + kMostHitsOfKey);
    return absl::OkStatus();
  }

  // Whether the request of a draft was done before: it creates no lead, and the snapshot has what
  // became of it. If that is not so yet, this command waits for another snapshot.
  absl::StatusOr<bool> Done(const Draft& draft) {
    const auto known = scene_.notes->done.find(draft.call.request_id);
    if (known != scene_.notes->done.end()) return known->second;
    const auto outcome = scene_.store.FindOutcome(scene_.workspace, draft.call.request_id);
    if (!outcome.ok()) return outcome.status();
    if (*outcome) {
      const auto lead = scene_.snapshot.Get({RecordKind::kLead, std::string(draft.lead.id())});
      if (!lead.ok()) return lead.status();
      prepared_.wait |= !*lead;
    }
    // What is waited for is asked again.
    if (!prepared_.wait) scene_.notes->done.emplace(draft.call.request_id, outcome->has_value());
    return outcome->has_value();
  }

  // The leads that the group will create with this key.
  absl::Status FindCreated(const MatchKey& key, bool exclusive, std::vector<Match>* matches) {
    const auto [begin, end] = scene_.notes->created.equal_range(key.text);
    for (auto at = begin; at != end; ++at) {
      const Draft& draft = *at->second.draft;
      if (at->second.exclusive != exclusive) continue;
      const absl::StatusOr<bool> done = Done(draft);
      if (!done.ok()) return done.status();
      if (*done) continue;
      matches->push_back({key, std::string(draft.lead.id())});
      pending_.push_back(at->second);
    }
    return absl::OkStatus();
  }

  // The lead as the group will create it, or nullptr.
  const PendingLead* Pending(std::string_view lead) const {
    for (const PendingLead& pending : pending_) {
      if (pending.draft->lead.id() == lead) return &pending;
    }
    return nullptr;
  }

  // The batches that what was found comes from.
  std::vector<size_t> PlacesOfHits() {
    std::vector<size_t> places;
    if (pending_.empty()) return places;
    for (const KeyHit& hit : reply().hits) {
      if (const PendingLead* const pending = Pending(hit.lead)) places.push_back(pending->place);
    }
    return places;
  }

  void Reject(const MatchDecision& decision) {
    const std::string_view value = std::string_view(decision.key_text);
    reply().lead_id = decision.lead;
    Refuse(Outcome::kDuplicate, absl::StatusCode::kAlreadyExists,
           Cat("key '", decision.key, "': ", value.substr(value.find(':') + 1), " belongs to lead ",
               decision.lead, " already; change that lead, or let the model's ", "key '",
               decision.key, "' attach, fill or flag such a submit"),
           &reply());
  }

  // The whole of what came in becomes an activity of the known lead, so that nothing is lost.
  absl::Status Attach(const Lead& lead, const MatchDecision& decision) {
    absl::StatusOr<LeadRecord> known = ReadLead(scene_.model, scene_.snapshot, decision.lead);
    if (!known.ok()) return known.status();
    Activity activity;
    prepared_.keys.push_back(decision.lead);
    activity.lead_id = decision.lead;
    activity.kind = std::string(kSubmitKind);
    activity.actor = call_.actor;
    activity.time = ToMicros(call_.now);
    for (const Field& field : lead.schema().fields()) {
      if (lead[field.id].absent() || field.group == FieldGroup::kState) continue;
      std::string text = TextOf(field, lead[field.id]);
      if (!text.empty()) activity.attributes.emplace_back(field.name, std::move(text));
    }
    reply().outcome = Outcome::kAttached;
    return AddActivity(scene_, request_id_, std::move(activity), *std::move(known), &prepared_);
  }

  absl::Status Fill(const Lead& lead, const MatchDecision& decision) {
    absl::StatusOr<LeadRecord> known = ReadLead(scene_.model, scene_.snapshot, decision.lead);
    if (!known.ok()) return known.status();
    Change change{"filled", {}, *known, *std::move(known), {}};
    Lead& into = change.after.lead;
    std::string filled;
    for (const Field& field : into.schema().fields()) {
      if (field.group == FieldGroup::kState || field.group == FieldGroup::kIdentity ||
          field.derived() || into.has(field.id) || !lead.has(field.id)) {
        continue;
      }
      into.Set(field.id, lead[field.id]);
      filled += Cat(filled.empty() ? "" : ", ", field.name);
    }
    if (!into.has(field::kExternalId) && lead.has(field::kExternalId)) {
      const absl::StatusOr<bool> taken = FillExternalId(lead.text(field::kExternalId), &into);
      if (!taken.ok()) return taken.status();
      if (*taken) filled += Cat(filled.empty() ? "" : ", ", "external_id");
    }
    into.Set(field::kUpdateTime, Value::Time(ToMicros(call_.now)));
    change.details = {{"filled", std::move(filled)}};
    reply().outcome = Outcome::kFilled;
    return PrepareChange(scene_, request_id_, std::move(change), &prepared_);
  }

  // An id of another system is taken over only when no other lead has it.
  absl::StatusOr<bool> FillExternalId(std::string_view external_id, Lead* into) {
    Lead probe(scene_.model.schema());
    probe.SetText(field::kExternalId, external_id);
    for (const MatchKey& key :
         scene_.model.matching().Keys(probe.view(), scene_.model.email_lists())) {
      const auto holder = scene_.snapshot.Lookup(key.text);
      if (!holder.ok()) return holder.status();
      if (*holder && **holder != into->id()) return false;
    }
    into->SetText(field::kExternalId, external_id);
    return true;
  }

  Batch NewBatch() const {
    Batch batch;
    batch.request_id = request_id_;
    batch.now = ToMicros(call_.now);
    return batch;
  }

  absl::Status Create(Lead lead, const MatchDecision& decision) {
    const Model& model = scene_.model;
    const int64_t now = ToMicros(call_.now);
    const std::string id = MakeId(call_.now, scene_.workspace, request_id_, 0);
    lead.SetText(field::kId, id);
    prepared_.keys.push_back(id);
    if (!lead.has(field::kCreateTime)) lead.Set(field::kCreateTime, Value::Time(now));
    lead.Set(field::kUpdateTime, Value::Time(now));
    if (!lead.has(field::kStatusTime)) lead.Set(field::kStatusTime, lead[field::kCreateTime]);
    const StateConfig& status = *model.lifecycle().Find(lead.text(field::kStatus));
    if (status.next_action_within > 0 && !lead.has(field::kNextActionDue)) {
      lead.Set(field::kNextActionDue, Value::Time(now + status.next_action_within));
    }
    for (const KeyHit& hit : decision.hits) {
      lead.AddIssue(hit.key, hit.lead, "possible duplicate: that lead has the same key");
    }
    std::vector<LaterOwner> later;
    absl::StatusOr<std::vector<KnownOwner>> owners = Owners(lead, decision, &later);
    if (!owners.ok()) return owners.status();
    auto draft = std::make_shared<Draft>(model, call_, std::move(lead));
    draft->imported = submit_.imported;
    draft->keys = keys_;
    Evaluate(model, call_.now, &draft->lead, &draft->state);
    const std::string territory(
        model.routing().Territory(draft->lead.view(), model.config().country));
    if (!territory.empty()) draft->lead.SetText(field::kTerritory, territory);
    // Who is won, lost or archived already needs nobody to work on it.
    draft->routed = IsOpen(model, draft->lead);
    if (draft->routed && !later.empty()) {
      draft->known = *owners;
      draft->later = std::move(later);
      for (const std::string& owner : possible_) {
        owners->push_back({KnownOwner::Why::kExisting, owner, ""});
      }
    }
    if (draft->routed) {
      draft->plan = model.routing().MakePlan(draft->lead.view(), call_.now, *std::move(owners));
    }
    draft->contested = decision.contested;
    draft->reply = prepared_.reply;
    MakePuts(draft.get());
    reply().outcome = Outcome::kCreated;
    reply().lead_id = id;
    reply().score = draft->state.score;
    Batch batch = NewBatch();
    batch.checks.push_back({{RecordKind::kLead, id}, 0});
    for (const MatchKey& key : keys_) {
      if (key.exclusive && !Contested(*draft, key.text)) batch.claims.push_back({key.text, id});
    }
    batch.counters = draft->plan.counters;
    batch.after = PlacesOfHits();
    batch.finish = [draft](const Given& given) { return FinishCreate(*draft, given); };
    prepared_.batch = std::move(batch);
    if (possible_.size() > kMostPossibleOwners) prepared_.wait = true;
    return Note(*draft);
  }

  // For the commands of the group behind this one.
  absl::Status Note(const Draft& draft) {
    for (const MatchKey& key : draft.keys) {
      const bool exclusive = key.exclusive && !Contested(draft, key.text);
      const absl::Status status = NoteKey(key.text, {&draft, scene_.place, exclusive});
      if (!status.ok()) return status;
    }
    scene_.notes->created.insert({draft.lead.id(), {&draft, scene_.place}});
    return absl::OkStatus();
  }

  // Of more leads with one key than anybody looks at, those with the lowest ids stay.
  absl::Status NoteKey(std::string_view key, const PendingLead& pending) {
    constexpr size_t kMost = kMostHitsOfKey + 1;  // one of them may claim it
    auto& created = scene_.notes->created;
    created.insert({key, pending});
    if (created.count(key) <= kMost) return absl::OkStatus();
    auto [at, end] = created.equal_range(key);
    auto last = end;
    while (at != end) {
      const absl::StatusOr<bool> done = Done(*at->second.draft);
      if (!done.ok()) return done.status();
      if (*done) {
        at = created.erase(at);
        continue;
      }
      const auto id = at->second.draft->lead.id();
      if (!at->second.exclusive && (last == end || last->second.draft->lead.id() < id)) last = at;
      ++at;
    }
    if (created.count(key) > kMost && last != end) created.erase(last);
    return absl::OkStatus();
  }

  // Who has to do with this lead already: named with it, owner of a lead of the same person, owner
  // of a lead of the same company. `later` gets those whom the commit decides.
  absl::StatusOr<std::vector<KnownOwner>> Owners(const Lead& lead, const MatchDecision& decision,
                                                 std::vector<LaterOwner>* later) {
    using Why = KnownOwner::Why;
    std::vector<KnownOwner> owners;
    if (!lead.text(field::kOwner).empty()) {
      owners.push_back({Why::kGiven, std::string(lead.text(field::kOwner)), "named with the lead"});
    }
    const RoutingConfig& routing = scene_.model.config().routing;
    for (size_t i = 0; routing.affinity_existing && i < decision.hits.size(); ++i) {
      if (i == kMostOwnersAsked) break;
      const KeyHit& hit = decision.hits[i];
      std::string detail = Cat("owner of lead ", hit.lead, " (same ", hit.key, ")");
      if (const PendingLead* const pending = Pending(hit.lead)) {
        const Draft& draft = *pending->draft;
        if (draft.routed) {
          later->push_back({owners.size(), draft.reply});
          AddPossibleOwners(draft, &possible_);
        }
        owners.push_back(
            {Why::kExisting, std::string(draft.lead.text(field::kOwner)), std::move(detail)});
        continue;
      }
      const auto known = ReadLead(scene_.model, scene_.snapshot, hit.lead);
      if (absl::IsNotFound(known.status())) continue;
      if (!known.ok()) return known.status();
      owners.push_back(
          {Why::kExisting, std::string(known->lead.text(field::kOwner)), std::move(detail)});
    }
    const std::string_view domain = lead.text(field::kDomain);
    if (!routing.affinity_account || domain.empty()) return owners;
    prepared_.keys.push_back(DomainKey(domain));
    ScanRequest scan;
    scan.index = lead.schema().at(field::kDomain).name;
    scan.low = scan.high = IndexValue(std::string(domain));
    scan.limit = kMostOwnersAsked;
    absl::Status decoded;
    const absl::Status status =
        scene_.snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue&) {
          const auto known = DecodeRecord(scene_.model, record, std::nullopt);
          decoded = known.status();
          if (!known.ok()) return false;
          owners.push_back({Why::kAccount, std::string(known->lead.text(field::kOwner)),
                            Cat("owner of lead ", record.key.id, " (same company: ", domain, ")")});
          return true;
        });
    if (!status.ok()) return status;
    if (!decoded.ok()) return decoded;
    return owners;
  }

  const Scene& scene_;
  const std::string& request_id_;
  const Submit& submit_;
  Call call_;
  Prepared prepared_;
  std::vector<MatchKey> keys_;
  std::vector<PendingLead> pending_;  // that were found
  std::set<std::string> possible_;    // owners of whom the commit decides
  std::vector<Check> still_;          // that nobody of an import was erased
};

}  // namespace

absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const Submit& submit) {
  return Submitter(scene, request_id, submit).Run();
}

}  // namespace leadcore
