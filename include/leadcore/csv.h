// SPDX-License-Identifier: Apache-2.0
//
// CSV: records from bytes, columns to fields, cells to values, and the way back.
//
// Nothing here reads or writes a file: bytes come from and go to the caller. The pieces stand in
// the order of their use: CsvReader, MapHeader, ReadCell; then WriteCell and CsvWriter.
//
// A cell is a std::string_view. Where nothing stood between two delimiters its data() is nullptr;
// a quoted "" has data(). The difference is what keeps absent and empty text apart in our own
// exports (ColumnMap::canonical); in files of other systems both mean "nothing".
#ifndef LEADCORE_CSV_H_
#define LEADCORE_CSV_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "leadcore/value.h"

namespace leadcore {

// ---- Reading -----------------------------------------------------------------------------------

enum class CsvEncoding : uint8_t {
  // A byte order mark, or NULs in every other byte (UTF-16), decide; else UTF-8, and a record that
  // is not UTF-8 is read as Windows-1252, the superset of Latin-1.
  kDetect,
  kUtf8,  // what is not UTF-8 becomes U+FFFD
  kUtf16Le,
  kUtf16Be,
  kWindows1252
};
// "utf-8", "utf-16le", "utf-16be", "windows-1252" and their usual other names, any case ("latin1",
// "utf8"); "detect". nullopt for another word.
std::optional<CsvEncoding> CsvEncodingFromName(std::string_view name);

struct CsvOptions {
  CsvEncoding encoding = CsvEncoding::kDetect;
  // One ASCII character. 0: a first line "sep=;" decides, else the one of , ; tab | : ^ ~ that
  // gives the header and the first records the same number of cells, two or more; else the comma.
  char delimiter = 0;
  // Limits of one cell in bytes, of one record in bytes, of columns, of rows.
  size_t max_cell = size_t{1} << 20;
  size_t max_record = size_t{16} << 20;
  size_t max_columns = 4096;
  int64_t max_rows = 10'000'000;
};

struct CsvRow {
  int64_t number = 0;  // from 1; the header has none; refused rows count, blank lines do not
  int64_t line = 0;    // from 1: the physical line where it starts
  // May be fewer than the header has: those at the end are absent. UTF-8 without NUL. Valid until
  // the next call of Next.
  std::vector<std::string_view> cells;
  // Not empty: the row could not be read, and this is why, in words for the person who has to mend
  // it. `cells` is empty then, and `text` is the start of the row's first line (UTF-8).
  std::string refusal;
  std::string text;

  bool refused() const { return !refusal.empty(); }
};

// Reads records of RFC 4180 and of what is found in the wild: any of the delimiters above, lines
// that end in LF, CR or CRLF, also mixed; a quote inside an unquoted cell is a character; spaces
// and tabs around an unquoted cell or around quotes are dropped. A line of nothing but spaces is no
// row.
//
// A record whose quotes do not add up, or that passes a limit, is refused, and reading goes on with
// the next physical line after the one where it began: one bad quote never costs the rest of the
// file. Thread-compatible; holds one record and one chunk in memory.
class CsvReader {
 public:
  // Fills the span from its front and returns how many bytes it wrote; 0 is the end.
  using Source = std::function<absl::StatusOr<size_t>(std::span<char>)>;

  // Reads the header. INVALID_ARGUMENT: the file is empty, binary or a spreadsheet, the header has
  // too many columns or cannot be read, an option makes no sense; or what the source returned.
  static absl::StatusOr<CsvReader> Open(Source source, const CsvOptions& options = {});
  CsvReader(CsvReader&&) noexcept;
  CsvReader& operator=(CsvReader&&) noexcept;
  ~CsvReader();

  // False at the end of the file. A row with more cells than the header is refused unless the
  // extra ones are blank. Fails when the source fails or there are more rows than max_rows; the
  // reader is at its end then.
  absl::StatusOr<bool> Next(CsvRow* row);

  const std::vector<std::string>& header() const;  // as written; trailing blank names are dropped
  char delimiter() const;
  // What the bytes turned out to be, so far: "utf-8", "utf-16le", "utf-16be", "windows-1252",
  // "utf-8 and windows-1252".
  std::string encoding() const;

 private:
  struct Impl;
  explicit CsvReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// A source over bytes in memory, which must outlive it.
CsvReader::Source CsvFromText(std::string_view text);

// ---- Columns -----------------------------------------------------------------------------------

// The column that import adds to the rows it writes back; a file that has it is read without it.
inline constexpr std::string_view kRejectColumn = "reject_reason";

struct CsvColumn {
  std::string header;            // as written
  std::optional<FieldId> field;  // none: the column is not imported
  std::string kind;              // of a number in other_phones: "home", "company", "fax"; else ""
  std::string reason;            // why it is not imported
};

struct ColumnMap {
  std::vector<CsvColumn> columns;  // one per column of the file
  // An export of ours: every column is exactly a field's name (or kRejectColumn), `id` and
  // `version` among them. Its cells are read to the letter: "" is an empty text, spaces stay.
  bool canonical = false;
  std::vector<std::string> unused;  // headers of `given` that the file does not have

  const CsvColumn* Find(FieldId field) const;  // nullptr when no column holds it
};

// What a caller knows of a file's columns: header -> field name; a blank field ignores the column.
using GivenColumns = std::vector<std::pair<std::string, std::string>>;

// Finds the field of every column: by `given` (earlier entries win; pass those of --map before the
// model's), by the field's own name, by the headers that HubSpot, Salesforce, Pipedrive, Zoho,
// Dynamics 365, Odoo, Apollo and the lead forms of Meta, Google and LinkedIn write, then by the
// same without a remark in parentheses. Case, spaces and punctuation do not matter (LeadSource,
// "Lead Source" and lead_source are one). Of two columns for one field the first keeps it; the next
// e-mail goes to other_emails, the next phone to other_phones, any other is not imported. Fields
// that the engine computes or numbers itself are not imported either (but `id` of other systems is
// the external id).
// INVALID_ARGUMENT: `given` names a field that does not exist or that nobody may set.
absl::StatusOr<ColumnMap> MapHeader(std::span<const std::string> header, const Schema& schema,
                                    const GivenColumns& given);

// OK when some column holds an external id, a name, a company, an e-mail address or a phone number;
// else INVALID_ARGUMENT, one sentence with the headers seen: the file holds no leads.
absl::Status CheckColumns(const ColumnMap& map);

// The file of --map: CSV of two columns, `header,field`, with that line first; a blank field
// ignores the column.
absl::StatusOr<GivenColumns> ParseColumnFile(std::string_view text);

// ---- Cells -------------------------------------------------------------------------------------

struct CellOptions {
  ParseOptions parse;
  bool canonical = false;  // ColumnMap::canonical
};

// Reads one cell into column.field of `lead`; nothing happens for a column without one, and for a
// cell that says nothing (see the top of this file). Fields that hold something are replaced, lists
// grow. Text is taken as it is, trimmed when not canonical. Choices match in any case.
// Meta's prefixes are dropped from ids and phones ("l:" "ag:" "as:" "c:" "f:" "p:"), as is the
// apostrophe of SpreadsheetSafe.
//   List of texts: a JSON array of strings; else split at ";" and line breaks; where there are
//   none, at ",". Blank pieces are dropped. List of records: a JSON array of objects whose members
//   are those of the field, all texts.
// INVALID_ARGUMENT says what was expected; the lead is unchanged then.
absl::Status ReadCell(const CsvColumn& column, std::string_view cell, const CellOptions& options,
                      Lead* lead);

enum class CsvForm : uint8_t {
  kData,        // the cell is the value
  kSpreadsheet  // and no spreadsheet takes it for a formula
};

// The canonical cell of a value of `field`; nullopt when absent. Scalars by FormatValue; a list of
// texts joined by ";" where that reads back the same, else as a JSON array; records as a JSON
// array. For either form ReadCell gives the same value back, given CellOptions::canonical.
std::optional<std::string> WriteCell(const Field& field, const Value& value, CsvForm form);

// An apostrophe in front of what a spreadsheet would take for a formula: a start of = + - @ (also
// full-width), tab, CR or LF, behind any apostrophes. Plain numbers and E.164 phones ("-12.5",
// "+14155550100") are no formulas and stay.
std::string SpreadsheetSafe(std::string_view cell);
// Takes that apostrophe off again. Text that merely looks protected ("'=x") is protected by
// WriteCell in both forms, so both come back to the letter.
std::string_view WithoutSpreadsheetGuard(std::string_view cell);

// ---- Writing -----------------------------------------------------------------------------------

// Appends RFC 4180 with comma and LF to a string that it owns. Quotes only where needed: what
// CsvReader gives back (with the delimiter set to the comma) is what was added.
class CsvWriter {
 public:
  void Add(std::string_view cell);         // "" is left blank
  void AddPresent(std::string_view cell);  // "" is written as a quoted empty text
  // nullopt is left blank, "" is quoted.
  void AddOptional(const std::optional<std::string>& cell);
  void EndRow();  // a row has at least one cell; one blank cell alone is written as ""

  const std::string& text() const { return text_; }
  std::string Take();  // the text so far; the writer is empty then

 private:
  void Append(std::string_view cell, bool quoted);

  std::string text_;
  size_t row_start_ = 0;
  bool first_ = true;
};

// Whether a file may set the field: not those that the engine computes or numbers itself.
bool IsImportable(const Field& field);
// The fields of an export in table order; `derived` with those that the engine computes.
std::vector<FieldId> ExportFields(const Schema& schema, bool derived);
void WriteHeader(const Schema& schema, std::span<const FieldId> fields, CsvWriter* writer);
void WriteLead(const Lead& lead, std::span<const FieldId> fields, CsvForm form, CsvWriter* writer);

}  // namespace leadcore

#endif  // LEADCORE_CSV_H_
