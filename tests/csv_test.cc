// SPDX-License-Identifier: Apache-2.0
#include "leadcore/csv.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "rapidjson.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Table = std::vector<std::vector<std::string>>;

// The header and the rows of `text`; fails the test where a row is refused.
Table Read(std::string_view text, const CsvOptions& options = {}) {
  absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text), options);
  if (!reader.ok()) {
    ADD_FAILURE() << reader.status();
    return {};
  }
  Table table = {reader->header()};
  CsvRow row;
  while (true) {
    const absl::StatusOr<bool> more = reader->Next(&row);
    EXPECT_TRUE(more.ok()) << more.status();
    if (!more.ok() || !*more) return table;
    EXPECT_EQ(row.refusal, "") << "row " << row.number;
    table.emplace_back(row.cells.begin(), row.cells.end());
  }
}

CustomField Custom(std::string name, Type type, Shape shape = Shape::kScalar) {
  CustomField field;
  field.name = std::move(name);
  field.type = type;
  field.shape = shape;
  return field;
}

CsvReader OpenOrDie(std::string_view text, const CsvOptions& options = {}) {
  absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(text), options);
  if (!reader.ok()) {
    ADD_FAILURE() << reader.status();
    std::abort();
  }
  return *std::move(reader);
}

// UTF-16 of text in the Basic Multilingual Plane below U+0800.
std::string Utf16(std::string_view text, bool big_endian, bool mark) {
  std::string out;
  const auto add = [&](unsigned unit) {
    const char high = static_cast<char>(unit >> 8);
    const char low = static_cast<char>(unit & 0xff);
    out += big_endian ? std::string{high, low} : std::string{low, high};
  };
  if (mark) add(0xfeff);
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x80) {
      add(byte);
    } else {
      const auto next = static_cast<unsigned char>(text[++i]);
      add((byte & 0x1fu) << 6 | (next & 0x3fu));
    }
  }
  return out;
}

// ---- csv-spectrum ------------------------------------------------------------------------------

// The rows that the JSON beside a file of csv-spectrum gives.
Table SpectrumAnswer(const std::string& json) {
  rapidjson::Document document;
  document.Parse(json.data(), json.size());
  EXPECT_FALSE(document.HasParseError());
  Table table;
  const auto add = [&table](const rapidjson::Value& object) {
    std::vector<std::string> names;
    std::vector<std::string> cells;
    for (const auto& member : object.GetObject()) {
      names.emplace_back(member.name.GetString());
      cells.emplace_back(member.value.GetString());
    }
    table.resize(std::max<size_t>(table.size(), 1));
    table[0] = names;
    table.push_back(cells);
  };
  if (document.IsArray()) {
    for (const auto& object : document.GetArray()) add(object);
  } else {
    add(document);
  }
  return table;
}

TEST(CsvSpectrum, TwelveOfTwelve) {
  const auto folder = testing::SharedPath("data/csv-spectrum");
  LEADCORE_SKIP_WITHOUT(folder, "data/csv-spectrum");
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(*folder / "csvs")) {
    const std::string name = entry.path().stem().string();
    std::string text = testing::ReadFile(entry.path());
    // A checkout may have turned the CRLF that the name promises into LF.
    if (name.ends_with("_crlf") && text.find('\r') == std::string::npos) {
      for (size_t at = 0; (at = text.find('\n', at)) != std::string::npos; at += 2) {
        text.insert(at, 1, '\r');
      }
    }
    Table answer = SpectrumAnswer(testing::ReadFile(*folder / "json" / (name + ".json")));
    // The answer gives another phone number than the file has, in csv-spectrum itself.
    if (name == "location_coordinates") answer.at(1).at(0) = "2095257564";
    EXPECT_EQ(Read(text), answer) << name;
    ++files;
  }
  EXPECT_EQ(files, 12);
}

// The same dialects without the shared files: a line end of each kind, a quote in a plain cell.
TEST(CsvReader, ReadsEveryDialect) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const std::string text = "a,b" + end + "1,\"x, y\"" + end + end + "2,5' 4\"" + end;
    EXPECT_EQ(Read(text), (Table{{"a", "b"}, {"1", "x, y"}, {"2", "5' 4\""}})) << text;
  }
  EXPECT_EQ(Read("a,b\r\n1,2\r3,4\n5,6"), (Table{{"a", "b"}, {"1", "2"}, {"3", "4"}, {"5", "6"}}));
}

TEST(CsvReader, DropsSpacesAroundCellsAndQuotesOnly) {
  EXPECT_EQ(Read("a, b ,c\n 1 , \"x, y\" ,\" kept \"\n"),
            (Table{{"a", "b", "c"}, {"1", "x, y", " kept "}}));
  EXPECT_EQ(Read("a\tb\tc\n1\t\t 3 \n"), (Table{{"a", "b", "c"}, {"1", "", "3"}}));
}

TEST(CsvReader, FindsTheDelimiter) {
  for (const char delimiter : {',', ';', '\t', '|', ':', '^', '~'}) {
    const std::string d(1, delimiter);
    const std::string text = "name" + d + "note" + d + "n\nAnn" + d + "x" + d + "1\nBob" + d +
                             "\"y" + d + "z\"" + d + "2\n";
    CsvReader reader = OpenOrDie(text);
    EXPECT_EQ(reader.delimiter(), delimiter);
    EXPECT_THAT(reader.header(), ElementsAre("name", "note", "n"));
  }
  // Decimal commas do not make a comma file, nor do colons in the names of columns.
  EXPECT_EQ(OpenOrDie("name;revenue\nA;1,5\nB;2,5\n").delimiter(), ';');
  EXPECT_EQ(OpenOrDie("Lead: Name,Lead: Email,Lead: Phone\n").delimiter(), ',');
  EXPECT_EQ(OpenOrDie("email\na@example.com\n").delimiter(), ',');
  EXPECT_EQ(OpenOrDie("email,note\na@example.com,one; two; three\n").delimiter(), ',');
}

TEST(CsvReader, TakesTheDelimiterItIsGiven) {
  CsvOptions options;
  options.delimiter = ';';
  EXPECT_EQ(Read("a,b;c\n1;2\n", options), (Table{{"a,b", "c"}, {"1", "2"}}));
  EXPECT_EQ(Read("sep=|\na,b|c\n1|2\n"), (Table{{"a,b", "c"}, {"1", "2"}}));
  options.delimiter = '"';
  EXPECT_FALSE(CsvReader::Open(CsvFromText("a,b\n"), options).ok());
}

TEST(CsvReader, ReadsEveryEncoding) {
  const std::string text = "name,city\nJürgen,Köln\nÉva,\u0141\u00F3d\u017A\n";
  const Table expected = {{"name", "city"}, {"Jürgen", "Köln"}, {"Éva", "\u0141\u00F3d\u017A"}};
  struct Case {
    std::string bytes;
    std::string_view encoding;
  };
  const Case cases[] = {
      {text, "utf-8"},
      {"\xef\xbb\xbf" + text, "utf-8"},
      {Utf16(text, false, true), "utf-16le"},
      {Utf16(text, true, true), "utf-16be"},
      {Utf16(text, false, false), "utf-16le"},
      {Utf16(text, true, false), "utf-16be"},
  };
  for (const Case& c : cases) {
    EXPECT_EQ(Read(c.bytes), expected);
    EXPECT_EQ(OpenOrDie(c.bytes).encoding(), c.encoding);
  }
}

TEST(CsvReader, FallsBackToWindows1252RowByRow) {
  const std::string text = "name,city\nJ\xfcrgen,K\xf6ln\n\x80uro,\x93x\x94\nZoë,Gent\n";
  const Table expected = {
      {"name", "city"}, {"Jürgen", "Köln"}, {"€uro", "\u201Cx\u201D"}, {"Zoë", "Gent"}};
  EXPECT_EQ(Read(text), expected);
  CsvReader reader = OpenOrDie(text);
  CsvRow row;
  while (*reader.Next(&row)) {
  }
  EXPECT_EQ(reader.encoding(), "utf-8 and windows-1252");

  CsvOptions options;
  options.encoding = CsvEncoding::kWindows1252;
  EXPECT_EQ(Read("n\nZo\xc3\xab\n", options), (Table{{"n"}, {"ZoÃ«"}}));
  options.encoding = CsvEncoding::kUtf8;
  EXPECT_EQ(Read("n\nJ\xfcrgen\n", options), (Table{{"n"}, {"J\uFFFDrgen"}}));
}

TEST(CsvReader, JoinsSurrogatesAndReplacesLoneOnes) {
  const std::string pair("\xff\xfen\0\n\0\x3d\xd8\x00\xde\n\0\x3d\xd8\n\0", 16);
  EXPECT_EQ(Read(pair), (Table{{"n"}, {"\U0001F600"}, {"\uFFFD"}}));
}

TEST(CsvReader, NamesEncodings) {
  EXPECT_EQ(CsvEncodingFromName("UTF-8"), CsvEncoding::kUtf8);
  EXPECT_EQ(CsvEncodingFromName("ISO-8859-1"), CsvEncoding::kWindows1252);
  EXPECT_EQ(CsvEncodingFromName("Latin1"), CsvEncoding::kWindows1252);
  EXPECT_EQ(CsvEncodingFromName("utf-16le"), CsvEncoding::kUtf16Le);
  EXPECT_EQ(CsvEncodingFromName("klingon"), std::nullopt);
}

TEST(CsvReader, NumbersRowsAndLines) {
  CsvReader reader = OpenOrDie("a,b\n\n1,\"x\ny\"\r\n   \n2,z\n");
  CsvRow row;
  ASSERT_TRUE(*reader.Next(&row));
  EXPECT_EQ(row.number, 1);
  EXPECT_EQ(row.line, 3);
  ASSERT_TRUE(*reader.Next(&row));
  EXPECT_EQ(row.number, 2);
  EXPECT_EQ(row.line, 6);
  EXPECT_FALSE(*reader.Next(&row));
  EXPECT_FALSE(*reader.Next(&row));
}

TEST(CsvReader, TellsBlankFromQuotedEmpty) {
  CsvReader reader = OpenOrDie("a,b,c\n,\"\",\n");
  CsvRow row;
  ASSERT_TRUE(*reader.Next(&row));
  ASSERT_EQ(row.cells.size(), 3u);
  EXPECT_EQ(row.cells[0].data(), nullptr);
  EXPECT_NE(row.cells[1].data(), nullptr);
  EXPECT_EQ(row.cells[2].data(), nullptr);
}

TEST(CsvReader, ReadsTheSameInAnyPieces) {
  std::string text = "a,b,c\r\n";
  for (int i = 0; i < 300; ++i) text += "1,\"x \"\"y\"\"\r\nz\",K\xc3\xb6ln\r\n";
  const Table whole = Read(text);
  for (const size_t piece : {1u, 2u, 3u, 7u, 1000u}) {
    size_t at = 0;
    const auto source = [&](std::span<char> out) -> absl::StatusOr<size_t> {
      const size_t size = std::min({piece, out.size(), text.size() - at});
      text.copy(out.data(), size, at);
      at += size;
      return size;
    };
    absl::StatusOr<CsvReader> reader = CsvReader::Open(source, {});
    ASSERT_TRUE(reader.ok());
    CsvRow row;
    for (size_t i = 1; i < whole.size(); ++i) {
      ASSERT_TRUE(*reader->Next(&row));
      EXPECT_EQ(std::vector<std::string>(row.cells.begin(), row.cells.end()), whole[i]);
      EXPECT_EQ(row.line, static_cast<int64_t>(2 * i));
    }
    EXPECT_FALSE(*reader->Next(&row));
  }
}

TEST(CsvReader, PassesOnWhatTheSourceSays) {
  int calls = 0;
  const auto source = [&calls](std::span<char> out) -> absl::StatusOr<size_t> {
    if (++calls > 3) return absl::UnavailableError("the disk is gone");
    const std::string_view line = "a,b\n";
    for (size_t i = 0; i < out.size(); ++i) out[i] = line[i % line.size()];
    return out.size();
  };
  absl::StatusOr<CsvReader> reader = CsvReader::Open(source, {});
  ASSERT_TRUE(reader.ok()) << reader.status();
  CsvRow row;
  absl::StatusOr<bool> more = true;
  int rows = 0;
  while ((more = reader->Next(&row)).ok() && *more) ++rows;
  EXPECT_GT(rows, 1000);
  EXPECT_EQ(more.status().code(), absl::StatusCode::kUnavailable);
  more = reader->Next(&row);
  EXPECT_TRUE(more.ok() && !*more);
}

// ---- Columns -----------------------------------------------------------------------------------

std::string FieldName(const CsvColumn& column) {
  if (!column.field) return "";
  return std::string(Schema::BuiltIn()->at(*column.field).name);
}

ColumnMap Map(const std::vector<std::string>& header, const GivenColumns& given = {}) {
  absl::StatusOr<ColumnMap> map = MapHeader(header, *Schema::BuiltIn(), given);
  if (!map.ok()) {
    ADD_FAILURE() << map.status();
    return {};
  }
  return *std::move(map);
}

std::vector<std::string> Fields(const std::vector<std::string>& header,
                                const GivenColumns& given = {}) {
  std::vector<std::string> out;
  for (const CsvColumn& column : Map(header, given).columns) out.push_back(FieldName(column));
  return out;
}

TEST(MapHeader, FieldNamesMapToThemselves) {
  for (const Field& field : Schema::BuiltIn()->fields()) {
    const bool others_id = field.id == field::kId;
    EXPECT_EQ(Fields({std::string(field.name)})[0],
              others_id ? "external_id" : (IsImportable(field) ? field.name : ""))
        << field.name;
  }
}

TEST(MapHeader, CaseSpacesAndPunctuationDoNotMatter) {
  EXPECT_THAT(Fields({"LeadSource", "FULL NAME", "zip-code", "E-Mail", "Bant: need"}),
              ElementsAre("source", "full_name", "postal_code", "email", "bant.need"));
}

TEST(MapHeader, DropsRemarksInParentheses) {
  EXPECT_THAT(Fields({"Industry (Sample)", "Lead Source (Sample)", "Lead Type (Sample)",
                      "(Do Not Modify) Lead"}),
              ElementsAre("industry", "source", "", "external_id"));
}

TEST(MapHeader, FirstColumnKeepsTheFieldAndContactsAreNotLost) {
  const ColumnMap map = Map({"Work Email", "Email", "Phone", "Work Phone", "Mobile", "Cell", "Fax",
                             "Company", "Account Name"});
  std::vector<std::string> fields;
  for (const CsvColumn& column : map.columns) fields.push_back(FieldName(column));
  EXPECT_THAT(fields, ElementsAre("email", "other_emails", "phone", "other_phones", "mobile_phone",
                                  "other_phones", "other_phones", "company", ""));
  EXPECT_EQ(map.columns[6].kind, "fax");
  EXPECT_EQ(map.columns[8].reason, "column 'Company' gives company already");
}

TEST(MapHeader, ExactNamesBeatEarlierAliases) {
  EXPECT_THAT(Fields({"Name", "full_name", "id", "external_id"}),
              ElementsAre("", "full_name", "", "external_id"));
}

TEST(MapHeader, UnnamedAndUnknownColumnsSayWhy) {
  const ColumnMap map = Map({"email", "", "  ", "Shoe size", "score", "reject_reason"});
  EXPECT_EQ(map.columns[1].reason, "the column has no name");
  EXPECT_EQ(map.columns[2].reason, "the column has no name");
  EXPECT_EQ(map.columns[3].reason, "no field goes by this name");
  EXPECT_EQ(map.columns[4].reason, "the engine sets score itself");
  EXPECT_EQ(map.columns[5].reason, "the note of an earlier import");
}

TEST(MapHeader, GivenColumnsComeFirst) {
  const GivenColumns given = {
      {"Shoe Size", "employee_count"}, {"email", ""}, {"Mail 2", "email"}, {"Nowhere", "company"}};
  const ColumnMap map = Map({"shoe_size", "email", "Mail 2", "Employees"}, given);
  EXPECT_EQ(FieldName(map.columns[0]), "employee_count");
  EXPECT_EQ(map.columns[1].reason, "ignored, as told");
  EXPECT_EQ(FieldName(map.columns[2]), "email");
  EXPECT_EQ(map.columns[3].reason, "column 'shoe_size' gives employee_count already");
  EXPECT_THAT(map.unused, ElementsAre("Nowhere"));
}

TEST(MapHeader, RefusesGivenFieldsThatCannotBe) {
  const std::vector<std::string> header = {"a"};
  const auto message = [&](const GivenColumns& given) {
    return std::string(MapHeader(header, *Schema::BuiltIn(), given).status().message());
  };
  EXPECT_EQ(message({{"a", "emial"}}),
            "column 'a': there is no field 'emial'; did you mean 'email'?");
  EXPECT_THAT(message({{"a", "score"}}), HasSubstr("no file can set 'score'"));
  EXPECT_THAT(message({{"a", "id"}}), HasSubstr("'external_id'"));
}

TEST(MapHeader, KnowsCustomFields) {
  Faults faults;
  const std::vector<CustomField> custom = {Custom("total_visits", Type::kInteger)};
  const auto schema = Schema::Create(custom, {}, &faults);
  ASSERT_NE(schema, nullptr);
  const std::vector<std::string> header = {"TotalVisits"};
  const absl::StatusOr<ColumnMap> map = MapHeader(header, *schema, {});
  ASSERT_TRUE(map.ok());
  EXPECT_EQ(map->columns[0].field, schema->Find("total_visits")->id);
}

TEST(MapHeader, TitleIsTheJobOrTheFormOfAddress) {
  EXPECT_THAT(Fields({"Title", "Email"}), ElementsAre("job_title", "email"));
  EXPECT_THAT(Fields({"Title", "Job Title"}), ElementsAre("salutation", "job_title"));
  EXPECT_THAT(Fields({"Opportunity", "Title", "Job Position", "Source", "Campaign"}),
              ElementsAre("topic", "salutation", "job_title", "utm_source", "utm_campaign"));
}

TEST(MapHeader, AContactsIdIsTheLeadsOnlyInAFileOfContacts) {
  EXPECT_THAT(Fields({"ContactID", "FullName", "Email"}),
              ElementsAre("external_id", "full_name", "email"));
  EXPECT_THAT(Fields({"LeadID", "ContactID", "Email"}), ElementsAre("external_id", "", "email"));
  EXPECT_THAT(Fields({"OpportunityID", "ContactID"}), ElementsAre("", ""));
}

TEST(MapHeader, CheckColumnsNamesWhatItSaw) {
  EXPECT_TRUE(CheckColumns(Map({"Mail", "x"})).ok());
  const absl::Status status = CheckColumns(Map({"OpportunityID", "ActivityID", "CloseDate"}));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("OpportunityID, ActivityID, CloseDate"));
}

TEST(MapHeader, OnlyOurExportsAreCanonical) {
  EXPECT_TRUE(Map({"id", "version", "email", "score", "reject_reason"}).canonical);
  EXPECT_FALSE(Map({"email", "company"}).canonical);
  EXPECT_FALSE(Map({"id", "version", "E-Mail"}).canonical);
  EXPECT_THAT(Fields({"id", "version", "email"}), ElementsAre("", "", "email"));
}

TEST(ColumnFile, IsTwoColumns) {
  const absl::StatusOr<GivenColumns> given =
      ParseColumnFile("header,field\n\"Last, First\",full_name\nJunk,\n");
  ASSERT_TRUE(given.ok()) << given.status();
  EXPECT_EQ(*given, (GivenColumns{{"Last, First", "full_name"}, {"Junk", ""}}));
  EXPECT_FALSE(ParseColumnFile("Email,email\n").ok());
  EXPECT_FALSE(ParseColumnFile("header,field\na,b,c\n").ok());
}

// ---- Real files --------------------------------------------------------------------------------

std::vector<std::string> FieldsOfFile(std::string_view relative) {
  const auto path = testing::SharedPath(relative);
  if (!path) return {};
  const std::string text = testing::ReadFile(*path);
  return Fields(OpenOrDie(text).header());
}

TEST(RealFiles, MapWithoutAMapFile) {
  const auto folder = testing::SharedPath("data/crm_samples");
  LEADCORE_SKIP_WITHOUT(folder, "data/crm_samples");
  EXPECT_THAT(
      FieldsOfFile("data/crm_samples/basudev_Contacts.csv"),
      ElementsAre("external_id", "full_name", "email", "phone", "city", "region", "country"));
  EXPECT_THAT(FieldsOfFile("data/crm_samples/basudev_Leads.csv"),
              ElementsAre("external_id", "", "source", "status", "create_time", "description"));
  EXPECT_THAT(FieldsOfFile("data/crm_samples/closeio-sample-lead-list-b2b.csv"),
              ElementsAre("company", "description", "first_name", "last_name", "job_title", "city",
                          "region", "postal_code", "phone", "email", "industry", "source", ""));
  const std::string text = testing::ReadFile(*folder / "basudev_Opportunity.csv");
  EXPECT_FALSE(CheckColumns(Map(OpenOrDie(text).header())).ok());
}

TEST(RealFiles, XEducationHasItsRows) {
  const auto path = testing::SharedPath("data/x_education/Leads.csv");
  LEADCORE_SKIP_WITHOUT(path, "data/x_education/Leads.csv");
  const std::string text = testing::ReadFile(*path);
  const Table table = Read(text);
  EXPECT_EQ(table.size(), 9241u);
  ASSERT_EQ(table[0].size(), 37u);  // the nameless column at the end is no column
  const ColumnMap map = Map(table[0]);
  EXPECT_EQ(FieldName(map.columns[0]), "external_id");
  EXPECT_EQ(map.columns[1].reason, "column 'Prospect ID' gives external_id already");
  EXPECT_EQ(map.Find(field::kSource)->header, "Lead Source");
  EXPECT_EQ(map.Find(field::kDoNotCall)->header, "Do Not Call");
  EXPECT_EQ(map.Find(field::kTags)->header, "Tags");
  EXPECT_EQ(map.Find(field::kConvertTime), nullptr);
}

// What the collected facts say that our table answers otherwise, on purpose.
bool DiffersOnPurpose(const std::string& header, const std::string& expected,
                      const std::string& found) {
  if (expected == "last_activity_time") return found.empty();  // the engine's own
  if (header == "date_of_birth") return found == "birthday";
  if (header == "Technologies") return found == "technologies";
  return false;
}

// Every header of every system, as a whole header line and by its API names.
TEST(RealFiles, KnowsTheHeadersOfOtherSystems) {
  const auto path = testing::SharedPath("interchange/import_headers.csv");
  LEADCORE_SKIP_WITHOUT(path, "interchange/import_headers.csv");
  const Table facts = Read(testing::ReadFile(*path));
  for (const size_t names : {1u, 2u}) {
    for (size_t from = 1; from < facts.size();) {
      size_t to = from;
      std::vector<std::string> header;
      for (; to < facts.size() && facts[to][0] == facts[from][0]; ++to) {
        header.push_back(facts[to][names]);
      }
      const ColumnMap map = Map(header);
      for (size_t i = 0; i < header.size(); ++i) {
        if (header[i].empty()) continue;
        std::string expected = facts[from + i][3];
        const std::string found = FieldName(map.columns[i]);
        if (map.columns[i].reason.find("already") != std::string::npos) continue;
        const bool further = found == "other_emails" || found == "other_phones";
        if (further && (expected == "email" || expected.ends_with("phone"))) continue;
        if (DiffersOnPurpose(header[i], expected, found)) continue;
        EXPECT_EQ(found, expected) << facts[from][0] << ": " << header[i];
      }
      from = to;
    }
  }
}

}  // namespace
}  // namespace leadcore
