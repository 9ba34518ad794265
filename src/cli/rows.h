// SPDX-License-Identifier: Apache-2.0
//
// Rows of a CSV file as leads: the way from a path to a Lead that import and score share.
#ifndef LEADCORE_SRC_CLI_ROWS_H_
#define LEADCORE_SRC_CLI_ROWS_H_

#include <cstdint>
#include <cstdio>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "context.h"
#include "leadcore/csv.h"
#include "leadcore/lead.h"
#include "leadcore/model.h"

namespace leadcore::cli {

// A file that is read twice: once for its hash, once for its rows. stdin is spooled first.
class InputFile {
 public:
  InputFile() = default;
  InputFile(InputFile&& other) noexcept;
  InputFile& operator=(InputFile&&) = delete;
  ~InputFile();

  // "-" is stdin.
  static absl::StatusOr<InputFile> Open(const std::string& path);

  // 32 hex digits over all bytes.
  const std::string& hash() const { return hash_; }
  int64_t size() const { return size_; }
  int64_t position() const { return position_; }
  // For CsvReader; this object must outlive it.
  CsvReader::Source Source();
  // Back to the first byte.
  void Rewind();

 private:
  std::FILE* file_ = nullptr;
  std::string hash_;
  int64_t size_ = 0;
  int64_t position_ = 0;
};

// Where the bytes of a text go: a hash of 32 hex digits.
std::string HashText(std::string_view text);

// The rows of one file under one model.
class RowReader {
 public:
  // Refuses a file that holds no leads.
  static absl::StatusOr<std::unique_ptr<RowReader>> Open(const Options& options, const Model& model,
                                                         InputFile* input);

  const CsvReader& csv() const { return *csv_; }
  const ColumnMap& map() const { return map_; }
  // Headers of columns that are not imported.
  std::vector<std::string> Unmapped() const;
  // Everything that decides what a row means, as text: what a request id covers.
  std::string Resolved() const;

  // False at the end. A row that could not be read is refused.
  absl::StatusOr<bool> Next(CsvRow* row) { return csv_->Next(row); }
  // The lead of a row; what its fields cannot take stands in data_issues.
  Lead ToLead(const CsvRow& row) const;

 private:
  RowReader(const Model& model, CsvReader csv) : model_(model), csv_(std::move(csv)) {}

  const Model& model_;
  std::optional<CsvReader> csv_;
  ColumnMap map_;
  CellOptions cell_options_;
  std::set<std::string> placeholders_;                            // folded
  std::map<FieldId, std::map<std::string, std::string>> values_;  // as written, folded -> as meant
};

}  // namespace leadcore::cli

#endif  // LEADCORE_SRC_CLI_ROWS_H_
