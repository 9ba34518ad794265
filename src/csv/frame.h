// SPDX-License-Identifier: Apache-2.0
//
// Where a CSV record ends. libcsv takes a record apart, but goes on for ever when a quote is not
// closed and swallows the rows that follow text behind a closing quote; so each record is measured
// first, and only one whose quotes add up is given to libcsv.
#ifndef LEADCORE_SRC_CSV_FRAME_H_
#define LEADCORE_SRC_CSV_FRAME_H_

#include <cstddef>
#include <string>
#include <string_view>

#include "leadcore/csv.h"

namespace leadcore::csv_internal {

struct Frame {
  enum class Kind { kRecord, kMore, kRefused };
  Kind kind = Kind::kMore;
  size_t size = 0;      // bytes of the record without its line end
  size_t next = 0;      // where the next line begins
  size_t cells = 0;     // how many it has
  bool quoted = false;  // some cell is quoted: the record may span lines
  std::string reason;   // of kRefused
};

// Measures the record at the front of `data`, which is not blank. kMore: it goes on past the end of
// `data` and `at_end` is false.
Frame FrameRecord(std::string_view data, char delimiter, bool at_end, const CsvOptions& limits);

// Past the first line end at or after `from`: "\n", "\r" or "\r\n". npos: there is none, or it is a
// "\r" at the end of `data` that more data could make a "\r\n".
size_t NextLine(std::string_view data, size_t from, bool at_end);

// How many line ends `data` holds.
size_t CountLines(std::string_view data);

// The delimiter that makes most sense of the start of a file; `at_end`: of the whole file.
char SniffDelimiter(std::string_view start, bool at_end, const CsvOptions& limits);

}  // namespace leadcore::csv_internal

#endif  // LEADCORE_SRC_CSV_FRAME_H_
