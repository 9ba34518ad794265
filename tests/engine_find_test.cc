// SPDX-License-Identifier: Apache-2.0
//
// Find: a lead by one of its keys, as a person writes it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "engine_util.h"
#include "test_util.h"

namespace leadcore::testing {
namespace {

class EngineFindTest : public ::testing::TestWithParam<StoreKind> {
 protected:
  std::string Found(World& world, std::string_view field, std::string_view value) {
    const absl::StatusOr<LeadRecord> record = world.engine().Find(world.At("read"), field, value);
    if (record.ok()) return std::string(record->lead.id());
    return std::string(absl::StatusCodeToString(record.status().code()));
  }
};
LEADCORE_ON_BOTH_STORES(EngineFindTest);

constexpr std::string_view kModel = R"({
  "required": [{"any_of": ["full_name"]}], "country": "US",
  "keys": [{"name": "external_id", "exclusive": true, "fields": ["external_id"]},
           {"name": "email", "exclusive": true, "fields": ["email"], "on_hit": "flag"},
           {"name": "phone", "fields": ["phone"]},
           {"name": "person", "fields": ["company", "full_name"]}]})";

TEST_P(EngineFindTest, FindsByEveryKeyOfOneField) {
  World world(kModel, GetParam());
  const std::string ada = world.Created({{"full_name", "Ada L"},
                                         {"email", "ada@example.com"},
                                         {"phone", "+14155552671"},
                                         {"external_id", "crm-7"}});
  EXPECT_EQ(Found(world, "email", " ADA@Example.com "), ada);
  EXPECT_EQ(Found(world, "phone", "(415) 555-2671"), ada);
  EXPECT_EQ(Found(world, "external_id", "crm-7"), ada);
  const std::string bob = world.Created({{"full_name", "Bob M"}, {"phone", "+14155552672 x12"}});
  EXPECT_EQ(Found(world, "phone", "(415) 555-2672 ext. 12"), bob) << "with its extension";
  EXPECT_EQ(Found(world, "email", "eve@example.com"), "NOT_FOUND");
  EXPECT_EQ(Found(world, "email", "no address"), "NOT_FOUND");
}

TEST_P(EngineFindTest, WhoHoldsAKeyComesBeforeWhoSharesIt) {
  World world(kModel, GetParam());
  const Fields ada = {{"full_name", "Ada L"}, {"email", "ada@example.com"}};
  const std::string first = world.Created(ada);
  world.now += kSecond;
  const std::string second = world.Created(ada);
  ASSERT_NE(second, first);
  EXPECT_EQ(Found(world, "email", "ada@example.com"), first);
}

TEST_P(EngineFindTest, FieldsThatAreNoKeyAreRefused) {
  World world(kModel, GetParam());
  for (const char* field : {"company", "full_name", "city", "nonsense"}) {
    EXPECT_EQ(Found(world, field, "x"), "INVALID_ARGUMENT") << field;
  }
}

}  // namespace
}  // namespace leadcore::testing
