// SPDX-License-Identifier: Apache-2.0
// Links: leadcore_proto leadcore_sqlite
//
// A model document is the JSON form of leadcore.v1.Model: what protobuf reads of it is the same
// model, and neither side has a member that the other lacks.
#include <gmock/gmock.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/util/json_util.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "leadcore/engine.h"
#include "leadcore/model.h"
#include "leadcore/v1/model.pb.h"
#include "test_util.h"

namespace leadcore {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

std::vector<std::filesystem::path> Examples() {
  std::vector<std::filesystem::path> paths;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::SourcePath("examples/models"))) {
    if (entry.path().extension() == ".json") paths.push_back(entry.path());
  }
  return paths;
}

// The document as protobuf understands and writes it; "" and a failure when it is refused.
std::string ThroughProto(const std::string& json) {
  v1::Model model;
  const auto read = google::protobuf::util::JsonStringToMessage(json, &model);
  EXPECT_TRUE(read.ok()) << read.ToString();
  if (!read.ok()) return "";
  google::protobuf::util::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string written;
  EXPECT_TRUE(google::protobuf::util::MessageToJsonString(model, &written, options).ok());
  return written;
}

Lead Sample(const Model& model) {
  Lead lead(model.schema());
  lead.SetText(field::kFullName, "Ada Lovelace");
  lead.SetText(field::kEmail, "ada@example.com");
  lead.SetText(field::kJobTitle, "CTO");
  lead.SetText(field::kCountry, "US");
  lead.SetText(field::kRegion, "California");
  lead.Set(field::kEmployeeCount, Value::Integer(1500));
  return lead;
}

TEST(ModelProto, TakesEveryExampleAndMeansTheSame) {
  ASSERT_GE(Examples().size(), 4u);
  for (const std::filesystem::path& path : Examples()) {
    SCOPED_TRACE(path.filename());
    const std::string text = testing::ReadFile(path);
    Faults faults;
    const auto model = Model::Parse(text, &faults);
    ASSERT_NE(model, nullptr) << FormatFaults(faults);
    const auto again = Model::Parse(ThroughProto(text), &faults);
    ASSERT_NE(again, nullptr) << FormatFaults(faults);
    const ModelConfig &a = model->config(), &b = again->config();
    EXPECT_EQ(a.name, b.name);
    EXPECT_EQ(a.fields.size(), b.fields.size());
    EXPECT_EQ(a.activity_kinds.size(), b.activity_kinds.size());
    // An empty list is one left out, in the message.
    if (!a.sources.empty()) {
      EXPECT_EQ(a.sources.size(), b.sources.size());
    }
    EXPECT_EQ(a.required.size(), b.required.size());
    EXPECT_EQ(a.keys.size(), b.keys.size());
    EXPECT_EQ(a.lifecycle.states.size(), b.lifecycle.states.size());
    EXPECT_EQ(a.routing.pools.size(), b.routing.pools.size());
    EXPECT_EQ(a.routing.affinity_existing, b.routing.affinity_existing);
    EXPECT_EQ(a.import.columns.size(), b.import.columns.size());
    EXPECT_EQ(a.import.values.size(), b.import.values.size());
    EXPECT_EQ(a.tests.size(), b.tests.size());
    const absl::Time now = absl::FromUnixSeconds(1'767'603'600);
    std::vector<RuleTrace> traces[2];
    EXPECT_EQ(ScoreLead(*model, Sample(*model), now, &traces[0]).total,
              ScoreLead(*again, Sample(*again), now, &traces[1]).total);
    EXPECT_EQ(traces[0].size(), traces[1].size());
    EXPECT_EQ(FormatFaults(RunModelTests(again)), "") << "the model's own tests";
  }
}

TEST(ModelProto, RefusesWhatItDoesNotKnow) {
  v1::Model model;
  EXPECT_FALSE(google::protobuf::util::JsonStringToMessage("{\"curency\": \"USD\"}", &model).ok());
}

// `inner` at the place that `path` leads to: the members on the way, each with whether it is a
// list.
std::string Wrap(const std::vector<const FieldDescriptor*>& path, const std::string& inner) {
  std::string json = inner;
  for (auto at = path.rbegin(); at != path.rend(); ++at) {
    const std::string value = (*at)->is_repeated() ? "[" + json + "]" : json;
    json = "{\"" + std::string((*at)->name()) + "\": " + value + "}";
  }
  return json;
}

// What the reader says are the members of the message at `path`.
std::set<std::string> KnownMembers(const std::vector<const FieldDescriptor*>& path) {
  Faults faults;
  Model::Parse(Wrap(path, "{\"qqqqqqqqqqqqqqqq\": 1}"), &faults);
  const std::string text = FormatFaults(faults);
  const std::string start = "(members: ";
  const size_t begin = text.find(start);
  EXPECT_NE(begin, std::string::npos) << text;
  if (begin == std::string::npos) return {};
  std::istringstream words(
      text.substr(begin + start.size(), text.find(')', begin) - begin - start.size()));
  std::set<std::string> names;
  for (std::string name; words >> name;) {
    if (name.back() == ',') name.pop_back();
    names.insert(name);
  }
  return names;
}

void Compare(const Descriptor& type, std::vector<const FieldDescriptor*>* path, size_t* compared) {
  std::set<std::string> names;
  for (int i = 0; i < type.field_count(); ++i) names.insert(std::string(type.field(i)->name()));
  EXPECT_EQ(names, KnownMembers(*path)) << type.full_name();
  ++*compared;
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (field.is_map() || field.message_type() == nullptr) continue;
    path->push_back(&field);
    Compare(*field.message_type(), path, compared);
    path->pop_back();
  }
}

TEST(ModelProto, HasTheMembersThatTheReaderHas) {
  std::vector<const FieldDescriptor*> path;
  size_t compared = 0;
  Compare(*v1::Model::descriptor(), &path, &compared);
  EXPECT_GE(compared, 20u);
}

}  // namespace
}  // namespace leadcore
