// SPDX-License-Identifier: Apache-2.0
//
// TransitionLead: somebody moves a lead through the lifecycle.
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {
namespace {

// A lead goes through the funnel once: what came later stays.
bool IsLaterStage(std::string_view stage, std::string_view than) {
  const std::vector<std::string_view> stages = Schema::BuiltIn()->Choices(field::kStage);
  const auto place = [&](std::string_view name) {
    return std::find(stages.begin(), stages.end(), name);
  };
  return than.empty() || place(than) < place(stage);
}

std::string List(const std::vector<std::string>& names) {
  std::string list;
  for (const std::string& name : names) list += Cat(list.empty() ? "" : ", ", name);
  return list;
}

std::string Describe(const Obstacle& obstacle) {
  const std::string missing =
      Cat(List(obstacle.missing), obstacle.missing.size() == 1 ? " is" : " are", " missing");
  if (obstacle.rule == "required") return missing;
  return Cat("'", obstacle.rule, "' ",
             obstacle.missing.empty() ? "does not hold" : Cat("cannot be told: ", missing));
}

class Mover {
 public:
  Mover(const Scene& scene, const std::string& request_id, const TransitionLead& transition)
      : scene_(scene), request_id_(request_id), transition_(transition) {}

  absl::StatusOr<Prepared> Run() {
    Reply& reply = *prepared_.reply;
    prepared_.keys.push_back(transition_.lead_id);
    reply.lead_id = transition_.lead_id;
    absl::StatusOr<LeadRecord> known = ReadLead(scene_.model, scene_.snapshot, transition_.lead_id);
    if (absl::IsNotFound(known.status())) return Refused(known.status());
    if (!known.ok()) return known.status();
    const Lifecycle& lifecycle = scene_.model.lifecycle();
    const std::string from(known->lead.text(field::kStatus));
    const StateConfig* const to = lifecycle.Find(transition_.to);
    if (to == nullptr) return Refused(lifecycle.UnknownState(transition_.to));
    absl::Status status =
        CheckVersion(known->lead, transition_.version, [&] { return Cat("its status is ", from); });
    if (!status.ok()) return Refused(status);
    status = lifecycle.CheckTransition(from, to->name);
    if (!status.ok()) return Refused(status, "transition");
    Change change{"status_changed", {}, *known, *std::move(known), {}, false};
    if (from == to->name) {
      change.type = kUnchangedType;
      reply.outcome = Outcome::kUnchanged;
    } else {
      std::string rule;
      status = Enter(*to, &change, &rule);
      if (!status.ok()) return Refused(status, std::move(rule));
      reply.outcome = Outcome::kTransitioned;
    }
    status = PrepareChange(scene_, request_id_, std::move(change), &prepared_);
    if (!status.ok()) return status;
    return std::move(prepared_);
  }

 private:
  Prepared Refused(const absl::Status& status, std::string rule = "") {
    prepared_.reply->rule = std::move(rule);
    return Rejected(status, std::move(prepared_));
  }

  // `rule`: that refuses it.
  absl::Status Enter(const StateConfig& to, Change* change, std::string* rule) {
    const std::string from(change->before.lead.text(field::kStatus));
    Lead& lead = change->after.lead;
    change->details.emplace_back("status", Cat(from, " -> ", to.name));
    const absl::StatusOr<std::string> reason = CheckReason(to);
    if (!reason.ok()) {
      *rule = "reason";
      return reason.status();
    }
    EnterState(to, ToMicros(scene_.call.now), &lead);
    if (to.type == StateType::kLost) lead.SetText(field::kUnqualifiedReason, *reason);
    if (!reason->empty()) change->details.emplace_back("reason", *reason);
    return CheckObstacles(to, change, rule);
  }

  absl::StatusOr<std::string> CheckReason(const StateConfig& to) {
    const std::vector<std::string>& reasons = scene_.model.config().unqualified_reasons;
    std::string reason = NormalizeText(transition_.reason);
    if (to.type != StateType::kLost) return reason;
    if (reason.empty()) {
      return InvalidArgument(to.name, " needs a reason",
                             reasons.empty() ? std::string() : Cat(": ", List(reasons)));
    }
    const std::string folded = FoldText(reason);
    for (const std::string& known : reasons) {
      if (FoldText(known) == folded) return known;
    }
    if (reasons.empty()) return reason;
    return InvalidArgument("'", reason, "' is no reason of the model; one of: ", List(reasons));
  }

  // What the state asks for, of the lead as it was before it.
  absl::Status CheckObstacles(const StateConfig& to, Change* change, std::string* rule) {
    const std::vector<Obstacle> obstacles = scene_.model.lifecycle().Obstacles(
        to, change->before.lead.view(&change->before.state.activities), scene_.call.now);
    if (obstacles.empty()) return absl::OkStatus();
    std::string message;
    for (const Obstacle& obstacle : obstacles) {
      message += Cat(message.empty() ? "" : "; ", Describe(obstacle));
    }
    if (!transition_.override_reason.empty()) {
      change->details.emplace_back("override", transition_.override_reason);
      change->details.emplace_back("overridden", message);
      return absl::OkStatus();
    }
    *rule = obstacles.front().rule;
    std::vector<std::string>& missing = prepared_.reply->missing;
    for (const Obstacle& obstacle : obstacles) {
      for (const std::string& name : obstacle.missing) {
        if (std::find(missing.begin(), missing.end(), name) == missing.end()) {
          missing.push_back(name);
        }
      }
    }
    return FailedPrecondition(to.name, " asks for more: ", message,
                              "; set what is missing, or override it with a reason");
  }

  const Scene& scene_;
  const std::string& request_id_;
  const TransitionLead& transition_;
  Prepared prepared_;
};

}  // namespace

absl::Status CheckVersion(const Lead& lead, const std::optional<int64_t>& version,
                          absl::FunctionRef<std::string()> conflicts) {
  if (!version || *version == lead.version()) return absl::OkStatus();
  return absl::AbortedError(
      ToAbsl(Cat("lead ", lead.id(), " is at version ", lead.version(), ", not ", *version, ": ",
                 conflicts(), "; read it again, then decide")));
}

void EnterState(const StateConfig& state, int64_t now, Lead* lead) {
  lead->SetText(field::kStatus, state.name);
  lead->Set(field::kStatusTime, Value::Time(now));
  lead->Set(field::kUpdateTime, Value::Time(now));
  if (!state.stage.empty() && IsLaterStage(state.stage, lead->text(field::kStage))) {
    lead->SetText(field::kStage, state.stage);
  }
  lead->Clear(field::kUnqualifiedReason);
  lead->Clear(field::kNextAction);
  lead->Clear(field::kNextActionDue);
  if (!state.next_action.empty()) lead->SetText(field::kNextAction, state.next_action);
  if (state.next_action_within > 0) {
    lead->Set(field::kNextActionDue, Value::Time(now + state.next_action_within));
  }
  const auto first_time = [&](FieldId id) {
    if (!lead->has(id)) lead->Set(id, Value::Time(now));
  };
  if (state.qualifies) first_time(field::kQualifyTime);
  if (state.type == StateType::kWon) first_time(field::kConvertTime);
}

absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const TransitionLead& transition) {
  return Mover(scene, request_id, transition).Run();
}

}  // namespace leadcore
