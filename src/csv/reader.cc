// SPDX-License-Identifier: Apache-2.0
#include <csv.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "csv/encoding.h"
#include "csv/frame.h"
#include "leadcore/csv.h"
#include "text.h"

namespace leadcore {

using csv_internal::Detected;
using csv_internal::Frame;

namespace {

constexpr size_t kChunk = size_t{256} << 10;
constexpr size_t kDetectionSample = 4096;
constexpr size_t kShownText = 1000;  // bytes of a refused row that are given back
constexpr std::string_view kZipMark = "PK\x03\x04";

// The cells of one record: libcsv unquotes them into one text.
class Cells {
 public:
  Cells() {
    if (csv_init(&parser_, CSV_EMPTY_IS_NULL) != 0) failed_ = true;
    csv_set_blk_size(&parser_, 4096);
  }
  ~Cells() { csv_free(&parser_); }
  Cells(const Cells&) = delete;
  Cells& operator=(const Cells&) = delete;

  // False when there was no memory. The views live until the next call.
  bool Parse(std::string_view record, char delimiter, std::vector<std::string_view>* out) {
    text_.clear();
    cells_.clear();
    csv_set_delim(&parser_, static_cast<unsigned char>(delimiter));
    const size_t read = csv_parse(&parser_, record.data(), record.size(), AddCell, EndRow, this);
    if (failed_ || read != record.size()) return false;
    if (csv_fini(&parser_, AddCell, EndRow, this) != 0) return false;
    out->clear();
    for (const Cell& cell : cells_) {
      out->push_back(cell.blank ? std::string_view()
                                : std::string_view(text_).substr(cell.from, cell.size));
    }
    return true;
  }

 private:
  struct Cell {
    size_t from = 0;
    size_t size = 0;
    bool blank = false;
  };

  static void AddCell(void* bytes, size_t size, void* self) {
    auto* cells = static_cast<Cells*>(self);
    cells->cells_.push_back({cells->text_.size(), size, bytes == nullptr});
    if (bytes != nullptr) cells->text_.append(static_cast<const char*>(bytes), size);
  }
  static void EndRow(int /*line_end*/, void* /*self*/) {}

  csv_parser parser_ = {};
  bool failed_ = false;
  std::string text_;
  std::vector<Cell> cells_;
};

bool IsBlank(std::string_view cell) {
  return cell.find_first_not_of(" \t\r\n") == std::string_view::npos;
}

absl::Status CheckOptions(const CsvOptions& options) {
  const auto delimiter = static_cast<unsigned char>(options.delimiter);
  if (delimiter >= 0x80 ||
      std::string_view(" \"\r\n").find(options.delimiter) != std::string::npos) {
    return InvalidArgument(
        "the delimiter must be one ASCII character other than a quote, a space or a line end");
  }
  if (options.max_cell == 0 || options.max_record == 0 || options.max_columns == 0) {
    return InvalidArgument("a limit of the CSV reader is 0");
  }
  return absl::OkStatus();
}

// The start of a refused row as it can be shown and written back.
std::string ShownText(std::string_view line, CsvEncoding encoding) {
  if (line.size() > kShownText) {
    line = line.substr(0, kShownText);
    // Not in the middle of a character.
    while (!line.empty() && (line.back() & 0xc0) == 0x80) line.remove_suffix(1);
    if (!line.empty() && (line.back() & 0xc0) == 0xc0) line.remove_suffix(1);
  }
  const bool windows =
      encoding == CsvEncoding::kWindows1252 || (encoding == CsvEncoding::kDetect && !IsUtf8(line));
  std::string text = windows ? csv_internal::FromWindows1252(line) : ToUtf8(line);
  std::replace(text.begin(), text.end(), '\0', ' ');
  return text;
}

}  // namespace

struct CsvReader::Impl {
  Impl(Source source_in, const CsvOptions& options_in)
      : source(std::move(source_in)), options(options_in) {}

  absl::Status Start();
  absl::Status Fill();
  absl::Status DetectStart();
  absl::Status TakeDelimiter();
  absl::Status ReadHeader();
  absl::StatusOr<bool> SkipBlank();
  absl::StatusOr<Frame> Measure();
  absl::Status RefuseLine(std::string reason, CsvRow* row);
  absl::Status ReadRow(CsvRow* row);
  std::string ReadCells(const Frame& frame, std::vector<std::string_view>* out);
  void Advance(const Frame& frame);
  absl::StatusOr<bool> Next(CsvRow* row);

  std::string_view rest() const { return std::string_view(buffer).substr(at); }
  std::string FirstLine() const {
    return ShownText(rest().substr(0, rest().find_first_of("\r\n")), encoding);
  }

  Source source;
  CsvOptions options;
  CsvEncoding encoding = CsvEncoding::kDetect;
  std::optional<csv_internal::Utf16Decoder> utf16;
  std::string raw;     // bytes before their encoding is known, then one chunk
  std::string buffer;  // decoded from UTF-16, else as they came
  size_t at = 0;       // where the next record begins in `buffer`
  bool at_end = false;
  bool done = false;
  bool seen_utf8 = false;  // a record past ASCII
  bool seen_windows = false;
  int64_t line = 1;  // of `at`
  int64_t rows = 0;
  std::vector<std::string> header;
  Cells cells;
  std::string decoded;  // the current record, where it was not UTF-8
};

// Adds to the buffer at least as much as is pending in it, so that measuring a long record again
// and again stays linear.
absl::Status CsvReader::Impl::Fill() {
  if (at > 0) {
    buffer.erase(0, at);
    at = 0;
  }
  const size_t wanted = std::max(kChunk, buffer.size());
  size_t got = 0;
  while (!at_end && got < wanted) {
    raw.resize(kChunk);
    const absl::StatusOr<size_t> read = source(std::span<char>(raw.data(), raw.size()));
    if (!read.ok()) return read.status();
    if (*read > raw.size()) return Internal("the source wrote past the end of its buffer");
    at_end = *read == 0;
    got += *read;
    const std::string_view bytes = std::string_view(raw).substr(0, *read);
    if (utf16) {
      utf16->Append(bytes, &buffer);
      if (at_end) utf16->Finish(&buffer);
    } else {
      buffer.append(bytes);
    }
  }
  return absl::OkStatus();
}

absl::Status CsvReader::Impl::DetectStart() {
  if (absl::Status status = Fill(); !status.ok()) return status;
  if (buffer.empty()) {
    return InvalidArgument("the file is empty: it needs a line with the names of its columns");
  }
  if (buffer.starts_with(kZipMark)) {
    return InvalidArgument(
        "the file is a spreadsheet or an archive (zip), not CSV: save it as CSV");
  }
  const Detected detected =
      csv_internal::DetectEncoding(std::string_view(buffer).substr(0, kDetectionSample));
  encoding = options.encoding;
  if (encoding == CsvEncoding::kDetect) encoding = detected.encoding;
  if (encoding == detected.encoding) buffer.erase(0, detected.mark);
  if (encoding == CsvEncoding::kUtf16Le || encoding == CsvEncoding::kUtf16Be) {
    utf16.emplace(encoding == CsvEncoding::kUtf16Be);
    std::string text;
    utf16->Append(buffer, &text);
    if (at_end) utf16->Finish(&text);
    buffer = std::move(text);
  }
  return absl::OkStatus();
}

// "sep=;" in the first line, as spreadsheets write it, or the one that fits.
absl::Status CsvReader::Impl::TakeDelimiter() {
  constexpr std::string_view kDirective = "sep=";
  const std::string_view text = rest();
  if (text.starts_with(kDirective)) {
    const size_t next = csv_internal::NextLine(text, kDirective.size() + 1, true);
    const size_t named = text.find_first_of("\r\n");
    if (named == kDirective.size() + 1) {
      if (options.delimiter == 0) options.delimiter = text[kDirective.size()];
      at += next;
      ++line;
    }
  }
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (options.delimiter == 0) {
    options.delimiter = csv_internal::SniffDelimiter(rest(), at_end, options);
  }
  return absl::OkStatus();
}

absl::Status CsvReader::Impl::Start() {
  if (absl::Status status = CheckOptions(options); !status.ok()) return status;
  if (absl::Status status = DetectStart(); !status.ok()) return status;
  if (absl::Status status = TakeDelimiter(); !status.ok()) return status;
  return ReadHeader();
}

absl::Status CsvReader::Impl::ReadHeader() {
  const absl::StatusOr<bool> more = SkipBlank();
  if (!more.ok()) return more.status();
  if (!*more) {
    return InvalidArgument("the file is blank: it needs a line with the names of its columns");
  }
  const absl::StatusOr<Frame> frame = Measure();
  if (!frame.ok()) return frame.status();
  std::string reason = frame->reason;
  std::vector<std::string_view> names;
  if (frame->kind == Frame::Kind::kRecord) reason = ReadCells(*frame, &names);
  if (!reason.empty()) {
    return InvalidArgument("line ", line, ": the header cannot be read: ", reason);
  }
  header.assign(names.begin(), names.end());
  while (header.size() > 1 && IsBlank(header.back())) header.pop_back();
  Advance(*frame);
  return absl::OkStatus();
}

// Moves to the next record. False at the end of the file.
absl::StatusOr<bool> CsvReader::Impl::SkipBlank() {
  while (true) {
    while (at < buffer.size()) {
      const char c = buffer[at];
      if (c == '\n' || c == '\r') {
        const size_t next = csv_internal::NextLine(rest(), 0, at_end);
        if (next == std::string_view::npos) break;
        at += next;
        ++line;
      } else if ((c == ' ' || c == '\t') && c != options.delimiter) {
        ++at;  // also before a record: spaces around a cell say nothing
      } else {
        return true;
      }
    }
    if (at == buffer.size() && at_end) return false;
    if (absl::Status status = Fill(); !status.ok()) return status;
  }
}

absl::StatusOr<Frame> CsvReader::Impl::Measure() {
  while (true) {
    Frame frame = csv_internal::FrameRecord(rest(), options.delimiter, at_end, options);
    if (frame.kind != Frame::Kind::kMore) return frame;
    if (absl::Status status = Fill(); !status.ok()) return status;
  }
}

void CsvReader::Impl::Advance(const Frame& frame) {
  const std::string_view record = rest().substr(0, frame.next);
  if (frame.quoted) {
    line += static_cast<int64_t>(csv_internal::CountLines(record));
  } else if (frame.next > frame.size) {
    ++line;
  }
  at += frame.next;
}

// The cells of a measured record, or why there are none.
std::string CsvReader::Impl::ReadCells(const Frame& frame, std::vector<std::string_view>* out) {
  std::string_view record = rest().substr(0, frame.size);
  if (record.find('\0') != std::string_view::npos) {
    return "it holds a NUL byte: the file is damaged or is not text";
  }
  const bool windows = encoding == CsvEncoding::kWindows1252;
  const bool ascii = std::none_of(record.begin(), record.end(), [](char c) { return (c & 0x80); });
  if (!ascii) {
    const bool utf8 = !windows && IsUtf8(record);
    if (windows || (!utf8 && encoding == CsvEncoding::kDetect)) {
      decoded = csv_internal::FromWindows1252(record);
      record = decoded;
      seen_windows = true;
    } else if (!utf8) {
      decoded = ToUtf8(record);
      record = decoded;
    } else {
      seen_utf8 = true;
    }
  }
  if (!cells.Parse(record, options.delimiter, out)) return "there is not enough memory for it";
  return {};
}

// Refuses the record at the current position and moves behind its first line.
absl::Status CsvReader::Impl::RefuseLine(std::string reason, CsvRow* row) {
  row->cells.clear();
  row->refusal = std::move(reason);
  row->text = FirstLine();
  while (true) {
    const size_t next = csv_internal::NextLine(rest(), 0, at_end);
    if (next != std::string_view::npos) {
      at += next;
      ++line;
      return absl::OkStatus();
    }
    // The rest of an endless line is dropped; a "\r" at the end may be half of a line end.
    const bool half = at < buffer.size() && buffer.back() == '\r' && !at_end;
    at = half ? buffer.size() - 1 : buffer.size();
    if (at_end) return absl::OkStatus();
    if (absl::Status status = Fill(); !status.ok()) return status;
  }
}

absl::Status CsvReader::Impl::ReadRow(CsvRow* row) {
  const absl::StatusOr<Frame> frame = Measure();
  if (!frame.ok()) return frame.status();
  if (frame->kind == Frame::Kind::kRefused) return RefuseLine(frame->reason, row);
  row->refusal = ReadCells(*frame, &row->cells);
  while (row->cells.size() > header.size() && IsBlank(row->cells.back())) row->cells.pop_back();
  if (row->cells.size() > header.size()) {
    row->refusal = Cat("the row has ", row->cells.size(), " cells, the header names ",
                       header.size(), "; is a cell with the delimiter in it not quoted?");
  }
  if (row->refused()) {
    row->text = FirstLine();
    row->cells.clear();
  }
  Advance(*frame);
  return absl::OkStatus();
}

absl::StatusOr<bool> CsvReader::Impl::Next(CsvRow* row) {
  row->cells.clear();
  row->refusal.clear();
  row->text.clear();
  if (done) return false;
  absl::StatusOr<bool> more = SkipBlank();
  absl::Status status = more.status();
  if (status.ok() && *more && rows >= options.max_rows) {
    status = InvalidArgument("line ", line, ": the file has more than ", options.max_rows,
                             " rows: split it");
  }
  if (status.ok() && *more) {
    row->number = ++rows;
    row->line = line;
    status = ReadRow(row);
  }
  done = !status.ok() || !*more;
  if (!status.ok()) return status;
  return *more;
}

CsvReader::CsvReader(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
CsvReader::CsvReader(CsvReader&&) noexcept = default;
CsvReader& CsvReader::operator=(CsvReader&&) noexcept = default;
CsvReader::~CsvReader() = default;

absl::StatusOr<CsvReader> CsvReader::Open(Source source, const CsvOptions& options) {
  auto impl = std::make_unique<Impl>(std::move(source), options);
  if (absl::Status status = impl->Start(); !status.ok()) return status;
  return CsvReader(std::move(impl));
}

absl::StatusOr<bool> CsvReader::Next(CsvRow* row) { return impl_->Next(row); }
const std::vector<std::string>& CsvReader::header() const { return impl_->header; }
char CsvReader::delimiter() const { return impl_->options.delimiter; }

std::string CsvReader::encoding() const {
  switch (impl_->encoding) {
    case CsvEncoding::kUtf16Le:
      return "utf-16le";
    case CsvEncoding::kUtf16Be:
      return "utf-16be";
    case CsvEncoding::kWindows1252:
      return "windows-1252";
    case CsvEncoding::kUtf8:
    case CsvEncoding::kDetect:
      break;
  }
  if (!impl_->seen_windows) return "utf-8";
  return impl_->seen_utf8 ? "utf-8 and windows-1252" : "windows-1252";
}

CsvReader::Source CsvFromText(std::string_view text) {
  return [text](std::span<char> out) mutable -> absl::StatusOr<size_t> {
    const size_t size = std::min(out.size(), text.size());
    std::memcpy(out.data(), text.data(), size);
    text.remove_prefix(size);
    return size;
  };
}

}  // namespace leadcore
