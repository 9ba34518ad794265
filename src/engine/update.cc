// SPDX-License-Identifier: Apache-2.0
//
// UpdateLead: somebody edits fields of a known lead.
#include <algorithm>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "text.h"

namespace leadcore {
namespace {

constexpr FieldId kNameParts[] = {field::kFirstName, field::kMiddleName, field::kLastName,
                                  field::kNameSuffix};

// Why nobody edits a field; "" for those that people do.
std::string_view WhyNotEdited(const Field& field) {
  switch (field.id) {
    case field::kExternalId:
    case field::kNextAction:
    case field::kNextActionDue:
      return "";
    case field::kStatus:
    case field::kStage:
    case field::kUnqualifiedReason:
      return "follows from transitions";
    case field::kOwner:
    case field::kPool:
      return "follows from assignments";
    default:
      break;
  }
  const bool engine = field.group == FieldGroup::kIdentity || field.group == FieldGroup::kState ||
                      field.derived() || field.id == field::kEmailKind;
  return engine ? "is set by the engine" : "";
}

std::string Shown(const Field& field, const Value& value) {
  return value.absent() ? "blank" : Cat("'", TextOf(field, value), "'");
}

class Updater {
 public:
  Updater(const Scene& scene, const std::string& request_id, const UpdateLead& update)
      : scene_(scene), request_id_(request_id), update_(update) {}

  absl::StatusOr<Prepared> Run() {
    prepared_.keys.push_back(update_.lead_id);
    prepared_.reply->lead_id = update_.lead_id;
    absl::StatusOr<LeadRecord> known = ReadLead(scene_.model, scene_.snapshot, update_.lead_id);
    if (absl::IsNotFound(known.status())) return Rejected(known.status(), std::move(prepared_));
    if (!known.ok()) return known.status();
    absl::Status status = FindFields();
    if (status.ok())
      status = CheckVersion(known->lead, update_.version, [&] { return Conflicts(known->lead); });
    if (!status.ok()) return Rejected(status, std::move(prepared_));
    Change change{"updated", {}, *known, *std::move(known), {}};
    change.insists = true;
    Lead& lead = change.after.lead;
    Edit(&lead);
    ClearWhatFollows(change.before.lead, &lead);
    NormalizedLead normal = NormalizeKnownLead(scene_.model, lead);
    status = CheckValues(change.before.lead, normal);
    if (!status.ok()) return Rejected(status, std::move(prepared_));
    lead = std::move(normal.lead);
    SetTerritory(change.before.lead, &lead);
    Describe(&change);
    if (change.details.empty()) {
      change.type = kUnchangedType;
      change.after = change.before;
      prepared_.reply->outcome = Outcome::kUnchanged;
    } else {
      lead.Set(field::kUpdateTime, Value::Time(ToMicros(scene_.call.now)));
      prepared_.reply->outcome = Outcome::kUpdated;
    }
    status = PrepareChange(scene_, request_id_, std::move(change), &prepared_);
    if (!status.ok()) return status;
    return std::move(prepared_);
  }

 private:
  bool Edits(FieldId id) const {
    return std::find(fields_.begin(), fields_.end(), id) != fields_.end();
  }

  // What `values` has for a field of the model.
  Value Wanted(const Field& field) const {
    const Field* const from = update_.values.schema().Find(field.name);
    return from == nullptr ? Value() : update_.values[from->id];
  }

  absl::Status FindFields() {
    const Schema& schema = *scene_.model.schema();
    if (update_.fields.empty()) return InvalidArgument("name at least one field to set or clear");
    for (const std::string& name : update_.fields) {
      const Field* const field = schema.Find(name);
      if (field == nullptr) {
        const std::string_view closest = schema.Suggest(name);
        return InvalidArgument("there is no field '", name, "'", DidYouMean(closest));
      }
      const std::string_view why = WhyNotEdited(*field);
      if (!why.empty()) {
        return InvalidArgument("field '", name, "' is not edited: it ", why);
      }
      const Field* const from = update_.values.schema().Find(name);
      if (from != nullptr && (from->type != field->type || from->shape != field->shape)) {
        return InvalidArgument("field '", name, "' is ", TypeName(field->type),
                               " in the model, not ", TypeName(from->type));
      }
      fields_.push_back(field->id);
    }
    return absl::OkStatus();
  }

  // The edited fields that are not as wanted, with both values.
  std::string Conflicts(const Lead& lead) const {
    std::string conflicts;
    for (const FieldId id : fields_) {
      const Field& field = lead.schema().at(id);
      if (SameValue(lead[id], Wanted(field))) continue;
      conflicts += Cat(conflicts.empty() ? "" : ", ", field.name, " is ", Shown(field, lead[id]),
                       ", not ", Shown(field, Wanted(field)));
    }
    return conflicts.empty() ? "these fields have the wanted values already" : conflicts;
  }

  void Edit(Lead* lead) const {
    for (const FieldId id : fields_) {
      const Field& field = lead->schema().at(id);
      const Value wanted = Wanted(field);
      const bool blank = wanted.kind() == Value::Kind::kText && wanted.text().empty();
      blank ? lead->Clear(id) : lead->Set(id, wanted);
    }
    // A note about a value that was replaced is a note about nothing.
    if (!lead->has(field::kDataIssues)) return;
    const auto noted = (*lead)[field::kDataIssues].records();
    std::vector<Record> issues(noted.begin(), noted.end());
    std::erase_if(issues, [&](const Record& issue) {
      return std::find(update_.fields.begin(), update_.fields.end(), issue[0].value_or("")) !=
             update_.fields.end();
    });
    lead->Clear(field::kDataIssues);
    for (Record& issue : issues) lead->AppendRecord(field::kDataIssues, std::move(issue));
  }

  // Fields that were made of others are made again when those change.
  void ClearWhatFollows(const Lead& before, Lead* lead) const {
    const bool parts = std::any_of(std::begin(kNameParts), std::end(kNameParts),
                                   [this](FieldId id) { return Edits(id); });
    if (Edits(field::kFullName) && !parts) {
      for (const FieldId id : kNameParts) lead->Clear(id);
    } else if (parts && !Edits(field::kFullName)) {
      lead->Clear(field::kFullName);
    }
    if (Edits(field::kDomain) || !(Edits(field::kEmail) || Edits(field::kWebsite))) return;
    Lead without = before;
    without.Clear(field::kDomain);
    const Lead made = NormalizeKnownLead(scene_.model, without).lead;
    if (SameValue(made[field::kDomain], before[field::kDomain])) lead->Clear(field::kDomain);
  }

  // What an edited field has must be readable, and what the model requires there.
  absl::Status CheckValues(const Lead& before, const NormalizedLead& normal) {
    std::string reasons;
    const auto add = [&reasons](std::string_view reason) {
      reasons += Cat(reasons.empty() ? "" : "; ", reason);
    };
    const std::span<const Record> issues = normal.lead.has(field::kDataIssues)
                                               ? normal.lead[field::kDataIssues].records()
                                               : std::span<const Record>();
    for (const Record& issue : issues) {
      const Field* const field = normal.lead.schema().Find(issue[0].value_or(""));
      if (field == nullptr || !Edits(field->id)) continue;
      prepared_.reply->issues.push_back(issue);
      if (normal.unusable.count(field->id) == 0) continue;
      add(Cat(field->name, " '", issue[1].value_or(""), "': ", issue[2].value_or("")));
    }
    if (!normal.refusals.empty()) {
      // What was missing before this update is not its fault.
      const std::vector<std::string> old = NormalizeKnownLead(scene_.model, before).refusals;
      for (const std::string& refusal : normal.refusals) {
        if (std::find(old.begin(), old.end(), refusal) == old.end()) add(refusal);
      }
    }
    return reasons.empty() ? absl::OkStatus() : InvalidArgument(reasons);
  }

  // Who moves gets another territory; the owner stays.
  void SetTerritory(const Lead& before, Lead* lead) const {
    const auto territory = [&](const Lead& of) {
      return scene_.model.routing().Territory(of.view(), scene_.model.config().country);
    };
    const std::string_view now = territory(*lead);
    if (now == territory(before)) return;
    now.empty() ? lead->Clear(field::kTerritory) : lead->SetText(field::kTerritory, now);
  }

  static void Describe(Change* change) {
    const Lead& before = change->before.lead;
    const Lead& after = change->after.lead;
    for (const Field& field : after.schema().fields()) {
      if (field.derived() || SameValue(before[field.id], after[field.id])) continue;
      change->details.emplace_back(
          field.name, Cat(Shown(field, before[field.id]), " -> ", Shown(field, after[field.id])));
    }
  }

  const Scene& scene_;
  const std::string& request_id_;
  const UpdateLead& update_;
  Prepared prepared_;
  std::vector<FieldId> fields_;
};

}  // namespace

absl::StatusOr<Prepared> PrepareCommand(const Scene& scene, const std::string& request_id,
                                        const UpdateLead& update) {
  return Updater(scene, request_id, update).Run();
}

}  // namespace leadcore
