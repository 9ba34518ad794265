// SPDX-License-Identifier: Apache-2.0
//
// What every change of a known lead has in common: its keys follow its fields, its owner's load
// follows its owner and status, its score follows all of it; one batch.
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "text.h"

namespace leadcore {
namespace {

bool HasKey(const std::vector<MatchKey>& keys, const MatchKey& key) {
  return std::any_of(keys.begin(), keys.end(),
                     [&](const MatchKey& other) { return other.text == key.text; });
}

class Changer {
 public:
  Changer(const Scene& scene, const std::string& request_id, Change change, Prepared* prepared)
      : scene_(scene),
        change_(std::move(change)),
        id_(change_.before.lead.id()),
        prepared_(*prepared) {
    batch_.request_id = request_id;
    batch_.now = ToMicros(scene.call.now);
  }

  absl::Status Run() {
    prepared_.keys.push_back(id_);
    prepared_.wait |= scene_.notes->states.count(id_) != 0;
    const absl::StatusOr<bool> refused = CompareKeys();
    if (!refused.ok()) return refused.status();
    if (*refused) return absl::OkStatus();
    NoteDomains();
    const bool changes = change_.type != kUnchangedType;
    if (changes) {
      Evaluate(scene_.model, scene_.call.now, &change_.after.lead, &change_.after.state);
      if (change_.moves_by_itself) Move();
      MakePuts();
    }
    prepared_.changes_lead = changes;
    batch_.checks = {{{RecordKind::kLead, id_}, change_.before.lead.version()},
                     {{RecordKind::kLeadState, id_}, change_.before.state.version}};
    const std::string before = LoadCounterOf(scene_.model, change_.before.lead);
    const std::string after = LoadCounterOf(scene_.model, change_.after.lead);
    if (before != after) {
      for (const std::string& load : {before, after}) {
        if (!load.empty()) batch_.counters.push_back(load);
      }
    }
    prepared_.reply->lead_id = id_;
    prepared_.reply->version = change_.before.lead.version() + (changes ? 1 : 0);
    prepared_.reply->score = change_.after.state.score;
    if (change_.activity) {
      prepared_.reply->activity_id = change_.activity->id;
      batch_.checks.push_back({{RecordKind::kActivity, change_.activity->id}, 0});
    }
    writes_.events.insert(writes_.events.begin(), MakeStory());
    batch_.finish = [writes = std::move(writes_), counters = batch_.counters, before,
                     reply = prepared_.reply](const Given& given) mutable {
      for (size_t i = 0; i < counters.size(); ++i) {
        const int64_t step = counters[i] == before ? -1 : 1;
        writes.counters.push_back({std::move(counters[i]), given.counters[i] + step});
      }
      writes.reply = RememberedOutcome(*reply);
      return std::move(writes);
    };
    prepared_.batch = std::move(batch_);
    return absl::OkStatus();
  }

 private:
  // True when the change is refused.
  absl::StatusOr<bool> CompareKeys() {
    const Model& model = scene_.model;
    const std::vector<MatchKey> before =
        model.matching().Keys(change_.before.lead.view(), model.email_lists());
    const std::vector<MatchKey> after =
        model.matching().Keys(change_.after.lead.view(), model.email_lists());
    for (const MatchKey& key : after) {
      prepared_.keys.push_back(key.text);
      if (HasKey(before, key)) continue;
      const auto holder = scene_.snapshot.Lookup(key.text);
      if (!holder.ok()) return holder.status();
      if (key.exclusive && !*holder) {
        batch_.claims.push_back({key.text, id_});
        continue;
      }
      if (key.exclusive && Rejects(key)) {
        Reject(key, **holder);
        return true;
      }
      candidates_.push_back(key.text);
    }
    for (const MatchKey& key : before) {
      if (HasKey(after, key)) continue;
      prepared_.keys.push_back(key.text);
      const auto holder = scene_.snapshot.Lookup(key.text);
      if (!holder.ok()) return holder.status();
      if (*holder && **holder == id_) batch_.releases.push_back({key.text, id_});
      writes_.deletes.push_back(MatchKeyPut(key.text, id_).key);
    }
    return false;
  }

  bool Rejects(const MatchKey& key) const {
    return change_.insists && scene_.model.matching().keys()[key.key].on_hit == OnHit::kReject;
  }

  void Reject(const MatchKey& key, const std::string& holder) {
    const std::string& name = scene_.model.matching().keys()[key.key].name;
    const std::string_view value = std::string_view(key.text);
    prepared_.reply->lead_id = holder;
    prepared_.reply->rule = Cat("key ", name);
    Refuse(Outcome::kDuplicate, absl::StatusCode::kAlreadyExists,
           Cat("key '", name, "': ", value.substr(value.find(':') + 1), " belongs to lead ", holder,
               " already; change that lead, or give this one another value"),
           prepared_.reply.get());
  }

  // Who comes from a company gets the owner of its leads.
  void NoteDomains() {
    if (!scene_.model.config().routing.affinity_account) return;
    for (const Lead* lead : {&change_.before.lead, &change_.after.lead}) {
      const std::string_view domain = lead->text(field::kDomain);
      if (!domain.empty()) prepared_.keys.push_back(DomainKey(domain));
    }
  }

  void MakePuts() {
    writes_.puts = {LeadPut(change_.after.lead),
                    StatePut(id_, change_.after.state, *scene_.model.schema())};
    if (change_.activity) writes_.puts.push_back(ActivityPut(*change_.activity));
    for (const std::string& key : candidates_) writes_.puts.push_back(MatchKeyPut(key, id_));
  }

  // The automatic moves that follow, each state entered once at most.
  void Move() {
    Lead& lead = change_.after.lead;
    const Lifecycle& lifecycle = scene_.model.lifecycle();
    std::vector<const StateConfig*> seen;
    while (!lead.has(field::kArchiveTime)) {
      const StateConfig* const from = lifecycle.Find(lead.text(field::kStatus));
      if (from == nullptr) break;
      seen.push_back(from);
      const AutomaticConfig* const move =
          lifecycle.Automatic(*from, lead.view(&change_.after.state.activities), scene_.call.now);
      if (move == nullptr) break;
      const StateConfig& to = *lifecycle.Find(move->to);
      if (std::find(seen.begin(), seen.end(), &to) != seen.end()) break;
      EnterState(to, ToMicros(scene_.call.now), &lead);
      Evaluate(scene_.model, scene_.call.now, &lead, &change_.after.state);
      writes_.events.push_back(MakeStory(
          "status_changed", {{"status", Cat(from->name, " -> ", to.name)}, {"rule", move->name}}));
    }
  }

  // Of the change itself.
  Event MakeStory() {
    const std::string& band = change_.before.state.score.band;
    const std::string& now = change_.after.state.score.band;
    if (band != now) change_.details.emplace_back("band", Cat(band, " -> ", now));
    return MakeStory(change_.type, std::move(change_.details));
  }
  Event MakeStory(std::string_view type,
                  std::vector<std::pair<std::string, std::string>> details) const {
    EventPayload payload;
    if (type == change_.type) payload.hits = prepared_.reply->hits;
    payload.details = std::move(details);
    Call call = scene_.call;
    call.request_id = batch_.request_id;
    return MakeEvent(call, scene_.model, type, id_, EncodeEventPayload(payload));
  }

  const Scene& scene_;
  Change change_;
  const std::string id_;
  Prepared& prepared_;
  Batch batch_;
  Writes writes_;
  std::vector<std::string> candidates_;  // keys to be found by
};

}  // namespace

absl::Status PrepareChange(const Scene& scene, const std::string& request_id, Change change,
                           Prepared* prepared) {
  return Changer(scene, request_id, std::move(change), prepared).Run();
}

}  // namespace leadcore
