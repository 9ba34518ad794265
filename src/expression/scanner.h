// SPDX-License-Identifier: Apache-2.0
//
// The words of an expression: names, numbers, texts and signs, each with its place.
#ifndef LEADCORE_SRC_EXPRESSION_SCANNER_H_
#define LEADCORE_SRC_EXPRESSION_SCANNER_H_

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace leadcore::expression_internal {

// A mistake and the byte of the source where it is.
struct Mistake {
  int offset = 0;
  std::string message;
};

enum class TokenKind : uint8_t { kEnd, kName, kInteger, kReal, kText, kSign };

struct Token {
  TokenKind kind = TokenKind::kEnd;
  int offset = 0;
  std::string_view text;  // as written; views the source
  uint64_t integer = 0;   // kInteger: at most 2^63, which is only right after a minus
  double real = 0;        // kReal
  std::string value;      // kText: what the literal stands for

  bool Is(std::string_view sign) const { return kind == TokenKind::kSign && text == sign; }
  bool IsWord(std::string_view word) const { return kind == TokenKind::kName && text == word; }
};

// The last token is kEnd. What cannot be read is reported and left out, so that one call finds all
// such mistakes. `source` must be UTF-8 and outlive the tokens.
std::vector<Token> Scan(std::string_view source, std::vector<Mistake>* mistakes);

}  // namespace leadcore::expression_internal

#endif  // LEADCORE_SRC_EXPRESSION_SCANNER_H_
