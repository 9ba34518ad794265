// SPDX-License-Identifier: Apache-2.0
#include "leadcore/expression.h"

#include <algorithm>
#include <utility>

#include "expression/checker.h"
#include "expression/evaluator.h"
#include "expression/ranges.h"
#include "text.h"

namespace leadcore {
namespace {

using expression_internal::Cell;
using expression_internal::Checker;
using expression_internal::Evaluator;
using expression_internal::Kind;
using expression_internal::Mistake;
using expression_internal::Operand;
using expression_internal::Program;
using expression_internal::Reason;
using expression_internal::SeriesNeed;
using expression_internal::Syntax;

// `now` in whole microseconds, as everywhere in the engine; nullopt outside the years 1 to 9999.
std::optional<int64_t> NowMicros(absl::Time now) {
  if (now == absl::InfiniteFuture() || now == absl::InfinitePast()) return std::nullopt;
  const int64_t seconds = absl::ToUnixSeconds(now);
  if (!expression_internal::IsPoint({seconds, 0})) return std::nullopt;
  return ToMicros(now);
}

ExpressionType TypeOf(const Cell& cell) {
  switch (cell.kind) {
    case Kind::kBool:
      return ExpressionType::kBool;
    case Kind::kInt:
      return ExpressionType::kInt;
    case Kind::kDouble:
      return ExpressionType::kDouble;
    case Kind::kString:
      return ExpressionType::kString;
    case Kind::kTimestamp:
      return ExpressionType::kTimestamp;
    case Kind::kDuration:
      return ExpressionType::kDuration;
    case Kind::kList:
      return ExpressionType::kList;
    case Kind::kMoney:
      return ExpressionType::kMoney;
    case Kind::kDate:
      return ExpressionType::kDate;
    default:
      return ExpressionType::kNull;
  }
}

Datum ToDatum(const Cell& cell) {
  Datum datum;
  datum.type = TypeOf(cell);
  switch (cell.kind) {
    case Kind::kDouble:
      datum.real = cell.real;
      break;
    case Kind::kString:
      datum.text = cell.string();
      break;
    case Kind::kList:
      for (size_t i = 0; i < cell.size; ++i) datum.items.push_back(ToDatum(cell.item(i)));
      break;
    case Kind::kMoney:
      datum.integer = cell.integer;
      datum.text = cell.money().currency.text();
      break;
    case Kind::kTimestamp:
    case Kind::kDuration:
      datum.nanos = cell.nanos;
      datum.integer = cell.integer;
      break;
    default:
      datum.integer = cell.integer;
      break;
  }
  return datum;
}

// What can be told of a text before it is read.
std::optional<Mistake> CheckSource(std::string_view source, const ExpressionLimits& limits) {
  if (source.size() > limits.length_bytes) {
    return Mistake{0, Cat("the expression has ", source.size(), " bytes; at most ",
                          limits.length_bytes, " are allowed")};
  }
  if (!IsUtf8(source)) {
    const std::string mended = ToUtf8(source);
    const auto at = std::mismatch(source.begin(), source.end(), mended.begin(), mended.end()).first;
    return Mistake{static_cast<int>(at - source.begin()), "this byte is not UTF-8"};
  }
  if (source.find_first_not_of(" \t\r\n\f") == std::string_view::npos) {
    return Mistake{0, "the expression is empty"};
  }
  return std::nullopt;
}

// A message may quote the source, which may be long.
std::string Cut(std::string message) {
  constexpr size_t kLongest = 400;
  if (message.size() <= kLongest) return message;
  size_t end = kLongest;
  while (end > 0 && (message[end] & 0xc0) == 0x80) --end;
  return message.substr(0, end) + "…";
}

void Report(std::vector<Mistake> mistakes, std::string_view path, Faults* faults) {
  std::stable_sort(mistakes.begin(), mistakes.end(),
                   [](const Mistake& a, const Mistake& b) { return a.offset < b.offset; });
  for (Mistake& mistake : mistakes) {
    Fault fault;
    fault.path = path;
    fault.offset = mistake.offset;
    fault.message = Cut(std::move(mistake.message));
    faults->push_back(std::move(fault));
  }
}

void RegisterSeries(std::vector<SeriesNeed> needs, ActivityAggregates* aggregates,
                    Program* program) {
  for (SeriesNeed& need : needs) {
    const size_t series = aggregates->Register(need.kind, need.where_source, std::move(need.where),
                                               need.window_hours, need.attribute);
    expression_internal::Node& node = program->nodes[need.node];
    node.index = static_cast<uint32_t>(series);
    if (need.attribute.empty()) continue;
    const std::vector<std::string>& sums = aggregates->series()[series].sums;
    node.name =
        static_cast<uint32_t>(std::find(sums.begin(), sums.end(), need.attribute) - sums.begin());
  }
}

}  // namespace

struct Expression::Compiled {
  std::string source;
  ExpressionType type = ExpressionType::kAny;
  Program program;
  std::vector<Range> ranges;
};

Expression::Expression(std::unique_ptr<const Compiled> compiled) : compiled_(std::move(compiled)) {}
Expression::~Expression() = default;

std::shared_ptr<const Expression> Expression::Compile(std::string_view source,
                                                      const ExpressionScope& scope,
                                                      std::optional<ExpressionType> type,
                                                      std::string_view path, Faults* faults,
                                                      const ExpressionLimits& limits) {
  std::vector<Mistake> mistakes;
  if (std::optional<Mistake> mistake = CheckSource(source, limits)) {
    mistakes.push_back(*std::move(mistake));
  }
  Syntax syntax;
  if (mistakes.empty()) syntax = expression_internal::Parse(source, limits, &mistakes);
  if (!mistakes.empty()) {
    Report(std::move(mistakes), path, faults);
    return nullptr;
  }
  Checker checker(syntax, scope, limits, {}, &mistakes);
  const Operand result = checker.Run(syntax.root);
  if (type) checker.Expect(result, *type);
  if (!mistakes.empty()) {
    Report(std::move(mistakes), path, faults);
    return nullptr;
  }
  auto compiled = std::make_unique<Compiled>();
  compiled->source = source;
  compiled->type = expression_internal::ToExpressionType(result.type);
  compiled->program = checker.TakeProgram();
  RegisterSeries(checker.TakeNeeds(), scope.aggregates, &compiled->program);
  if (compiled->type == ExpressionType::kBool) {
    compiled->ranges = expression_internal::RangesOf(compiled->program, *scope.schema);
  }
  return std::shared_ptr<const Expression>(new Expression(std::move(compiled)));
}

const std::string& Expression::source() const { return compiled_->source; }
ExpressionType Expression::type() const { return compiled_->type; }
std::span<const FieldId> Expression::fields() const { return compiled_->program.fields; }
bool Expression::reads_activities() const {
  return std::ranges::any_of(compiled_->program.nodes, [](const expression_internal::Node& node) {
    return node.op == expression_internal::Op::kCount || node.op == expression_internal::Op::kSum ||
           node.op == expression_internal::Op::kLast;
  });
}
std::span<const Expression::Range> Expression::ranges() const { return compiled_->ranges; }

Verdict Expression::Test(LeadView view, absl::Time now, std::vector<std::string>* missing) const {
  const Program& program = compiled_->program;
  Evaluator evaluator(program, view, NowMicros(now));
  const Cell cell = evaluator.Run(program.nodes[program.root]);
  Verdict verdict;
  verdict.valid_until = evaluator.until();
  if (cell.kind == Kind::kBool) {
    verdict.truth = cell.truth() ? Truth::kTrue : Truth::kFalse;
    return verdict;
  }
  if (missing == nullptr) return verdict;
  for (const Reason& reason : evaluator.reasons()) {
    if (reason.why == Reason::Why::kMissing) missing->push_back(program.names[reason.name]);
  }
  return verdict;
}

std::optional<Datum> Expression::Evaluate(LeadView view, absl::Time now, std::string* why) const {
  const Program& program = compiled_->program;
  Evaluator evaluator(program, view, NowMicros(now));
  const Cell cell = evaluator.Run(program.nodes[program.root]);
  if (!cell.undetermined()) return ToDatum(cell);
  if (why != nullptr) {
    *why = evaluator.reasons().empty()
               ? "undetermined"
               : expression_internal::Describe(evaluator.reasons()[0], program);
  }
  return std::nullopt;
}

}  // namespace leadcore
