// SPDX-License-Identifier: Apache-2.0
//
// Names, literals, logic, lists and macros. Operators, functions and activities have files of their
// own.
#include "expression/checker.h"

#include <algorithm>

#include "expression/evaluator.h"

namespace leadcore::expression_internal {
namespace {

constexpr uint8_t kDeepestList = 100;

std::string_view KindName(Kind kind) {
  constexpr std::string_view kNames[] = {"nothing",   "bool",     "int",  "double", "string",
                                         "timestamp", "duration", "null", "list",   "money",
                                         "date",      "record",   "any"};
  return kNames[static_cast<size_t>(kind)];
}

bool Foldable(Op op) {
  switch (op) {
    case Op::kAdd:
    case Op::kSubtract:
    case Op::kMultiply:
    case Op::kDivide:
    case Op::kModulo:
    case Op::kNegate:
    case Op::kItem:
    case Op::kList:
    case Op::kCall:
      return true;
    default:
      return false;
  }
}

}  // namespace

std::string Describe(StaticType type) {
  std::string out;
  for (int i = 0; i < type.depth; ++i) out += "list of ";
  return out + std::string(KindName(type.kind));
}

std::string Named(StaticType type) {
  return Cat(type.Is(Kind::kInt) ? "an " : "a ", Describe(type));
}

ExpressionType ToExpressionType(StaticType type) {
  if (type.list()) return ExpressionType::kList;
  switch (type.kind) {
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
    case Kind::kNull:
      return ExpressionType::kNull;
    case Kind::kMoney:
      return ExpressionType::kMoney;
    case Kind::kDate:
      return ExpressionType::kDate;
    default:
      return ExpressionType::kAny;
  }
}

StaticType TypeOfField(const Field& field) {
  const auto depth = static_cast<uint8_t>(field.shape == Shape::kList ? 1 : 0);
  switch (field.type) {
    case Type::kText:
    case Type::kChoice:
      return {Kind::kString, depth};
    case Type::kInteger:
      return {Kind::kInt, depth};
    case Type::kReal:
      return {Kind::kDouble, depth};
    case Type::kBoolean:
      return {Kind::kBool, depth};
    case Type::kTime:
      return {Kind::kTimestamp, depth};
    case Type::kDate:
      return {Kind::kDate, depth};
    case Type::kDuration:
      return {Kind::kDuration, depth};
    case Type::kMoney:
      return {Kind::kMoney, depth};
    case Type::kRecord:
      return {Kind::kRecord, depth, field.id};
  }
  return {};
}

Cell Program::Keep(const Cell& cell) {
  Cell kept = cell;
  if (cell.kind == Kind::kString) {
    kept.text = texts.emplace_back(cell.string()).data();
  } else if (cell.kind == Kind::kList) {
    std::vector<Cell> items;
    items.reserve(cell.size);
    for (size_t i = 0; i < cell.size; ++i) items.push_back(Keep(cell.item(i)));
    kept.items = Cell::Items::kCells;
    kept.cells = lists.emplace_back(std::move(items)).data();
  }
  return kept;
}

Checker::Checker(const Syntax& syntax, const ExpressionScope& scope, const ExpressionLimits& limits,
                 Options options, std::vector<Mistake>* mistakes)
    : syntax_(syntax), scope_(scope), limits_(limits), options_(options), mistakes_(mistakes) {
  program_.currency = scope.currency;
}

Operand Checker::Run(SyntaxId root) {
  const Operand result = Check(root);
  program_.root = result.node;
  if (result.type.kind == Kind::kRecord) {
    Fail(result.offset, Named(result.type), " is no result, name one of its members");
  }
  for (const Node& node : program_.nodes) {
    if (node.op != Op::kField && node.op != Op::kListField && node.op != Op::kHas) continue;
    program_.fields.push_back(static_cast<FieldId>(node.index));
  }
  std::sort(program_.fields.begin(), program_.fields.end());
  program_.fields.erase(std::unique(program_.fields.begin(), program_.fields.end()),
                        program_.fields.end());
  return result;
}

void Checker::Expect(const Operand& operand, ExpressionType wanted) {
  constexpr std::string_view kNames[] = {"bool",      "int",      "double", "string",
                                         "timestamp", "duration", "null",   "list",
                                         "money",     "date",     "any"};
  if (operand.type.any() || ToExpressionType(operand.type) == wanted) return;
  Fail(operand.offset, "the result has to be ",
       wanted == ExpressionType::kBool ? "true or false" : kNames[static_cast<size_t>(wanted)],
       ", this is ", Named(operand.type));
}

// ---- Emitting

Operand Checker::Wrong(int offset) {
  Operand wrong = EmitConstant(Cell(), {}, offset);  // undetermined, if ever it ran
  wrong.constant = false;
  return wrong;
}

Operand Checker::EmitConstant(const Cell& cell, StaticType type, int offset) {
  Node node;
  node.op = Op::kConstant;
  node.index = static_cast<uint32_t>(program_.constants.size());
  program_.constants.push_back(program_.Keep(cell));
  Operand operand;
  operand.type = type;
  operand.node = static_cast<uint32_t>(program_.nodes.size());
  operand.offset = offset;
  operand.constant = true;
  program_.nodes.push_back(node);
  return operand;
}

Operand Checker::Emit(Node node, StaticType type, int offset, std::span<const Operand> operands) {
  node.child_count = static_cast<uint16_t>(operands.size());
  node.first_child = static_cast<uint32_t>(program_.children.size());
  bool constant = Foldable(node.op);
  for (const Operand& operand : operands) {
    program_.children.push_back(operand.node);
    constant = constant && operand.constant;
  }
  Operand out;
  out.type = type;
  out.node = static_cast<uint32_t>(program_.nodes.size());
  out.offset = offset;
  program_.nodes.push_back(node);
  if (constant) Fold(&out, operands.empty() ? out.node : operands[0].node);
  return out;
}

// Constants below a node were folded themselves, so that they lie right before it.
void Checker::Fold(Operand* operand, size_t first_node) {
  Evaluator evaluator(program_, LeadView{}, std::nullopt);
  const Cell cell = evaluator.Run(program_.nodes[operand->node]);
  if (cell.undetermined()) return;  // division by zero …: undetermined whenever it runs
  const StaticType type = operand->type;
  const int offset = operand->offset;
  const Cell kept = program_.Keep(cell);
  program_.children.resize(program_.nodes[operand->node].first_child);
  program_.nodes.resize(first_node);
  *operand = EmitConstant(kept, type, offset);
}

void Checker::SetConstant(Operand* operand, const Cell& cell, StaticType type) {
  program_.constants[program_.nodes[operand->node].index] = program_.Keep(cell);
  operand->type = type;
}

Operand Checker::EmitCall(Function function, StaticType type, int offset,
                          std::span<const Operand> operands, uint32_t index, TimePart part) {
  Node node;
  node.op = Op::kCall;
  node.function = function;
  node.index = index;
  node.part = part;
  return Emit(node, type, offset, operands);
}

uint32_t Checker::NameIndex(std::string_view name) {
  auto& names = program_.names;
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<uint32_t>(at - names.begin());
  names.emplace_back(name);
  return static_cast<uint32_t>(names.size() - 1);
}

std::string Checker::Qualified(std::string_view field) const {
  return scope_.root.empty() ? std::string(field) : Cat(scope_.root, '.', field);
}

// ---- Walking

Operand Checker::Check(SyntaxId id) {
  const SyntaxNode& node = syntax_[id];
  switch (node.kind) {
    case SyntaxKind::kError:
      return Wrong(node.offset);
    case SyntaxKind::kInteger:
    case SyntaxKind::kReal:
    case SyntaxKind::kText:
    case SyntaxKind::kBoolean:
    case SyntaxKind::kNull:
      return CheckLiteral(node);
    case SyntaxKind::kName:
    case SyntaxKind::kSelect:
      return CheckName(id);
    case SyntaxKind::kIndex:
      return CheckIndex(node);
    case SyntaxKind::kCall:
      return CheckCall(id);
    case SyntaxKind::kList:
      return CheckList(node);
    case SyntaxKind::kUnary:
      return CheckUnary(node);
    case SyntaxKind::kBinary:
      return CheckBinary(node);
    case SyntaxKind::kLogical:
      return CheckLogical(node);
    case SyntaxKind::kConditional:
      return CheckConditional(node);
  }
  return Wrong(node.offset);
}

Operand Checker::CheckStill(SyntaxId id) {
  Operand operand = Check(id);
  if (operand.moves && scope_.now_moves) {
    return Fail(operand.offset,
                "'now' may only be added to, subtracted and compared here, so that the moment of "
                "the next change is known");
  }
  operand.moves = false;
  return operand;
}

Operand Checker::CheckLiteral(const SyntaxNode& node) {
  switch (node.kind) {
    case SyntaxKind::kInteger:
      return EmitConstant(Cell::Int(node.integer), {Kind::kInt}, node.offset);
    case SyntaxKind::kReal:
      return EmitConstant(Cell::Double(node.real), {Kind::kDouble}, node.offset);
    case SyntaxKind::kText:
      return EmitConstant(Cell::String(node.value), {Kind::kString}, node.offset);
    case SyntaxKind::kBoolean:
      return EmitConstant(Cell::Bool(node.boolean), {Kind::kBool}, node.offset);
    default:
      return EmitConstant(Cell::Null(), {Kind::kNull}, node.offset);
  }
}

Operand Checker::CheckName(SyntaxId id) {
  const SyntaxNode& node = syntax_[id];
  std::vector<SyntaxId> parts;
  const std::vector<std::string_view> names = NameChain(syntax_, id, &parts);
  if (names.empty()) return SelectMember(Check(node.children[0]), node, false);
  // The innermost variable of that name hides what lies outside.
  for (auto variable = variables_.rbegin(); variable != variables_.rend(); ++variable) {
    if (variable->name != names[0]) continue;
    if (names.size() > 1) return SelectMember(Check(node.children[0]), node, false);
    Node out;
    out.op = Op::kVariable;
    out.index = variable->slot;
    return Emit(out, variable->type, node.offset);
  }
  const bool rooted = !scope_.root.empty() && names[0] == scope_.root;
  if (rooted && names.size() == 1) {
    return Fail(node.offset, "'", scope_.root, "' is the whole, name one of its fields");
  }
  if (rooted) {
    return ResolveField(std::span(names).subspan(1), std::span(parts).subspan(1), false);
  }
  const bool field = scope_.root.empty() && scope_.schema->Find(names[0]) != nullptr;
  if (names[0] == "now" && names.size() == 1 && !field) {
    if (!options_.now) {
      return Fail(node.offset,
                  "'now' cannot be used in the condition on activities, which is "
                  "asked once, when they happen; give count or sum a window instead");
    }
    Node out;
    out.op = Op::kNow;
    Operand now = Emit(out, {Kind::kTimestamp}, node.offset);
    now.moves = true;
    return now;
  }
  if (scope_.root.empty()) return ResolveField(names, parts, false);
  return UnknownName(names[0], node.offset);
}

Operand Checker::UnknownName(std::string_view name, int offset) {
  if (scope_.schema->Find(name) != nullptr) {
    return Fail(offset, "unknown name '", name, "', did you mean '", Qualified(name), "'?");
  }
  if (name == "activity" && !scope_.kinds.empty()) {
    return Fail(offset, "'activity' is known only in the condition of count, sum and last");
  }
  std::vector<std::string_view> known = {scope_.root, "now", "true", "false"};
  for (const Variable& variable : variables_) known.push_back(variable.name);
  const std::string_view closest = ClosestName(name, known.data(), known.size());
  if (!closest.empty()) {
    return Fail(offset, "unknown name '", name, "', did you mean '", closest, "'?");
  }
  return Fail(offset, "unknown name '", name, "'; fields are written ", scope_.root,
              ".NAME and texts in quotes: \"", name, "\"");
}

// `names` without the root. The longest run of names that is a field, since fields may have dots.
Operand Checker::ResolveField(std::span<const std::string_view> names,
                              std::span<const SyntaxId> parts, bool has) {
  const Field* field = nullptr;
  size_t used = names.size();
  for (; used > 0 && field == nullptr; --used) {
    std::string name(names[0]);
    for (size_t i = 1; i < used; ++i) name += Cat('.', names[i]);
    field = scope_.schema->Find(name);
    if (field != nullptr) break;
  }
  const SyntaxNode& first = syntax_[parts[0]];
  if (field == nullptr) return UnknownField(names, first.name_offset);
  const StaticType type = TypeOfField(*field);
  if (used < names.size()) {
    const int offset = syntax_[parts[used]].name_offset;
    if (type.list()) {
      return Fail(offset, "'", field->name, "' is ", Named(type),
                  ", ask for its items with exists, all or filter");
    }
    return Fail(offset, "'", field->name, "' is ", Named(type), " and has no member '", names[used],
                "'");
  }
  Node node;
  node.op = has ? Op::kHas : type.list() ? Op::kListField : Op::kField;
  node.index = field->id;
  node.name = NameIndex(Qualified(field->name));
  Operand operand = Emit(node, has ? StaticType{Kind::kBool} : type, first.offset);
  if (!has) operand.field = field;
  return operand;
}

Operand Checker::UnknownField(std::span<const std::string_view> names, int offset) {
  std::string word(names[0]);
  const std::string group = word + '.';
  const auto& fields = scope_.schema->fields();
  const bool grouped = std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
    return field.name.starts_with(group);
  });
  if (grouped && names.size() == 1) {
    return Fail(offset, "'", word, "' is a group of fields, name one of them");
  }
  if (grouped) word += Cat('.', names[1]);
  const std::string_view closest = scope_.schema->Suggest(word);
  if (closest.empty()) return Fail(offset, "unknown field '", word, "'");
  return Fail(offset, "unknown field '", word, "', did you mean '", closest, "'?");
}

Operand Checker::SelectMember(const Operand& record, const SyntaxNode& node, bool has) {
  if (record.type.any()) return Wrong(node.offset);
  if (!record.type.Is(Kind::kRecord)) {
    return Fail(node.name_offset, Named(record.type), " has no member '", node.text, "'");
  }
  const Field& field = scope_.schema->at(record.type.record);
  std::vector<std::string_view> members;
  for (std::string_view rest = field.members; !rest.empty();) {
    const size_t end = std::min(rest.find(' '), rest.size());
    members.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  const auto member = std::find(members.begin(), members.end(), node.text);
  if (member == members.end()) {
    const std::string_view closest = ClosestName(node.text, members.data(), members.size());
    return Fail(node.name_offset, "'", field.name, "' has no member '", node.text, "'",
                closest.empty() ? Cat("; it has: ", field.members)
                                : Cat(", did you mean '", closest, "'?"));
  }
  Node out;
  out.op = has ? Op::kHasMember : Op::kMember;
  out.index = static_cast<uint32_t>(member - members.begin());
  out.name = NameIndex(Cat(Qualified(field.name), '.', node.text));
  const Operand operands[] = {record};
  return Emit(out, {has ? Kind::kBool : Kind::kString}, node.offset, operands);
}

Operand Checker::CheckHas(const SyntaxNode& node) {
  if (!CheckArguments(node, 1, 1, "has(FIELD)")) return Wrong(node.offset);
  const SyntaxNode& argument = syntax_[node.children[0]];
  std::vector<SyntaxId> parts;
  const std::vector<std::string_view> names = NameChain(syntax_, node.children[0], &parts);
  const bool variable =
      !names.empty() && std::any_of(variables_.begin(), variables_.end(),
                                    [&](const Variable& v) { return v.name == names[0]; });
  if (!names.empty() && !variable) {
    if (scope_.root.empty()) return ResolveField(names, parts, true);
    if (names[0] == scope_.root && names.size() > 1) {
      return ResolveField(std::span(names).subspan(1), std::span(parts).subspan(1), true);
    }
  } else if (argument.kind == SyntaxKind::kSelect) {
    return SelectMember(Check(argument.children[0]), argument, true);
  }
  return Fail(argument.offset, "has asks whether a field has a value: has(", Qualified("NAME"),
              ")");
}

// ---- Logic

void Checker::ExpectCondition(const Operand& operand) {
  if (operand.type.any() || operand.type.Is(Kind::kBool)) return;
  Fail(operand.offset, "expected true or false here, found ", Named(operand.type));
}

Operand Checker::CheckUnary(const SyntaxNode& node) {
  Operand operand = Check(node.children[0]);
  if (operand.type.any()) return Wrong(node.offset);
  Node out;
  if (node.text == "!") {
    ExpectCondition(operand);
    out.op = Op::kNot;
    return Emit(out, {Kind::kBool}, node.offset, std::span(&operand, 1));
  }
  if (!operand.type.number() && !operand.type.Is(Kind::kDuration)) {
    return Fail(node.offset, "'-' stands before a number or a duration, not before ",
                Named(operand.type));
  }
  out.op = Op::kNegate;
  Operand negated = Emit(out, operand.type, node.offset, std::span(&operand, 1));
  negated.moves = operand.moves;
  return negated;
}

Operand Checker::CheckLogical(const SyntaxNode& node) {
  std::vector<Operand> operands;
  for (SyntaxId child : node.children) {
    operands.push_back(Check(child));
    ExpectCondition(operands.back());
  }
  Node out;
  out.op = node.text == "&&" ? Op::kAnd : Op::kOr;
  return Emit(out, {Kind::kBool}, node.offset, operands);
}

Operand Checker::CheckConditional(const SyntaxNode& node) {
  Operand operands[] = {Check(node.children[0]), Check(node.children[1]), Check(node.children[2])};
  ExpectCondition(operands[0]);
  StaticType type;
  if (!Unify(&operands[1], &operands[2], &type)) {
    return Fail(node.name_offset, "both results of '?' must have the same type, these are ",
                Describe(operands[1].type), " and ", Describe(operands[2].type));
  }
  Node out;
  out.op = Op::kConditional;
  Operand result = Emit(out, type, node.offset, operands);
  result.moves = operands[1].moves || operands[2].moves;
  return result;
}

// ---- Lists

Operand Checker::CheckList(const SyntaxNode& node) {
  std::vector<Operand> items;
  for (SyntaxId child : node.children) items.push_back(CheckStill(child));
  StaticType type;
  // Twice: a double may come after the ints that it promotes.
  for (int round = 0; round < 2; ++round) {
    for (size_t i = 1; i < items.size(); ++i) {
      if (Unify(&items[0], &items[i], &type)) {
        if (items[0].type.any() || type.depth > items[0].type.depth) items[0].type = type;
        continue;
      }
      return Fail(items[i].offset, "the items of a list must have the same type, these are ",
                  Describe(items[0].type), " and ", Describe(items[i].type));
    }
  }
  if (items.size() == 1) type = items[0].type;
  if (type.depth >= kDeepestList) return Fail(node.offset, "the list is nested too deep");
  if (!items.empty() && type.any()) return Wrong(node.offset);
  Node out;
  out.op = Op::kList;
  return Emit(out, type.listed(), node.offset, items);
}

Operand Checker::CheckIndex(const SyntaxNode& node) {
  const Operand operands[] = {Check(node.children[0]), CheckStill(node.children[1])};
  if (operands[0].type.any()) return Wrong(node.offset);
  if (!operands[0].type.list()) {
    return Fail(node.name_offset, "only a list has items; this is ", Named(operands[0].type));
  }
  if (!operands[1].type.any() && !operands[1].type.Is(Kind::kInt)) {
    return Fail(operands[1].offset, "the place of an item is a whole number, from 0; this is ",
                Named(operands[1].type));
  }
  Node out;
  out.op = Op::kItem;
  return Emit(out, operands[0].type.item(), node.offset, operands);
}

Operand Checker::CheckMacro(const SyntaxNode& node) {
  if (node.children.size() != 3 || syntax_[node.children[1]].kind != SyntaxKind::kName) {
    return Fail(node.name_offset, "'", node.text, "' is written LIST.", node.text,
                "(item, CONDITION ON item)");
  }
  const Operand list = Check(node.children[0]);
  if (!list.type.any() && !list.type.list()) {
    return Fail(node.name_offset, "'", node.text, "' needs a list, this is ", Named(list.type));
  }
  const StaticType item = list.type.any() ? StaticType{} : list.type.item();
  const auto slot = static_cast<uint32_t>(variables_.size());
  variables_.push_back({syntax_[node.children[1]].text, item, slot});
  program_.slots = std::max(program_.slots, slot + 1);
  const Operand condition = Check(node.children[2]);
  variables_.pop_back();
  ExpectCondition(condition);
  if (list.type.any()) return Wrong(node.offset);
  Node out;
  out.op = node.text == "all" ? Op::kAll : node.text == "exists" ? Op::kExists : Op::kFilter;
  out.index = slot;
  const Operand operands[] = {list, condition};
  return Emit(out, out.op == Op::kFilter ? list.type : StaticType{Kind::kBool}, node.offset,
              operands);
}

}  // namespace leadcore::expression_internal
