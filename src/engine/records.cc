// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/parts.h"
#include "leadcore/codec.h"
#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {

const SearchForm* FindSearchForm(FieldId field) {
  for (const SearchForm& form : kSearchForms) {
    if (form.field == field) return &form;
  }
  return nullptr;
}

std::string SearchText(const SearchForm& form, std::string_view text) {
  // A phone number without its extension: "+14155550100".
  if (form.field == field::kPhone) return std::string(text.substr(0, text.find(' ')));
  return FoldText(text);
}

std::string TextOf(const Field& field, const Value& value) {
  if (field.shape != Shape::kList) return FormatValue(value);
  std::string text;
  if (field.type == Type::kText) {
    for (const std::string& item : value.texts()) text += Cat(text.empty() ? "" : ";", item);
    return text;
  }
  for (const Record& record : value.records()) {
    std::string item;
    std::string_view names = field.members;
    for (const std::optional<std::string>& member : record) {
      const std::string_view name = names.substr(0, names.find(' '));
      names.remove_prefix(std::min(name.size() + 1, names.size()));
      if (member) item += Cat(item.empty() ? "" : ", ", name, ": ", *member);
    }
    text += Cat(text.empty() ? "" : "; ", item);
  }
  return text;
}

std::optional<IndexValue> ToIndexValue(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::kText:
      return std::string(value.text());
    case Value::Kind::kInteger:
    case Value::Kind::kBoolean:
      return value.integer();
    case Value::Kind::kTime:
    case Value::Kind::kDuration:
      return value.micros();
    case Value::Kind::kReal:
      if (std::isnan(value.real())) return std::nullopt;
      return value.real();
    case Value::Kind::kDate: {
      const Date date = value.date();
      return int64_t{date.year} * 10'000 + date.month * 100 + date.day;
    }
    default:
      return std::nullopt;
  }
}

std::string_view FoldableStart(std::string_view start) {
  const auto cut_at = [&start](auto stops) {
    const auto end = std::find_if(start.begin(), start.end(), stops);
    start = start.substr(0, static_cast<size_t>(end - start.begin()));
  };
  // Outside ASCII, what follows may be part of the last character.
  cut_at([](char c) { return static_cast<unsigned char>(c) >= 0x80; });
  if (start.find('.') == std::string_view::npos) return start;
  // A full stop joins "U.S." and parts other words: two letters behind it decide, apostrophes and
  // controls not counted.
  cut_at([](char c) { return c == '\'' || c == '`' || c < ' '; });
  while (true) {
    const size_t stop = start.rfind('.');
    if (stop == std::string_view::npos || start.size() - stop > 2) return start;
    start = start.substr(0, stop);
  }
}

std::vector<IndexEntry> LeadIndex(const Lead& lead) {
  std::vector<IndexEntry> index;
  for (const Field& field : lead.schema().fields()) {
    if (!field.promoted || field.derived() || field.id == field::kId) continue;
    std::optional<IndexValue> value = ToIndexValue(lead[field.id]);
    if (!value) continue;
    const bool searched = FindSearchForm(field.id) != nullptr;
    index.push_back({std::string(field.name), *std::move(value), searched});
  }
  for (const SearchForm& form : kSearchForms) {
    std::string text = SearchText(form, lead.text(form.field));
    if (!text.empty()) index.push_back({std::string(form.index), std::move(text)});
  }
  return index;
}

Put LeadPut(const Lead& lead) {
  return {{RecordKind::kLead, std::string(lead.id())},
          EncodeLead(lead, LeadForm::kStored),
          LeadIndex(lead)};
}

Put StatePut(std::string_view id, const LeadState& state, const Schema& schema) {
  Put put{{RecordKind::kLeadState, std::string(id)}, EncodeLeadState(state), {}};
  Lead derived(Schema::BuiltIn());
  SetDerived(state, &derived);
  for (const Field& field : schema.fields()) {
    if (!field.promoted || !field.derived() || field.id >= field::kBuiltInCount) continue;
    std::optional<IndexValue> value = ToIndexValue(derived[field.id]);
    if (value) put.index.push_back({std::string(field.name), *std::move(value)});
  }
  return put;
}

Put ActivityPut(const Activity& activity) {
  return {{RecordKind::kActivity, activity.id},
          EncodeActivity(activity),
          {{"lead", activity.lead_id}, {"time", activity.time}, {"kind", activity.kind}}};
}

Put MatchKeyPut(std::string_view key, std::string_view lead) {
  return {{RecordKind::kMatchKey, Cat(key, kKeySeparator, lead)}, "", {}};
}

absl::Status ScanAll(const Snapshot& snapshot, ScanRequest scan,
                     absl::FunctionRef<absl::Status(const StoredRecord&)> sink) {
  while (true) {
    size_t seen = 0;
    absl::Status told;
    const absl::Status status =
        snapshot.Scan(scan, [&](const StoredRecord& record, const IndexValue& value) {
          ++seen;
          scan.after = {value, record.key.id};
          told = sink(record);
          return told.ok();
        });
    if (!status.ok()) return status;
    if (!told.ok() || seen < scan.limit) return told;
  }
}

ScanRequest ActivitiesOf(const std::string& lead) {
  ScanRequest scan;
  scan.kind = RecordKind::kActivity;
  scan.index = "lead";
  scan.low = scan.high = IndexValue(lead);
  return scan;
}

absl::StatusOr<Put> PutOfImage(const Model& model, const RecordKey& key, std::string body) {
  Put put{key, std::move(body), {}};
  if (key.kind == RecordKind::kLead) {
    absl::StatusOr<Lead> lead = DecodeLead(put.body, model.schema());
    if (!lead.ok()) return lead.status();
    put.index = LeadIndex(*lead);
  } else if (key.kind == RecordKind::kLeadState) {
    const absl::StatusOr<LeadState> state = DecodeLeadState(put.body);
    if (!state.ok()) return state.status();
    put.index = StatePut(key.id, *state, *model.schema()).index;
  } else if (key.kind == RecordKind::kActivity) {
    const absl::StatusOr<Activity> activity = DecodeActivity(put.body);
    if (!activity.ok()) return activity.status();
    put.index = ActivityPut(*activity).index;
  }
  return put;
}

absl::StatusOr<LeadRecord> DecodeRecord(const Model& model, const StoredRecord& lead,
                                        const std::optional<StoredRecord>& state) {
  absl::StatusOr<Lead> decoded = DecodeLead(lead.body, model.schema());
  if (!decoded.ok()) return decoded.status();
  LeadRecord record{*std::move(decoded), {}};
  record.lead.SetText(field::kId, lead.key.id);
  record.lead.Set(field::kVersion, Value::Integer(lead.version));
  if (state) {
    absl::StatusOr<LeadState> decoded_state = DecodeLeadState(state->body);
    if (!decoded_state.ok()) return decoded_state.status();
    record.state = *std::move(decoded_state);
    record.state.version = state->version;
  }
  SetDerived(record.state, &record.lead);
  return record;
}

absl::StatusOr<LeadRecord> ReadLead(const Model& model, const Snapshot& snapshot,
                                    std::string_view id, size_t* bytes) {
  const auto lead = snapshot.Get({RecordKind::kLead, std::string(id)});
  if (!lead.ok()) return lead.status();
  if (!*lead) return NotFound("there is no lead '", id, "'");
  const auto state = snapshot.Get({RecordKind::kLeadState, std::string(id)});
  if (!state.ok()) return state.status();
  if (bytes != nullptr) *bytes = (*lead)->body.size() + (*state ? (*state)->body.size() : 0);
  return DecodeRecord(model, **lead, *state);
}

void Evaluate(const Model& model, absl::Time now, Lead* lead, LeadState* state) {
  SetDerived(*state, lead);
  state->score = model.scoring().Evaluate(lead->view(&state->activities), now);
  SetDerived(*state, lead);
}

void BringUpToDate(const Model& model, absl::Time now, LeadRecord* record) {
  const std::optional<int64_t>& until = record->state.score.valid_until;
  if (until && ToMicros(now) >= *until) {
    Evaluate(model, now, &record->lead, &record->state);
  }
}

bool IsOpen(const Model& model, const Lead& lead) {
  const StateConfig* const status = model.lifecycle().Find(lead.text(field::kStatus));
  return status != nullptr && status->type == StateType::kOpen && !lead.has(field::kArchiveTime);
}

std::string LoadCounterOf(const Model& model, const Lead& lead) {
  if (!lead.has(field::kOwner) || !IsOpen(model, lead)) return "";
  return Routing::LoadCounter(lead.text(field::kOwner));
}

Event MakeEvent(const Call& call, const Model& model, std::string_view type, std::string_view lead,
                std::string payload) {
  Event event;
  event.type = std::string(type);
  event.time = ToMicros(call.now);
  event.actor = call.actor.empty() ? "unknown" : call.actor;
  event.request_id = call.request_id;
  event.model = model.hash();
  event.leads = {std::string(lead)};
  event.payload = std::move(payload);
  return event;
}

void Refuse(Outcome outcome, absl::StatusCode code, std::string message, Reply* reply) {
  reply->outcome = outcome;
  reply->status = absl::Status(code, ToAbsl(message));
}

Prepared Rejected(const absl::Status& status, Prepared prepared) {
  Refuse(Outcome::kRejected, status.code(), std::string(Message(status)), prepared.reply.get());
  return prepared;
}

std::string RememberedOutcome(const Reply& reply) {
  CommandOutcome outcome{std::string(OutcomeName(reply.outcome)), {reply.lead_id}};
  if (!reply.activity_id.empty()) outcome.ids.push_back(reply.activity_id);
  return EncodeCommandOutcome(outcome);
}

}  // namespace leadcore
