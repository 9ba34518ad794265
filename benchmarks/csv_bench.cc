// SPDX-License-Identifier: Apache-2.0
//
// CSV: reading records, reading them into leads, and writing leads.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <string>
#include <vector>

#include "leadcore/csv.h"

namespace {

using namespace leadcore;

constexpr int kRows = 20'000;

// Eight columns as a CRM exports them; `quoted`: every cell in quotes.
std::string MakeFile(bool quoted) {
  const std::string q = quoted ? "\"" : "";
  std::string text =
      "Record ID,First Name,Last Name,Email,Phone,Company,No. of Employees,Created\n";
  for (int i = 0; i < kRows; ++i) {
    const std::string n = std::to_string(i);
    const std::vector<std::string> cells = {n,
                                            "Ann" + n,
                                            "Köhler",
                                            "ann" + n + "@example.com",
                                            "+1415555" + std::to_string(1000 + i % 9000),
                                            "Acme Widgets " + n,
                                            std::to_string(i % 5000),
                                            "2026-11-23"};
    for (size_t c = 0; c < cells.size(); ++c) text += (c == 0 ? "" : ",") + q + cells[c] + q;
    text += '\n';
  }
  return text;
}

void Finish(benchmark::State& state, size_t bytes) {
  state.SetItemsProcessed(state.iterations() * kRows);
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(bytes));
}

void BM_ReadRecords(benchmark::State& state) {
  const std::string text = MakeFile(state.range(0) != 0);
  for (auto _ : state) {
    absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text));
    CsvRow row;
    while (*reader->Next(&row)) benchmark::DoNotOptimize(row.cells.data());
  }
  Finish(state, text.size());
}
BENCHMARK(BM_ReadRecords)->ArgName("quoted")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

void BM_ReadLeads(benchmark::State& state) {
  const std::string text = MakeFile(false);
  const auto& schema = Schema::BuiltIn();
  for (auto _ : state) {
    absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text));
    const absl::StatusOr<ColumnMap> map = MapHeader(reader->header(), *schema, {});
    const CellOptions options;
    CsvRow row;
    while (*reader->Next(&row)) {
      Lead lead(schema);
      for (size_t i = 0; i < row.cells.size(); ++i) {
        benchmark::DoNotOptimize(ReadCell(map->columns[i], row.cells[i], options, &lead));
      }
    }
  }
  Finish(state, text.size());
}
BENCHMARK(BM_ReadLeads)->Unit(benchmark::kMillisecond);

void BM_WriteLeads(benchmark::State& state) {
  const auto& schema = Schema::BuiltIn();
  const std::vector<FieldId> fields = ExportFields(*schema, true);
  const auto form = state.range(0) != 0 ? CsvForm::kSpreadsheet : CsvForm::kData;
  Lead lead(schema);
  lead.SetText(field::kFullName, "Ann Köhler");
  lead.SetText(field::kEmail, "ann@example.com");
  lead.SetText(field::kPhone, "+14155550100");
  lead.SetText(field::kCompany, "Acme \"Best\" Widgets, Inc.");
  lead.Set(field::kEmployeeCount, Value::Integer(1200));
  lead.AppendText(field::kTags, "vip");
  size_t bytes = 0;
  for (auto _ : state) {
    CsvWriter writer;
    WriteHeader(*schema, fields, &writer);
    for (int i = 0; i < kRows; ++i) WriteLead(lead, fields, form, &writer);
    bytes = writer.text().size();
  }
  Finish(state, bytes);
}
BENCHMARK(BM_WriteLeads)->ArgName("spreadsheet")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace
