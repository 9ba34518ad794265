// SPDX-License-Identifier: Apache-2.0
//
// Cells of CSV files: values in, values out, and the round trip.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/csv.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;

CustomField Custom(std::string name, Type type, Shape shape = Shape::kScalar) {
  CustomField field;
  field.name = std::move(name);
  field.type = type;
  field.shape = shape;
  return field;
}

CsvColumn Column(FieldId field, std::string kind = "") { return {"x", field, std::move(kind), {}}; }

// The lead after one cell.
Lead After(FieldId field, std::string_view cell, bool canonical = false, std::string kind = "") {
  Lead lead(Schema::BuiltIn());
  CellOptions options;
  options.canonical = canonical;
  const absl::Status status = ReadCell(Column(field, std::move(kind)), cell, options, &lead);
  EXPECT_TRUE(status.ok()) << status;
  return lead;
}

std::vector<std::string> Items(const Lead& lead, FieldId field) {
  const std::span<const std::string> items = lead[field].texts();
  return {items.begin(), items.end()};
}

TEST(ReadCell, ReadsForeignCells) {
  EXPECT_EQ(After(field::kCompany, "  Acme ").text(field::kCompany), "Acme");
  EXPECT_FALSE(After(field::kCompany, "   ").has(field::kCompany));
  EXPECT_FALSE(After(field::kCompany, "").has(field::kCompany));
  EXPECT_EQ(After(field::kEmployeeCount, "1,200")[field::kEmployeeCount].integer(), 1200);
  EXPECT_EQ(After(field::kPriority, "HIGH").text(field::kPriority), "high");
  EXPECT_EQ(After(field::kCompany, "'=1+1").text(field::kCompany), "=1+1");
}

TEST(ReadCell, SaysWhatWasExpected) {
  Lead lead(Schema::BuiltIn());
  const absl::Status status = ReadCell(Column(field::kPriority), "urgent!", {}, &lead);
  EXPECT_EQ(status.message(), "expected one of low, medium, high, critical; found 'urgent!'");
  EXPECT_FALSE(ReadCell(Column(field::kEmployeeCount), "many", {}, &lead).ok());
  EXPECT_FALSE(ReadCell(Column(field::kStakeholders), "Ann", {}, &lead).ok());
  EXPECT_FALSE(ReadCell(Column(field::kStakeholders), R"([{"nam":"Ann"}])", {}, &lead).ok());
  EXPECT_TRUE(SameLead(lead, Lead(Schema::BuiltIn())));
}

TEST(ReadCell, SplitsLists) {
  EXPECT_THAT(Items(After(field::kTags, "a, b ,,c"), field::kTags), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Items(After(field::kTags, "a, b; c"), field::kTags), ElementsAre("a, b", "c"));
  EXPECT_THAT(Items(After(field::kTags, "a, b\nc"), field::kTags), ElementsAre("a, b", "c"));
  EXPECT_THAT(Items(After(field::kTags, R"(["a;b", ""])"), field::kTags), ElementsAre("a;b", ""));
  EXPECT_THAT(Items(After(field::kTags, "[VIP] client"), field::kTags),
              ElementsAre("[VIP] client"));
}

TEST(ReadCell, ListsGrowAndPhonesKeepTheirKind) {
  Lead lead = After(field::kOtherPhones, "+1 415 555 0100", false, "fax");
  ASSERT_TRUE(ReadCell(Column(field::kOtherPhones), "p:+14155550101", {}, &lead).ok());
  EXPECT_THAT(Items(lead, field::kOtherPhones), ElementsAre("fax +1 415 555 0100", "+14155550101"));
}

TEST(ReadCell, DropsMetaPrefixes) {
  EXPECT_EQ(After(field::kExternalId, "l:1234").text(field::kExternalId), "1234");
  EXPECT_EQ(After(field::kAdId, "ag:99").text(field::kAdId), "99");
  EXPECT_EQ(After(field::kAdsetId, "as:98").text(field::kAdsetId), "98");
  EXPECT_EQ(After(field::kCampaignId, "c:97").text(field::kCampaignId), "97");
  EXPECT_EQ(After(field::kFormId, "f:96").text(field::kFormId), "96");
  EXPECT_EQ(After(field::kPhone, "p:+14155550100").text(field::kPhone), "+14155550100");
  EXPECT_EQ(After(field::kCompany, "l:1234").text(field::kCompany), "l:1234");
  EXPECT_EQ(After(field::kExternalId, "l:abc").text(field::kExternalId), "l:abc");
  EXPECT_EQ(After(field::kExternalId, "l:1234", true).text(field::kExternalId), "l:1234");
}

TEST(ReadCell, CanonicalCellsAreReadToTheLetter) {
  EXPECT_EQ(After(field::kCompany, " Acme ", true).text(field::kCompany), " Acme ");
  EXPECT_TRUE(After(field::kCompany, "", true).has(field::kCompany));
  EXPECT_FALSE(After(field::kCompany, std::string_view(), true).has(field::kCompany));
  EXPECT_FALSE(After(field::kEmployeeCount, "", true).has(field::kEmployeeCount));
}

TEST(SpreadsheetSafe, GuardsFormulasAndNothingElse) {
  for (const std::string_view formula :
       {"=1+1", "+1 415", "-1+2", "@SUM(A1)", "\tx", "\rx", "-12.00 USD", "--11-23", "\uff1d1"}) {
    EXPECT_EQ(SpreadsheetSafe(formula), "'" + std::string(formula));
    EXPECT_EQ(WithoutSpreadsheetGuard(SpreadsheetSafe(formula)), formula);
  }
  for (const std::string_view plain : {"", "x=1", "-12.5", "+14155550100", "'quoted'", "a@b.c"}) {
    EXPECT_EQ(SpreadsheetSafe(plain), plain);
    EXPECT_EQ(WithoutSpreadsheetGuard(plain), plain);
  }
  EXPECT_EQ(SpreadsheetSafe("'=1"), "''=1");
  EXPECT_EQ(WithoutSpreadsheetGuard("''=1"), "'=1");
}

TEST(CsvWriter, QuotesOnlyWhereNeeded) {
  CsvWriter writer;
  for (const std::string_view cell : {"a", "b c", "d,e", "f\"g", " h", "i\nj", ""}) {
    writer.Add(cell);
  }
  writer.EndRow();
  writer.AddPresent("");
  writer.AddOptional(std::nullopt);
  writer.AddOptional("x");
  writer.EndRow();
  writer.Add("");
  writer.EndRow();
  EXPECT_EQ(writer.text(), "a,b c,\"d,e\",\"f\"\"g\",\" h\",\"i\nj\",\n\"\",,x\n\"\"\n");
  EXPECT_EQ(writer.Take().size(), 40u);
  EXPECT_EQ(writer.text(), "");
}

// Texts that have gone wrong somewhere, in some CSV code.
const std::vector<std::string>& HardTexts() {
  static const auto& texts = *new std::vector<std::string>{
      "",     " ",     " a ",           "a,b",  "a;b",  "\"",   "\"\"", "a\"b",   "\n",
      "\r\n", "a\rb",  "=1+1",          "'=1",  "''=1", "'a",   "-1",   "+1 2",   "@x",
      "[",    "[]",    "[\"a\"]",       "{}",   "\t",   "ü",    "日本", "\uff1d", "sep=;",
      "null", "a\\nb", "\xef\xbb\xbfx", "p:+1", "l:1",  "NULL", "true", "\u00a0x"};
  return texts;
}

// A value for every field, made of hard texts and odd numbers.
Value MakeValue(const Field& field, std::mt19937_64& random, std::vector<std::string>* texts,
                std::vector<Record>* records) {
  const auto text = [&]() -> const std::string& {
    return HardTexts()[random() % HardTexts().size()];
  };
  texts->clear();
  records->clear();
  for (size_t i = random() % 4; i > 0; --i) texts->push_back(text());
  for (size_t i = random() % 3; i > 0; --i) {
    Record record(field.member_count());
    for (auto& member : record) {
      if (random() % 2 == 0) member = text();
    }
    records->push_back(std::move(record));
  }
  const auto number = static_cast<int64_t>(random() % 2'000'000'000'000) - 1'000'000'000'000;
  switch (StoredKind(field.type, field.shape)) {
    case Value::Kind::kText:
      return Value::Text(text());
    case Value::Kind::kInteger:
      return Value::Integer(number);
    case Value::Kind::kReal:
      return Value::Real(static_cast<double>(number) / 1024);
    case Value::Kind::kBoolean:
      return Value::Boolean(random() % 2 == 0);
    case Value::Kind::kTime:
      return Value::Time(number * 1000 + 1);
    case Value::Kind::kDate:
      return Value::OfDate({static_cast<int16_t>(random() % 2 == 0 ? 0 : 1999), 2, 28});
    case Value::Kind::kDuration:
      return Value::Duration(number);
    case Value::Kind::kMoney:
      return Value::OfMoney({number, *ParseCurrency(random() % 2 == 0 ? "JPY" : "BHD")});
    case Value::Kind::kTextList:
      return Value::TextList(*texts);
    case Value::Kind::kRecordList:
      return Value::RecordList(*records);
    case Value::Kind::kAbsent:
      break;
  }
  return {};
}

// Every field, in both forms, through the bytes of a file and back.
TEST(RoundTrip, EveryFieldInBothForms) {
  constexpr uint64_t kSeed = 20261123;
  std::mt19937_64 random(kSeed);
  Faults faults;
  const std::vector<CustomField> custom = {Custom("wait", Type::kDuration),
                                           Custom("ratio", Type::kReal),
                                           Custom("grades", Type::kText, Shape::kList)};
  const auto schema = Schema::Create(custom, {}, &faults);
  ASSERT_NE(schema, nullptr);
  const std::vector<FieldId> fields = ExportFields(*schema, true);
  ASSERT_EQ(fields.size(), schema->size());
  CellOptions options;
  options.canonical = true;
  for (const CsvForm form : {CsvForm::kData, CsvForm::kSpreadsheet}) {
    std::vector<Lead> leads;
    CsvWriter writer;
    WriteHeader(*schema, fields, &writer);
    for (int i = 0; i < 200; ++i) {
      Lead& lead = leads.emplace_back(schema);
      std::vector<std::string> texts;
      std::vector<Record> records;
      for (const Field& field : schema->fields()) {
        if (random() % 4 == 0) continue;
        lead.Set(field.id, MakeValue(field, random, &texts, &records));
      }
      WriteLead(lead, fields, form, &writer);
    }
    absl::StatusOr<CsvReader> reader = CsvReader::Open(CsvFromText(writer.text()));
    ASSERT_TRUE(reader.ok()) << reader.status();
    ASSERT_EQ(reader->header().size(), fields.size());
    EXPECT_TRUE(MapHeader(reader->header(), *schema, {})->canonical);
    CsvRow row;
    for (const Lead& lead : leads) {
      ASSERT_TRUE(*reader->Next(&row));
      ASSERT_EQ(row.refusal, "");
      Lead back(schema);
      for (size_t i = 0; i < row.cells.size(); ++i) {
        const absl::Status status = ReadCell(Column(fields[i]), row.cells[i], options, &back);
        EXPECT_TRUE(status.ok()) << schema->at(fields[i]).name << ": " << row.cells[i] << ": "
                                 << status;
      }
      for (const Field& field : schema->fields()) {
        EXPECT_TRUE(SameValue(lead[field.id], back[field.id]))
            << field.name << ": " << WriteCell(field, lead[field.id], form).value_or("absent")
            << " seed " << kSeed;
      }
    }
    EXPECT_FALSE(*reader->Next(&row));
  }
}

TEST(Export, LeavesOutDerivedFieldsWhenAsked) {
  const std::vector<FieldId> fields = ExportFields(*Schema::BuiltIn(), false);
  EXPECT_EQ(std::count(fields.begin(), fields.end(), field::kScore), 0);
  EXPECT_EQ(std::count(fields.begin(), fields.end(), field::kStatus), 1);
}

}  // namespace
}  // namespace leadcore
