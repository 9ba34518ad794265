// SPDX-License-Identifier: Apache-2.0
//
// Any text compiles or is refused with a reason and a place; what compiles runs on any lead, at any
// time, without harm; and compiling its canonical spelling, which is its own canonical spelling,
// gives the same results. A row for which a condition is true lies in its ranges.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"
#include "expression/syntax.h"
#include "leadcore/expression.h"
#include "leadcore/lead.h"
#include "leadcore/schema.h"
#include "text.h"

namespace {

using namespace leadcore;  // NOLINT: a program of its own

void Check(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "expression_fuzz: %s\n", what);
  std::abort();
}

struct World {
  World() {
    Faults faults;
    ActivityKind view;
    view.name = "page_view";
    view.attributes = {{"path", Type::kText, Shape::kScalar, {}, false, ""},
                       {"seconds", Type::kInteger, Shape::kScalar, {}, false, ""}};
    view.schema = Schema::ForActivity(view.attributes, &faults);
    kinds.push_back(view);
    const CustomField custom[] = {{"length", Type::kDuration, Shape::kScalar, {}, false, ""}};
    schema = Schema::Create(custom, {}, &faults);
  }
  std::vector<ActivityKind> kinds;
  std::shared_ptr<const Schema> schema;
};

// Numbers drawn from the input itself, so that a crash can be repeated.
class Draw {
 public:
  explicit Draw(std::string_view seed) {
    for (char c : seed) state_ = (state_ ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  }
  uint64_t Next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }
  int64_t Whole() {
    constexpr int64_t kEdges[] = {0, 1, -1, INT64_MAX, INT64_MIN, 1'795'000'000'000'000};
    const uint64_t choice = Next() % 8;
    return choice < 6 ? kEdges[choice] : static_cast<int64_t>(Next());
  }

 private:
  uint64_t state_ = 0xcbf29ce484222325ull;
};

void Fill(Draw* draw, Lead* lead) {
  for (const Field& field : lead->schema().fields()) {
    if (draw->Next() % 3 == 0) continue;
    const int64_t whole = draw->Whole();
    switch (StoredKind(field.type, field.shape)) {
      case Value::Kind::kText:
        lead->SetText(field.id, std::string(draw->Next() % 20, static_cast<char>(draw->Next())));
        break;
      case Value::Kind::kInteger:
        lead->Set(field.id, Value::Integer(whole));
        break;
      case Value::Kind::kReal:
        lead->Set(field.id, Value::Real(static_cast<double>(whole) / 0.3));
        break;
      case Value::Kind::kBoolean:
        lead->Set(field.id, Value::Boolean(whole > 0));
        break;
      case Value::Kind::kTime:
        lead->Set(field.id, Value::Time(whole));
        break;
      case Value::Kind::kDuration:
        lead->Set(field.id, Value::Duration(whole));
        break;
      case Value::Kind::kDate:
        lead->Set(field.id, Value::OfDate({static_cast<int16_t>(draw->Next() % 3000),
                                           static_cast<uint8_t>(1 + draw->Next() % 12),
                                           static_cast<uint8_t>(1 + draw->Next() % 28)}));
        break;
      case Value::Kind::kMoney:
        lead->Set(field.id, Value::OfMoney({whole, Currency{}}));
        break;
      case Value::Kind::kTextList:
        for (uint64_t i = draw->Next() % 5; i > 0; --i) lead->AppendText(field.id, "vip");
        break;
      case Value::Kind::kRecordList:
        lead->AppendRecord(field.id, Record(field.member_count()));
        break;
      default:
        break;
    }
  }
}

std::string Canonical(std::string_view source) {
  std::vector<expression_internal::Mistake> mistakes;
  const expression_internal::Syntax syntax = expression_internal::Parse(source, {}, &mistakes);
  Check(mistakes.empty(), "a canonical spelling that cannot be read");
  return expression_internal::Canonical(syntax, syntax.root);
}

std::string Text(const Datum& datum) {
  std::string out = Cat(static_cast<int>(datum.type), ' ', datum.integer, ' ', datum.nanos, ' ',
                        std::to_string(datum.real), ' ', datum.text);
  for (const Datum& item : datum.items) out += Cat(',', Text(item));
  return out;
}

std::string RunOnce(const Expression& expression, LeadView view, absl::Time now) {
  std::string why;
  const std::optional<Datum> datum = expression.Evaluate(view, now, &why);
  std::vector<std::string> missing;
  const Verdict verdict = expression.Test(view, now, &missing);
  if (!datum) Check(!why.empty(), "undetermined without a reason");
  if (verdict.valid_until) {
    Check(*verdict.valid_until > absl::ToUnixMicros(now), "valid until a moment that is past");
  }
  return (datum ? Text(*datum) : why) + " " + std::to_string(static_cast<int>(verdict.truth)) +
         " " + std::to_string(verdict.valid_until.value_or(-1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const World& world = *new World;
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  ActivityAggregates aggregates;
  ExpressionScope scope;
  scope.schema = world.schema.get();
  scope.kinds = world.kinds;
  scope.aggregates = &aggregates;
  scope.now_moves = size % 2 == 0;
  Faults faults;
  const auto expression = Expression::Compile(source, scope, std::nullopt, "x", &faults);
  Check((expression == nullptr) == !faults.empty(), "a result and faults, or neither");
  for (const Fault& fault : faults) {
    Check(fault.offset >= 0 && static_cast<size_t>(fault.offset) <= size, "a fault out of place");
    Check(!fault.message.empty(), "a fault without a message");
  }
  if (expression == nullptr) return 0;
  const std::string canonical = Canonical(source);
  Check(Canonical(canonical) == canonical, "the canonical spelling has another one");
  ExpressionLimits limits;
  limits.length_bytes = 4 * size + 1000;  // escapes may take four bytes for one
  const auto again = Expression::Compile(canonical, scope, std::nullopt, "x", &faults, limits);
  Check(again != nullptr && again->type() == expression->type(), "another result the second time");

  Draw draw(source);
  Lead lead(world.schema);
  Fill(&draw, &lead);
  ActivitySummary summary;
  Activity activity;
  activity.kind = "page_view";
  activity.attributes = {{"path", std::string("/pricing")}, {"seconds", draw.Whole()}};
  for (int i = 0; i < 4; ++i) {
    activity.time = draw.Whole();
    aggregates.Add(activity, *world.kinds[0].schema, absl::FromUnixMicros(draw.Whole()), &summary);
  }
  for (int64_t now : {int64_t{1'795'000'000'000'000}, draw.Whole()}) {
    const absl::Time time = absl::FromUnixMicros(now);
    const std::string first = RunOnce(*expression, lead.view(&summary), time);
    Check(first == RunOnce(*again, lead.view(&summary), time), "another value the second time");
    RunOnce(*expression, LeadView{}, time);
  }
  const Verdict verdict = expression->Test(lead.view(&summary), absl::UnixEpoch());
  if (verdict.truth != Truth::kTrue) return 0;
  for (const Expression::Range& range : expression->ranges()) {
    const Value& value = lead[range.field];
    if (range.prefix) {
      Check(value.text().starts_with(range.low.text()), "a value without its prefix");
      continue;
    }
    Check(range.low.absent() || CompareValues(value, range.low) >= 0, "a value below its range");
    Check(range.high.absent() || CompareValues(value, range.high) <= 0, "a value above its range");
  }
  return 0;
}
