// SPDX-License-Identifier: Apache-2.0
//
// The field table: the one set of names, and the fields that a model adds.
#include "leadcore/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "leadcore/csv.h"
#include "test_util.h"

namespace leadcore {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FieldTable, IsTheSharedOne) {
  const auto path = testing::SharedPath("fields.csv");
  LEADCORE_SKIP_WITHOUT(path, "fields.csv");
  CsvReader reader = *CsvReader::Open(CsvFromText(testing::ReadFile(*path)));
  const Schema& schema = *Schema::BuiltIn();
  CsvRow row;
  size_t rows = 0;
  while (true) {
    const absl::StatusOr<bool> more = reader.Next(&row);
    ASSERT_TRUE(more.ok()) << more.status();
    if (!*more) break;
    std::vector<std::string> cells;
    for (const auto& cell : row.cells) cells.emplace_back(cell);
    ASSERT_GE(cells.size(), 5u);
    const Field* field = schema.Find(cells[0]);
    ASSERT_NE(field, nullptr) << cells[0];
    EXPECT_EQ(field->id, rows) << cells[0] << ": order";
    EXPECT_EQ(TypeName(field->type), cells[1]) << cells[0];
    EXPECT_EQ(field->shape == Shape::kList ? "list" : "scalar", cells[2]) << cells[0];
    EXPECT_EQ(FieldGroupName(field->group), cells[3]) << cells[0];
    EXPECT_EQ(field->promoted ? "yes" : "no", cells[4]) << cells[0];
    ++rows;
  }
  // What was added since stands behind it.
  std::vector<std::string_view> added;
  for (; rows < schema.size(); ++rows) added.push_back(schema.fields()[rows].name);
  EXPECT_THAT(added, ::testing::ElementsAre("status_time"));
}

TEST(FieldTable, NamesAreUniqueAndFound) {
  const Schema& schema = *Schema::BuiltIn();
  std::set<std::string_view> names;
  for (const Field& field : schema.fields()) {
    EXPECT_TRUE(names.insert(field.name).second) << field.name;
    EXPECT_EQ(schema.Find(field.name), &field);
    EXPECT_EQ(&schema.at(field.id), &field);
    EXPECT_FALSE(field.meaning.empty()) << field.name;
  }
  EXPECT_EQ(schema.Find("none"), nullptr);
  EXPECT_EQ(schema.Find(""), nullptr);
}

TEST(FieldTable, SuggestsWhatWasMeant) {
  const Schema& schema = *Schema::BuiltIn();
  EXPECT_EQ(schema.Suggest("emial"), "email");
  EXPECT_EQ(schema.Suggest("contry"), "country");
  EXPECT_EQ(schema.Suggest("employes"), "employee_count");
  EXPECT_EQ(schema.Suggest("zzzzzzzz"), "");
}

TEST(CustomFields, ComeAfterTheBuiltInOnesAndScoreGroupsAfterThem) {
  Faults faults;
  const CustomField custom[] = {
      {"fleet", Type::kInteger, Shape::kScalar, {}, true, "lorries"},
      {"colour", Type::kChoice, Shape::kScalar, {"red", "blue"}, false, ""}};
  const std::string groups[] = {"behavioral", "fit"};
  const auto schema = Schema::Create(custom, groups, &faults);
  ASSERT_NE(schema, nullptr);
  ASSERT_EQ(schema->size(), Schema::BuiltIn()->size() + 3);
  const Field& fleet = *schema->Find("fleet");
  EXPECT_EQ(fleet.id, Schema::BuiltIn()->size());
  EXPECT_TRUE(fleet.promoted && fleet.custom());
  EXPECT_THAT(schema->Choices(schema->Find("colour")->id), ElementsAre("red", "blue"));
  EXPECT_EQ(schema->ScoreGroup("behavioral"), schema->Find("scores.behavioral"));
  EXPECT_TRUE(schema->Find("scores.fit")->derived());
}

TEST(CustomFields, EveryMistakeIsFoundAtOnce) {
  Faults faults;
  const CustomField custom[] = {{"email", Type::kText, Shape::kScalar, {}, false, ""},
                                {"Fleet", Type::kText, Shape::kScalar, {}, false, ""},
                                {"list", Type::kInteger, Shape::kList, {}, false, ""},
                                {"choice", Type::kChoice, Shape::kScalar, {}, false, ""},
                                {"text", Type::kText, Shape::kScalar, {"a"}, false, ""},
                                {"record", Type::kRecord, Shape::kList, {}, false, ""},
                                {"twice", Type::kText, Shape::kScalar, {}, false, ""},
                                {"twice", Type::kText, Shape::kScalar, {}, false, ""}};
  EXPECT_EQ(Schema::Create(custom, {}, &faults), nullptr);
  std::map<std::string, std::string> by_path;
  for (const Fault& fault : faults) by_path[fault.path] += fault.message;
  for (const char* path : {"fields[0].name", "fields[1].name", "fields[3].choices",
                           "fields[4].choices", "fields[5].type", "fields[7].name"}) {
    EXPECT_EQ(by_path.count(path), 1u) << path;
  }
  EXPECT_EQ(by_path.count("fields[2].shape") + by_path.count("fields[2].type"), 1u);
}

TEST(ActivityFields, StandBeforeTheAttributes) {
  Faults faults;
  const CustomField attributes[] = {{"path", Type::kText, Shape::kScalar, {}, false, ""}};
  const auto schema = Schema::ForActivity(attributes, &faults);
  ASSERT_NE(schema, nullptr);
  EXPECT_EQ(schema->at(activity_field::kKind).name, "kind");
  EXPECT_EQ(schema->at(activity_field::kTags).name, "tags");
  EXPECT_EQ(schema->at(activity_field::kFirstAttribute).name, "path");
  const CustomField taken[] = {{"kind", Type::kText, Shape::kScalar, {}, false, ""},
                               {"worth", Type::kMoney, Shape::kScalar, {}, false, ""}};
  EXPECT_EQ(Schema::ForActivity(taken, &faults), nullptr);
  EXPECT_EQ(faults.size(), 2u);
}

}  // namespace
}  // namespace leadcore
