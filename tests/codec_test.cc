// SPDX-License-Identifier: Apache-2.0
// Links: leadcore_proto leadcore_sqlite
//
// The codec against the classes that protoc makes of the same messages: every member of lead.proto
// and event.proto goes through it and comes out as it went in.
#include "leadcore/codec.h"

#include <gmock/gmock.h>
#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/message.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "leadcore/v1/event.pb.h"
#include "leadcore/v1/lead.pb.h"
#include "test_util.h"

namespace leadcore {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;
using ::testing::HasSubstr;

std::shared_ptr<const Schema> MakeSchema() {
  Faults faults;
  const CustomField custom[] = {{"a_text", Type::kText, Shape::kScalar, {}, false, ""},
                                {"b_integer", Type::kInteger, Shape::kScalar, {}, false, ""},
                                {"c_real", Type::kReal, Shape::kScalar, {}, false, ""},
                                {"d_boolean", Type::kBoolean, Shape::kScalar, {}, false, ""},
                                {"e_time", Type::kTime, Shape::kScalar, {}, false, ""},
                                {"f_date", Type::kDate, Shape::kScalar, {}, false, ""},
                                {"g_duration", Type::kDuration, Shape::kScalar, {}, false, ""},
                                {"h_money", Type::kMoney, Shape::kScalar, {}, false, ""},
                                {"i_texts", Type::kText, Shape::kList, {}, false, ""}};
  auto schema = Schema::Create(custom, {}, &faults);
  EXPECT_NE(schema, nullptr);
  return schema;
}

// Fills messages by their descriptors, so that a new member is never left out.
class Filler {
 public:
  explicit Filler(uint64_t seed) : random_(seed) {}

  // Every member that may be absent is, now and then; `all` fills each.
  void Fill(Message* message, bool all) {
    const Descriptor& type = *message->GetDescriptor();
    if (Special(message)) return;
    for (int i = 0; i < type.field_count(); ++i) {
      const FieldDescriptor& field = *type.field(i);
      if (field.real_containing_oneof() != nullptr || field.full_name() == kCustom) continue;
      const bool always = field.cpp_type() == FieldDescriptor::CPPTYPE_ENUM;  // has no absence
      if (!all && !always && Below(3) == 0) continue;
      if (field.is_repeated()) {
        for (size_t n = all ? 2 : Below(4); n > 0; --n) Set(message, field, all);
      } else {
        Set(message, field, all);
      }
      names_.insert(std::string(field.full_name()));
    }
    for (int i = 0; i < type.real_oneof_decl_count(); ++i) {
      const auto& oneof = *type.oneof_decl(i);
      const FieldDescriptor& field = *oneof.field(static_cast<int>(Below(oneof.field_count())));
      Set(message, field, all);
      names_.insert(std::string(field.full_name()));
    }
  }

  // Full names of the members that were ever filled.
  const std::set<std::string>& names() const { return names_; }

 private:
  static constexpr std::string_view kCustom = "leadcore.v1.Lead.custom";

  size_t Below(size_t limit) { return random_() % limit; }
  int64_t Whole() {
    constexpr int64_t kEdges[] = {0, 1, -1, INT64_MAX, INT64_MIN};
    const size_t choice = Below(8);
    return choice < 5 ? kEdges[choice] : static_cast<int64_t>(random_());
  }
  std::string Text() {
    constexpr std::string_view kTexts[] = {"", "Ada", "Zoë", "漢字", "a\nb", "😀"};
    return std::string(kTexts[Below(6)]) + (Below(2) == 0 ? "" : std::to_string(Below(100)));
  }

  // Messages whose members depend on each other.
  bool Special(Message* message) {
    const std::string name(message->GetDescriptor()->full_name());
    if (name == "google.protobuf.Timestamp" || name == "google.protobuf.Duration") {
      const int64_t sign = name.ends_with("Duration") && Below(2) == 0 ? -1 : 1;
      SetNumbers(message, {{"seconds", sign * static_cast<int64_t>(Below(4'000'000'000))},
                           {"nanos", sign * static_cast<int64_t>(Below(1'000'000)) * 1000}});
      return true;
    }
    if (name == "leadcore.v1.Date") {
      SetNumbers(message, {{"year", Below(3) == 0 ? 0 : static_cast<int64_t>(1900 + Below(200))},
                           {"month", static_cast<int64_t>(1 + Below(12))},
                           {"day", static_cast<int64_t>(1 + Below(28))}});
      return true;
    }
    if (name == "leadcore.v1.Money") {
      SetNumbers(message, {{"minor_units", Whole()}});
      static_cast<v1::Money*>(message)->set_currency_code(Below(2) == 0 ? "USD" : "JPY");
      return true;
    }
    if (name != "leadcore.v1.ActivitySeries") return false;
    auto* series = static_cast<v1::ActivitySeries*>(message);
    series->set_key(random_());
    series->set_count(Whole());
    series->mutable_last()->set_seconds(static_cast<int64_t>(Below(4'000'000'000)));
    const size_t sums = Below(3), hours = Below(4);
    for (size_t i = 0; i < sums; ++i) series->add_sums(Whole());
    for (size_t i = 0; i < hours; ++i) {
      series->add_bucket_hours(static_cast<int32_t>(i * 7));
      series->add_bucket_counts(static_cast<int32_t>(Below(1000)));
      for (size_t j = 0; j < sums; ++j) series->add_bucket_sums(Whole());
    }
    for (int i = 0; i < series->GetDescriptor()->field_count(); ++i) {
      names_.insert(std::string(series->GetDescriptor()->field(i)->full_name()));
    }
    return true;
  }

  static void SetNumbers(Message* message,
                         const std::vector<std::pair<const char*, int64_t>>& numbers) {
    for (const auto& [name, number] : numbers) {
      const FieldDescriptor* field = message->GetDescriptor()->FindFieldByName(name);
      const Reflection& reflection = *message->GetReflection();
      if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
        reflection.SetInt64(message, field, number);
      } else {
        reflection.SetInt32(message, field, static_cast<int32_t>(number));
      }
    }
  }

  void Set(Message* message, const FieldDescriptor& field, bool all) {
    const Reflection& reflection = *message->GetReflection();
    const bool list = field.is_repeated();
    switch (field.cpp_type()) {
      case FieldDescriptor::CPPTYPE_STRING:
        list ? reflection.AddString(message, &field, Text())
             : reflection.SetString(message, &field, Text());
        break;
      case FieldDescriptor::CPPTYPE_INT64:
        reflection.SetInt64(message, &field, Whole());
        break;
      case FieldDescriptor::CPPTYPE_DOUBLE:
        reflection.SetDouble(message, &field, static_cast<double>(Whole()) / 7);
        break;
      case FieldDescriptor::CPPTYPE_BOOL:
        reflection.SetBool(message, &field, Below(2) == 0);
        break;
      case FieldDescriptor::CPPTYPE_ENUM:
        reflection.SetEnumValue(
            message, &field,
            static_cast<int>(1 + Below(static_cast<size_t>(field.enum_type()->value_count()) - 1)));
        break;
      case FieldDescriptor::CPPTYPE_MESSAGE:
        Fill(list ? reflection.AddMessage(message, &field)
                  : reflection.MutableMessage(message, &field),
             all);
        break;
      default:
        ADD_FAILURE() << "a member of a kind that the codec has not: " << field.full_name();
    }
  }

  std::mt19937_64 random_;
  std::set<std::string> names_;
};

std::string Bytes(const Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return bytes;
}

// `message` through decode and encode: the same message again, in the same bytes each time.
template <typename Proto, typename Decode, typename Encode>
void ExpectThrough(const Proto& message, Decode decode, Encode encode, uint64_t seed) {
  const auto decoded = decode(Bytes(message));
  ASSERT_TRUE(decoded.ok()) << decoded.status() << ", seed " << seed << "\n"
                            << message.DebugString();
  const std::string written = encode(*decoded);
  Proto again;
  ASSERT_TRUE(again.ParseFromString(written));
  std::string difference;
  google::protobuf::util::MessageDifferencer differencer;
  differencer.ReportDifferencesToString(&difference);
  EXPECT_TRUE(differencer.Compare(message, again)) << difference << ", seed " << seed;
  const auto second = decode(written);
  ASSERT_TRUE(second.ok());
  EXPECT_EQ(encode(*second), written) << "seed " << seed;
}

// The custom fields of MakeSchema, each now and then.
void AddCustom(std::mt19937_64* random, v1::Lead* lead) {
  const auto add = [&](const char* name) -> v1::CustomField* {
    if ((*random)() % 3 == 0) return nullptr;
    v1::CustomField* field = lead->add_custom();
    field->set_name(name);
    return field;
  };
  if (auto* field = add("a_text")) field->set_text("");
  if (auto* field = add("b_integer")) field->set_integer(INT64_MIN);
  if (auto* field = add("c_real")) field->set_real(-0.5);
  if (auto* field = add("d_boolean")) field->set_boolean(false);
  if (auto* field = add("e_time")) field->mutable_time()->set_seconds(-5);
  if (auto* field = add("f_date")) field->mutable_date()->set_month(2);
  if (auto* field = add("g_duration")) field->mutable_duration()->set_seconds(-90);
  if (auto* field = add("h_money")) field->mutable_money()->set_currency_code("EUR");
  if (auto* field = add("i_texts")) field->mutable_texts()->add_values("");
  for (v1::CustomField& field : *lead->mutable_custom()) {
    if (field.has_date()) field.mutable_date()->set_day(29);
  }
}

constexpr uint64_t kRuns = 300;

TEST(Codec, EveryMemberOfALeadGoesThrough) {
  const uint64_t seed = testing::Seed();
  Filler filler(seed);
  std::mt19937_64 random(seed);
  const std::shared_ptr<const Schema> schema = MakeSchema();
  for (uint64_t run = 0; run < testing::Scaled(kRuns); ++run) {
    v1::Lead lead;
    filler.Fill(&lead, run == 0);
    AddCustom(&random, &lead);
    ExpectThrough(
        lead, [&](std::string_view bytes) { return DecodeLead(bytes, schema); },
        [](const Lead& each) { return EncodeLead(each, LeadForm::kComplete); }, seed);
  }
  const Descriptor& type = *v1::Lead::descriptor();
  for (int i = 0; i + 1 < type.field_count(); ++i) {
    EXPECT_EQ(filler.names().count(std::string(type.field(i)->full_name())), 1u)
        << type.field(i)->full_name();
  }
}

TEST(Codec, EveryMemberOfTheOtherMessagesGoesThrough) {
  const uint64_t seed = testing::Seed();
  Filler filler(seed);
  for (uint64_t run = 0; run < testing::Scaled(kRuns); ++run) {
    const bool all = run == 0;
    v1::LeadState state;
    filler.Fill(&state, all);
    state.mutable_score();  // always written
    ExpectThrough(state, DecodeLeadState, EncodeLeadState, seed);
    v1::Activity activity;
    filler.Fill(&activity, all);
    if (activity.time().seconds() == 0) activity.clear_time();
    ExpectThrough(activity, DecodeActivity, EncodeActivity, seed);
    v1::CommandOutcome outcome;
    filler.Fill(&outcome, all);
    ExpectThrough(outcome, DecodeCommandOutcome, EncodeCommandOutcome, seed);
    // The images are bytes to the payload; what is in them is checked above.
    v1::EventPayload payload;
    filler.Fill(&payload, all);
    for (v1::RecordImage& image : *payload.mutable_images()) {
      image.set_meta(image.deleted() ? "" : "body");
    }
    ExpectThrough(payload, DecodeEventPayload, EncodeEventPayload, seed);
  }
}

TEST(Codec, AbsentAndEmptyDiffer) {
  Lead lead(Schema::BuiltIn());
  lead.SetText(field::kCompany, "");
  lead.Set(field::kTags, Value::TextList({}));
  const absl::StatusOr<Lead> again =
      DecodeLead(EncodeLead(lead, LeadForm::kStored), Schema::BuiltIn());
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->has(field::kCompany));
  EXPECT_EQ(again->text(field::kCompany), "");
  EXPECT_TRUE(again->has(field::kTags));
  EXPECT_FALSE(again->has(field::kFullName));
  EXPECT_FALSE(again->has(field::kOtherEmails));
  EXPECT_TRUE(SameLead(lead, *again));
}

TEST(Codec, WhatANewerVersionWroteIsKeptAndWrittenBack) {
  v1::Lead lead;
  lead.set_full_name("Ada");
  auto* custom = lead.add_custom();
  custom->set_name("not_in_this_schema");
  custom->set_integer(7);
  lead.GetReflection()->MutableUnknownFields(&lead)->AddLengthDelimited(900, "later");
  const absl::StatusOr<Lead> decoded = DecodeLead(Bytes(lead), Schema::BuiltIn());
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_EQ(decoded->text(field::kFullName), "Ada");
  Lead edited = *decoded;
  edited.SetText(field::kFullName, "Ada L");
  v1::Lead again;
  ASSERT_TRUE(again.ParseFromString(EncodeLead(edited, LeadForm::kStored)));
  EXPECT_EQ(again.full_name(), "Ada L");
  ASSERT_EQ(again.custom_size(), 1);
  EXPECT_EQ(again.custom(0).integer(), 7);
  EXPECT_EQ(again.GetReflection()->GetUnknownFields(again).field_count(), 1);

  v1::Activity activity;
  activity.set_kind("call");
  activity.GetReflection()->MutableUnknownFields(&activity)->AddVarint(77, 5);
  const absl::StatusOr<Activity> read = DecodeActivity(Bytes(activity));
  ASSERT_TRUE(read.ok());
  v1::Activity written;
  ASSERT_TRUE(written.ParseFromString(EncodeActivity(*read)));
  EXPECT_EQ(written.GetReflection()->GetUnknownFields(written).field_count(), 1);
}

// A member of another wire type than ours is unknown; nothing empty comes in for it.
TEST(Codec, AMemberOfAnotherWireTypeIsUnknown) {
  LeadState state;
  state.score.band = "cold";
  const std::string bytes = EncodeLeadState(state) + std::string("\x10\x05", 2);
  const absl::StatusOr<LeadState> again = DecodeLeadState(bytes);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->activities.series.empty());
  EXPECT_EQ(EncodeLeadState(*again), bytes);
  const absl::StatusOr<Activity> activity = DecodeActivity(std::string("\x30\x01", 2));
  ASSERT_TRUE(activity.ok());
  EXPECT_FALSE(activity->outcome.has_value());
}

TEST(Codec, DamagedBytesAreRefusedAndNeverHarm) {
  const uint64_t seed = testing::Seed();
  Filler filler(seed);
  std::mt19937_64 random(seed);
  const std::shared_ptr<const Schema> schema = MakeSchema();
  v1::Lead lead;
  filler.Fill(&lead, true);
  const std::string whole = Bytes(lead);
  size_t refused = 0;
  for (size_t size = 0; size < whole.size(); ++size) {
    const absl::StatusOr<Lead> cut = DecodeLead(std::string_view(whole).substr(0, size), schema);
    if (cut.ok()) continue;
    ++refused;
    EXPECT_EQ(cut.status().code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(cut.status().message()), HasSubstr("lead"));
  }
  EXPECT_GT(refused, whole.size() / 2);
  for (size_t run = 0; run < testing::Scaled(3000); ++run) {
    std::string damaged = whole;
    damaged[random() % damaged.size()] = static_cast<char>(random());
    const absl::StatusOr<Lead> answer = DecodeLead(damaged, schema);
    EXPECT_TRUE(answer.ok() || absl::IsDataLoss(answer.status())) << answer.status();
  }
  EXPECT_FALSE(DecodeLead(std::string(kLargestMessage + 1, '\0'), schema).ok());
}

TEST(Codec, TextThatIsNoUtf8IsMended) {
  Lead lead(Schema::BuiltIn());
  lead.SetText(field::kFullName,
               "Ad\xff"
               "a");
  v1::Lead again;
  ASSERT_TRUE(again.ParseFromString(EncodeLead(lead, LeadForm::kStored)));
  EXPECT_EQ(again.full_name(), "Ad\uFFFDa");
}

TEST(Codec, WhatAStoreKeepsElsewhereIsNotStored) {
  Lead lead(Schema::BuiltIn());
  lead.SetText(field::kId, "x");
  lead.Set(field::kVersion, Value::Integer(3));
  lead.SetText(field::kBand, "hot");
  lead.SetText(field::kFullName, "Ada");
  v1::Lead stored, complete;
  ASSERT_TRUE(stored.ParseFromString(EncodeLead(lead, LeadForm::kStored)));
  ASSERT_TRUE(complete.ParseFromString(EncodeLead(lead, LeadForm::kComplete)));
  EXPECT_FALSE(stored.has_id() || stored.has_version() || stored.has_band());
  EXPECT_EQ(complete.id(), "x");
  EXPECT_EQ(complete.version(), 3);
  EXPECT_EQ(complete.band(), "hot");
  EXPECT_EQ(stored.full_name(), "Ada");
}

}  // namespace
}  // namespace leadcore
