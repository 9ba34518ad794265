// SPDX-License-Identifier: Apache-2.0
#include "expression/syntax.h"

#include <algorithm>
#include <charconv>

#include "text.h"

namespace leadcore::expression_internal {
namespace {

std::string Quote(std::string_view text) {
  constexpr std::string_view kHex = "0123456789abcdef";
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string Real(double real) {
  char buffer[32];
  const std::to_chars_result end = std::to_chars(buffer, buffer + sizeof(buffer), real);
  std::string out(buffer, end.ptr);
  if (out.find_first_of(".e") == std::string::npos) out += ".0";
  return out;
}

// How tightly a node binds: an operand that binds less than its place needs brackets.
enum Binding { kConditional, kOr, kAnd, kRelation, kSum, kProduct, kUnary, kMember };

Binding BindingOf(const SyntaxNode& node) {
  switch (node.kind) {
    case SyntaxKind::kConditional:
      return kConditional;
    case SyntaxKind::kLogical:
      return node.text == "||" ? kOr : kAnd;
    case SyntaxKind::kBinary:
      if (node.text == "+" || node.text == "-") return kSum;
      if (node.text == "*" || node.text == "/" || node.text == "%") return kProduct;
      return kRelation;
    case SyntaxKind::kUnary:
      return kUnary;
    case SyntaxKind::kInteger:
      return node.integer < 0 ? kUnary : kMember;
    case SyntaxKind::kReal:
      return node.real < 0 ? kUnary : kMember;
    default:
      return kMember;
  }
}

class Printer {
 public:
  explicit Printer(const Syntax& syntax) : syntax_(syntax) {}

  void Print(SyntaxId id, Binding at_least) {
    const bool brackets = BindingOf(syntax_[id]) < at_least;
    if (brackets) out_ += '(';
    PrintNode(syntax_[id]);
    if (brackets) out_ += ')';
  }

  std::string Take() { return std::move(out_); }

 private:
  static Binding Above(Binding binding) { return static_cast<Binding>(binding + 1); }

  void PrintList(const SyntaxNode& node, size_t from, std::string_view open,
                 std::string_view close) {
    out_ += open;
    for (size_t i = from; i < node.children.size(); ++i) {
      if (i > from) out_ += ", ";
      Print(node.children[i], kConditional);
    }
    out_ += close;
  }

  void PrintJoined(const SyntaxNode& node, Binding first, Binding rest) {
    for (size_t i = 0; i < node.children.size(); ++i) {
      if (i > 0) out_ += Cat(' ', node.text, ' ');
      Print(node.children[i], i == 0 ? first : rest);
    }
  }

  // Brackets keep a minus apart from a number, which would take it as its own.
  void PrintOperand(SyntaxId id) {
    const SyntaxKind kind = syntax_[id].kind;
    if (kind != SyntaxKind::kInteger && kind != SyntaxKind::kReal) return Print(id, kMember);
    out_ += '(';
    PrintNode(syntax_[id]);
    out_ += ')';
  }

  void PrintNode(const SyntaxNode& node) {
    const Binding binding = BindingOf(node);
    switch (node.kind) {
      case SyntaxKind::kError:
        break;
      case SyntaxKind::kInteger:
        out_ += std::to_string(node.integer);
        break;
      case SyntaxKind::kReal:
        out_ += Real(node.real);
        break;
      case SyntaxKind::kText:
        out_ += Quote(node.value);
        break;
      case SyntaxKind::kBoolean:
      case SyntaxKind::kNull:
      case SyntaxKind::kName:
        out_ += node.text;
        break;
      case SyntaxKind::kSelect:
        Print(node.children[0], kMember);
        out_ += Cat('.', node.text);
        break;
      case SyntaxKind::kIndex:
        Print(node.children[0], kMember);
        PrintList(node, 1, "[", "]");
        break;
      case SyntaxKind::kCall:
        if (node.receiver) {
          Print(node.children[0], kMember);
          out_ += '.';
        }
        out_ += node.text;
        PrintList(node, node.receiver ? 1 : 0, "(", ")");
        break;
      case SyntaxKind::kList:
        PrintList(node, 0, "[", "]");
        break;
      case SyntaxKind::kUnary:
        out_ += node.text;
        PrintOperand(node.children[0]);
        break;
      case SyntaxKind::kBinary:
        PrintJoined(node, binding, Above(binding));
        break;
      case SyntaxKind::kLogical:
        PrintJoined(node, Above(binding), Above(binding));
        break;
      case SyntaxKind::kConditional:
        Print(node.children[0], kOr);
        out_ += " ? ";
        Print(node.children[1], kOr);
        out_ += " : ";
        Print(node.children[2], kConditional);
        break;
    }
  }

  const Syntax& syntax_;
  std::string out_;
};

}  // namespace

std::string Canonical(const Syntax& syntax, SyntaxId id) {
  Printer printer(syntax);
  printer.Print(id, kConditional);
  return printer.Take();
}

std::vector<std::string_view> NameChain(const Syntax& syntax, SyntaxId id,
                                        std::vector<SyntaxId>* parts) {
  std::vector<std::string_view> names;
  std::vector<SyntaxId> nodes;
  while (syntax[id].kind == SyntaxKind::kSelect) {
    names.push_back(syntax[id].text);
    nodes.push_back(id);
    id = syntax[id].children[0];
  }
  if (syntax[id].kind != SyntaxKind::kName) return {};
  names.push_back(syntax[id].text);
  nodes.push_back(id);
  std::reverse(names.begin(), names.end());
  std::reverse(nodes.begin(), nodes.end());
  if (parts != nullptr) *parts = std::move(nodes);
  return names;
}

}  // namespace leadcore::expression_internal
