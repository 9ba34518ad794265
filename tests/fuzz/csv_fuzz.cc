// SPDX-License-Identifier: Apache-2.0
//
// Any bytes through the reader: no crash, row numbers without gaps, lines that only rise, refusals
// without cells. What was read is written and read again: the same header, rows and blanks. The
// cells also go through the columns and fields of a lead.
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/csv.h"

namespace {

using namespace leadcore;

void Check(bool truth) {
  if (!truth) std::abort();
}

struct Table {
  std::vector<std::string> header;
  std::vector<std::vector<std::optional<std::string>>> rows;
};

// False when the file as a whole is refused.
bool Read(std::string_view text, const CsvOptions& options, Table* table) {
  absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text), options);
  if (!reader.ok()) return false;
  table->header = reader->header();
  int64_t number = 0;
  int64_t line = 1;
  CsvRow row;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&row);
    if (!more.ok()) return false;
    if (!*more) return true;
    Check(row.number == ++number);
    Check(row.line > line || number == 1);
    line = row.line;
    Check(row.cells.size() <= table->header.size());
    Check(!row.refused() || row.cells.empty());
    if (row.refused()) continue;
    auto& cells = table->rows.emplace_back();
    for (const std::string_view cell : row.cells) {
      if (cell.data() == nullptr) {
        cells.emplace_back();
      } else {
        cells.emplace_back(cell);
      }
    }
    // One blank cell alone ("," below one column) can only be written as "".
    if (cells.size() == 1 && !cells[0]) cells[0] = "";
  }
}

std::string Write(const Table& table) {
  CsvWriter writer;
  for (const std::string& name : table.header) writer.AddPresent(name);
  writer.EndRow();
  for (const auto& row : table.rows) {
    for (const auto& cell : row) writer.AddOptional(cell);
    writer.EndRow();
  }
  return writer.Take();
}

void IntoLeads(const Table& table) {
  const auto& schema = Schema::BuiltIn();
  const absl::StatusOr<ColumnMap> map = MapHeader(table.header, *schema, {});
  Check(map.ok() && map->columns.size() == table.header.size());
  CellOptions options;
  options.canonical = map->canonical;
  for (size_t at = 0; at < table.rows.size() && at < 4; ++at) {
    const auto& row = table.rows[at];
    Lead lead(schema);
    for (size_t i = 0; i < row.size(); ++i) {
      if (row[i]) (void)ReadCell(map->columns[i], *row[i], options, &lead);
    }
    for (const FieldId field : ExportFields(*schema, false)) {
      const Field& about = schema->at(field);
      const auto cell = WriteCell(about, lead[field], CsvForm::kSpreadsheet);
      if (!cell) continue;
      Lead back(schema);
      CellOptions letter;
      letter.canonical = true;
      Check(ReadCell({"", field, "", ""}, *cell, letter, &back).ok());
      Check(SameValue(lead[field], back[field]));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  CsvOptions options;
  options.max_cell = 200;  // within reach of short inputs
  options.max_record = 500;
  options.max_columns = 20;
  Table table;
  if (!Read(text, options, &table)) return 0;
  IntoLeads(table);
  CsvOptions plain;
  plain.delimiter = ',';
  Table again;
  Check(Read(Write(table), plain, &again));
  Check(again.header == table.header);
  Check(again.rows == table.rows);
  return 0;
}
