// SPDX-License-Identifier: Apache-2.0
//
// Recursive descent with precedence climbing. After a mistake inside an operand of && or || reading
// goes on at the next operand, so that several mistakes are found in one go.
#include <algorithm>
#include <utility>

#include "expression/syntax.h"
#include "text.h"

namespace leadcore::expression_internal {
namespace {

// Deeper trees could exhaust the stack of the checker and the evaluator.
constexpr int kDeepest = 256;

bool IsReservedWord(std::string_view word) {
  constexpr std::string_view kWords[] = {
      "as",  "break", "const",   "continue",  "else",   "for", "function", "if",   "import",
      "let", "loop",  "package", "namespace", "return", "var", "void",     "while"};
  return std::find(std::begin(kWords), std::end(kWords), word) != std::end(kWords);
}

// 0: not a binary operator.
int Precedence(const Token& token) {
  if (token.IsWord("in")) return 3;
  if (token.kind != TokenKind::kSign) return 0;
  const std::string_view sign = token.text;
  if (sign == "||") return 1;
  if (sign == "&&") return 2;
  if (sign == "==" || sign == "!=" || sign == "<" || sign == "<=" || sign == ">" || sign == ">=") {
    return 3;
  }
  if (sign == "+" || sign == "-") return 4;
  if (sign == "*" || sign == "/" || sign == "%") return 5;
  return 0;
}
constexpr int kLowestPlain = 3;  // above && and ||

class Parser {
 public:
  Parser(std::vector<Token> tokens, const ExpressionLimits& limits, std::vector<Mistake>* mistakes)
      : tokens_(std::move(tokens)),
        limits_(limits),
        deepest_(std::clamp(limits.depth, 1, kDeepest)),
        mistakes_(mistakes) {}

  Syntax Run() {
    syntax_.root = ReadExpression();
    while (!gave_up_ && Now().kind != TokenKind::kEnd) {
      ReportLeftover();
      if (!Resume()) break;
      ++at_;
      while (Now().Is("&&") || Now().Is("||")) ++at_;
      failed_ = false;
      if (Now().kind != TokenKind::kEnd) ReadExpression();
    }
    return std::move(syntax_);
  }

 private:
  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }

  template <typename... Pieces>
  void Fail(int offset, const Pieces&... message) {
    if (!failed_ && offset > last_offset_) mistakes_->push_back({offset, Cat(message...)});
    last_offset_ = std::max(last_offset_, offset);
    failed_ = true;
  }
  // Ends the reading: what follows would only repeat the mistake.
  template <typename... Pieces>
  void GiveUp(int offset, const Pieces&... message) {
    if (!gave_up_) {
      failed_ = false;
      last_offset_ = std::min(last_offset_, offset - 1);
      Fail(offset, message...);
    }
    failed_ = gave_up_ = true;
    at_ = tokens_.size() - 1;
  }

  std::string Found() const {
    if (Now().kind == TokenKind::kEnd) return "the end";
    return Cat("'", Now().text, "'");
  }

  bool Eat(std::string_view sign) {
    if (!Now().Is(sign)) return false;
    ++at_;
    return true;
  }
  void Expect(std::string_view sign, std::string_view why) {
    if (failed_ || Eat(sign)) return;
    Fail(Now().offset, "expected '", sign, "' ", why, ", found ", Found());
  }

  SyntaxId Make(SyntaxKind kind, int offset, int name_offset, std::string_view text,
                std::vector<SyntaxId> children) {
    int depth = 1;
    for (SyntaxId child : children) depth = std::max(depth, depths_[child] + 1);
    if (depth > deepest_) {
      GiveUp(name_offset, "the expression is nested too deep; at most ", deepest_,
             " levels are allowed");
    }
    if (syntax_.nodes.size() >= limits_.nodes) {
      GiveUp(name_offset, "the expression has too many parts; at most ", limits_.nodes,
             " are allowed");
    }
    SyntaxNode node;
    node.kind = kind;
    node.offset = offset;
    node.name_offset = name_offset;
    node.text = text;
    node.children = std::move(children);
    syntax_.nodes.push_back(std::move(node));
    depths_.push_back(std::min(depth, deepest_));
    return static_cast<SyntaxId>(syntax_.nodes.size() - 1);
  }
  SyntaxNode& At(SyntaxId id) { return syntax_.nodes[id]; }
  SyntaxId MakeError() { return Make(SyntaxKind::kError, Now().offset, Now().offset, {}, {}); }

  // Every way down passes here, so that brackets are bounded too, not only the tree.
  class Level {
   public:
    explicit Level(Parser* parser) : parser_(parser) {
      if (++parser->level_ > parser->deepest_ + 1) {
        parser->GiveUp(parser->Now().offset, "the expression is nested too deep; at most ",
                       parser->deepest_, " levels are allowed");
      }
    }
    ~Level() { --parser_->level_; }

   private:
    Parser* parser_;
  };

  SyntaxId ReadExpression() {
    Level level(this);
    const SyntaxId condition = ReadLogical(1);
    if (failed_ || !Now().Is("?")) return condition;
    const int sign = Now().offset;
    const std::string_view text = Now().text;
    ++at_;
    const SyntaxId then = ReadLogical(1);
    Expect(":", "between the two results of '?'");
    const SyntaxId otherwise = ReadExpression();
    return Make(SyntaxKind::kConditional, At(condition).offset, sign, text,
                {condition, then, otherwise});
  }

  // Chains of && and || become one node each, however long they are.
  SyntaxId ReadLogical(int precedence) {
    if (precedence == kLowestPlain) return ReadOperand();
    std::vector<SyntaxId> operands = {ReadLogical(precedence + 1)};
    const std::string_view sign = precedence == 1 ? "||" : "&&";
    const int first_sign = Now().offset;
    std::string_view text;
    while (Now().Is(sign)) {
      text = Now().text;
      ++at_;
      operands.push_back(ReadLogical(precedence + 1));
    }
    if (operands.size() == 1) return operands[0];
    const int offset = At(operands[0]).offset;
    return Make(SyntaxKind::kLogical, offset, first_sign, text, std::move(operands));
  }

  SyntaxId ReadOperand() {
    const SyntaxId operand = ReadBinary(kLowestPlain);
    if (!failed_ || gave_up_) return operand;
    if (Resume()) failed_ = false;
    return operand;
  }

  // After a mistake: on to what ends the operand we are in. False at the end of the text.
  bool Resume() {
    for (int open = 0; Now().kind != TokenKind::kEnd; ++at_) {
      if (Now().Is(")") || Now().Is("]") || Now().Is("}")) --open;
      if (open < 0) return true;
      if (Now().Is("(") || Now().Is("[") || Now().Is("{")) ++open;
      if (open > 0) continue;
      for (std::string_view sign : {"&&", "||", ",", "?", ":"}) {
        if (Now().Is(sign)) return true;
      }
    }
    gave_up_ = true;
    return false;
  }

  void ReportLeftover() {
    failed_ = false;
    const Token& token = Now();
    const std::pair<std::string_view, std::string_view> words[] = {
        {"and", "&&"}, {"AND", "&&"}, {"or", "||"}, {"OR", "||"}, {"is", "=="}, {"not", "!"}};
    for (const auto& [word, sign] : words) {
      if (token.IsWord(word)) return Fail(token.offset, "'", word, "' is written '", sign, "'");
    }
    if (token.Is(")") || token.Is("]") || token.Is("}")) {
      return Fail(token.offset, "'", token.text, "' closes nothing");
    }
    Fail(token.offset, "expected an operator such as && or ==, found ", Found());
  }

  SyntaxId ReadBinary(int lowest) {
    SyntaxId left = ReadUnary();
    while (!failed_) {
      const int precedence = Precedence(Now());
      if (precedence < lowest) break;
      const Token& sign = Now();
      ++at_;
      if (sign.Is("<") && Now().Is(">") && Now().offset == sign.offset + 1) {
        Fail(sign.offset, "'<>' is written '!='");
        break;
      }
      const SyntaxId right = ReadBinary(precedence + 1);
      left = Make(SyntaxKind::kBinary, At(left).offset, sign.offset, sign.text, {left, right});
    }
    return left;
  }

  SyntaxId ReadUnary() {
    if (!Now().Is("!") && !Now().Is("-")) return ReadMember();
    const Token& sign = Now();
    size_t count = 0;
    while (Now().Is(sign.text)) {
      ++count;
      ++at_;
    }
    SyntaxId operand = 0;
    const bool number = Now().kind == TokenKind::kInteger || Now().kind == TokenKind::kReal;
    if (sign.text == "-" && number) {
      operand = ReadMember(/*negative=*/true);
      --count;
    } else {
      operand = ReadMember();
    }
    // Two of them undo each other; one pair stays, for the check of the type.
    if (count > 2) count = 2 - count % 2;
    for (; count > 0 && !failed_; --count) {
      operand = Make(SyntaxKind::kUnary, sign.offset, sign.offset, sign.text, {operand});
    }
    return operand;
  }

  SyntaxId ReadMember(bool negative = false) {
    SyntaxId node = ReadPrimary(negative);
    while (!failed_) {
      if (Now().Is("[")) {
        const int bracket = Now().offset;
        const std::string_view text = Now().text;
        ++at_;
        if (Now().Is("?")) return FailNode("optional values are not part of the language");
        const SyntaxId index = ReadExpression();
        Expect("]", "after the index");
        node = Make(SyntaxKind::kIndex, At(node).offset, bracket, text, {node, index});
      } else if (Now().Is(".")) {
        ++at_;
        if (Now().Is("?")) return FailNode("optional values are not part of the language");
        if (Now().kind != TokenKind::kName) {
          return FailNode("expected a name after '.', found ", Found());
        }
        node = ReadAfterDot(node);
      } else if (Now().Is("{")) {
        return FailNode("messages are not part of the language");
      } else {
        break;
      }
    }
    return node;
  }

  template <typename... Pieces>
  SyntaxId FailNode(const Pieces&... message) {
    Fail(Now().offset, message...);
    return MakeError();
  }

  SyntaxId ReadAfterDot(SyntaxId left) {
    const Token& name = Now();
    ++at_;
    if (name.text == "in" || name.text == "true" || name.text == "false" || name.text == "null") {
      Fail(name.offset, "'", name.text, "' is a word of the language and no name");
      return MakeError();
    }
    const int offset = At(left).offset;
    if (!Eat("(")) {
      return Make(SyntaxKind::kSelect, offset, name.offset, name.text, {left});
    }
    std::vector<SyntaxId> children = {left};
    ReadArguments(")", "after the arguments", &children);
    const SyntaxId call =
        Make(SyntaxKind::kCall, offset, name.offset, name.text, std::move(children));
    At(call).receiver = true;
    return call;
  }

  void ReadArguments(std::string_view close, std::string_view where,
                     std::vector<SyntaxId>* children) {
    if (Eat(close)) return;
    while (!failed_) {
      if (close == "]" && Now().Is("?")) {
        FailNode("optional values are not part of the language");
        return;
      }
      children->push_back(ReadExpression());
      if (close == "]" && Now().Is(",") && Next().Is("]")) ++at_;
      if (failed_ || !Eat(",")) break;
    }
    Expect(close, where);
  }

  SyntaxId ReadPrimary(bool negative) {
    const Token& token = Now();
    switch (token.kind) {
      case TokenKind::kInteger:
      case TokenKind::kReal:
        return ReadNumber(negative);
      case TokenKind::kText: {
        const SyntaxId node = Make(SyntaxKind::kText, token.offset, token.offset, token.text, {});
        At(node).value = token.value;
        ++at_;
        return node;
      }
      case TokenKind::kName:
        return ReadName();
      case TokenKind::kSign:
      case TokenKind::kEnd:
        break;
    }
    if (Eat("(")) {
      const SyntaxId inner = ReadExpression();
      Expect(")", "to close the bracket");
      return inner;
    }
    if (Eat("[")) return ReadList(token);
    if (token.Is("{")) return FailNode("maps are not part of the language");
    if (token.Is(".")) return FailNode("a name cannot start with '.'");
    return FailNode("expected a value, found ", Found());
  }

  SyntaxId ReadList(const Token& open) {
    std::vector<SyntaxId> items;
    ReadArguments("]", "to close the list", &items);
    if (items.size() > limits_.list_items) {
      Fail(open.offset, "the list has ", items.size(), " items; at most ", limits_.list_items,
           " are allowed");
    }
    return Make(SyntaxKind::kList, open.offset, open.offset, open.text, std::move(items));
  }

  SyntaxId ReadNumber(bool negative) {
    const Token& token = Now();
    ++at_;
    if (token.kind == TokenKind::kReal) {
      const SyntaxId node = Make(SyntaxKind::kReal, token.offset, token.offset, token.text, {});
      At(node).real = negative ? -token.real : token.real;
      return node;
    }
    if (token.integer == uint64_t{1} << 63 && !negative) {
      Fail(token.offset, "the number is too large; whole numbers end at 9223372036854775807");
      return MakeError();
    }
    const SyntaxId node = Make(SyntaxKind::kInteger, token.offset, token.offset, token.text, {});
    At(node).integer = static_cast<int64_t>(negative ? ~token.integer + 1 : token.integer);
    return node;
  }

  SyntaxId ReadName() {
    const Token& name = Now();
    ++at_;
    if (name.text == "true" || name.text == "false") {
      const SyntaxId node = Make(SyntaxKind::kBoolean, name.offset, name.offset, name.text, {});
      At(node).boolean = name.text == "true";
      return node;
    }
    if (name.text == "null") {
      return Make(SyntaxKind::kNull, name.offset, name.offset, name.text, {});
    }
    if (name.text == "in" || IsReservedWord(name.text)) {
      Fail(name.offset, "'", name.text, "' is a word of the language and cannot be a name");
      return MakeError();
    }
    if (name.text == "not" && Now().kind == TokenKind::kName) {
      Fail(name.offset, "'not' is written '!'");
      return MakeError();
    }
    if (!Eat("(")) return Make(SyntaxKind::kName, name.offset, name.offset, name.text, {});
    std::vector<SyntaxId> arguments;
    ReadArguments(")", "after the arguments", &arguments);
    return Make(SyntaxKind::kCall, name.offset, name.offset, name.text, std::move(arguments));
  }

  std::vector<Token> tokens_;
  const ExpressionLimits& limits_;
  const int deepest_;
  std::vector<Mistake>* mistakes_;
  Syntax syntax_;
  std::vector<int> depths_;  // of each node's subtree
  size_t at_ = 0;
  int level_ = 0;
  int last_offset_ = -1;  // of the last mistake; what comes up before it is a consequence
  bool failed_ = false;   // reading is off the track until the next && or ||
  bool gave_up_ = false;  // for good
};

}  // namespace

Syntax Parse(std::string_view source, const ExpressionLimits& limits,
             std::vector<Mistake>* mistakes) {
  std::vector<Token> tokens = Scan(source, mistakes);
  if (!mistakes->empty()) return {};
  return Parser(std::move(tokens), limits, mistakes).Run();
}

}  // namespace leadcore::expression_internal
