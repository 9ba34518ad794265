// SPDX-License-Identifier: Apache-2.0
//
// Files that are damaged, huge or no CSV at all: a clear refusal of what cannot be read, and the
// rest of the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/csv.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// A row as "number@line: cells joined by |", or "number@line! the reason".
struct Outcome {
  std::vector<std::string> rows;
  std::string error;  // that ended it
};

Outcome ReadAll(std::string_view text, const CsvOptions& options = {}) {
  Outcome outcome;
  absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text), options);
  if (!reader.ok()) {
    outcome.error = std::string(reader.status().message());
    return outcome;
  }
  CsvRow row;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&row);
    if (!more.ok()) outcome.error = std::string(more.status().message());
    if (!more.ok() || !*more) return outcome;
    std::string out = std::to_string(row.number) + "@" + std::to_string(row.line);
    if (row.refused()) {
      out += "! " + row.refusal;
      EXPECT_TRUE(row.cells.empty());
    } else {
      for (size_t i = 0; i < row.cells.size(); ++i) {
        out += (i == 0 ? ": " : "|") + std::string(row.cells[i]);
      }
    }
    outcome.rows.push_back(out);
  }
}

std::string RefusalText(std::string_view text) {
  absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text));
  CsvRow row;
  while (reader.ok() && *reader->Next(&row)) {
    if (row.refused()) return row.text;
  }
  return "nothing was refused";
}

std::string Repeat(std::string_view piece, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += piece;
  return out;
}

TEST(Hostile, EmptyBlankAndHeaderOnly) {
  EXPECT_THAT(ReadAll("").error, HasSubstr("the file is empty"));
  EXPECT_THAT(ReadAll("\xef\xbb\xbf").error, HasSubstr("the file is blank"));
  EXPECT_THAT(ReadAll("\n \r\n\t\n").error, HasSubstr("the file is blank"));
  const Outcome header_only = ReadAll("email,name");
  EXPECT_EQ(header_only.error, "");
  EXPECT_TRUE(header_only.rows.empty());
}

TEST(Hostile, SpreadsheetsAndBinaryFiles) {
  EXPECT_THAT(ReadAll(std::string("PK\x03\x04\x14\0\0", 7)).error, HasSubstr("save it as CSV"));
  EXPECT_THAT(ReadAll(std::string("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16)).error, "");
  EXPECT_THAT(ReadAll(std::string("\x7f"
                                  "ELF\0\0\1",
                                  7))
                  .error,
              HasSubstr("line 1: the header cannot be read: it holds a NUL byte"));
}

TEST(Hostile, NulBytesCostTheirRowOnly) {
  const std::string with_nul("a,b\n1,2\n3,\0x\n5,6\n", 17);
  EXPECT_THAT(
      ReadAll(with_nul).rows,
      ElementsAre("1@2: 1|2", "2@3! it holds a NUL byte: the file is damaged or is not text",
                  "3@4: 5|6"));
  EXPECT_EQ(RefusalText(with_nul), "3, x");
}

TEST(Hostile, AnUnclosedQuoteCostsItsLineOnly) {
  EXPECT_THAT(
      ReadAll("a,b\n1,\"open\n2,x\n3,y\n").rows,
      ElementsAre("1@2! the quote that opens in column 2 is never closed", "2@3: 2|x", "3@4: 3|y"));
  EXPECT_EQ(RefusalText("a,b\n1,\"open\n2,x\n"), "1,\"open");
  // The next quote would close it in the middle of a cell.
  EXPECT_THAT(ReadAll("a,b\n1,\"open\n2,\"x\"\n3,y").rows,
              ElementsAre("1@2! text follows the closing quote in column 2; a quote inside a "
                          "quoted cell is written twice",
                          "2@3: 2|x", "3@4: 3|y"));
  EXPECT_THAT(ReadAll("a,\"b\n1,2\n").error,
              HasSubstr("line 1: the header cannot be read: the quote that opens in column 2"));
}

TEST(Hostile, QuotesThatAreNotDoubled) {
  EXPECT_THAT(ReadAll("a,b\n\"Acme \"Best\" Inc\",1\n\"ok\" ,2\n").rows,
              ElementsAre("1@2! text follows the closing quote in column 1; a quote inside a "
                          "quoted cell is written twice",
                          "2@3: ok|2"));
}

TEST(Hostile, TruncatedInEveryPlace) {
  const std::string text = "a,b\r\n1,\"x \"\"y\"\"\r\nz\"\r\n2,\xc3\xbc\r\n";
  const size_t whole = ReadAll(text).rows.size();
  ASSERT_EQ(whole, 2u);
  for (size_t size = 0; size < text.size(); ++size) {
    const Outcome outcome = ReadAll(std::string_view(text).substr(0, size));
    EXPECT_LE(outcome.rows.size(), whole) << size;
    EXPECT_EQ(outcome.error.empty(), size > 0) << size;
  }
}

TEST(Hostile, AThreeMegabyteCellCostsItsRowOnly) {
  const std::string big(3 << 20, 'x');
  const std::string limit = std::to_string(1 << 20);
  EXPECT_THAT(
      ReadAll("a,b\n1," + big + "\n2,y\n").rows,
      ElementsAre("1@2! the cell in column 2 is longer than " + limit + " bytes", "2@3: 2|y"));
  EXPECT_THAT(ReadAll("a,b\n1,\"" + big + "\"\r\n2,y\n").rows,
              ElementsAre("1@2! the cell in column 2 is longer than " + limit +
                              " bytes; is its quote closed?",
                          "2@3: 2|y"));
  EXPECT_EQ(RefusalText("a,b\n1," + big + "\n").size(), 1000u);
  const std::string fits((1 << 20) - 2, 'x');
  EXPECT_EQ(ReadAll("a,b\n1,\"" + fits + "\"\n").rows[0].size(), fits.size() + 7);
}

TEST(Hostile, AnUnclosedQuoteInALargeFileCostsItsLineOnly) {
  const std::string lines = Repeat("1,an ordinary line of some length\n", 100'000);
  const Outcome outcome = ReadAll("a,b\n0,\"open\n" + lines);
  ASSERT_EQ(outcome.rows.size(), 100'001u);
  EXPECT_THAT(outcome.rows[0], HasSubstr("longer than"));
  EXPECT_EQ(outcome.rows[100'000], "100001@100002: 1|an ordinary line of some length");
}

TEST(Hostile, RecordsThatAreTooLong) {
  CsvOptions options;
  options.max_record = 1000;
  EXPECT_THAT(ReadAll("a\n" + Repeat("x", 300) + Repeat(",y", 600) + "\nb\n", options).rows,
              ElementsAre("1@2! the row is longer than 1000 bytes", "2@3: b"));
}

TEST(Hostile, TooManyColumns) {
  const std::string wide = Repeat("x,", 4999) + "x\n";
  EXPECT_THAT(ReadAll(wide).error, HasSubstr("the row has more than 4096 columns"));
  EXPECT_THAT(ReadAll("a,b\n" + wide + "1,2\n").rows,
              ElementsAre("1@2! the row has more than 4096 columns", "2@3: 1|2"));
  EXPECT_EQ(ReadAll(Repeat("x,", 4095) + "x\n").error, "");
}

TEST(Hostile, MoreAndFewerCellsThanTheHeader) {
  EXPECT_THAT(ReadAll("a,b\n1\n1,2,,\n1,2,3\n,\n").rows,
              ElementsAre("1@2: 1", "2@3: 1|2",
                          "3@4! the row has 3 cells, the header names 2; is a cell with the "
                          "delimiter in it not quoted?",
                          "4@5: |"));
}

TEST(Hostile, TooManyRows) {
  CsvOptions options;
  options.max_rows = 2;
  EXPECT_EQ(ReadAll("a\n1\n2\n", options).error, "");
  const Outcome outcome = ReadAll("a\n1\n2\n3\n", options);
  EXPECT_THAT(outcome.rows, ElementsAre("1@2: 1", "2@3: 2"));
  EXPECT_EQ(outcome.error, "line 4: the file has more than 2 rows: split it");
}

TEST(Hostile, DuplicateAndNamelessColumns) {
  absl::StatusOr<CsvReader> reader =
      CsvReader::Open(CsvFromText("email,email,,company,company,\na@b.c,,,x,y,\n"));
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->header().size(), 5u);
  const absl::StatusOr<ColumnMap> map = MapHeader(reader->header(), *Schema::BuiltIn(), {});
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->columns[1].field, field::kOtherEmails);
  EXPECT_EQ(map->columns[4].reason, "column 'company' gives company already");
}

// Every line of a file that is nothing but stray quotes is accounted for, in time that grows with
// the file and not with its square.
TEST(Hostile, NothingButStrayQuotes) {
  for (const std::string_view line : {"\"\n", "x,\"\n", "\"\"\"\n", "\"x\n", "\" \"\"\n"}) {
    const Outcome outcome = ReadAll("a,b\n" + Repeat(line, 50'000));
    EXPECT_EQ(outcome.error, "");
    EXPECT_GE(outcome.rows.size(), 25'000u) << line;
    EXPECT_LE(outcome.rows.size(), 50'000u) << line;
  }
}

TEST(Hostile, RandomBytesAreReadToTheEnd) {
  constexpr uint64_t kSeed = 7;
  std::mt19937_64 random(kSeed);
  constexpr std::string_view kAlphabet("a,;\"\"\n\r\t \xff\xfe\xc3\xbc\0x", 16);
  for (int run = 0; run < 2000; ++run) {
    std::string text = "a,b,c\n";
    for (size_t i = random() % 200; i > 0; --i) text += kAlphabet[random() % kAlphabet.size()];
    CsvOptions options;
    options.delimiter = ',';
    options.encoding = CsvEncoding::kUtf8;
    const Outcome outcome = ReadAll(text + "\nlast,row,here\n", options);
    ASSERT_FALSE(outcome.rows.empty()) << "seed " << kSeed << " run " << run;
    const std::string& last = outcome.rows.back();
    const bool found = last.find(": last|row|here") != std::string::npos;
    const bool inside_quotes = last.find("last,row,here") != std::string::npos;
    EXPECT_TRUE(found || inside_quotes) << "seed " << kSeed << " run " << run << " " << last;
  }
}

}  // namespace
}  // namespace leadcore
