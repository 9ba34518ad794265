// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <utility>

#include "leadcore/csv.h"

namespace leadcore {
namespace {

// Cells that CsvReader would not give back as they are without quotes: besides those with a
// delimiter, quote or line end, those with spaces around them, and the first cells of a file that
// say something about it (byte order mark, "sep=", the control characters of a zip file).
bool NeedsQuotes(std::string_view cell) {
  if (cell.empty()) return false;
  const auto is_space = [](char c) { return c == ' ' || c == '\t'; };
  if (is_space(cell.front()) || is_space(cell.back())) return true;
  if (cell.starts_with("\xef\xbb\xbf") || cell.starts_with("sep=")) return true;
  for (const char c : cell) {
    if (c == ',' || c == '"' || static_cast<unsigned char>(c) < 0x20) return true;
  }
  return false;
}

}  // namespace

void CsvWriter::Append(std::string_view cell, bool quoted) {
  if (!first_) text_.push_back(',');
  first_ = false;
  if (!quoted) {
    text_.append(cell);
    return;
  }
  text_.push_back('"');
  for (size_t at = 0; at < cell.size();) {
    const size_t quote = std::min(cell.find('"', at), cell.size());
    text_.append(cell.substr(at, quote - at));
    if (quote < cell.size()) text_.append("\"\"");
    at = quote + 1;
  }
  text_.push_back('"');
}

void CsvWriter::Add(std::string_view cell) { Append(cell, NeedsQuotes(cell)); }

void CsvWriter::AddPresent(std::string_view cell) {
  Append(cell, cell.empty() || NeedsQuotes(cell));
}

void CsvWriter::AddOptional(const std::optional<std::string>& cell) {
  if (cell) {
    AddPresent(*cell);
  } else {
    Add({});
  }
}

void CsvWriter::EndRow() {
  // One blank cell alone would be a blank line, which is no row.
  if (text_.size() == row_start_) text_.append("\"\"");
  text_.push_back('\n');
  row_start_ = text_.size();
  first_ = true;
}

std::string CsvWriter::Take() {
  row_start_ = 0;
  first_ = true;
  return std::exchange(text_, {});
}

bool IsImportable(const Field& field) {
  return !field.derived() && field.id != field::kId && field.id != field::kVersion &&
         field.id != field::kMergedInto;
}

std::vector<FieldId> ExportFields(const Schema& schema, bool derived) {
  std::vector<FieldId> fields;
  for (const Field& field : schema.fields()) {
    if (derived || !field.derived()) fields.push_back(field.id);
  }
  return fields;
}

void WriteHeader(const Schema& schema, std::span<const FieldId> fields, CsvWriter* writer) {
  for (const FieldId field : fields) writer->Add(schema.at(field).name);
  writer->EndRow();
}

void WriteLead(const Lead& lead, std::span<const FieldId> fields, CsvForm form, CsvWriter* writer) {
  for (const FieldId field : fields) {
    writer->AddOptional(WriteCell(lead.schema().at(field), lead[field], form));
  }
  writer->EndRow();
}

}  // namespace leadcore
