// SPDX-License-Identifier: Apache-2.0
#include "csv/frame.h"

#include <cstring>

#include "text.h"

namespace leadcore::csv_internal {
namespace {

constexpr char kQuote = '"';

bool IsLineEnd(char c) { return c == '\n' || c == '\r'; }

// The state of one measurement: a position that moves over the cells of one record.
class Framer {
 public:
  Framer(std::string_view data, char delimiter, bool at_end, const CsvOptions& limits)
      : data_(data), delimiter_(delimiter), at_end_(at_end), limits_(limits) {}

  Frame Run() {
    do {
      cell_ = at_;
      if (++frame_.cells > limits_.max_columns) {
        return Refuse("the row has more than ", limits_.max_columns, " columns");
      }
      SkipSpaces();
      if (at_ < data_.size() && data_[at_] == kQuote) {
        if (!QuotedCell()) return frame_;
      } else if (!PlainCell()) {
        return frame_;
      }
    } while (TakeDelimiter());
    if (at_ == data_.size() && !at_end_) return TooLong() ? frame_ : More();
    return End();
  }

 private:
  template <typename... Pieces>
  Frame Refuse(const Pieces&... pieces) {
    frame_.kind = Frame::Kind::kRefused;
    frame_.reason = Cat(pieces...);
    return frame_;
  }

  Frame More() {
    frame_.kind = Frame::Kind::kMore;
    return frame_;
  }

  void SkipSpaces() {
    while (at_ < data_.size() && (data_[at_] == ' ' || data_[at_] == '\t') &&
           data_[at_] != delimiter_) {
      ++at_;
    }
  }

  bool TakeDelimiter() {
    if (at_ == data_.size() || data_[at_] != delimiter_) return false;
    ++at_;
    return true;
  }

  // True, and the frame refused, when the cell or the record is past its limit.
  bool TooLong() {
    if (at_ - cell_ > limits_.max_cell) {
      Refuse("the cell in column ", frame_.cells, " is longer than ", limits_.max_cell, " bytes",
             open_ ? "; is its quote closed?" : "");
      return true;
    }
    if (at_ > limits_.max_record) {
      Refuse("the row is longer than ", limits_.max_record, " bytes");
      return true;
    }
    return false;
  }

  // Up to the delimiter or line end. False when the frame is decided.
  bool PlainCell() {
    while (at_ < data_.size() && data_[at_] != delimiter_ && !IsLineEnd(data_[at_])) ++at_;
    return !TooLong();
  }

  // From the opening quote past the closing one and the spaces behind it. False when the frame is
  // decided.
  bool QuotedCell() {
    frame_.quoted = true;
    open_ = true;
    ++at_;
    while (true) {
      const void* quote = std::memchr(data_.data() + at_, kQuote, data_.size() - at_);
      at_ = quote == nullptr ? data_.size()
                             : static_cast<size_t>(static_cast<const char*>(quote) - data_.data());
      if (TooLong()) return false;
      if (quote == nullptr) break;
      ++at_;
      if (at_ < data_.size() && data_[at_] == kQuote) {
        ++at_;
        continue;
      }
      open_ = false;
      break;
    }
    if (open_) {
      if (at_end_) {
        Refuse("the quote that opens in column ", frame_.cells, " is never closed");
      } else {
        More();
      }
      return false;
    }
    SkipSpaces();
    if (at_ == data_.size() || data_[at_] == delimiter_ || IsLineEnd(data_[at_])) return true;
    Refuse("text follows the closing quote in column ", frame_.cells,
           "; a quote inside a quoted cell is written twice");
    return false;
  }

  Frame End() {
    frame_.size = at_;
    const size_t next = at_ == data_.size() ? at_ : NextLine(data_, at_, at_end_);
    if (next == std::string_view::npos) return More();
    frame_.next = next;
    frame_.kind = Frame::Kind::kRecord;
    return frame_;
  }

  std::string_view data_;
  char delimiter_;
  bool at_end_;
  const CsvOptions& limits_;
  size_t at_ = 0;
  size_t cell_ = 0;    // where the current cell begins
  bool open_ = false;  // inside quotes
  Frame frame_;
};

// Past the lines at the front that hold nothing but spaces and tabs.
size_t SkipBlankLines(std::string_view data) {
  size_t from = 0;
  for (size_t at = 0; at < data.size(); ++at) {
    if (IsLineEnd(data[at])) {
      from = at + 1;
    } else if (data[at] != ' ' && data[at] != '\t') {
      return from;
    }
  }
  return data.size();
}

// How well a delimiter fits: the share of records with as many cells as the header, and that
// number.
struct Fit {
  size_t tenths = 0;
  size_t cells = 0;
};

Fit FitOf(std::string_view start, char delimiter, bool at_end, const CsvOptions& limits) {
  constexpr size_t kRecords = 50;
  Fit fit;
  size_t records = 0;
  size_t same = 0;
  while (records < kRecords) {
    start.remove_prefix(SkipBlankLines(start));
    if (start.empty()) break;
    const Frame frame = FrameRecord(start, delimiter, at_end, limits);
    if (frame.kind == Frame::Kind::kMore) break;
    if (records == 0) {
      if (frame.kind != Frame::Kind::kRecord || frame.cells < 2) return {};
      fit.cells = frame.cells;
    }
    ++records;
    const bool read = frame.kind == Frame::Kind::kRecord;
    if (read && frame.cells == fit.cells) ++same;
    const size_t next = read ? frame.next : NextLine(start, 0, true);
    if (next == std::string_view::npos) break;
    start.remove_prefix(next);
  }
  fit.tenths = records == 0 ? 0 : same * 10 / records;
  return fit;
}

}  // namespace

Frame FrameRecord(std::string_view data, char delimiter, bool at_end, const CsvOptions& limits) {
  return Framer(data, delimiter, at_end, limits).Run();
}

size_t NextLine(std::string_view data, size_t from, bool at_end) {
  const size_t at = data.find_first_of("\r\n", from);
  if (at == std::string_view::npos) return at;
  if (data[at] == '\n') return at + 1;
  if (at + 1 == data.size()) return at_end ? at + 1 : std::string_view::npos;
  return data[at + 1] == '\n' ? at + 2 : at + 1;
}

size_t CountLines(std::string_view data) {
  size_t lines = 0;
  for (size_t i = 0; i < data.size(); ++i) {
    const bool pair = data[i] == '\r' && i + 1 < data.size() && data[i + 1] == '\n';
    lines += IsLineEnd(data[i]) && !pair;
  }
  return lines;
}

char SniffDelimiter(std::string_view start, bool at_end, const CsvOptions& limits) {
  char best = ',';
  Fit best_fit;
  // The rare ones stand in headers of other files ("Lead: Name") and count only when no usual one
  // fits at least half of the records.
  for (const std::string_view delimiters : {",;\t|", ":^~"}) {
    for (const char delimiter : delimiters) {
      const Fit fit = FitOf(start, delimiter, at_end, limits);
      const bool better =
          fit.tenths != best_fit.tenths ? fit.tenths > best_fit.tenths : fit.cells > best_fit.cells;
      if (better) {
        best = delimiter;
        best_fit = fit;
      }
    }
    if (best_fit.tenths >= 5) break;
  }
  return best;
}

}  // namespace leadcore::csv_internal
