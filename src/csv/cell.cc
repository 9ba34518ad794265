// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "leadcore/csv.h"
#include "rapidjson.h"
#include "text.h"

namespace leadcore {
namespace {

using JsonWriter = rapidjson::Writer<rapidjson::StringBuffer>;

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

std::string_view Trimmed(std::string_view text) {
  constexpr std::string_view kSpaces = " \t\r\n\v\f";
  const size_t first = text.find_first_not_of(kSpaces);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpaces) - first + 1);
}

// [+-]digits[.digits]: a number or a phone in E.164.
bool IsPlainNumber(std::string_view text) {
  if (!text.empty() && (text[0] == '+' || text[0] == '-')) text.remove_prefix(1);
  const size_t whole = std::min(text.find_first_not_of("0123456789"), text.size());
  if (whole == 0) return false;
  if (whole == text.size()) return true;
  if (text[whole] != '.' || whole + 1 == text.size()) return false;
  return text.find_first_not_of("0123456789", whole + 1) == std::string_view::npos;
}

// The starts are those of OWASP's page on CSV injection.
bool IsFormula(std::string_view text) {
  if (text.empty() || IsPlainNumber(text)) return false;
  if (std::string_view("=+-@\t\r\n").find(text[0]) != std::string_view::npos) return true;
  for (const std::string_view wide : {"\uff1d", "\uff0b", "\uff0d", "\uff20"}) {
    if (text.starts_with(wide)) return true;
  }
  return false;
}

std::string_view WithoutApostrophes(std::string_view cell) {
  return cell.substr(std::min(cell.find_first_not_of('\''), cell.size()));
}

// The prefixes that Meta's lead files put before ids and phone numbers.
std::string_view WithoutMetaPrefix(FieldId field, std::string_view cell) {
  std::string_view prefix;
  switch (field) {
    case field::kExternalId:
      prefix = "l:";
      break;
    case field::kAdId:
      prefix = "ag:";
      break;
    case field::kAdsetId:
      prefix = "as:";
      break;
    case field::kCampaignId:
      prefix = "c:";
      break;
    case field::kFormId:
      prefix = "f:";
      break;
    case field::kPhone:
    case field::kMobilePhone:
    case field::kOtherPhones:
      prefix = "p:";
      break;
    default:
      return cell;
  }
  if (!cell.starts_with(prefix)) return cell;
  const std::string_view rest = cell.substr(prefix.size());
  return !rest.empty() && (IsDigit(rest[0]) || rest[0] == '+') ? rest : cell;
}

std::vector<std::string_view> Split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> pieces;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of(separators), text.size());
    if (const std::string_view piece = Trimmed(text.substr(0, end)); !piece.empty()) {
      pieces.push_back(piece);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return pieces;
}

// False when the text is no JSON array. Iterative: depth costs no stack.
bool ParseArray(std::string_view text, rapidjson::Document* document) {
  constexpr unsigned kFlags =
      rapidjson::kParseIterativeFlag | rapidjson::kParseValidateEncodingFlag;
  document->Parse<kFlags>(text.data(), text.size());
  return !document->HasParseError() && document->IsArray();
}

std::string_view JsonText(const rapidjson::Value& value) {
  return {value.GetString(), value.GetStringLength()};
}

bool ParseTextArray(std::string_view text, std::vector<std::string>* items) {
  rapidjson::Document document;
  if (!text.starts_with('[') || !ParseArray(text, &document)) return false;
  for (const rapidjson::Value& item : document.GetArray()) {
    if (!item.IsString()) return false;
  }
  for (const rapidjson::Value& item : document.GetArray()) items->emplace_back(JsonText(item));
  return true;
}

absl::Status ReadTextList(const CsvColumn& column, std::string_view cell, bool canonical,
                          Lead* lead) {
  std::vector<std::string> items;
  if (!ParseTextArray(cell, &items)) {
    constexpr std::string_view kSeparators = ";\r\n";
    const bool only_commas = cell.find_first_of(kSeparators) == std::string_view::npos;
    for (std::string_view piece : Split(cell, only_commas ? "," : kSeparators)) {
      if (!canonical) piece = WithoutMetaPrefix(*column.field, piece);
      const bool bare = IsDigit(piece[0]) || piece[0] == '+' || piece[0] == '(';
      items.push_back(column.kind.empty() || !bare ? std::string(piece)
                                                   : Cat(column.kind, ' ', piece));
    }
  }
  if (lead->has(*column.field)) {
    const std::span<const std::string> before = (*lead)[*column.field].texts();
    items.insert(items.begin(), before.begin(), before.end());
  }
  lead->Set(*column.field, Value::TextList(items));
  return absl::OkStatus();
}

std::vector<std::string_view> MemberNames(const Field& field) { return Split(field.members, " "); }

std::string MemberList(const Field& field) {
  std::string out(field.members);
  for (size_t at = 0; (at = out.find(' ', at)) != std::string::npos; at += 2) {
    out.replace(at, 1, ", ");
  }
  return out;
}

absl::Status ReadRecord(const Field& field, const rapidjson::Value& json, Record* record) {
  const std::vector<std::string_view> names = MemberNames(field);
  record->resize(names.size());
  if (!json.IsObject()) {
    return InvalidArgument("expected a JSON array of objects with the members ", MemberList(field));
  }
  for (const auto& member : json.GetObject()) {
    const auto at = std::find(names.begin(), names.end(), JsonText(member.name));
    if (at == names.end()) {
      return InvalidArgument("unknown member '", JsonText(member.name), "'; there are ",
                             MemberList(field));
    }
    if (!member.value.IsString()) {
      return InvalidArgument("the member '", *at, "' must be a text");
    }
    (*record)[static_cast<size_t>(at - names.begin())] = std::string(JsonText(member.value));
  }
  return absl::OkStatus();
}

absl::Status ReadRecordList(const Field& field, std::string_view cell, Lead* lead) {
  rapidjson::Document document;
  if (!ParseArray(cell, &document)) {
    return InvalidArgument("expected a JSON array of objects with the members ", MemberList(field));
  }
  std::vector<Record> records;
  if (lead->has(field.id)) {
    const std::span<const Record> before = (*lead)[field.id].records();
    records.assign(before.begin(), before.end());
  }
  for (const rapidjson::Value& item : document.GetArray()) {
    absl::Status status = ReadRecord(field, item, &records.emplace_back());
    if (!status.ok()) return status;
  }
  lead->Set(field.id, Value::RecordList(records));
  return absl::OkStatus();
}

// "Very High" is very_high.
std::string FoldChoice(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    if (c == ' ' || c == '-') c = '_';
  }
  return out;
}

absl::StatusOr<std::string_view> FindChoice(const Schema& schema, FieldId field,
                                            std::string_view text) {
  const std::vector<std::string_view> choices = schema.Choices(field);
  if (choices.empty()) return text;  // the model decides
  std::string known;
  for (const std::string_view choice : choices) {
    if (choice == text || FoldChoice(choice) == FoldChoice(text)) return choice;
    known += Cat(known.empty() ? "" : ", ", choice);
  }
  return InvalidArgument("expected one of ", known, "; found '", text, "'");
}

std::string TextListCell(std::span<const std::string> items) {
  bool simple = !items.empty();
  for (const std::string& item : items) {
    const bool plain = !item.empty() && Trimmed(item).size() == item.size() &&
                       item.find_first_of(";,\r\n") == std::string::npos;
    simple = simple && plain;
  }
  // A cell that begins with "[" or ends up guarded by an apostrophe is left to JSON.
  if (simple && items[0][0] != '[' && items[0][0] != '\'') {
    std::string joined;
    for (const std::string& item : items) joined += Cat(joined.empty() ? "" : ";", item);
    return joined;
  }
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartArray();
  for (const std::string& item : items) {
    json.String(item.data(), static_cast<rapidjson::SizeType>(item.size()));
  }
  json.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string RecordListCell(const Field& field, std::span<const Record> records) {
  const std::vector<std::string_view> names = MemberNames(field);
  rapidjson::StringBuffer buffer;
  JsonWriter json(buffer);
  json.StartArray();
  for (const Record& record : records) {
    json.StartObject();
    for (size_t i = 0; i < names.size() && i < record.size(); ++i) {
      if (!record[i]) continue;
      json.Key(names[i].data(), static_cast<rapidjson::SizeType>(names[i].size()));
      json.String(record[i]->data(), static_cast<rapidjson::SizeType>(record[i]->size()));
    }
    json.EndObject();
  }
  json.EndArray();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

std::string SpreadsheetSafe(std::string_view cell) {
  return IsFormula(WithoutApostrophes(cell)) ? Cat('\'', cell) : std::string(cell);
}

std::string_view WithoutSpreadsheetGuard(std::string_view cell) {
  const bool guarded = cell.starts_with('\'') && IsFormula(WithoutApostrophes(cell));
  return guarded ? cell.substr(1) : cell;
}

std::optional<std::string> WriteCell(const Field& field, const Value& value, CsvForm form) {
  std::string cell;
  switch (value.kind()) {
    case Value::Kind::kAbsent:
      return std::nullopt;
    case Value::Kind::kTextList:
      cell = TextListCell(value.texts());
      break;
    case Value::Kind::kRecordList:
      cell = RecordListCell(field, value.records());
      break;
    default:
      cell = FormatValue(value);
      break;
  }
  const bool looks_guarded = WithoutSpreadsheetGuard(cell).size() != cell.size();
  return form == CsvForm::kSpreadsheet || looks_guarded ? SpreadsheetSafe(cell) : cell;
}

absl::Status ReadCell(const CsvColumn& column, std::string_view cell, const CellOptions& options,
                      Lead* lead) {
  if (!column.field) return absl::OkStatus();
  const Field& field = lead->schema().at(*column.field);
  if (!options.canonical) cell = Trimmed(cell);
  if (cell.empty()) {
    const bool empty_text = options.canonical && cell.data() != nullptr && field.text() &&
                            field.shape == Shape::kScalar;
    if (empty_text) lead->SetText(field.id, {});
    return absl::OkStatus();
  }
  cell = WithoutSpreadsheetGuard(cell);
  if (field.shape == Shape::kList) {
    return field.type == Type::kRecord ? ReadRecordList(field, cell, lead)
                                       : ReadTextList(column, cell, options.canonical, lead);
  }
  if (!options.canonical) {
    cell = WithoutMetaPrefix(field.id, cell);
    if (field.type == Type::kChoice) {
      const absl::StatusOr<std::string_view> choice = FindChoice(lead->schema(), field.id, cell);
      if (!choice.ok()) return choice.status();
      cell = *choice;
    }
  }
  const absl::StatusOr<Value> value = ParseValue(field.type, cell, options.parse);
  if (!value.ok()) return value.status();
  lead->Set(field.id, *value);
  return absl::OkStatus();
}

}  // namespace leadcore
