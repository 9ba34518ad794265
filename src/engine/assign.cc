// SPDX-License-Identifier: Apache-2.0
//
// AssignLead: somebody, or the model, gives a known lead to somebody else.
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "text.h"

namespace leadcore {
namespace {

using To = AssignLead::To;

// Everything that finish needs once the counters are known.
struct Handover {
  Handover(const Model& its_model, Call its_call, LeadRecord its_record)
      : model(&its_model), call(std::move(its_call)), record(std::move(its_record)) {}

  const Model* const model;
  const Call call;
  LeadRecord record;
  To to = To::kAuto;
  std::string reason;
  Routing::Plan plan;
  std::vector<std::string> counters;  // those of the plan, then the load of the old owner
  std::string old_load;               // its counter; "" when the lead counts for nobody
  std::shared_ptr<Reply> reply;
};

int64_t Value(const Handover& handover, const Given& given, const std::string& counter) {
  const auto at = std::find(handover.counters.begin(), handover.counters.end(), counter);
  return given.counters[static_cast<size_t>(at - handover.counters.begin())];
}

void SetOrClear(FieldId id, std::string_view text, Lead* lead) {
  text.empty() ? lead->Clear(id) : lead->SetText(id, text);
}

// The loads that follow from a new owner; a lead that is not open counts for nobody.
std::vector<CounterWrite> Loads(const Handover& handover, Routing::Choice& choice,
                                const Given& given) {
  const std::string load = Routing::LoadCounter(choice.assignment.owner);
  const bool counts = !LoadCounterOf(*handover.model, handover.record.lead).empty();
  std::vector<CounterWrite> writes;
  for (auto& [name, value] : choice.counters) {
    if (name != load || counts) writes.push_back({std::move(name), value});
  }
  if (!handover.old_load.empty()) {
    writes.push_back({handover.old_load, Value(handover, given, handover.old_load) - 1});
  }
  return writes;
}

Event Story(const Handover& handover, std::string_view type, const std::string& before) {
  const std::string_view now = handover.record.lead.text(field::kOwner);
  EventPayload payload;
  payload.assignment = handover.reply->assignment;
  if (before != now) {
    payload.details.emplace_back(
        "owner", Cat(before.empty() ? "nobody" : before, " -> ", now.empty() ? "nobody" : now));
  }
  if (!handover.reason.empty()) payload.details.emplace_back("reason", handover.reason);
  return MakeEvent(handover.call, *handover.model, type, handover.record.lead.id(),
                   EncodeEventPayload(payload));
}

// Both run in the store's transaction: pure.
Writes FinishUnchanged(const Handover& handover) {
  Writes writes;
  writes.events = {
      Story(handover, kUnchangedType, std::string(handover.record.lead.text(field::kOwner)))};
  writes.reply = RememberedOutcome(*handover.reply);
  return writes;
}

Writes FinishAssign(Handover& handover, const Given& given) {
  Writes writes;
  Lead& lead = handover.record.lead;
  const std::string before(lead.text(field::kOwner));
  const size_t planned = handover.plan.counters.size();
  Routing::Choice choice =
      handover.model->routing().Choose(handover.plan, given.counters.first(planned));
  handover.reply->assignment = choice.assignment;
  // The member took its last lead between the decision and here: all stays as it was.
  if (handover.to == To::kMember && choice.assignment.owner.empty()) {
    handover.reply->outcome = Outcome::kUnchanged;
    handover.reply->version = lead.version();
    return FinishUnchanged(handover);
  }
  const int64_t now = ToMicros(handover.call.now);
  SetOrClear(field::kOwner, choice.assignment.owner, &lead);
  if (!choice.assignment.pool.empty()) lead.SetText(field::kPool, choice.assignment.pool);
  if (choice.assignment.owner.empty()) {
    lead.Clear(field::kAssignTime);
  } else {
    lead.Set(field::kAssignTime, Value::Time(now));
  }
  lead.Set(field::kUpdateTime, Value::Time(now));
  writes.counters = Loads(handover, choice, given);
  writes.puts = {LeadPut(lead)};
  writes.events = {Story(handover, "assigned", before)};
  writes.reply = RememberedOutcome(*handover.reply);
  return writes;
}

class Assigner {
 public:
  Assigner(const Scene& scene, const std::string& request_id, const AssignLead& assign)
      : scene_(scene), request_id_(request_id), assign_(assign) {}

  absl::StatusOr<Prepared> Run() {
    prepared_.keys.push_back(assign_.lead_id);
    prepared_.reply->lead_id = assign_.lead_id;
    absl::StatusOr<LeadRecord> known = ReadLead(scene_.model, scene_.snapshot, assign_.lead_id);
    if (absl::IsNotFound(known.status())) return Rejected(known.status(), std::move(prepared_));
    if (!known.ok()) return known.status();
    const std::string owner(known->lead.text(field::kOwner));
    absl::Status status = CheckVersion(known->lead, assign_.version, [&] {
      return owner.empty() ? std::string("nobody has it") : Cat("its owner is ", owner);
    });
    if (status.ok()) status = CheckOpen(known->lead);
    if (!status.ok()) return Rejected(status, std::move(prepared_));
    absl::StatusOr<Routing::Plan> plan = MakePlan(known->lead, owner);
    if (!plan.ok()) return Rejected(plan.status(), std::move(prepared_));
    const bool same = assign_.to == To::kMember ? owner == assign_.name
                                                : assign_.to == To::kNobody && owner.empty();
    const absl::StatusOr<std::string> why = same ? std::string() : Unavailable(*plan);
    if (!why.ok()) return why.status();
    if (!why->empty()) {
      prepared_.reply->rule = Cat("member ", assign_.name);
      return Rejected(FailedPrecondition(assign_.name, " takes no more leads: ", *why,
                                         "; choose somebody else, or change the model"),
                      std::move(prepared_));
    }
    NoteKeys(known->lead);
    MakeBatch(*std::move(known), *std::move(plan), same);
    return std::move(prepared_);
  }

 private:
  // Only open leads are worked on; somebody may be named for the others.
  absl::Status CheckOpen(const Lead& lead) const {
    const bool named = assign_.to == To::kMember || assign_.to == To::kNobody;
    if (named || IsOpen(scene_.model, lead)) return absl::OkStatus();
    return FailedPrecondition(
        "only open leads are routed, this one is ",
        lead.has(field::kArchiveTime) ? std::string_view("archived") : lead.text(field::kStatus),
        "; name a member, or reopen it first");
  }

  absl::StatusOr<Routing::Plan> MakePlan(const Lead& lead, const std::string& owner) const {
    const Routing& routing = scene_.model.routing();
    if (assign_.to == To::kMember) return routing.PlanForMember(assign_.name, scene_.call.now);
    if (assign_.to == To::kNobody) return routing.PlanForNobody();
    absl::StatusOr<Routing::Plan> plan = assign_.to == To::kPool
                                             ? routing.PlanForPool(assign_.name, scene_.call.now)
                                             : routing.MakePlan(lead.view(), scene_.call.now, {});
    if (plan.ok()) plan->except = owner;
    return plan;
  }

  // Why the member who is named cannot take it, as things stand; "" when it can.
  absl::StatusOr<std::string> Unavailable(const Routing::Plan& plan) const {
    if (assign_.to != To::kMember) return std::string();
    std::vector<int64_t> values;
    for (const std::string& counter : plan.counters) {
      const absl::StatusOr<int64_t> value = scene_.snapshot.Counter(counter);
      if (!value.ok()) return value.status();
      values.push_back(*value);
    }
    const Assignment assignment = scene_.model.routing().Choose(plan, values).assignment;
    if (!assignment.owner.empty() || assignment.steps.empty()) return std::string();
    const std::string& answer = assignment.steps.front().answer;
    constexpr std::string_view kNotKept = "not kept: ";
    return answer.starts_with(kNotKept) ? answer.substr(kNotKept.size()) : answer;
  }

  // Who comes in after it may get its owner.
  void NoteKeys(const Lead& lead) {
    for (const MatchKey& key :
         scene_.model.matching().Keys(lead.view(), scene_.model.email_lists())) {
      prepared_.keys.push_back(key.text);
    }
    if (lead.has(field::kDomain)) prepared_.keys.push_back(DomainKey(lead.text(field::kDomain)));
  }

  // `same`: it is where it shall be.
  void MakeBatch(LeadRecord known, Routing::Plan plan, bool same) {
    Reply& reply = *prepared_.reply;
    Call call = scene_.call;
    call.request_id = request_id_;
    Batch batch;
    batch.request_id = request_id_;
    batch.now = ToMicros(call.now);
    batch.checks = {{{RecordKind::kLead, std::string(known.lead.id())}, known.lead.version()}};
    reply.outcome = same ? Outcome::kUnchanged : Outcome::kAssigned;
    reply.version = known.lead.version() + (same ? 0 : 1);
    reply.score = known.state.score;
    auto handover = std::make_shared<Handover>(scene_.model, std::move(call), std::move(known));
    handover->to = assign_.to;
    handover->reason = assign_.reason;
    handover->reply = prepared_.reply;
    if (same) {
      reply.assignment.owner = std::string(handover->record.lead.text(field::kOwner));
      batch.finish = [handover](const Given&) { return FinishUnchanged(*handover); };
    } else {
      handover->plan = std::move(plan);
      handover->counters = handover->plan.counters;
      handover->old_load = LoadCounterOf(scene_.model, handover->record.lead);
      std::vector<std::string>& counters = handover->counters;
      const bool read =
          std::find(counters.begin(), counters.end(), handover->old_load) != counters.end();
      if (!handover->old_load.empty() && !read) counters.push_back(handover->old_load);
      batch.counters = handover->counters;
      batch.finish = [handover](const Given& given) { return FinishAssign(*handover, given); };
    }
    prepared_.batch = std::move(batch);
  }

  const Scene& scene_;
  const std::string& request_id_;
  const AssignLead& assign_;
  Prepared prepared_;
};

}  // namespace

absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const AssignLead& assign) {
  return Assigner(scene, request_id, assign).Run();
}

}  // namespace leadcore
