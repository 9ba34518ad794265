// SPDX-License-Identifier: Apache-2.0
//
// LogActivity: one thing that happened, counted into the lead's summary and scored in the same
// commit.
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr int64_t kHour = int64_t{3600} * 1'000'000;
// Clocks of other systems run ahead; more than this is a mistake in the time itself.
constexpr int64_t kMostAhead = 24 * kHour;
constexpr size_t kMostAttributes = 200;
constexpr size_t kLongestAttribute = 64 * 1024;

std::string_view TypeOf(const Attribute& attribute) {
  constexpr std::string_view kTypes[] = {"text", "integer", "real", "boolean"};
  return kTypes[attribute.index()];
}

// Makes a declared attribute the type that the model gives it, or says why it cannot.
absl::Status Fit(const CustomField& declared, Attribute* attribute) {
  const bool text = declared.type == Type::kText || declared.type == Type::kChoice;
  if (declared.type == Type::kReal && std::holds_alternative<int64_t>(*attribute)) {
    *attribute = static_cast<double>(std::get<int64_t>(*attribute));
  }
  const bool fits =
      (text && std::holds_alternative<std::string>(*attribute)) ||
      (declared.type == Type::kInteger && std::holds_alternative<int64_t>(*attribute)) ||
      (declared.type == Type::kReal && std::holds_alternative<double>(*attribute)) ||
      (declared.type == Type::kBoolean && std::holds_alternative<bool>(*attribute));
  if (!fits) {
    return InvalidArgument("attribute '", declared.name, "' is ", TypeName(declared.type),
                           " in the model, not ", TypeOf(*attribute));
  }
  const auto& choices = declared.choices;
  if (declared.type == Type::kChoice &&
      std::find(choices.begin(), choices.end(), std::get<std::string>(*attribute)) ==
          choices.end()) {
    return InvalidArgument("attribute '", declared.name, "' has no choice '",
                           std::get<std::string>(*attribute), "'");
  }
  return absl::OkStatus();
}

absl::Status CheckKind(const Model& model, const std::string& name) {
  if (model.FindKind(name) != nullptr) return absl::OkStatus();
  std::vector<std::string_view> names;
  std::string all;
  for (const ActivityKind& kind : model.kinds()) {
    names.push_back(kind.name);
    all += Cat(all.empty() ? "" : ", ", kind.name);
  }
  const std::string_view closest = ClosestName(name, names.data(), names.size());
  return InvalidArgument("the model has no activity kind '", name, "'", DidYouMean(closest),
                         " (kinds: ", all, ")");
}

absl::Status CheckActivity(const Model& model, int64_t now, Activity* activity) {
  absl::Status status = CheckKind(model, activity->kind);
  if (!status.ok()) return status;
  if (activity->time > now + kMostAhead) {
    return InvalidArgument("time ", FormatTime(activity->time),
                           " is more than a day ahead of now, ", FormatTime(now));
  }
  if (activity->attributes.size() > kMostAttributes) {
    return InvalidArgument("an activity has at most ", kMostAttributes, " attributes");
  }
  const ActivityKind& kind = *model.FindKind(activity->kind);
  for (auto& [name, value] : activity->attributes) {
    const std::string* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->size() > kLongestAttribute) {
      return InvalidArgument("attribute '", name, "' has more than ", kLongestAttribute, " bytes");
    }
    for (const CustomField& declared : kind.attributes) {
      if (declared.name != name) continue;
      status = Fit(declared, &value);
      if (!status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

// The lead that the activity is about: by its id, or found by another system's id or an e-mail.
absl::StatusOr<std::string> FindLead(const Scene& scene, const LogActivity& log,
                                     std::vector<std::string>* keys) {
  if (!log.activity.lead_id.empty()) {
    keys->push_back(log.activity.lead_id);
    return log.activity.lead_id;
  }
  if (log.external_id.empty() && log.email.empty()) {
    return InvalidArgument("name the lead: lead_id, external_id or email");
  }
  Lead probe(scene.model.schema());
  if (!log.external_id.empty()) probe.SetText(field::kExternalId, log.external_id);
  if (!log.email.empty()) probe.SetText(field::kEmail, log.email);
  for (const MatchKey& key : scene.model.matching().Keys(probe.view(), scene.model.email_lists())) {
    keys->push_back(key.text);
    const auto holder = scene.snapshot.Lookup(key.text);
    if (!holder.ok()) return holder.status();
    if (!*holder) continue;
    keys->push_back(**holder);
    return **holder;
  }
  return NotFound("no lead has ",
                  log.external_id.empty() ? Cat("the e-mail ", log.email)
                                          : Cat("the external id ", log.external_id),
                  " as an exclusive key");
}

// The activity of the group that this one comes after, if any. A request that was done before will
// write nothing: the snapshot has it already.
absl::StatusOr<const PendingState*> Earlier(const Scene& scene, const std::string& lead_id) {
  const auto at = scene.notes->states.find(lead_id);
  if (at == scene.notes->states.end()) return nullptr;
  std::vector<PendingState>& pending = at->second;
  while (!pending.empty()) {
    const auto done = scene.store.FindOutcome(scene.workspace, pending.back().request_id);
    if (!done.ok()) return done.status();
    if (!*done) return &pending.back();
    pending.pop_back();
  }
  return nullptr;
}

void Count(const Model& model, const Activity& activity, absl::Time now, LeadState* state) {
  if (const ActivityKind* const kind = model.FindKind(activity.kind)) {
    model.aggregates().Add(activity, *kind->schema, now, &state->activities);
    const bool first = !state->first_response_time || activity.time < *state->first_response_time;
    if (model.IsResponse(*kind) && first) state->first_response_time = activity.time;
  }
  state->last_activity_time =
      std::max(activity.time, state->last_activity_time.value_or(INT64_MIN));
}

// Whether the lifecycle moves the lead because of what happened.
bool MovesByItself(const Scene& scene, const LeadRecord& record) {
  const Lifecycle& lifecycle = scene.model.lifecycle();
  const StateConfig* const status = lifecycle.Find(record.lead.text(field::kStatus));
  if (status == nullptr || record.lead.has(field::kArchiveTime)) return false;
  return lifecycle.Automatic(*status, record.lead.view(&record.state.activities), scene.call.now) !=
         nullptr;
}

}  // namespace

absl::Status AddActivity(const Scene& scene, const std::string& request_id, Activity activity,
                         LeadRecord record, Prepared* prepared) {
  const Model& model = scene.model;
  const std::string lead_id(record.lead.id());
  Call call = scene.call;
  call.request_id = request_id;
  LeadState& state = record.state;
  Batch batch;
  const absl::StatusOr<const PendingState*> earlier = Earlier(scene, lead_id);
  if (!earlier.ok()) return earlier.status();
  if (*earlier != nullptr) {
    state = (*earlier)->state;
    // Where that one lost its race, the version counted on may be there as another caller's.
    batch.after = {(*earlier)->place};
  }
  const std::string band = state.score.band;
  const int64_t version = state.version;
  activity.id = MakeId(call.now, scene.workspace, request_id, 1);

  Count(model, activity, call.now, &state);
  Evaluate(model, call.now, &record.lead, &state);
  if (MovesByItself(scene, record)) {
    if (*earlier != nullptr) {
      prepared->wait = true;
      return absl::OkStatus();
    }
    absl::StatusOr<LeadRecord> before = ReadLead(model, scene.snapshot, lead_id);
    if (!before.ok()) return before.status();
    const bool attached = prepared->reply->outcome == Outcome::kAttached;
    return PrepareChange(scene, request_id,
                         {attached ? "attached" : "activity",
                          {},
                          *std::move(before),
                          std::move(record),
                          std::move(activity)},
                         prepared);
  }
  state.version = version + 1;
  scene.notes->states[lead_id].push_back({state, scene.place, request_id});

  prepared->reply->lead_id = lead_id;
  prepared->reply->activity_id = activity.id;
  prepared->reply->score = state.score;
  batch.request_id = request_id;
  batch.now = ToMicros(call.now);
  batch.checks.push_back({{RecordKind::kLeadState, lead_id}, version});
  batch.checks.push_back({{RecordKind::kActivity, activity.id}, 0});
  batch.finish = [model = &model, call, activity = std::move(activity), state, lead_id, band,
                  reply = prepared->reply](const Given&) {
    Writes writes;
    writes.puts = {StatePut(lead_id, state, *model->schema()), ActivityPut(activity)};
    EventPayload payload;
    payload.hits = reply->hits;
    if (state.score.band != band) {
      payload.details.emplace_back("band", Cat(band, " -> ", state.score.band));
    }
    const bool attached = reply->outcome == Outcome::kAttached;
    writes.events = {MakeEvent(call, *model, attached ? "attached" : "activity", lead_id,
                               EncodeEventPayload(payload))};
    writes.reply = RememberedOutcome(*reply);
    return writes;
  };
  prepared->batch = std::move(batch);
  return absl::OkStatus();
}

absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const LogActivity& log) {
  Prepared prepared;
  Activity activity = log.activity;
  const int64_t now = ToMicros(scene.call.now);
  if (activity.time == 0) activity.time = now;
  if (activity.actor.empty()) activity.actor = scene.call.actor;
  const absl::Status status = CheckActivity(scene.model, now, &activity);
  if (!status.ok()) {
    return Rejected(status, std::move(prepared));
  }
  const absl::StatusOr<std::string> lead_id = FindLead(scene, log, &prepared.keys);
  absl::StatusOr<LeadRecord> record = lead_id.ok() ? ReadLead(scene.model, scene.snapshot, *lead_id)
                                                   : absl::StatusOr<LeadRecord>(lead_id.status());
  if (absl::IsNotFound(record.status()) || absl::IsInvalidArgument(record.status())) {
    return Rejected(record.status(), std::move(prepared));
  }
  if (!record.ok()) return record.status();
  activity.lead_id = *lead_id;
  prepared.reply->outcome = Outcome::kLogged;
  const absl::Status added =
      AddActivity(scene, request_id, std::move(activity), *std::move(record), &prepared);
  if (!added.ok()) return added;
  return prepared;
}

}  // namespace leadcore
