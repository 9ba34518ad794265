// SPDX-License-Identifier: Apache-2.0
#include "rows.h"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <utility>

#include "leadcore/normalize.h"
#include "model_file.h"
#include "text.h"

namespace leadcore::cli {
namespace {

std::string Hex(const XXH128_hash_t& hash) {
  char hex[40];
  std::snprintf(hex, sizeof(hex), "%016llx%016llx", static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return hex;
}

// White space and case aside; punctuation counts, for "-" and "?" are placeholders too.
std::string Written(std::string_view cell) {
  std::string text = NormalizeText(cell);
  std::string folded = FoldText(text);
  return folded.empty() ? text : folded;
}

}  // namespace

std::string HashText(std::string_view text) { return Hex(XXH3_128bits(text.data(), text.size())); }

InputFile::InputFile(InputFile&& other) noexcept
    : file_(std::exchange(other.file_, nullptr)),
      hash_(std::move(other.hash_)),
      size_(other.size_),
      position_(other.position_) {}

InputFile::~InputFile() {
  if (file_ != nullptr) std::fclose(file_);
}

absl::StatusOr<InputFile> InputFile::Open(const std::string& path) {
  const bool from_stdin = path == "-";
  if (!from_stdin && std::filesystem::is_directory(path)) {
    return InvalidArgument(path, " is a folder; name a CSV file");
  }
  InputFile input;
  std::FILE* from = from_stdin ? stdin : std::fopen(path.c_str(), "rb");
  if (from == nullptr) return NotFound(path, ": cannot be read (", std::strerror(errno), ")");
  input.file_ = from_stdin ? std::tmpfile() : from;
  if (input.file_ == nullptr) {
    return FailedPrecondition("no temporary file can be made for what comes from stdin");
  }
  std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                 &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  std::vector<char> chunk(size_t{1} << 18);
  while (true) {
    const size_t read = std::fread(chunk.data(), 1, chunk.size(), from);
    if (read == 0) break;
    XXH3_128bits_update(state.get(), chunk.data(), read);
    input.size_ += static_cast<int64_t>(read);
    if (from_stdin && std::fwrite(chunk.data(), 1, read, input.file_) != read) {
      return absl::ResourceExhaustedError("the temporary file for stdin cannot be written");
    }
  }
  if (std::ferror(from) != 0) return absl::UnavailableError(ToAbsl(Cat(path, ": reading failed")));
  input.hash_ = Hex(XXH3_128bits_digest(state.get()));
  std::rewind(input.file_);
  return input;
}

void InputFile::Rewind() {
  std::rewind(file_);
  position_ = 0;
}

CsvReader::Source InputFile::Source() {
  return [this](std::span<char> into) -> absl::StatusOr<size_t> {
    const size_t read = std::fread(into.data(), 1, into.size(), file_);
    if (read == 0 && std::ferror(file_) != 0) {
      return absl::UnavailableError("reading the file failed");
    }
    position_ += static_cast<int64_t>(read);
    return read;
  };
}

absl::StatusOr<std::unique_ptr<RowReader>> RowReader::Open(const Options& options,
                                                           const Model& model, InputFile* input) {
  GivenColumns given;
  if (!options.map.empty()) {
    const absl::StatusOr<std::string> text = ReadFile(options.map);
    if (!text.ok()) return text.status();
    absl::StatusOr<GivenColumns> columns = ParseColumnFile(*text);
    if (!columns.ok()) return InvalidArgument(options.map, ": ", Message(columns.status()));
    given = *std::move(columns);
  }
  const ImportConfig& import = model.config().import;
  given.insert(given.end(), import.columns.begin(), import.columns.end());

  absl::StatusOr<CsvReader> csv = CsvReader::Open(input->Source(), options.csv);
  if (!csv.ok()) return csv.status();
  std::unique_ptr<RowReader> reader(new RowReader(model, *std::move(csv)));
  absl::StatusOr<ColumnMap> map = MapHeader(reader->csv_->header(), *model.schema(), given);
  if (!map.ok()) return map.status();
  const absl::Status holds_leads = CheckColumns(*map);
  if (!holds_leads.ok()) return holds_leads;
  reader->map_ = *std::move(map);
  reader->cell_options_ = {{model.config().currency, import.day_first, import.decimal_comma},
                           reader->map_.canonical};
  for (const std::string& text : import.placeholders) reader->placeholders_.insert(Written(text));
  for (const ImportConfig::ValueMap& values : import.values) {
    const FieldId id = model.schema()->Find(values.field)->id;
    for (const auto& [written, meant] : values.values) {
      reader->values_[id][Written(written)] = meant;
    }
  }
  return reader;
}

std::vector<std::string> RowReader::Unmapped() const {
  std::vector<std::string> headers;
  for (const CsvColumn& column : map_.columns) {
    if (!column.field && column.header != kRejectColumn) headers.push_back(column.header);
  }
  return headers;
}

std::string RowReader::Resolved() const {
  std::string text =
      Cat(csv_->delimiter(), map_.canonical ? "c" : "p", cell_options_.parse.day_first ? "d" : "m",
          cell_options_.parse.decimal_comma ? "," : ".");
  for (const CsvColumn& column : map_.columns) {
    text += Cat('\x1e', column.header, '\x1f',
                column.field ? model_.schema()->at(*column.field).name : std::string_view(), '\x1f',
                column.kind);
  }
  for (const std::string& placeholder : placeholders_) text += Cat('\x1e', placeholder);
  for (const auto& [field, values] : values_) {
    text += Cat('\x1e', model_.schema()->at(field).name);
    for (const auto& [written, meant] : values) text += Cat('\x1f', written, '\x1f', meant);
  }
  return text;
}

Lead RowReader::ToLead(const CsvRow& row) const {
  Lead lead(model_.schema());
  for (size_t i = 0; i < row.cells.size() && i < map_.columns.size(); ++i) {
    const CsvColumn& column = map_.columns[i];
    if (!column.field) continue;
    std::string_view cell = row.cells[i];
    const auto values = values_.find(*column.field);
    const bool mapped = values != values_.end();
    if (mapped || !placeholders_.empty()) {
      const std::string written = Written(cell);
      if (placeholders_.count(written) != 0) continue;
      if (mapped) {
        const auto meant = values->second.find(written);
        if (meant != values->second.end()) cell = meant->second;
      }
    }
    const absl::Status status = ReadCell(column, cell, cell_options_, &lead);
    if (!status.ok()) lead.AddIssue(model_.schema()->at(*column.field).name, cell, Message(status));
  }
  return lead;
}

}  // namespace leadcore::cli
