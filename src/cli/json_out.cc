// SPDX-License-Identifier: Apache-2.0
#include "json_out.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <iostream>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "codec/lead_peek.h"
#include "leadcore/codec.h"
#include "rapidjson.h"
#include "text.h"

namespace leadcore::cli {

namespace {

// Whether JSON escapes one of eight bytes. A byte of the sum has its top bit when that byte is
// below ' ', '"' or '\\', or stands above such a one.
bool NeedsEscape(uint64_t eight) {
  constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
  const auto below = [](uint64_t bytes, uint64_t limit) {
    return (bytes - kOnes * limit) & ~bytes & kTops;
  };
  return (below(eight, ' ') | below(eight ^ (kOnes * '"'), 1) | below(eight ^ (kOnes * '\\'), 1)) !=
         0;
}

bool NeedsEscape(std::string_view text) {
  uint64_t eight = 0x2020202020202020;
  if (text.size() < sizeof(eight)) {
    for (const char c : text) eight = eight << 8 | static_cast<unsigned char>(c);
    return NeedsEscape(eight);
  }
  for (size_t at = 0; at < text.size(); at += sizeof(eight)) {
    // The last ones are looked at again where less than eight are left.
    std::memcpy(&eight, text.data() + std::min(at, text.size() - sizeof(eight)), sizeof(eight));
    if (NeedsEscape(eight)) return true;
  }
  return false;
}

}  // namespace

struct JsonWriter::Impl {
  rapidjson::StringBuffer buffer;
  rapidjson::Writer<rapidjson::StringBuffer> writer{buffer};
};

JsonWriter::JsonWriter() : impl_(std::make_unique<Impl>()) {}
JsonWriter::~JsonWriter() = default;

void JsonWriter::StartObject() { impl_->writer.StartObject(); }
void JsonWriter::EndObject() { impl_->writer.EndObject(); }
void JsonWriter::StartArray() { impl_->writer.StartArray(); }
void JsonWriter::EndArray() { impl_->writer.EndArray(); }
void JsonWriter::Key(std::string_view name) { Text(name); }
void JsonWriter::Text(std::string_view text) {
  // Most text has nothing to be escaped, and is copied in one go.
  if (!NeedsEscape(text)) return Plain(text);
  impl_->writer.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}
void JsonWriter::Plain(std::string_view text) {
  impl_->writer.RawValue("", 0, rapidjson::kStringType);  // the comma before it
  char* const room = impl_->buffer.Push(text.size() + 2);
  room[0] = '"';
  std::memcpy(room + 1, text.data(), text.size());
  room[text.size() + 1] = '"';
}
void JsonWriter::Integer(int64_t value) { impl_->writer.Int64(value); }
void JsonWriter::Real(double value) {
  if (!std::isfinite(value)) return Null();
  // The table's own form of a number: as short as it can be, 3 rather than 3.0.
  const std::string text = FormatValue(Value::Real(value));
  impl_->writer.RawValue(text.data(), text.size(), rapidjson::kNumberType);
}
void JsonWriter::Boolean(bool value) { impl_->writer.Bool(value); }
void JsonWriter::Null() { impl_->writer.Null(); }
void JsonWriter::Member(std::string_view name, std::string_view text) {
  Key(name);
  Text(text);
}
void JsonWriter::Member(std::string_view name, int64_t value) {
  Key(name);
  Integer(value);
}
void JsonWriter::Print(size_t least) {
  if (impl_->buffer.GetSize() < least) return;
  std::cout.write(impl_->buffer.GetString(), static_cast<std::streamsize>(impl_->buffer.GetSize()));
  impl_->buffer.Clear();
}
void JsonWriter::EndLine() {
  impl_->buffer.Put('\n');
  impl_->writer.Reset(impl_->buffer);
}
std::string JsonWriter::Take() {
  std::string text(impl_->buffer.GetString(), impl_->buffer.GetSize());
  impl_->buffer.Clear();
  impl_->writer.Reset(impl_->buffer);
  return text;
}

namespace {

void WriteRecords(const Field& field, const Value& value, JsonWriter* json) {
  std::vector<std::string_view> names;
  for (size_t start = 0; start < field.members.size();) {
    const size_t end = std::min(field.members.find(' ', start), field.members.size());
    names.push_back(field.members.substr(start, end - start));
    start = end + 1;
  }
  json->StartArray();
  for (const Record& record : value.records()) {
    json->StartObject();
    for (size_t i = 0; i < names.size() && i < record.size(); ++i) {
      json->Key(names[i]);
      record[i] ? json->Text(*record[i]) : json->Null();
    }
    json->EndObject();
  }
  json->EndArray();
}

void WriteAttribute(const Attribute& attribute, JsonWriter* json) {
  if (const auto* text = std::get_if<std::string>(&attribute)) return json->Text(*text);
  if (const auto* whole = std::get_if<int64_t>(&attribute)) return json->Integer(*whole);
  if (const auto* real = std::get_if<double>(&attribute)) return json->Real(*real);
  json->Boolean(std::get<bool>(attribute));
}

void WriteActivity(const Activity& activity, JsonWriter* json) {
  json->StartObject();
  json->Member("id", activity.id);
  json->Member("kind", activity.kind);
  json->Member("actor", activity.actor);
  json->Member("time", FormatTime(activity.time));
  if (activity.outcome) json->Member("outcome", *activity.outcome);
  if (activity.next_step) json->Member("next_step", *activity.next_step);
  if (activity.due) json->Member("due", FormatTime(*activity.due));
  if (!activity.tags.empty()) {
    json->Key("tags");
    json->StartArray();
    for (const std::string& tag : activity.tags) json->Text(tag);
    json->EndArray();
  }
  json->Key("attributes");
  json->StartObject();
  for (const auto& [name, value] : activity.attributes) {
    json->Key(name);
    WriteAttribute(value, json);
  }
  json->EndObject();
  json->EndObject();
}

std::string_view LedgerKind(LedgerEntry::Kind kind) {
  constexpr std::string_view kNames[] = {"rule",      "group_cap",   "group_floor",
                                         "total_cap", "total_floor", "adjustment"};
  return kNames[static_cast<size_t>(kind)];
}

// Bytes as base64; what is not there (any more) as null.
void WriteBytes(std::string_view name, std::string_view bytes, JsonWriter* json) {
  json->Key(name);
  bytes.empty() ? json->Null() : json->Plain(absl::Base64Escape(ToAbsl(bytes)));
}

// What of an event is not in its short form: with these, the event can be made again to the byte.
void WriteHeaderRest(const Event& event, JsonWriter* json) {
  json->Key("leads");
  json->StartArray();
  for (const std::string& lead : event.leads) json->Text(lead);
  json->EndArray();
  json->Key("counters");
  json->StartArray();
  for (const CounterWrite& counter : event.counters) {
    json->StartObject();
    json->Member("name", counter.name);
    json->Member("value", counter.value);
    json->EndObject();
  }
  json->EndArray();
  json->Member("batch_events", event.batch_events);
  json->Key("forgot_requests_before");
  event.forgot_requests_before ? json->Text(FormatTime(*event.forgot_requests_before))
                               : json->Null();
  WriteBytes("reply", event.reply, json);
  WriteBytes("salt", event.salt, json);
  WriteBytes("payload_hash", event.payload_hash, json);
  WriteBytes("chain", event.chain, json);
  WriteBytes("payload", event.payload, json);
}

void WriteClaims(std::string_view name, const std::vector<ClaimImage>& claims, JsonWriter* json) {
  if (claims.empty()) return;
  json->Key(name);
  json->StartArray();
  for (const ClaimImage& claim : claims) {
    json->StartObject();
    json->Member("key", claim.key);
    json->Member("holder", claim.holder);
    json->EndObject();
  }
  json->EndArray();
}

// What the batch wrote, for people and programs that do not decode the payload.
void WriteChanges(const EventPayload& payload, JsonWriter* json) {
  WriteClaims("claims", payload.claims, json);
  WriteClaims("releases", payload.releases, json);
  for (const RecordImage& image : payload.images) {
    if (image.kind == static_cast<uint8_t>(RecordKind::kModel))
      json->Member("document", image.body);
  }
  const absl::StatusOr<LeadState> state = DecodeLeadState(payload.state());
  if (payload.state().empty() || !state.ok()) return;
  json->Key("ledger");
  WriteLedger(state->score, json);
}

}  // namespace

void WriteValue(const Field& field, const Value& value, JsonWriter* json) {
  switch (value.kind()) {
    case Value::Kind::kAbsent:
      return json->Null();
    case Value::Kind::kInteger:
      return json->Integer(value.integer());
    case Value::Kind::kReal:
      return json->Real(value.real());
    case Value::Kind::kBoolean:
      return json->Boolean(value.boolean());
    case Value::Kind::kTextList:
      json->StartArray();
      for (const std::string& text : value.texts()) json->Text(text);
      return json->EndArray();
    case Value::Kind::kRecordList:
      return WriteRecords(field, value, json);
    case Value::Kind::kText:
      return json->Text(value.text());
    default:
      return json->Text(FormatValue(value));
  }
}

void WriteFields(const Lead& lead, JsonWriter* json) {
  for (const Field& field : lead.schema().fields()) {
    json->Key(field.name);
    WriteValue(field, lead[field.id], json);
  }
}

void WriteLedger(const Score& score, JsonWriter* json) {
  json->StartArray();
  for (const LedgerEntry& entry : score.ledger) {
    json->StartObject();
    json->Member("kind", LedgerKind(entry.kind));
    json->Key("group");
    entry.group.empty() ? json->Null() : json->Text(entry.group);
    json->Member("rule", entry.rule);
    json->Key("points");
    json->Real(static_cast<double>(entry.points) / static_cast<double>(kOnePoint));
    json->EndObject();
  }
  json->EndArray();
}

void WriteAssignment(const Assignment& assignment, JsonWriter* json) {
  const auto member = [json](std::string_view name, const std::string& text) {
    json->Key(name);
    text.empty() ? json->Null() : json->Text(text);
  };
  json->StartObject();
  json->Member("how", AssignmentHowName(assignment.how));
  member("owner", assignment.owner);
  member("pool", assignment.pool);
  member("territory", assignment.territory);
  member("rule", assignment.rule);
  json->Key("ticket");
  assignment.ticket == 0 ? json->Null() : json->Integer(assignment.ticket);
  json->Key("steps");
  json->StartArray();
  for (const Assignment::Step& step : assignment.steps) {
    json->StartObject();
    json->Member("what", step.what);
    json->Member("answer", step.answer);
    json->EndObject();
  }
  json->EndArray();
  json->EndObject();
}

void WriteEvent(const Event& event, const std::shared_ptr<const Schema>& schema, bool whole,
                JsonWriter* json) {
  json->StartObject();
  json->Member("sequence", event.position);
  json->Member("type", event.type);
  json->Member("time", FormatTime(event.time));
  json->Member("actor", event.actor);
  json->Key("lead");
  event.leads.empty() || event.leads[0].empty() ? json->Null() : json->Text(event.leads[0]);
  json->Member("request_id", event.request_id);
  json->Member("model", event.model);
  const absl::StatusOr<EventPayload> payload = DecodeEventPayload(event.payload);
  if (whole) {
    WriteHeaderRest(event, json);
    if (payload.ok()) WriteChanges(*payload, json);
  }
  if (!payload.ok()) return json->EndObject();
  for (const auto& [name, text] : payload->details) json->Member(name, text);
  if (payload->assignment) {
    json->Key("assignment");
    WriteAssignment(*payload->assignment, json);
  }
  if (!payload->hits.empty()) {
    json->Key("hits");
    json->StartArray();
    for (const KeyHit& hit : payload->hits) {
      json->StartObject();
      json->Member("key", hit.key);
      json->Member("lead", hit.lead);
      json->Key("exclusive");
      json->Boolean(hit.exclusive);
      json->EndObject();
    }
    json->EndArray();
  }
  const absl::StatusOr<Activity> activity = DecodeActivity(payload->activity());
  if (!payload->activity().empty() && activity.ok()) {
    json->Key("activity");
    WriteActivity(*activity, json);
  }
  if (!payload->lead().empty()) {
    json->Key("after");
    json->StartObject();
    // What is damaged ends the object early; the payload's hash tells.
    (void)EachLeadField(payload->lead(), *schema, [&](const Field& field, const Value& value) {
      json->Key(field.name);
      WriteValue(field, value, json);
    });
    json->EndObject();
  }
  json->EndObject();
}

}  // namespace leadcore::cli
