// SPDX-License-Identifier: Apache-2.0
//
// Leads on stdout, in the formats of `export`.
#ifndef LEADCORE_SRC_CLI_LEAD_WRITER_H_
#define LEADCORE_SRC_CLI_LEAD_WRITER_H_

#include <string_view>
#include <vector>

#include "leadcore/csv.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"

namespace leadcore::cli {

// All fields as one line of JSON.
void PrintLead(const Lead& lead);

class LeadWriter {
 public:
  // "csv", "spreadsheet" or "jsonl"; writes the header line, if there is one.
  LeadWriter(const Schema& schema, std::string_view format);
  void Write(const Lead& lead);

 private:
  const bool json_;
  const CsvForm form_;
  const std::vector<FieldId> fields_;
  CsvWriter csv_;
};

}  // namespace leadcore::cli

#endif  // LEADCORE_SRC_CLI_LEAD_WRITER_H_
