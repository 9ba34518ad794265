// SPDX-License-Identifier: Apache-2.0
#include "lead_writer.h"

#include <iostream>

#include "json_out.h"

namespace leadcore::cli {

void PrintLead(const Lead& lead) {
  JsonWriter json;
  json.StartObject();
  WriteFields(lead, &json);
  json.EndObject();
  std::cout << json.Take() << "\n";
}

LeadWriter::LeadWriter(const Schema& schema, std::string_view format)
    : json_(format == "jsonl"),
      form_(format == "csv" ? CsvForm::kData : CsvForm::kSpreadsheet),
      fields_(ExportFields(schema, true)) {
  if (json_) return;
  WriteHeader(schema, fields_, &csv_);
  std::cout << csv_.Take();
}

void LeadWriter::Write(const Lead& lead) {
  if (json_) return PrintLead(lead);
  WriteLead(lead, fields_, form_, &csv_);
  std::cout << csv_.Take();
}

}  // namespace leadcore::cli
