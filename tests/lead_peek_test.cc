// SPDX-License-Identifier: Apache-2.0
//
// Single fields read from the bytes of a lead are those that decoding all of it gives.
#include "codec/lead_peek.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "leadcore/codec.h"
#include "test_util.h"

namespace leadcore {
namespace {

std::shared_ptr<const Schema> MakeSchema() {
  Faults faults;
  const CustomField custom[] = {{"plan", Type::kText, Shape::kScalar, {}, false, ""},
                                {"seats", Type::kInteger, Shape::kScalar, {}, false, ""},
                                {"notes", Type::kText, Shape::kList, {}, false, ""}};
  return Schema::Create(custom, {}, &faults);
}

class LeadPeekTest : public ::testing::Test {
 protected:
  // A lead with about half of its fields.
  Lead Random() {
    Lead lead(schema_);
    for (const Field& field : schema_->fields()) {
      if (field.derived() || field.id == field::kId || random_() % 2 == 0) continue;
      const auto number = static_cast<int64_t>(random_() % 1000);
      const std::string text = std::string(random_() % 300, 'x') + std::to_string(number);
      switch (StoredKind(field.type, field.shape)) {
        case Value::Kind::kText:
          lead.SetText(field.id, text);
          break;
        case Value::Kind::kTextList:
          lead.AppendText(field.id, text);
          break;
        case Value::Kind::kInteger:
          lead.Set(field.id, Value::Integer(number));
          break;
        case Value::Kind::kReal:
          lead.Set(field.id, Value::Real(static_cast<double>(number) / 4));
          break;
        case Value::Kind::kBoolean:
          lead.Set(field.id, Value::Boolean(number % 2 == 0));
          break;
        case Value::Kind::kTime:
          lead.Set(field.id, Value::Time(number * 1'000'003));
          break;
        case Value::Kind::kMoney:
          lead.Set(field.id, Value::OfMoney({number, {}}));
          break;
        default:
          break;
      }
    }
    return lead;
  }

  const std::shared_ptr<const Schema> schema_ = MakeSchema();
  std::mt19937_64 random_{testing::Seed()};
};

TEST_F(LeadPeekTest, ReadsWhatDecodingReads) {
  SCOPED_TRACE(testing::Seed());
  std::vector<FieldId> fields;
  for (const Field& field : schema_->fields()) {
    const bool single = field.shape == Shape::kScalar && !field.derived();
    if (single && field.id != field::kId && field.id != field::kVersion) fields.push_back(field.id);
  }
  for (size_t i = 0; i < testing::Scaled(500); ++i) {
    std::vector<FieldId> some;
    for (const FieldId id : fields) {
      if (random_() % 4 == 0) some.push_back(id);
    }
    LeadPeek peek(*schema_, some);
    ASSERT_TRUE(peek.possible());
    // One after the other: nothing of the lead before may be left.
    for (int lead = 0; lead < 3; ++lead) {
      const std::string bytes = EncodeLead(Random(), LeadForm::kStored);
      const absl::StatusOr<Lead> whole = DecodeLead(bytes, schema_);
      ASSERT_TRUE(whole.ok()) << whole.status();
      const absl::StatusOr<LeadView> view = peek.Read(bytes);
      ASSERT_TRUE(view.ok()) << view.status();
      for (const FieldId id : fields) {
        const bool asked = std::find(some.begin(), some.end(), id) != some.end();
        EXPECT_TRUE(asked ? SameValue((*view)[id], (*whole)[id]) : !view->has(id))
            << schema_->at(id).name;
      }
    }
  }
}

TEST_F(LeadPeekTest, EachFieldIsToldOnce) {
  for (size_t i = 0; i < testing::Scaled(200); ++i) {
    const std::string bytes = EncodeLead(Random(), LeadForm::kStored);
    const absl::StatusOr<Lead> whole = DecodeLead(bytes, schema_);
    ASSERT_TRUE(whole.ok());
    Lead again(schema_);
    size_t told = 0;
    const absl::Status status =
        EachLeadField(bytes, *schema_, [&](const Field& field, const Value& value) {
          ++told;
          EXPECT_FALSE(again.has(field.id)) << field.name;
          again.Set(field.id, value);
        });
    ASSERT_TRUE(status.ok()) << status;
    EXPECT_TRUE(SameLead(again, *whole));
    EXPECT_GT(told, 0u);
  }
}

TEST_F(LeadPeekTest, SaysWhatItCannotRead) {
  for (const FieldId id : {field::kTags, field::kScore, field::kId, field::kVersion}) {
    EXPECT_FALSE(LeadPeek(*schema_, std::span(&id, 1)).possible()) << schema_->at(id).name;
  }
  const FieldId notes = schema_->Find("notes")->id;
  EXPECT_FALSE(LeadPeek(*schema_, std::span(&notes, 1)).possible());
}

TEST_F(LeadPeekTest, DamagedBytesAreRefused) {
  const FieldId name = field::kFullName;
  LeadPeek peek(*schema_, std::span(&name, 1));
  std::string bytes = EncodeLead(Random(), LeadForm::kStored);
  bytes.resize(bytes.size() - 1);
  EXPECT_EQ(peek.Read(bytes).status().code(), absl::StatusCode::kDataLoss);
}

// Texts lie together as long as there is room; whatever is set, copied and moved, each keeps its
// own content.
TEST_F(LeadPeekTest, TextsOfALeadKeepTheirContent) {
  SCOPED_TRACE(testing::Seed());
  constexpr FieldId kTexts[] = {field::kFullName, field::kEmail, field::kCompany,
                                field::kDescription, field::kCity};
  Lead lead(schema_);
  std::map<FieldId, std::string> texts;
  for (size_t i = 0; i < testing::Scaled(5'000); ++i) {
    const FieldId id = kTexts[random_() % std::size(kTexts)];
    switch (random_() % 8) {
      case 0:
        lead.Clear(id);
        texts.erase(id);
        break;
      case 1:
        lead = Lead(lead);
        break;
      case 2: {
        Lead other = std::move(lead);
        lead = std::move(other);
        break;
      }
      case 3: {  // from itself
        const FieldId from = kTexts[random_() % std::size(kTexts)];
        lead.Set(id, lead[from]);
        const auto known = texts.find(from);
        known == texts.end() ? void(texts.erase(id)) : void(texts[id] = std::string(known->second));
        break;
      }
      default:
        texts[id] = std::string(random_() % 400, static_cast<char>('a' + random_() % 26));
        lead.SetText(id, texts[id]);
    }
    for (const FieldId each : kTexts) {
      const auto known = texts.find(each);
      ASSERT_EQ(lead.has(each), known != texts.end());
      ASSERT_EQ(lead.text(each), known == texts.end() ? "" : known->second);
    }
  }
}

}  // namespace
}  // namespace leadcore
