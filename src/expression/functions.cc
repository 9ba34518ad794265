// SPDX-License-Identifier: Apache-2.0
//
// Calls: which functions there are and what they take.
#include <algorithm>
#include <optional>
#include <utility>

#include "expression/checker.h"

namespace leadcore::expression_internal {
namespace {

struct TimePartName {
  std::string_view name;
  TimePart part;
};
constexpr TimePartName kTimeParts[] = {
    {"getFullYear", TimePart::kFullYear},   {"getMonth", TimePart::kMonth},
    {"getDate", TimePart::kDate},           {"getDayOfMonth", TimePart::kDayOfMonth},
    {"getDayOfWeek", TimePart::kDayOfWeek}, {"getDayOfYear", TimePart::kDayOfYear},
    {"getHours", TimePart::kHours},         {"getMinutes", TimePart::kMinutes},
    {"getSeconds", TimePart::kSeconds},     {"getMilliseconds", TimePart::kMilliseconds}};

struct TextFunction {
  std::string_view name;
  Function function;
  Kind result;
  size_t arguments;  // after the text itself
};
constexpr TextFunction kTextFunctions[] = {{"startsWith", Function::kStartsWith, Kind::kBool, 1},
                                           {"endsWith", Function::kEndsWith, Kind::kBool, 1},
                                           {"contains", Function::kContains, Kind::kBool, 1},
                                           {"lowerAscii", Function::kLowerAscii, Kind::kString, 0},
                                           {"upperAscii", Function::kUpperAscii, Kind::kString, 0},
                                           {"trim", Function::kTrim, Kind::kString, 0}};

struct LengthUnit {
  std::string_view name;
  uint32_t seconds;
};
constexpr LengthUnit kUnits[] = {
    {"weeks", 7 * 86'400}, {"days", 86'400}, {"hours", 3600}, {"minutes", 60}, {"seconds", 1}};

// What each conversion takes.
struct Conversion {
  std::string_view name;
  Function function;
  Kind result;
  Kind from[7];
};
constexpr Kind kNo = Kind::kUndetermined;
constexpr Conversion kConversions[] = {
    {"int",
     Function::kToInt,
     Kind::kInt,
     {Kind::kInt, Kind::kDouble, Kind::kString, Kind::kTimestamp, kNo, kNo, kNo}},
    {"double",
     Function::kToDouble,
     Kind::kDouble,
     {Kind::kDouble, Kind::kInt, Kind::kString, Kind::kMoney, kNo, kNo, kNo}},
    {"string",
     Function::kToString,
     Kind::kString,
     {Kind::kString, Kind::kInt, Kind::kDouble, Kind::kBool, Kind::kTimestamp, Kind::kDuration,
      kNo}},
    {"bool", Function::kToBool, Kind::kBool, {Kind::kBool, Kind::kString, kNo, kNo, kNo, kNo, kNo}},
    {"timestamp",
     Function::kToTimestamp,
     Kind::kTimestamp,
     {Kind::kTimestamp, Kind::kString, Kind::kInt, Kind::kDate, kNo, kNo, kNo}},
    {"duration",
     Function::kToDuration,
     Kind::kDuration,
     {Kind::kDuration, Kind::kString, kNo, kNo, kNo, kNo, kNo}},
    {"date",
     Function::kToDate,
     Kind::kDate,
     {Kind::kDate, Kind::kString, Kind::kTimestamp, kNo, kNo, kNo, kNo}}};

constexpr std::string_view kOtherFunctions[] = {"size", "has",    "count",  "sum",    "last",
                                                "all",  "exists", "filter", "matches"};
// Words of CEL that this language leaves out.
constexpr std::string_view kLeftOut[] = {"dyn", "type", "uint", "bytes", "map", "exists_one"};

template <typename Row, size_t n>
const Row* FindRow(const Row (&rows)[n], std::string_view name) {
  const Row* row = std::find_if(rows, rows + n, [&](const Row& r) { return r.name == name; });
  return row == rows + n ? nullptr : row;
}

bool IsOneOf(std::string_view name, std::span<const std::string_view> names) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

Operand Checker::CheckCall(SyntaxId id) {
  const SyntaxNode& node = syntax_[id];
  const std::string_view name = node.text;
  if (name == "size") {
    if (!CheckArguments(node, 1, 1, "size(VALUE)")) return Wrong(node.offset);
    const Operand value = Check(node.children[0]);
    if (value.type.any()) return Wrong(node.offset);
    if (!value.type.list() && !value.type.Is(Kind::kString)) {
      return Fail(value.offset, "size is that of a text or a list, this is ", Named(value.type));
    }
    return EmitCall(Function::kSize, {Kind::kInt}, node.offset, std::span(&value, 1));
  }
  if (!node.receiver) return CheckFunction(node);
  if (name == "all" || name == "exists" || name == "filter") return CheckMacro(node);
  if (name == "matches") return CheckMatches(node);
  if (const TextFunction* row = FindRow(kTextFunctions, name)) {
    return CheckText(node, row->function, row->result, row->arguments);
  }
  if (const TimePartName* row = FindRow(kTimeParts, name)) return CheckTimePart(node, row->part);
  return UnknownFunction(node);
}

// Calls that stand alone: f(x).
Operand Checker::CheckFunction(const SyntaxNode& node) {
  const std::string_view name = node.text;
  if (name == "has") return CheckHas(node);
  if (name == "count" || name == "sum" || name == "last") return CheckActivities(node);
  if (const LengthUnit* unit = FindRow(kUnits, name)) {
    if (!CheckArguments(node, 1, 1, Cat(name, "(WHOLE NUMBER)"))) return Wrong(node.offset);
    const Operand number = Check(node.children[0]);
    if (!number.type.any() && !number.type.Is(Kind::kInt)) {
      return Fail(number.offset, "'", name, "' takes a whole number, this is ", Named(number.type));
    }
    const Operand length = EmitCall(Function::kLengthOf, {Kind::kDuration}, node.offset,
                                    std::span(&number, 1), unit->seconds);
    if (number.constant && !length.constant) {
      return Fail(node.offset, "the length of time is too large; durations end at 292 years");
    }
    return length;
  }
  for (size_t row = 0; row < std::size(kConversions); ++row) {
    if (kConversions[row].name == name) return CheckConversion(node, row);
  }
  return UnknownFunction(node);
}

Operand Checker::UnknownFunction(const SyntaxNode& node) {
  const std::string_view name = node.text;
  const bool method = FindRow(kTextFunctions, name) != nullptr ||
                      FindRow(kTimeParts, name) != nullptr || name == "matches" || name == "all" ||
                      name == "exists" || name == "filter";
  if (!node.receiver && method) {
    return Fail(node.name_offset, "'", name, "' is written behind its value: VALUE.", name, "(…)");
  }
  if (IsOneOf(name, kLeftOut)) {
    return Fail(node.name_offset, "'", name, "' is not part of the language");
  }
  std::vector<std::string_view> known(std::begin(kOtherFunctions), std::end(kOtherFunctions));
  for (const auto& row : kTextFunctions) known.push_back(row.name);
  for (const auto& row : kTimeParts) known.push_back(row.name);
  for (const auto& row : kUnits) known.push_back(row.name);
  for (const auto& row : kConversions) known.push_back(row.name);
  if (node.receiver && IsOneOf(name, known)) {
    return Fail(node.name_offset, "'", name, "' is written with its value in brackets: ", name,
                "(VALUE)");
  }
  const std::string_view closest = ClosestName(name, known.data(), known.size());
  if (closest.empty()) return Fail(node.name_offset, "unknown function '", name, "'");
  return Fail(node.name_offset, "unknown function '", name, "', did you mean '", closest, "'?");
}

// `least` and `most` count the value before the dot too.
bool Checker::CheckArguments(const SyntaxNode& node, size_t least, size_t most,
                             std::string_view form) {
  if (node.children.size() >= least && node.children.size() <= most) return true;
  Fail(node.name_offset, "'", node.text, "' is written ", form);
  return false;
}

// timestamp("…"), duration("…") and date("…") with a text that is none are mistakes, not values
// that turn out undetermined each time.
void Checker::CheckTimeLiteral(const SyntaxNode& node, std::string_view function) {
  const SyntaxNode& literal = syntax_[node.children[0]];
  if (literal.kind != SyntaxKind::kText) return;
  if (function == "timestamp" && !ReadPoint(literal.value)) {
    Fail(literal.offset, "'", literal.value,
         "' is not a time in the years 1 to 9999 such as 2026-11-23T09:30:00Z");
  }
  if (function == "duration" && !ReadLength(literal.value)) {
    Fail(literal.offset, "'", literal.value,
         "' is not a length of time of up to 292 years such as 90s or 1h30m");
  }
  if (function == "date" && !ReadDay(literal.value)) {
    Fail(literal.offset, "'", literal.value,
         "' is not a date; write 2026-11-23, or --11-23 without a year");
  }
}

Operand Checker::CheckConversion(const SyntaxNode& node, size_t row) {
  const Conversion& conversion = kConversions[row];
  const bool zoned = conversion.name == "timestamp" || conversion.name == "date";
  if (!CheckArguments(node, 1, zoned ? 2 : 1, Cat(conversion.name, "(VALUE)"))) {
    return Wrong(node.offset);
  }
  const size_t before = mistakes_->size();
  CheckTimeLiteral(node, conversion.name);
  if (mistakes_->size() != before) return Wrong(node.offset);
  const Operand value = CheckStill(node.children[0]);
  if (value.type.any()) return Wrong(node.offset);
  const bool extra = conversion.function == Function::kToString &&
                     (value.type.Is(Kind::kDate) || value.type.Is(Kind::kMoney));
  const bool taken =
      !value.type.list() && std::find(std::begin(conversion.from), std::end(conversion.from),
                                      value.type.kind) != std::end(conversion.from);
  if (!taken && !extra) {
    return Fail(value.offset, "'", conversion.name, "' cannot be made of ", Named(value.type));
  }
  uint32_t zone = kNoZone;
  if (node.children.size() == 2) {
    const Kind between = conversion.name == "timestamp" ? Kind::kDate : Kind::kTimestamp;
    if (!value.type.Is(between)) {
      return Fail(syntax_[node.children[1]].offset, "a zone is only used between dates and times");
    }
    zone = ZoneOf(node.children[1]);
  }
  return EmitCall(conversion.function, {conversion.result}, node.offset, std::span(&value, 1),
                  zone);
}

Operand Checker::CheckText(const SyntaxNode& node, Function function, Kind result,
                           size_t arguments) {
  const std::string form = Cat("TEXT.", node.text, arguments == 0 ? "()" : "(TEXT)");
  if (!CheckArguments(node, 1 + arguments, 1 + arguments, form)) return Wrong(node.offset);
  std::vector<Operand> operands;
  for (SyntaxId child : node.children) {
    operands.push_back(Check(child));
    const Operand& operand = operands.back();
    if (operand.type.any() || operand.type.Is(Kind::kString)) continue;
    const bool list = operands.size() == 1 && operand.type.list();
    return Fail(operand.offset, "'", node.text, "' works on texts, this is ", Named(operand.type),
                list ? "; ask for its items with exists, or with VALUE in LIST" : "");
  }
  return EmitCall(function, {result}, node.offset, operands);
}

Operand Checker::CheckMatches(const SyntaxNode& node) {
  if (!CheckArguments(node, 2, 2, "TEXT.matches(\"PATTERN\")")) return Wrong(node.offset);
  const Operand text = Check(node.children[0]);
  if (!text.type.any() && !text.type.Is(Kind::kString)) {
    return Fail(text.offset, "'matches' works on texts, this is ", Named(text.type));
  }
  const SyntaxNode& literal = syntax_[node.children[1]];
  if (literal.kind != SyntaxKind::kText) {
    return Fail(literal.offset, "the pattern of 'matches' has to be a text in quotes");
  }
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(limits_.regex_bytes);
  const re2::StringPiece source(literal.value.data(), literal.value.size());
  auto pattern = std::make_unique<RE2>(source, options);
  if (!pattern->ok()) {
    return Fail(literal.offset, "the pattern cannot be used: ", pattern->error());
  }
  program_.patterns.push_back(std::move(pattern));
  Node out;
  out.op = Op::kCall;
  out.function = Function::kMatches;
  out.index = static_cast<uint32_t>(program_.patterns.size() - 1);
  return Emit(out, {Kind::kBool}, node.offset, std::span(&text, 1));
}

// kNoZone for UTC, and where there is no such zone, which is reported.
uint32_t Checker::ZoneOf(SyntaxId id) {
  const SyntaxNode& literal = syntax_[id];
  if (literal.kind != SyntaxKind::kText) {
    Fail(literal.offset, "a zone has to be a text in quotes, such as \"Europe/Berlin\"");
    return kNoZone;
  }
  const std::optional<absl::TimeZone> zone = FindZone(literal.value);
  if (!zone) {
    Fail(literal.offset, "unknown zone '", literal.value,
         "'; write a name such as Europe/Berlin or an offset such as +02:00");
    return kNoZone;
  }
  program_.zones.push_back(*zone);
  return static_cast<uint32_t>(program_.zones.size() - 1);
}

Operand Checker::CheckTimePart(const SyntaxNode& node, TimePart part) {
  if (!CheckArguments(node, 1, 2,
                      Cat("TIME.", node.text, "() or TIME.", node.text, "(\"ZONE\")"))) {
    return Wrong(node.offset);
  }
  const Operand value = CheckStill(node.children[0]);
  if (value.type.any()) return Wrong(node.offset);
  const bool clock = part == TimePart::kHours || part == TimePart::kMinutes ||
                     part == TimePart::kSeconds || part == TimePart::kMilliseconds;
  const bool taken = value.type.Is(Kind::kTimestamp) ||
                     (clock ? value.type.Is(Kind::kDuration) : value.type.Is(Kind::kDate));
  if (!taken) {
    return Fail(node.name_offset, Named(value.type), " has no '", node.text, "'");
  }
  uint32_t zone = kNoZone;
  if (node.children.size() == 2) {
    if (!value.type.Is(Kind::kTimestamp)) {
      return Fail(syntax_[node.children[1]].offset, "only a timestamp has a zone");
    }
    zone = ZoneOf(node.children[1]);
  }
  return EmitCall(Function::kTimePart, {Kind::kInt}, node.offset, std::span(&value, 1), zone, part);
}

}  // namespace leadcore::expression_internal
