// SPDX-License-Identifier: Apache-2.0
//
// count(kind, within, where), sum(kind, attribute, within, where) and last(kind, where): `within`
// and `where` may each be left out.
#include <algorithm>
#include <optional>

#include "expression/checker.h"

namespace leadcore::expression_internal {
namespace {

constexpr int64_t kLongestWindowHours = 10 * 366 * 24;

}  // namespace

const ActivityKind* Checker::FindKind(SyntaxId id) {
  const SyntaxNode& node = syntax_[id];
  if (node.kind != SyntaxKind::kText) {
    Fail(node.offset, "the kind of activity has to be a text in quotes, such as \"",
         scope_.kinds[0].name, "\"");
    return nullptr;
  }
  std::vector<std::string_view> names;
  for (const ActivityKind& kind : scope_.kinds) {
    if (kind.name == node.value) return &kind;
    names.push_back(kind.name);
  }
  const std::string_view closest = ClosestName(node.value, names.data(), names.size());
  if (closest.empty()) {
    Fail(node.offset, "unknown kind of activity '", node.value, "'");
  } else {
    Fail(node.offset, "unknown kind of activity '", node.value, "', did you mean '", closest, "'?");
  }
  return nullptr;
}

// Tells a window from a condition by its looks: neither needs the other's names.
bool Checker::LooksLikeLength(SyntaxId id) const {
  const SyntaxNode& node = syntax_[id];
  if (node.kind == SyntaxKind::kCall && !node.receiver) {
    for (std::string_view name : {"weeks", "days", "hours", "minutes", "seconds", "duration"}) {
      if (node.text == name) return true;
    }
  }
  const bool sum = node.kind == SyntaxKind::kBinary && (node.text == "+" || node.text == "-");
  return node.kind == SyntaxKind::kInteger || (sum && LooksLikeLength(node.children[0]));
}

// In hours; 0 when it is wrong, which is reported.
int32_t Checker::CheckWindow(SyntaxId id) {
  const Operand window = Check(id);
  if (window.type.any()) return 0;
  if (!window.type.Is(Kind::kDuration) || !window.constant) {
    Fail(window.offset, "the window has to be a fixed length of time, such as days(7)");
    return 0;
  }
  const Moment length = program_.constant(program_.nodes[window.node]).moment();
  if (length.nanos != 0 || length.seconds % 3600 != 0 || length.seconds <= 0) {
    Fail(window.offset, "a window is counted in whole hours, one or more");
    return 0;
  }
  if (length.seconds / 3600 > kLongestWindowHours) {
    Fail(window.offset, "a window is at most ten years long");
    return 0;
  }
  return static_cast<int32_t>(length.seconds / 3600);
}

void Checker::CheckWhere(SyntaxId id, const ActivityKind& kind, SeriesNeed* need) {
  ExpressionScope inner;
  inner.root = "activity";
  inner.schema = kind.schema.get();
  inner.currency = scope_.currency;
  const size_t before = mistakes_->size();
  Checker checker(syntax_, inner, limits_, {.now = false}, mistakes_);
  checker.Expect(checker.Run(id), ExpressionType::kBool);
  if (mistakes_->size() != before) return;
  need->where_source = Canonical(syntax_, id);
  Faults faults;
  need->where =
      Expression::Compile(need->where_source, inner, ExpressionType::kBool, "", &faults, limits_);
  if (need->where == nullptr) {
    Fail(syntax_[id].offset,
         "the condition cannot be used: ", faults.empty() ? "unknown reason" : faults[0].message);
  }
}

bool Checker::CheckSummed(SyntaxId id, const ActivityKind& kind, SeriesNeed* need) {
  const SyntaxNode& node = syntax_[id];
  if (node.kind != SyntaxKind::kText) {
    Fail(node.offset, "the summed attribute has to be a text in quotes");
    return false;
  }
  const Field* field = kind.schema->Find(node.value);
  if (field == nullptr) {
    const std::string_view closest = kind.schema->Suggest(node.value);
    Fail(node.offset, "'", kind.name, "' has no attribute '", node.value, "'", DidYouMean(closest));
    return false;
  }
  if (field->type != Type::kInteger && field->type != Type::kReal) {
    Fail(node.offset, "only numbers can be summed, '", node.value, "' is ", TypeName(field->type));
    return false;
  }
  need->attribute = node.value;
  return true;
}

Operand Checker::CheckActivities(const SyntaxNode& node) {
  if (scope_.kinds.empty() || scope_.aggregates == nullptr) {
    return Fail(node.name_offset, "'", node.text, "' cannot be used here");
  }
  const bool sum = node.text == "sum";
  const bool last = node.text == "last";
  const std::string_view form = sum    ? "sum(\"KIND\", \"ATTRIBUTE\", WINDOW, CONDITION)"
                                : last ? "last(\"KIND\", CONDITION)"
                                       : "count(\"KIND\", WINDOW, CONDITION)";
  const size_t required = sum ? 2 : 1;
  if (!CheckArguments(node, required, required + (last ? 1 : 2), form)) return Wrong(node.offset);
  const size_t before = mistakes_->size();
  const ActivityKind* kind = FindKind(node.children[0]);
  if (kind == nullptr) return Wrong(node.offset);
  SeriesNeed need;
  need.kind = kind->name;
  if (sum && !CheckSummed(node.children[1], *kind, &need)) return Wrong(node.offset);
  size_t next = required;
  if (!last && next < node.children.size() &&
      (node.children.size() == required + 2 || LooksLikeLength(node.children[next]))) {
    need.window_hours = CheckWindow(node.children[next++]);
  }
  if (next < node.children.size()) CheckWhere(node.children[next], *kind, &need);
  if (mistakes_->size() != before) return Wrong(node.offset);
  Node out;
  out.op = sum ? Op::kSum : last ? Op::kLast : Op::kCount;
  out.hours = static_cast<int32_t>(need.window_hours);
  if (last) out.name = NameIndex(Cat("activity '", kind->name, "'"));
  const Kind type = sum ? Kind::kDouble : last ? Kind::kTimestamp : Kind::kInt;
  const Operand result = Emit(out, {type}, node.offset);
  need.node = result.node;
  needs_.push_back(std::move(need));
  return result;
}

}  // namespace leadcore::expression_internal
