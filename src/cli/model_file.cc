// SPDX-License-Identifier: Apache-2.0
#include "model_file.h"

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "json_out.h"
#include "leadcore/csv.h"
#include "model/json.h"
#include "text.h"

namespace leadcore::cli {
namespace {

// A table beside the model: its columns by lower-case name, its rows.
struct Table {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;

  // The cell of a column, "" where there is none.
  std::string Cell(const std::vector<std::string>& row, std::string_view column) const {
    const auto at = std::find(columns.begin(), columns.end(), column);
    const auto index = static_cast<size_t>(at - columns.begin());
    return index < row.size() ? row[index] : std::string();
  }
};

absl::StatusOr<Table> ReadTable(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(*text));
  if (!reader.ok()) return reader.status();
  Table table;
  for (std::string name : reader->header()) {
    for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    table.columns.push_back(std::move(name));
  }
  CsvRow row;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&row);
    if (!more.ok()) return more.status();
    if (!*more) return table;
    if (row.refused()) return InvalidArgument(path, ":", row.line, ": ", row.refusal);
    std::vector<std::string> cells;
    for (const std::string_view cell : row.cells) cells.emplace_back(cell);
    table.rows.push_back(std::move(cells));
  }
}

using Cells = std::vector<std::string>;

absl::Status WriteNumber(const std::string& text, std::string_view column, JsonWriter* json) {
  const absl::StatusOr<Value> value = ParseValue(Type::kReal, text, {});
  if (!value.ok()) return InvalidArgument("column ", column, ": ", Message(value.status()));
  json->Real(value->real());
  return absl::OkStatus();
}

// value,points
absl::Status WritePoints(const Table& table, JsonWriter* json) {
  json->StartObject();
  for (const Cells& row : table.rows) {
    if (row.size() < 2) return InvalidArgument("a row has no points; columns are value,points");
    json->Key(row[0]);
    const absl::Status status = WriteNumber(row[1], "points", json);
    if (!status.ok()) return status;
  }
  json->EndObject();
  return absl::OkStatus();
}

// name,country,region,postal_from,postal_to; rows of one name belong together
absl::Status WriteTerritories(const Table& table, JsonWriter* json) {
  std::vector<std::string> names;
  std::map<std::string, std::vector<const Cells*>> areas;
  for (const Cells& row : table.rows) {
    const std::string name = table.Cell(row, "name");
    if (areas.find(name) == areas.end()) names.push_back(name);
    areas[name].push_back(&row);
  }
  json->StartArray();
  for (const std::string& name : names) {
    json->StartObject();
    json->Key("name");
    json->Text(name);
    json->Key("areas");
    json->StartArray();
    for (const Cells* row : areas[name]) {
      json->StartObject();
      for (const std::string_view column : {"country", "region", "postal_from", "postal_to"}) {
        json->Key(column);
        json->Text(table.Cell(*row, column));
      }
      json->EndObject();
    }
    json->EndArray();
    json->EndObject();
  }
  json->EndArray();
  return absl::OkStatus();
}

// id,name,medium,aliases; aliases are separated by ';'
absl::Status WriteSources(const Table& table, JsonWriter* json) {
  json->StartArray();
  for (const Cells& row : table.rows) {
    json->StartObject();
    for (const std::string_view column : {"id", "name", "medium"}) {
      json->Key(column);
      json->Text(table.Cell(row, column));
    }
    json->Key("aliases");
    json->StartArray();
    const std::string aliases = table.Cell(row, "aliases");
    for (size_t start = 0; start < aliases.size();) {
      const size_t end = std::min(aliases.find(';', start), aliases.size());
      if (end > start) json->Text(std::string_view(aliases).substr(start, end - start));
      start = end + 1;
    }
    json->EndArray();
    json->EndObject();
  }
  json->EndArray();
  return absl::OkStatus();
}

// id,weight,cap,active
absl::Status WriteMembers(const Table& table, JsonWriter* json) {
  json->StartArray();
  for (const Cells& row : table.rows) {
    json->StartObject();
    json->Key("id");
    json->Text(table.Cell(row, "id"));
    for (const std::string_view column : {"weight", "cap"}) {
      const std::string text = table.Cell(row, column);
      if (text.empty()) continue;
      json->Key(column);
      const absl::Status status = WriteNumber(text, column, json);
      if (!status.ok()) return status;
    }
    const std::string active = table.Cell(row, "active");
    if (!active.empty()) {
      const absl::StatusOr<Value> value = ParseValue(Type::kBoolean, active, {});
      if (!value.ok()) return InvalidArgument("column active: ", Message(value.status()));
      json->Key("active");
      json->Boolean(value->boolean());
    }
    json->EndObject();
  }
  json->EndArray();
  return absl::OkStatus();
}

absl::Status WriteFirstColumn(const Table& table, JsonWriter* json) {
  json->StartArray();
  for (const Cells& row : table.rows) {
    if (!row.empty()) json->Text(row[0]);
  }
  json->EndArray();
  return absl::OkStatus();
}

using Write = absl::Status (*)(const Table&, JsonWriter*);

// How the table that stands for a member is written out.
Write WriterOf(std::string_view member) {
  if (member == "table") return WritePoints;
  if (member == "territories") return WriteTerritories;
  if (member == "sources") return WriteSources;
  if (member == "members") return WriteMembers;
  if (member == "free" || member == "disposable" || member == "role") return WriteFirstColumn;
  return nullptr;
}

struct Mention {
  std::string member;
  size_t offset = 0;  // of the quote
  std::string file;
};

void FindMentions(const Json& json, std::vector<Mention>* mentions) {
  for (size_t i = 0; i < json.items.size(); ++i) {
    const Json& item = json.items[i];
    const bool table = json.kind == Json::Kind::kObject && item.kind == Json::Kind::kString &&
                       item.text.starts_with("@") && WriterOf(json.keys[i].first) != nullptr;
    if (table) mentions->push_back({json.keys[i].first, item.offset, item.text.substr(1)});
    FindMentions(item, mentions);
  }
}

// Each table goes in on the line where it is named, so that lines stay what they are.
bool PutTablesIn(const std::string& path, std::string* document) {
  Faults faults;
  const std::optional<Json> json = ParseJson(*document, &faults);
  if (!json) {
    ComplainOfFaults(path, faults);
    return false;
  }
  std::vector<Mention> mentions;
  FindMentions(*json, &mentions);
  for (auto mention = mentions.rbegin(); mention != mentions.rend(); ++mention) {
    const std::filesystem::path file = std::filesystem::path(path).parent_path() / mention->file;
    const absl::StatusOr<Table> table = ReadTable(file.string());
    JsonWriter written;
    const absl::Status status =
        table.ok() ? WriterOf(mention->member)(*table, &written) : table.status();
    if (!status.ok()) {
      Faults fault = {{mention->member, -1, Cat("@", mention->file, ": ", Message(status))}};
      fault[0].line =
          1 + static_cast<int>(std::count(
                  document->begin(),
                  document->begin() + static_cast<std::ptrdiff_t>(mention->offset), '\n'));
      const size_t line_start = document->rfind('\n', mention->offset) + 1;
      fault[0].column = static_cast<int>(mention->offset - line_start) + 1;
      ComplainOfFaults(path, fault);
      return false;
    }
    const size_t end = document->find('"', mention->offset + 1);
    document->replace(mention->offset, end + 1 - mention->offset, written.Take());
  }
  return true;
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file || std::filesystem::is_directory(path)) {
    return NotFound(path, ": cannot be read (",
                    std::filesystem::is_directory(path) ? "a folder" : std::strerror(errno), ")");
  }
  return std::string(std::istreambuf_iterator<char>(file), {});
}

void ComplainOfFaults(const std::string& path, const Faults& faults) {
  for (const Fault& fault : faults) {
    std::cerr << path << ":" << FormatFaults({fault}) << "\n";
  }
}

std::shared_ptr<const Model> LoadModelFile(const std::string& path) {
  absl::StatusOr<std::string> document = ReadFile(path);
  if (!document.ok()) {
    std::cerr << "leadcore: " << Message(document.status()) << "\n";
    return nullptr;
  }
  if (!PutTablesIn(path, &*document)) return nullptr;
  Faults faults;
  std::shared_ptr<const Model> model = Model::Parse(*document, &faults);
  if (model == nullptr) ComplainOfFaults(path, faults);
  return model;
}

}  // namespace leadcore::cli
