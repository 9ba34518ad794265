// SPDX-License-Identifier: Apache-2.0
//
// generator COUNT SEED: COUNT made-up leads as CSV on stdout, the truth about them on stderr.
#include <cstdlib>
#include <iostream>
#include <string>

#include "generator/generator.h"
#include "leadcore/csv.h"

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: generator COUNT SEED >leads.csv 2>truth.csv\n";
    return 2;
  }
  generator::Leads leads(std::strtoull(argv[2], nullptr, 10));
  leadcore::CsvWriter rows, truth;
  for (const std::string_view column : generator::Columns()) rows.Add(column);
  rows.EndRow();
  for (const std::string_view column : {"row", "kind", "person", "original"}) truth.Add(column);
  truth.EndRow();
  const size_t count = std::strtoull(argv[1], nullptr, 10);
  for (size_t i = 1; i <= count; ++i) {
    const generator::Row row = leads.Next();
    for (const std::string& cell : row.cells) rows.Add(cell);
    rows.EndRow();
    truth.Add(std::to_string(i));
    truth.Add(generator::RowKindName(row.kind));
    truth.Add(std::to_string(row.person));
    truth.Add(std::to_string(row.original));
    truth.EndRow();
    std::cout << rows.Take();
    std::cerr << truth.Take();
  }
  return std::cout.flush() && std::cerr.flush() ? 0 : 1;
}
