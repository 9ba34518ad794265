// SPDX-License-Identifier: Apache-2.0
#include "json_out.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <string>
#include <utility>

#include "absl/strings/escaping.h"
#include "codec/event_view.h"
#include "codec/lead_peek.h"
#include "leadcore/codec.h"
#include "rapidjson.h"
#include "text.h"

namespace leadcore::cli {

namespace {

// Not 0 where JSON escapes one of eight bytes: one below ' ', '"' or '\\'. What comes above such a
// one may be taken for another; that does no harm.
uint64_t ToEscape(uint64_t eight) {
  constexpr uint64_t kOnes = 0x0101010101010101, kTops = 0x8080808080808080;
  return ((eight - kOnes * ' ') | ((eight ^ (kOnes * '"')) - kOnes) |
          ((eight ^ (kOnes * '\\')) - kOnes)) &
         ~eight & kTops;
}

// Copies one `Word` and shows it to `found`.
template <typename Word>
void CopyWord(const char* from, char* to, uint64_t* found) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  std::memcpy(to, &word, sizeof(word));
  constexpr uint64_t kBlanks = 0x2020202020202020;  // in place of the bytes that it has not
  *found |= ToEscape(sizeof(Word) == 8 ? word : word | kBlanks << (8 * sizeof(Word) % 64));
}

// Copies `text`; false when something of it has to be escaped. The last word overlaps the one
// before it, where the size is not a multiple of words.
bool CopyPlain(std::string_view text, char* to) {
  const char* const from = text.data();
  const size_t size = text.size();
  uint64_t found = 0;
  if (size >= 8) {
    for (size_t at = 0; at + 8 < size; at += 8) CopyWord<uint64_t>(from + at, to + at, &found);
    CopyWord<uint64_t>(from + size - 8, to + size - 8, &found);
  } else if (size >= 4) {
    CopyWord<uint32_t>(from, to, &found);
    CopyWord<uint32_t>(from + size - 4, to + size - 4, &found);
  } else {
    for (size_t at = 0; at < size; ++at) CopyWord<uint8_t>(from + at, to + at, &found);
  }
  return found == 0;
}

// Where RapidJSON writes escaped text, in room that was made before.
struct Escaped {
  using Ch = char;
  void Put(char c) { *at++ = c; }
  void Flush() {}
  char* at;
};
constexpr size_t kLongestEscape = 6;   // "\u001f"
constexpr size_t kLongestNumber = 32;  // as FormatValue has it

}  // namespace

void JsonWriter::Grow(size_t most) { text_.resize(std::max(size_ + most, 2 * text_.size())); }
void JsonWriter::Start(char bracket) {
  char* const at = Begin(1);
  *at = bracket;
  End(at + 1);
  comma_ = false;
}
void JsonWriter::Finish(char bracket) {
  Put(bracket);
  comma_ = true;
}

void JsonWriter::StartObject() { Start('{'); }
void JsonWriter::EndObject() { Finish('}'); }
void JsonWriter::StartArray() { Start('['); }
void JsonWriter::EndArray() { Finish(']'); }
void JsonWriter::Key(std::string_view name) {
  Text(name);
  Put(':');
  comma_ = false;
}
void JsonWriter::Text(std::string_view text) {
  char* const at = Begin(text.size() + 2);
  at[0] = '"';
  if (!CopyPlain(text, at + 1)) return Escape(text);
  at[text.size() + 1] = '"';
  End(at + text.size() + 2);
}
void JsonWriter::Escape(std::string_view text) {
  Escaped escaped{Begin(kLongestEscape * text.size() + 2)};
  rapidjson::Writer<Escaped>(escaped).String(text.data(),
                                             static_cast<rapidjson::SizeType>(text.size()));
  End(escaped.at);
}
void JsonWriter::Base64(std::string_view bytes) {
  absl::Base64Escape(ToAbsl(bytes), &base64_);
  char* at = Begin(base64_.size() + 2);
  *at++ = '"';
  at += base64_.copy(at, base64_.size());
  *at++ = '"';
  End(at);
}
void JsonWriter::Integer(int64_t value) { Number(value); }
void JsonWriter::Real(double value) {
  // As FormatValue writes them: as short as it can be, 3 rather than 3.0.
  std::isfinite(value) ? Number(value) : Null();
}
template <typename T>
void JsonWriter::Number(T value) {
  char* const at = Begin(kLongestNumber);
  End(std::to_chars(at, at + kLongestNumber, value).ptr);
}
void JsonWriter::Word(std::string_view word) {
  char* const at = Begin(word.size());
  End(at + word.copy(at, word.size()));
}
void JsonWriter::Boolean(bool value) { Word(value ? "true" : "false"); }
void JsonWriter::Null() { Word("null"); }
void JsonWriter::Member(std::string_view name, std::string_view text) {
  Key(name);
  Text(text);
}
void JsonWriter::Member(std::string_view name, int64_t value) {
  Key(name);
  Integer(value);
}
void JsonWriter::EndLine() {
  Put('\n');
  comma_ = false;
}
void JsonWriter::Clear() {
  size_ = 0;
  comma_ = false;
}
std::string JsonWriter::Take() {
  text_.resize(size_);
  Clear();
  return std::exchange(text_, {});
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
  bytes.empty() ? json->Null() : json->Base64(bytes);
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

void WriteClaims(std::string_view name, const std::vector<ClaimImageView>& claims,
                 JsonWriter* json) {
  if (claims.empty()) return;
  json->Key(name);
  json->StartArray();
  for (const ClaimImageView& claim : claims) {
    json->StartObject();
    json->Member("key", claim.key);
    json->Member("holder", claim.holder);
    json->EndObject();
  }
  json->EndArray();
}

void WriteAssignment(const AssignmentView& assignment, JsonWriter* json) {
  const auto member = [json](std::string_view name, std::string_view text) {
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
  for (const AssignmentView::Step& step : assignment.steps) {
    json->StartObject();
    json->Member("what", step.what);
    json->Member("answer", step.answer);
    json->EndObject();
  }
  json->EndArray();
  json->EndObject();
}

// What the batch wrote, for people and programs that do not decode the payload.
void WriteChanges(const EventPayloadView& payload, JsonWriter* json) {
  WriteClaims("claims", payload.claims, json);
  WriteClaims("releases", payload.releases, json);
  for (const RecordImageView& image : payload.images) {
    if (image.kind == static_cast<uint8_t>(RecordKind::kModel))
      json->Member("document", image.body);
  }
  if (payload.state().empty()) return;
  const absl::StatusOr<LeadState> state = DecodeLeadState(payload.state());
  if (!state.ok()) return;
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
  const absl::StatusOr<EventPayloadView> payload = ViewEventPayload(event.payload);
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
    for (const KeyHitView& hit : payload->hits) {
      json->StartObject();
      json->Member("key", hit.key);
      json->Member("lead", hit.lead);
      json->Key("exclusive");
      json->Boolean(hit.exclusive);
      json->EndObject();
    }
    json->EndArray();
  }
  if (!payload->activity().empty()) {
    const absl::StatusOr<Activity> activity = DecodeActivity(payload->activity());
    if (activity.ok()) {
      json->Key("activity");
      WriteActivity(*activity, json);
    }
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
