// SPDX-License-Identifier: Apache-2.0
//
// Leads for benchmarks: the generator's, read as an import reads them.
#ifndef LEADCORE_BENCHMARKS_LEADS_H_
#define LEADCORE_BENCHMARKS_LEADS_H_

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "generator/generator.h"
#include "leadcore/commands.h"
#include "leadcore/csv.h"
#include "leadcore/model.h"

namespace leadcore::bench {

// `originals`: without rows that repeat a person or are broken.
inline std::string MakeCsv(size_t count, uint64_t seed, bool originals = false) {
  generator::Leads leads(seed);
  CsvWriter csv;
  for (const std::string_view column : generator::Columns()) csv.Add(column);
  csv.EndRow();
  for (size_t made = 0; made < count;) {
    const generator::Row row = leads.Next();
    if (originals && row.kind != generator::RowKind::kOriginal) continue;
    for (const std::string& cell : row.cells) csv.Add(cell);
    csv.EndRow();
    ++made;
  }
  return csv.Take();
}

// Every row as the lead that an import would submit; what a cell cannot be is left out.
inline std::vector<Lead> ReadLeads(const Model& model, const std::string& csv) {
  std::vector<Lead> leads;
  CsvReader reader = *CsvReader::Open(CsvFromText(csv));
  const ColumnMap map = *MapHeader(reader.header(), *model.schema(), {});
  CsvRow row;
  while (*reader.Next(&row)) {
    Lead lead(model.schema());
    for (size_t i = 0; i < row.cells.size(); ++i) {
      static_cast<void>(ReadCell(map.columns[i], row.cells[i], {}, &lead));
    }
    leads.push_back(std::move(lead));
  }
  return leads;
}

}  // namespace leadcore::bench

#endif  // LEADCORE_BENCHMARKS_LEADS_H_
