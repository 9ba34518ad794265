// SPDX-License-Identifier: Apache-2.0
//
// What the engine computes and what happens, to bytes and back: the messages of event.proto.
#include <bit>
#include <type_traits>

#include "codec/event_view.h"
#include "codec/images.h"
#include "codec/wire.h"
#include "leadcore/codec.h"

namespace leadcore {
namespace {

// Bytes; more costs one more allocation.
constexpr size_t kUsualState = 384;
constexpr size_t kUsualPayload = 512;
// Of a score.
constexpr size_t kUsualGroups = 4;
constexpr size_t kUsualEntries = 12;
// Of a payload, and of an assignment.
constexpr size_t kUsualImages = 8;
constexpr size_t kUsualSteps = 8;

using codec_internal::CheckSize;
using codec_internal::Damaged;
using codec_internal::kImageOffset;
using codec_internal::kImagesNumber;
using codec_internal::kLastImage;
using codec_internal::Reader;
using codec_internal::UnZigZag;
using codec_internal::Writer;
using codec_internal::ZigZag;

uint64_t ToVarint(int64_t number) { return static_cast<uint64_t>(number); }
uint64_t Int32ToVarint(int32_t number) { return static_cast<uint64_t>(int64_t{number}); }
int32_t Int32FromVarint(uint64_t bits) { return static_cast<int32_t>(bits); }

bool ReadInteger(const Reader& reader, int64_t* number) {
  uint64_t bits = 0;
  if (!reader.Varint(&bits)) return false;
  *number = static_cast<int64_t>(bits);
  return true;
}

bool ReadZigZag(const Reader& reader, int64_t* number) {
  uint64_t bits = 0;
  if (!reader.Varint(&bits)) return false;
  *number = UnZigZag(bits);
  return true;
}

bool ReadBool(const Reader& reader, bool* value) {
  uint64_t bits = 0;
  if (!reader.Varint(&bits)) return false;
  *value = bits != 0;
  return true;
}

// Enumerations of the protos have 0 for "unspecified" and ours follow from 1.
template <typename Enum>
bool ReadEnum(Enum last, Reader* reader, Enum* value) {
  uint64_t bits = 0;
  if (!reader->Varint(&bits)) return false;
  if (bits == 0 || bits > static_cast<uint64_t>(last) + 1) {
    reader->Fail(Cat("member ", reader->number(), " has the value ", bits,
                     ", which this version does not know"));
    return true;
  }
  *value = static_cast<Enum>(bits - 1);
  return true;
}
template <typename Enum>
uint64_t EnumVarint(Enum value) {
  return static_cast<uint64_t>(value) + 1;
}

bool ReadTextItem(Reader* reader, std::vector<std::string>* items) {
  std::string text;
  if (!reader->Text(&text)) return false;
  items->push_back(std::move(text));
  return true;
}

// A part of a message: `read` is called for each of its members. Members that it does not take are
// dropped.
bool ReadPart(Reader* outer, absl::FunctionRef<bool(Reader*)> read) {
  std::string_view bytes;
  if (!outer->Bytes(&bytes)) return false;
  Reader reader(bytes);
  while (reader.Next()) read(&reader);
  reader.Finish(true, outer);
  return true;
}

// A whole message: members that `read` does not take go to `unknown`.
absl::Status ReadMessage(std::string_view what, std::string_view bytes, std::string* unknown,
                         absl::FunctionRef<bool(Reader*)> read) {
  if (absl::Status status = CheckSize(bytes, what); !status.ok()) return status;
  Reader reader(bytes);
  while (reader.Next()) {
    if (!read(&reader) && unknown != nullptr) unknown->append(reader.whole());
  }
  if (!reader.ok()) return Damaged(what, ": ", reader.fault());
  return absl::OkStatus();
}

// ---- Score

void WriteScore(const Score& score, Writer* writer) {
  writer->PlainVarint(1, ZigZag(score.total));
  writer->PlainText(2, score.band);
  for (const GroupScore& group : score.groups) {
    writer->Message(3, [&] {
      writer->PlainText(1, group.group);
      writer->PlainVarint(2, ZigZag(group.points));
    });
  }
  for (const LedgerEntry& entry : score.ledger) {
    writer->Message(4, [&] {
      writer->Varint(1, EnumVarint(entry.kind));
      writer->PlainText(2, entry.group);
      writer->PlainText(3, entry.rule);
      writer->PlainVarint(4, ZigZag(entry.points));
    });
  }
  if (score.evaluated_at != 0) writer->Timestamp(5, score.evaluated_at);
  writer->OptionalTimestamp(6, score.valid_until);
}

bool ReadGroup(Reader* outer, Score* score) {
  if (!outer->has_bytes()) return false;
  if (score->groups.empty()) score->groups.reserve(kUsualGroups);
  GroupScore& group = score->groups.emplace_back();
  return ReadPart(outer, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return reader->Text(&group.group);
      case 2:
        return ReadZigZag(*reader, &group.points);
    }
    return false;
  });
}

bool ReadLedgerEntry(Reader* outer, Score* score) {
  if (!outer->has_bytes()) return false;
  if (score->ledger.empty()) score->ledger.reserve(kUsualEntries);
  LedgerEntry& entry = score->ledger.emplace_back();
  return ReadPart(outer, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return ReadEnum(LedgerEntry::Kind::kAdjustment, reader, &entry.kind);
      case 2:
        return reader->Text(&entry.group);
      case 3:
        return reader->Text(&entry.rule);
      case 4:
        return ReadZigZag(*reader, &entry.points);
    }
    return false;
  });
}

bool ReadScore(Reader* outer, Score* score) {
  return ReadPart(outer, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return ReadZigZag(*reader, &score->total);
      case 2:
        return reader->Text(&score->band);
      case 3:
        return ReadGroup(reader, score);
      case 4:
        return ReadLedgerEntry(reader, score);
      case 5:
        return reader->Moment(&score->evaluated_at);
      case 6:
        return reader->Moment(&score->valid_until);
    }
    return false;
  });
}

// ---- Activity summary

void WriteSeries(const ActivitySummary::Series& series, Writer* writer) {
  if (series.key != 0) writer->Fixed64(1, series.key);
  writer->PlainVarint(2, ToVarint(series.count));
  writer->OptionalTimestamp(3, series.last);
  writer->Packed(4, series.sums, ZigZag);
  std::vector<int32_t> hours;
  std::vector<int32_t> counts;
  for (const ActivitySummary::Bucket& bucket : series.buckets) {
    hours.push_back(bucket.hour);
    counts.push_back(bucket.count);
  }
  writer->Packed(5, hours, Int32ToVarint);
  writer->Packed(6, counts, Int32ToVarint);
  writer->Packed(7, series.bucket_sums, ZigZag);
}

bool ReadSeries(Reader* outer, ActivitySummary* summary) {
  if (!outer->has_bytes()) return false;
  ActivitySummary::Series& series = summary->series.emplace_back();
  std::vector<int32_t> hours;
  std::vector<int32_t> counts;
  const bool read = ReadPart(outer, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return reader->Fixed64(&series.key);
      case 2:
        return ReadInteger(*reader, &series.count);
      case 3:
        return reader->Moment(&series.last);
      case 4:
        return reader->Numbers(&series.sums, UnZigZag);
      case 5:
        return reader->Numbers(&hours, Int32FromVarint);
      case 6:
        return reader->Numbers(&counts, Int32FromVarint);
      case 7:
        return reader->Numbers(&series.bucket_sums, UnZigZag);
    }
    return false;
  });
  if (hours.size() != counts.size() ||
      series.bucket_sums.size() != hours.size() * series.sums.size()) {
    outer->Fail("the lists of a series of activities differ in length");
    return read;
  }
  for (size_t i = 0; i < hours.size(); ++i) series.buckets.push_back({hours[i], counts[i]});
  return read;
}

// ---- Activity

void WriteAttribute(const std::string& name, const Attribute& attribute, Writer* writer) {
  writer->PlainText(1, name);
  std::visit(
      [writer](const auto& value) {
        using T = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<T, std::string>) {
          writer->Text(2, value);
        } else if constexpr (std::is_same_v<T, int64_t>) {
          writer->Varint(3, ToVarint(value));
        } else if constexpr (std::is_same_v<T, double>) {
          writer->Fixed64(4, codec_internal::RealBits(value));
        } else {
          writer->Varint(5, value ? 1 : 0);
        }
      },
      attribute);
}

// The current member of an Attribute message as a value; nullopt when it is none.
std::optional<Attribute> ReadAttributeValue(Reader* reader) {
  std::string text;
  int64_t integer = 0;
  uint64_t bits = 0;
  bool boolean = false;
  switch (reader->number()) {
    case 2:
      if (reader->Text(&text)) return text;
      break;
    case 3:
      if (ReadInteger(*reader, &integer)) return integer;
      break;
    case 4:
      if (reader->Fixed64(&bits)) return std::bit_cast<double>(bits);
      break;
    case 5:
      if (ReadBool(*reader, &boolean)) return boolean;
      break;
  }
  return std::nullopt;
}

// False, and nothing read, when the value is of a kind that this version does not know.
bool ReadAttribute(Reader* outer, Activity* activity) {
  std::string name;
  std::optional<Attribute> value;
  bool known = true;
  const bool read = ReadPart(outer, [&](Reader* reader) {
    if (reader->number() == 1) return reader->Text(&name);
    value = ReadAttributeValue(reader);
    known &= value.has_value();
    return true;
  });
  if (!read || !known || !value) return false;
  activity->attributes.emplace_back(std::move(name), std::move(*value));
  return true;
}

// ---- Assignment, hits, details

void WriteAssignment(const Assignment& assignment, Writer* writer) {
  writer->Varint(1, EnumVarint(assignment.how));
  writer->PlainText(2, assignment.owner);
  writer->PlainText(3, assignment.pool);
  writer->PlainText(4, assignment.territory);
  writer->PlainText(5, assignment.rule);
  writer->PlainVarint(6, ToVarint(assignment.ticket));
  for (const Assignment::Step& step : assignment.steps) {
    writer->Message(7, [&] {
      writer->PlainText(1, step.what);
      writer->PlainText(2, step.answer);
    });
  }
}

// What is read below goes into the types of codec.h or, as views, into those of event_view.h.

// A part of two texts, numbered 1 and 2.
template <typename Text>
bool ReadTwoTexts(Reader* outer, Text* first, Text* second) {
  return ReadPart(outer, [&](Reader* reader) {
    return (reader->number() == 1 && reader->Text(first)) ||
           (reader->number() == 2 && reader->Text(second));
  });
}

template <typename A>
bool ReadAssignment(Reader* outer, A* assignment) {
  return ReadPart(outer, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return ReadEnum(Assignment::How::kFallback, reader, &assignment->how);
      case 2:
        return reader->Text(&assignment->owner);
      case 3:
        return reader->Text(&assignment->pool);
      case 4:
        return reader->Text(&assignment->territory);
      case 5:
        return reader->Text(&assignment->rule);
      case 6:
        return ReadInteger(*reader, &assignment->ticket);
      case 7: {
        if (!reader->has_bytes()) return false;
        if (assignment->steps.empty()) assignment->steps.reserve(kUsualSteps);
        auto& step = assignment->steps.emplace_back();
        return ReadTwoTexts(reader, &step.what, &step.answer);
      }
    }
    return false;
  });
}

template <typename P>
bool ReadHit(Reader* outer, P* payload) {
  if (!outer->has_bytes()) return false;
  auto& hit = payload->hits.emplace_back();
  return ReadPart(outer, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return reader->Text(&hit.key);
      case 2:
        return reader->Text(&hit.lead);
      case 3:
        return ReadBool(*reader, &hit.exclusive);
    }
    return false;
  });
}

template <typename P>
bool ReadDetail(Reader* outer, P* payload) {
  if (!outer->has_bytes()) return false;
  auto& [name, text] = payload->details.emplace_back();
  return ReadTwoTexts(outer, &name, &text);
}

template <typename P>
bool ReadImage(Reader* outer, P* payload) {
  if (!outer->has_bytes()) return false;
  if (payload->images.empty()) payload->images.reserve(kUsualImages);
  auto& image = payload->images.emplace_back();
  return ReadPart(outer, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return reader->Text(&image.id);
      case 2:
        return ReadBool(*reader, &image.deleted);
    }
    std::string_view body;
    if (reader->number() > kLastImage || !reader->Bytes(&body)) return false;
    image.kind = static_cast<uint8_t>(reader->number() - kImageOffset);
    image.body = body;
    return true;
  });
}

template <typename C>
bool ReadClaim(Reader* outer, std::vector<C>* claims) {
  if (!outer->has_bytes()) return false;
  C& claim = claims->emplace_back();
  return ReadTwoTexts(outer, &claim.key, &claim.holder);
}

template <typename P>
absl::StatusOr<P> ReadPayload(std::string_view bytes) {
  P payload;
  absl::Status status = ReadMessage("event", bytes, nullptr, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return reader->has_bytes() && ReadAssignment(reader, &payload.assignment.emplace());
      case 2:
        return ReadHit(reader, &payload);
      case 3:
        return ReadDetail(reader, &payload);
      case kImagesNumber:
        return ReadImage(reader, &payload);
      case codec_internal::kClaimsNumber:
        return ReadClaim(reader, &payload.claims);
      case codec_internal::kReleasesNumber:
        return ReadClaim(reader, &payload.releases);
      case codec_internal::kFingerprintNumber:
        return reader->Text(&payload.fingerprint);
    }
    return false;
  });
  if (!status.ok()) return status;
  return payload;
}

template <typename I>
std::string_view FirstBody(const std::vector<I>& images, uint8_t kind) {
  for (const I& image : images) {
    if (image.kind == kind) return image.body;
  }
  return "";
}

}  // namespace

std::string EncodeLeadState(const LeadState& state) {
  std::string out;
  out.reserve(kUsualState);
  Writer writer(&out);
  writer.Message(1, [&] { WriteScore(state.score, &writer); });
  for (const ActivitySummary::Series& series : state.activities.series) {
    writer.Message(2, [&] { WriteSeries(series, &writer); });
  }
  writer.OptionalTimestamp(3, state.first_response_time);
  writer.OptionalTimestamp(4, state.last_activity_time);
  out += state.unknown_fields;
  return out;
}

absl::StatusOr<LeadState> DecodeLeadState(std::string_view bytes) {
  LeadState state;
  absl::Status status = ReadMessage("state", bytes, &state.unknown_fields, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return ReadScore(reader, &state.score);
      case 2:
        return ReadSeries(reader, &state.activities);
      case 3:
        return reader->Moment(&state.first_response_time);
      case 4:
        return reader->Moment(&state.last_activity_time);
    }
    return false;
  });
  if (!status.ok()) return status;
  return state;
}

std::string EncodeActivity(const Activity& activity) {
  std::string out;
  Writer writer(&out);
  writer.PlainText(1, activity.id);
  writer.PlainText(2, activity.lead_id);
  writer.PlainText(3, activity.kind);
  writer.PlainText(4, activity.actor);
  if (activity.time != 0) writer.Timestamp(5, activity.time);
  if (activity.outcome) writer.Text(6, *activity.outcome);
  if (activity.next_step) writer.Text(7, *activity.next_step);
  writer.OptionalTimestamp(8, activity.due);
  for (const std::string& tag : activity.tags) writer.Text(9, tag);
  for (const auto& [name, attribute] : activity.attributes) {
    writer.Message(10, [&] { WriteAttribute(name, attribute, &writer); });
  }
  out += activity.unknown_fields;
  return out;
}

absl::StatusOr<Activity> DecodeActivity(std::string_view bytes) {
  Activity activity;
  const auto read = [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return reader->Text(&activity.id);
      case 2:
        return reader->Text(&activity.lead_id);
      case 3:
        return reader->Text(&activity.kind);
      case 4:
        return reader->Text(&activity.actor);
      case 5:
        return reader->Moment(&activity.time);
      case 6:
        return reader->has_bytes() && reader->Text(&activity.outcome.emplace());
      case 7:
        return reader->has_bytes() && reader->Text(&activity.next_step.emplace());
      case 8:
        return reader->Moment(&activity.due);
      case 9:
        return ReadTextItem(reader, &activity.tags);
      case 10:
        return ReadAttribute(reader, &activity);
    }
    return false;
  };
  absl::Status status = ReadMessage("activity", bytes, &activity.unknown_fields, read);
  if (!status.ok()) return status;
  return activity;
}

void codec_internal::WriteImage(uint32_t kind, std::string_view id, const std::string* body,
                                Writer* writer) {
  writer->Message(kImagesNumber, [&] {
    writer->PlainText(1, id);
    if (body == nullptr) writer->Varint(2, 1);
    writer->Bytes(kind + kImageOffset, body == nullptr ? std::string_view() : *body);
  });
}

void codec_internal::WriteClaim(uint32_t number, std::string_view key, std::string_view holder,
                                Writer* writer) {
  writer->Message(number, [&] {
    writer->PlainText(1, key);
    writer->PlainText(2, holder);
  });
}

std::string_view EventPayload::Body(uint8_t kind) const { return FirstBody(images, kind); }
std::string_view EventPayloadView::Body(uint8_t kind) const { return FirstBody(images, kind); }

std::string EncodeEventPayload(const EventPayload& payload) {
  std::string out;
  out.reserve(kUsualPayload);
  Writer writer(&out);
  if (payload.assignment) {
    writer.Message(1, [&] { WriteAssignment(*payload.assignment, &writer); });
  }
  for (const KeyHit& hit : payload.hits) {
    writer.Message(2, [&] {
      writer.PlainText(1, hit.key);
      writer.PlainText(2, hit.lead);
      writer.PlainVarint(3, hit.exclusive ? 1 : 0);
    });
  }
  for (const auto& [name, text] : payload.details) {
    writer.Message(3, [&] {
      writer.PlainText(1, name);
      writer.PlainText(2, text);
    });
  }
  for (const RecordImage& image : payload.images) {
    codec_internal::WriteImage(image.kind, image.id, image.deleted ? nullptr : &image.body,
                               &writer);
  }
  for (const ClaimImage& claim : payload.claims) {
    codec_internal::WriteClaim(codec_internal::kClaimsNumber, claim.key, claim.holder, &writer);
  }
  for (const ClaimImage& claim : payload.releases) {
    codec_internal::WriteClaim(codec_internal::kReleasesNumber, claim.key, claim.holder, &writer);
  }
  writer.PlainText(codec_internal::kFingerprintNumber, payload.fingerprint);
  return out;
}

absl::StatusOr<EventPayload> DecodeEventPayload(std::string_view bytes) {
  return ReadPayload<EventPayload>(bytes);
}
absl::StatusOr<EventPayloadView> ViewEventPayload(std::string_view bytes) {
  return ReadPayload<EventPayloadView>(bytes);
}

std::string EncodeCommandOutcome(const CommandOutcome& outcome) {
  std::string out;
  Writer writer(&out);
  writer.PlainText(1, outcome.code);
  for (const std::string& id : outcome.ids) writer.Text(2, id);
  return out;
}

absl::StatusOr<CommandOutcome> DecodeCommandOutcome(std::string_view bytes) {
  CommandOutcome outcome;
  absl::Status status = ReadMessage("outcome", bytes, nullptr, [&](Reader* reader) {
    switch (reader->number()) {
      case 1:
        return reader->Text(&outcome.code);
      case 2:
        return ReadTextItem(reader, &outcome.ids);
    }
    return false;
  });
  if (!status.ok()) return status;
  return outcome;
}

}  // namespace leadcore
