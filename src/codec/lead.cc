// SPDX-License-Identifier: Apache-2.0
//
// A lead to bytes and back: one loop over the field table, no code for single fields.
#include <algorithm>
#include <bit>
#include <span>

#include "codec/lead_peek.h"
#include "codec/wire.h"
#include "leadcore/codec.h"

namespace leadcore {
namespace {

using codec_internal::CheckSize;
using codec_internal::Damaged;
using codec_internal::Reader;
using codec_internal::RealBits;
using codec_internal::Writer;

constexpr uint32_t kCustomNumber = 1000;
constexpr uint32_t kCustomName = 1;
// Beside the texts of a decoded lead, for its id and what is set next; bytes.
constexpr size_t kRoomForMore = 128;
constexpr size_t kUsualLead = 768;  // bytes

// Members of leadcore.v1.CustomField; 0: custom fields have no such kind.
uint32_t CustomMember(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::kText:
      return 2;
    case Value::Kind::kInteger:
      return 3;
    case Value::Kind::kReal:
      return 4;
    case Value::Kind::kBoolean:
      return 5;
    case Value::Kind::kTime:
      return 6;
    case Value::Kind::kDate:
      return 7;
    case Value::Kind::kDuration:
      return 8;
    case Value::Kind::kMoney:
      return 9;
    case Value::Kind::kTextList:
      return 10;
    case Value::Kind::kAbsent:
    case Value::Kind::kRecordList:
      break;
  }
  return 0;
}

Value::Kind KindOf(const Field& field) { return StoredKind(field.type, field.shape); }

bool InTable(const Field& field) { return field.id < field::kBuiltInCount; }

// ---- Writing

void WriteDate(uint32_t number, Date date, Writer* writer) {
  writer->Message(number, [&] {
    writer->PlainVarint(1, static_cast<uint64_t>(int64_t{date.year}));
    writer->PlainVarint(2, date.month);
    writer->PlainVarint(3, date.day);
  });
}

void WriteMoney(uint32_t number, const Money& money, Writer* writer) {
  writer->Message(number, [&] {
    writer->PlainText(1, money.currency.text());
    writer->PlainVarint(2, static_cast<uint64_t>(money.minor));
  });
}

void WriteRecord(const Record& record, Writer* writer) {
  for (size_t i = 0; i < record.size(); ++i) {
    if (record[i]) writer->Text(static_cast<uint32_t>(i + 1), *record[i]);
  }
}

void WriteValue(uint32_t number, const Value& value, Writer* writer) {
  switch (value.kind()) {
    case Value::Kind::kAbsent:
      return;
    case Value::Kind::kText:
      return writer->Text(number, value.text());
    case Value::Kind::kInteger:
      return writer->Varint(number, static_cast<uint64_t>(value.integer()));
    case Value::Kind::kReal:
      return writer->Fixed64(number, RealBits(value.real()));
    case Value::Kind::kBoolean:
      return writer->Varint(number, value.boolean() ? 1 : 0);
    case Value::Kind::kTime:
      return writer->Timestamp(number, value.micros());
    case Value::Kind::kDate:
      return WriteDate(number, value.date(), writer);
    case Value::Kind::kDuration:
      return writer->Duration(number, value.micros());
    case Value::Kind::kMoney:
      return WriteMoney(number, value.money(), writer);
    case Value::Kind::kTextList:
      return writer->Message(number, [&] {
        for (const std::string& item : value.texts()) writer->Text(1, item);
      });
    case Value::Kind::kRecordList:
      return writer->Message(number, [&] {
        for (const Record& record : value.records()) {
          writer->Message(1, [&] { WriteRecord(record, writer); });
        }
      });
  }
}

void WriteCustom(const Field& field, const Value& value, Writer* writer) {
  writer->Message(kCustomNumber, [&] {
    writer->Text(kCustomName, field.name);
    WriteValue(CustomMember(value.kind()), value, writer);
  });
}

// ---- Reading

// Reads members into values; what lists point to lies here until the next one is read.
class ValueReader {
 public:
  // The current member of `reader` as a value of the field; absent when it is of another wire type
  // or has parts that are not known. What is out of range is the reader's fault.
  Value Read(const Field& field, Reader* reader) {
    uint64_t bits = 0;
    int64_t micros = 0;
    std::string_view bytes;
    switch (KindOf(field)) {
      case Value::Kind::kText:
        return reader->Text(&bytes) ? Value::Text(bytes) : Value();
      case Value::Kind::kInteger:
        return reader->Varint(&bits) ? Value::Integer(static_cast<int64_t>(bits)) : Value();
      case Value::Kind::kReal:
        return reader->Fixed64(&bits) ? Value::Real(std::bit_cast<double>(bits)) : Value();
      case Value::Kind::kBoolean:
        return reader->Varint(&bits) ? Value::Boolean(bits != 0) : Value();
      case Value::Kind::kTime:
        return reader->Moment(&micros) ? Value::Time(micros) : Value();
      case Value::Kind::kDuration:
        return reader->Moment(&micros) ? Value::Duration(micros) : Value();
      case Value::Kind::kDate:
        return reader->Bytes(&bytes) ? ReadDate(bytes, reader) : Value();
      case Value::Kind::kMoney:
        return reader->Bytes(&bytes) ? ReadMoney(bytes, reader) : Value();
      case Value::Kind::kTextList:
        return reader->Bytes(&bytes) ? ReadTexts(bytes, reader) : Value();
      case Value::Kind::kRecordList:
        return reader->Bytes(&bytes) ? ReadRecords(bytes, field.member_count(), reader) : Value();
      case Value::Kind::kAbsent:
        break;
    }
    return {};
  }

 private:
  static Value ReadDate(std::string_view bytes, Reader* outer) {
    uint64_t parts[3] = {0, 0, 0};
    bool known = true;
    Reader reader(bytes);
    while (reader.Next()) {
      known &= reader.number() <= 3 && reader.Varint(&parts[reader.number() - 1]);
    }
    if (!reader.Finish(known, outer)) return {};
    const auto year = static_cast<int32_t>(parts[0]);
    if (year != static_cast<int16_t>(year) || parts[1] > 255 || parts[2] > 255) {
      outer->Fail("not a date");
    }
    return Value::OfDate({static_cast<int16_t>(year), static_cast<uint8_t>(parts[1]),
                          static_cast<uint8_t>(parts[2])});
  }

  static Value ReadMoney(std::string_view bytes, Reader* outer) {
    std::string_view code;
    uint64_t minor = 0;
    bool known = true;
    Reader reader(bytes);
    while (reader.Next()) {
      known &= (reader.number() == 1 && reader.Text(&code)) ||
               (reader.number() == 2 && reader.Varint(&minor));
    }
    if (!reader.Finish(known, outer)) return {};
    const absl::StatusOr<Currency> currency = ParseCurrency(code);
    if (!currency.ok()) outer->Fail(Message(currency.status()));
    return Value::OfMoney({static_cast<int64_t>(minor), currency.value_or(Currency())});
  }

  Value ReadTexts(std::string_view bytes, Reader* outer) {
    texts_.clear();
    bool known = true;
    std::string_view text;
    Reader reader(bytes);
    while (reader.Next()) {
      known &= reader.number() == 1 && reader.Text(&text);
      texts_.emplace_back(text);
      if (texts_.size() > kLongestList) reader.Fail("a list is too long");
    }
    return reader.Finish(known, outer) ? Value::TextList(texts_) : Value();
  }

  Value ReadRecords(std::string_view bytes, size_t member_count, Reader* outer) {
    records_.clear();
    bool known = true;
    std::string_view content;
    Reader reader(bytes);
    while (reader.Next()) {
      known &= reader.number() == 1 && reader.Bytes(&content);
      known &= ReadRecord(content, &records_.emplace_back(member_count), &reader);
      if (records_.size() > kLongestList) reader.Fail("a list is too long");
    }
    return reader.Finish(known, outer) ? Value::RecordList(records_) : Value();
  }

  static bool ReadRecord(std::string_view bytes, Record* record, Reader* outer) {
    bool known = true;
    std::string_view text;
    Reader reader(bytes);
    while (reader.Next()) {
      if (reader.number() <= record->size() && reader.Text(&text)) {
        (*record)[reader.number() - 1] = text;
      } else {
        known = false;
      }
    }
    return reader.Finish(known, outer);
  }

  std::vector<std::string> texts_;
  std::vector<Record> records_;
};

// The name in a leadcore.v1.CustomField; "" when there is none that can be read.
std::string_view CustomFieldName(std::string_view bytes) {
  std::string_view name;
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.number() == kCustomName) reader.Text(&name);
  }
  return reader.ok() ? name : std::string_view();
}

const Field* FindCustom(const Schema& schema, std::string_view name) {
  const Field* field = schema.Find(name);
  return field != nullptr && !InTable(*field) ? field : nullptr;
}

// The field that the current member is about, known or not in what it holds; or nullptr.
const Field* FieldOf(const Schema& schema, const Reader& reader) {
  std::string_view bytes;
  if (reader.number() <= field::kBuiltInCount) {
    return &schema.at(static_cast<FieldId>(reader.number() - 1));
  }
  if (reader.number() != kCustomNumber || !reader.Bytes(&bytes)) return nullptr;
  return FindCustom(schema, CustomFieldName(bytes));
}

// The members of `unknown` whose fields have no value in `lead`: an older value that could not be
// read must not come back after an edit.
std::string StillUnknown(const Lead& lead, std::string_view unknown) {
  std::string out;
  Reader reader(unknown);
  while (reader.Next()) {
    const Field* field = FieldOf(lead.schema(), reader);
    if (field == nullptr || !lead.has(field->id)) out += reader.whole();
  }
  return out;
}

// The field that the current member, a CustomField, is about, and its value; nullptr when it is to
// be kept as unknown. What lists point to lies in `values`.
const Field* ReadCustom(const Schema& schema, Reader* outer, ValueReader* values, Value* value) {
  std::string_view bytes;
  if (!outer->Bytes(&bytes)) return nullptr;
  const Field* field = FindCustom(schema, CustomFieldName(bytes));
  const uint32_t member = field == nullptr ? 0 : CustomMember(KindOf(*field));
  bool known = member != 0;
  *value = Value();
  std::string_view name;
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.number() == kCustomName && reader.Text(&name)) continue;
    *value = known && reader.number() == member ? values->Read(*field, &reader) : Value();
    known = !value->absent();
  }
  return reader.Finish(known, outer) && !value->absent() ? field : nullptr;
}

// The fields for which `wanted` says yes, one after the other.
template <typename Wanted, typename Sink>
absl::Status ReadFields(std::string_view bytes, const Schema& schema, bool custom, Wanted&& wanted,
                        Sink&& sink) {
  if (absl::Status status = CheckSize(bytes, "lead"); !status.ok()) return status;
  ValueReader values;
  Reader reader(bytes);
  while (reader.Next()) {
    if (reader.number() <= field::kBuiltInCount) {
      const Field& field = schema.at(static_cast<FieldId>(reader.number() - 1));
      if (!wanted(field.id)) continue;
      const Value value = values.Read(field, &reader);
      if (!value.absent()) sink(field, value);
    } else if (custom && reader.number() == kCustomNumber) {
      Value value;
      const Field* field = ReadCustom(schema, &reader, &values, &value);
      if (field != nullptr && wanted(field->id)) sink(*field, value);
    }
  }
  if (!reader.ok()) return Damaged("lead: ", reader.fault());
  return absl::OkStatus();
}

}  // namespace

std::string EncodeLead(const Lead& lead, LeadForm form) {
  std::string out;
  out.reserve(kUsualLead);
  Writer writer(&out);
  std::vector<const Field*> custom;
  for (const Field& field : lead.schema().fields()) {
    const bool elsewhere = field.derived() || field.id == field::kId || field.id == field::kVersion;
    if (!lead.has(field.id) || (elsewhere && form == LeadForm::kStored)) continue;
    if (InTable(field)) {
      WriteValue(field.id + 1u, lead[field.id], &writer);
    } else {
      custom.push_back(&field);
    }
  }
  std::sort(custom.begin(), custom.end(),
            [](const Field* a, const Field* b) { return a->name < b->name; });
  for (const Field* field : custom) WriteCustom(*field, lead[field->id], &writer);
  if (!lead.unknown_fields().empty()) out += StillUnknown(lead, lead.unknown_fields());
  return out;
}

absl::StatusOr<Lead> DecodeLead(std::string_view bytes, std::shared_ptr<const Schema> schema) {
  if (absl::Status status = CheckSize(bytes, "lead"); !status.ok()) return status;
  Lead lead(std::move(schema));
  lead.ReserveTexts(bytes.size() + kRoomForMore);
  ValueReader values;
  std::string unknown;
  Reader reader(bytes);
  while (reader.Next()) {
    bool known = false;
    if (reader.number() <= field::kBuiltInCount) {
      const Field& field = lead.schema().at(static_cast<FieldId>(reader.number() - 1));
      const Value value = values.Read(field, &reader);
      known = !value.absent();
      if (!reader.ok()) return Damaged("lead: field ", field.name, ": ", reader.fault());
      if (known) lead.Set(field.id, value);
    } else if (reader.number() == kCustomNumber) {
      Value value;
      const Field* field = ReadCustom(lead.schema(), &reader, &values, &value);
      known = field != nullptr;
      if (known) lead.Set(field->id, value);
    }
    if (!known) unknown += reader.whole();
  }
  if (!reader.ok()) return Damaged("lead: ", reader.fault());
  if (!unknown.empty()) lead.set_unknown_fields(StillUnknown(lead, unknown));
  return lead;
}

LeadPeek::LeadPeek(const Schema& schema, std::span<const FieldId> fields)
    : schema_(schema),
      wanted_(schema.size()),
      values_(schema.size()),
      fields_(fields.begin(), fields.end()) {
  for (const FieldId id : fields_) {
    const Field& field = schema.at(id);
    const bool elsewhere = field.derived() || id == field::kId || id == field::kVersion;
    if (elsewhere || field.shape == Shape::kList) possible_ = false;
    custom_ = custom_ || !InTable(field);
    wanted_[id] = true;
  }
}

absl::StatusOr<LeadView> LeadPeek::Read(std::string_view bytes) {
  for (const FieldId id : fields_) values_[id] = Value();
  const auto wanted = [this](FieldId id) { return wanted_[id]; };
  const auto take = [this](const Field& field, const Value& value) { values_[field.id] = value; };
  const absl::Status status = ReadFields(bytes, schema_, custom_, wanted, take);
  if (!status.ok()) return status;
  return LeadView{values_, nullptr};
}

absl::Status EachLeadField(std::string_view bytes, const Schema& schema,
                           absl::FunctionRef<void(const Field&, const Value&)> sink) {
  return ReadFields(
      bytes, schema, true, [](FieldId) { return true; }, sink);
}

}  // namespace leadcore
