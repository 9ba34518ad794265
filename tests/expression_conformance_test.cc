// SPDX-License-Identifier: Apache-2.0
//
// CEL's own conformance cases. A case of the core has to pass or stand in expression_refused.txt
// with its reason; any other case has to be refused by Compile or be right.
#include <gtest/gtest.h>

#include <cmath>
#include <deque>
#include <fstream>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "leadcore/expression.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "rapidjson.h"
#include "test_util.h"

namespace leadcore {
namespace {

using Json = rapidjson::Value;

std::string Text(const Json& json) { return {json.GetString(), json.GetStringLength()}; }

double Real(const Json& json) {
  if (json.IsNumber()) return json.GetDouble();
  const std::string text = Text(json);
  if (text == "NaN") return std::nan("");
  return text == "-Infinity" ? -HUGE_VAL : HUGE_VAL;
}

// Is `datum` the value that the case expects? Ints and doubles are different values.
bool Matches(const Datum& datum, const Json& expected) {
  if (!expected.IsObject() || expected.MemberCount() != 1) return false;
  const std::string kind = Text(expected.MemberBegin()->name);
  const Json& value = expected.MemberBegin()->value;
  if (kind == "boolValue") {
    return datum.type == ExpressionType::kBool && (datum.integer != 0) == value.GetBool();
  }
  if (kind == "int64Value") {
    return datum.type == ExpressionType::kInt && std::to_string(datum.integer) == Text(value);
  }
  if (kind == "doubleValue") {
    const double real = Real(value);
    return datum.type == ExpressionType::kDouble &&
           (datum.real == real || (std::isnan(real) && std::isnan(datum.real)));
  }
  if (kind == "stringValue") {
    return datum.type == ExpressionType::kString && datum.text == Text(value);
  }
  if (kind == "nullValue") return datum.type == ExpressionType::kNull;
  if (kind != "listValue" || datum.type != ExpressionType::kList) return false;
  const auto values = value.FindMember("values");
  if (values == value.MemberEnd()) return datum.items.empty();
  if (values->value.Size() != datum.items.size()) return false;
  for (rapidjson::SizeType i = 0; i < values->value.Size(); ++i) {
    if (!Matches(datum.items[i], values->value[i])) return false;
  }
  return true;
}

// The variables of a case as fields of a schema of their own, and their values as a row.
class Variables {
 public:
  explicit Variables(const Json& test) {
    if (const auto env = test.FindMember("typeEnv"); env != test.MemberEnd()) {
      for (const Json& entry : env->value.GetArray()) Declare(entry);
    }
    Faults faults;
    schema_ = Schema::Create(fields_, {}, &faults);
    if (schema_ == nullptr) {  // names that no field can have: the case is run without variables
      schema_ = Schema::BuiltIn();
      fields_.clear();
    }
    row_.resize(schema_->size());
    const auto bindings = test.FindMember("bindings");
    if (bindings == test.MemberEnd()) return;
    for (const auto& binding : bindings->value.GetObject()) {
      Bind(Text(binding.name), binding.value);
    }
  }

  const Schema& schema() const { return *schema_; }
  LeadView view() const { return {row_, nullptr}; }

 private:
  // A type that no field has leaves the variable undeclared, so that Compile refuses its name.
  void Declare(const Json& entry) {
    if (!entry.HasMember("ident")) return;
    const Json& type = entry["ident"]["type"];
    const std::map<std::string, Type> primitives = {{"INT64", Type::kInteger},
                                                    {"DOUBLE", Type::kReal},
                                                    {"STRING", Type::kText},
                                                    {"BOOL", Type::kBoolean}};
    CustomField field;
    field.name = Text(entry["name"]);
    if (type.HasMember("primitive")) {
      const auto known = primitives.find(Text(type["primitive"]));
      if (known == primitives.end()) return;
      field.type = known->second;
    } else if (type.HasMember("wellKnown") || type.HasMember("messageType")) {
      const std::string name = Text(type.MemberBegin()->value);
      if (name == "TIMESTAMP" || name == "google.protobuf.Timestamp") {
        field.type = Type::kTime;
      } else if (name == "DURATION" || name == "google.protobuf.Duration") {
        field.type = Type::kDuration;
      } else {
        return;
      }
    } else {
      return;
    }
    fields_.push_back(field);
  }

  void Bind(const std::string& name, const Json& binding) {
    const Field* field = schema_->Find(name);
    if (field == nullptr || !binding.HasMember("value")) return;
    const Json& value = binding["value"].MemberBegin()->value;
    Value& cell = row_[field->id];
    if (field->type == Type::kInteger) cell = Value::Integer(std::stoll(Text(value)));
    if (field->type == Type::kReal) cell = Value::Real(Real(value));
    if (field->type == Type::kText) cell = Value::Text(texts_.emplace_back(Text(value)));
    if (field->type == Type::kBoolean) cell = Value::Boolean(value.GetBool());
    if (field->type == Type::kDuration) {
      absl::Duration duration;
      ASSERT_TRUE(absl::ParseDuration(value["value"].GetString(), &duration));
      cell = Value::Duration(absl::ToInt64Microseconds(duration));
    }
    if (field->type == Type::kTime) {
      const auto micros = ParseTime(Text(value["value"]));
      ASSERT_TRUE(micros.ok());
      cell = Value::Time(*micros);
    }
  }

  std::vector<CustomField> fields_;
  std::shared_ptr<const Schema> schema_;
  std::vector<Value> row_;
  std::deque<std::string> texts_;
};

enum class Result { kRight, kWrong, kRefused };

Result RunCase(const Json& test, std::string* detail) {
  const Variables variables(test);
  ExpressionScope scope;
  scope.root = "";
  scope.schema = &variables.schema();
  Faults faults;
  const auto expression = Expression::Compile(Text(test["expr"]), scope, std::nullopt, "", &faults);
  if (expression == nullptr) {
    *detail = faults.empty() ? "no reason given" : faults[0].message;
    return Result::kRefused;
  }
  if (test.HasMember("checkOnly") && test["checkOnly"].GetBool()) {
    const Json& type = test["typedResult"]["deducedType"];
    const bool list = expression->type() == ExpressionType::kList;
    return list == type.HasMember("listType") ? Result::kRight : Result::kWrong;
  }
  const absl::Time now = absl::FromUnixSeconds(1'764'000'000);
  const std::optional<Datum> datum = expression->Evaluate(variables.view(), now, detail);
  if (test.HasMember("evalError")) return datum ? Result::kWrong : Result::kRight;
  if (!datum) return Result::kWrong;
  *detail = "another value";
  if (test.HasMember("value")) {
    return Matches(*datum, test["value"]) ? Result::kRight : Result::kWrong;
  }
  if (test.HasMember("typedResult") && test["typedResult"].HasMember("result")) {
    return Matches(*datum, test["typedResult"]["result"]) ? Result::kRight : Result::kWrong;
  }
  return datum->type == ExpressionType::kBool && datum->integer != 0 ? Result::kRight
                                                                     : Result::kWrong;
}

// Lines "id: reason"; "#" starts a remark.
std::map<std::string, std::string> ReadRefused() {
  std::map<std::string, std::string> refused;
  std::ifstream file(testing::SourcePath("tests/expression_refused.txt"));
  std::string line;
  while (std::getline(file, line)) {
    if (line.empty() || line[0] == '#') continue;
    const size_t colon = line.find(": ");
    refused[line.substr(0, colon)] = colon == std::string::npos ? "" : line.substr(colon + 2);
  }
  return refused;
}

TEST(Conformance, CoreCasesPassOrAreListedAndNoCaseIsAcceptedAndWrong) {
  const auto path = testing::SharedPath("acceptance/cel/conformance.jsonl");
  LEADCORE_SKIP_WITHOUT(path, "acceptance/cel/conformance.jsonl");
  const std::map<std::string, std::string> listed = ReadRefused();
  std::set<std::string> refused;
  int core = 0, passed = 0, others = 0, accepted = 0;
  std::ifstream file(*path);
  std::string line;
  while (std::getline(file, line)) {
    rapidjson::Document test;
    test.Parse<rapidjson::kParseFullPrecisionFlag>(line.c_str());
    ASSERT_FALSE(test.HasParseError()) << line;
    const std::string id = Text(test["id"]);
    const bool in_core = test.HasMember("core") && test["core"].GetBool();
    std::string detail;
    const Result result = RunCase(test, &detail);
    EXPECT_NE(result, Result::kWrong) << id << ": " << Text(test["expr"]) << ": " << detail;
    (in_core ? core : others) += 1;
    if (result == Result::kRight) (in_core ? passed : accepted) += 1;
    if (!in_core || result != Result::kRefused) continue;
    refused.insert(id);
    EXPECT_TRUE(listed.count(id)) << id << " is refused and not listed: " << Text(test["expr"])
                                  << ": " << detail;
  }
  for (const auto& [id, reason] : listed) {
    EXPECT_TRUE(refused.count(id)) << id << " is listed as refused and is not";
    EXPECT_FALSE(reason.empty()) << id << " is listed without a reason";
  }
  EXPECT_GE(passed, 500);
  RecordProperty("core_passed", passed);
  std::cout << "core: " << passed << " of " << core << " pass, " << refused.size()
            << " are refused; others: " << accepted << " of " << others
            << " are accepted and right, the rest refused\n";
}

}  // namespace
}  // namespace leadcore
