// SPDX-License-Identifier: Apache-2.0
#include "expression/scanner.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "absl/strings/charconv.h"
#include "text.h"

namespace leadcore::expression_internal {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool IsNamePart(char c) { return IsNameStart(c) || IsDigit(c); }

int HexDigit(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void AppendUtf8(uint32_t code, std::string* out) {
  const auto tail = [&](int shift) {
    out->push_back(static_cast<char>(0x80 | ((code >> shift) & 0x3f)));
  };
  if (code < 0x80) {
    out->push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out->push_back(static_cast<char>(0xc0 | (code >> 6)));
    tail(0);
  } else if (code < 0x10000) {
    out->push_back(static_cast<char>(0xe0 | (code >> 12)));
    tail(6);
    tail(0);
  } else {
    out->push_back(static_cast<char>(0xf0 | (code >> 18)));
    tail(12);
    tail(6);
    tail(0);
  }
}

class Scanner {
 public:
  Scanner(std::string_view source, std::vector<Mistake>* mistakes)
      : source_(source), mistakes_(mistakes) {}

  std::vector<Token> Run() {
    while (true) {
      SkipBlanks();
      if (at_ >= source_.size()) break;
      Token token;
      token.offset = static_cast<int>(at_);
      const size_t start = at_;
      if (ReadToken(&token)) {
        token.text = source_.substr(start, at_ - start);
        tokens_.push_back(std::move(token));
      }
    }
    Token end;
    end.offset = static_cast<int>(source_.size());
    tokens_.push_back(std::move(end));
    return std::move(tokens_);
  }

 private:
  char Peek(size_t ahead = 0) const {
    return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0';
  }

  template <typename... Pieces>
  void Fail(size_t offset, const Pieces&... message) {
    mistakes_->push_back({static_cast<int>(offset), Cat(message...)});
  }

  void SkipBlanks() {
    while (at_ < source_.size()) {
      const char c = source_[at_];
      if (c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r') {
        ++at_;
      } else if (c == '/' && Peek(1) == '/') {
        at_ = std::min(source_.find('\n', at_), source_.size());
      } else {
        return;
      }
    }
  }

  bool ReadToken(Token* token) {
    const char c = Peek();
    if (IsDigit(c) || (c == '.' && IsDigit(Peek(1)))) return ReadNumber(token);
    if (const size_t prefix = TextPrefix(); prefix != std::string_view::npos) {
      return ReadText(prefix, token);
    }
    if (IsNameStart(c)) {
      while (IsNamePart(Peek())) ++at_;
      token->kind = TokenKind::kName;
      return true;
    }
    return ReadSign(token);
  }

  // Length of the prefix (r, b, rb, br in any case) when a text literal starts here, else npos.
  size_t TextPrefix() const {
    size_t length = 0;
    while (length < 2) {
      const char c = Peek(length);
      if (c != 'r' && c != 'R' && c != 'b' && c != 'B') break;
      ++length;
    }
    const char quote = Peek(length);
    return quote == '"' || quote == '\'' ? length : std::string_view::npos;
  }

  bool ReadSign(Token* token) {
    token->kind = TokenKind::kSign;
    for (std::string_view sign : {"&&", "||", "==", "!=", "<=", ">="}) {
      if (source_.substr(at_, 2) == sign) {
        at_ += 2;
        return true;
      }
    }
    const char c = Peek();
    if (std::string_view("+-*/%<>!?:.,()[]{}").find(c) != std::string_view::npos) {
      ++at_;
      return true;
    }
    ReportBadSign(c);
    return false;
  }

  void ReportBadSign(char c) {
    const size_t start = at_++;
    while (at_ < source_.size() && (source_[at_] & 0xc0) == 0x80) ++at_;
    const std::string_view sign = source_.substr(start, at_ - start);
    if (c == '=') return Fail(start, "a single '=' is not a comparison, write '=='");
    if (c == '&') return Fail(start, "a single '&' means nothing here, write '&&'");
    if (c == '|') return Fail(start, "a single '|' means nothing here, write '||'");
    // What stands between two of them was meant as one text.
    constexpr std::string_view kCurly[] = {"\u201c", "\u201d", "\u201e", "\u2018", "\u2019"};
    if (std::find(std::begin(kCurly), std::end(kCurly), sign) != std::end(kCurly)) {
      size_t end = source_.size();
      for (std::string_view curly : kCurly) end = std::min(end, source_.find(curly, at_));
      if (end < source_.size()) at_ = end + kCurly[0].size();
      return Fail(start, "a text is put in straight quotes: \"like this\"");
    }
    if (static_cast<unsigned char>(c) < 0x20) {
      return Fail(start, "a control character is allowed only in a text in quotes");
    }
    Fail(start, "'", sign, "' has no meaning outside a text in quotes");
  }

  // ---- Numbers

  bool ReadNumber(Token* token) {
    const size_t start = at_;
    if (Peek() == '0' && (Peek(1) == 'x' || Peek(1) == 'X')) return ReadHex(token);
    while (IsDigit(Peek())) ++at_;
    bool real = false;
    if (Peek() == '.' && IsDigit(Peek(1))) {
      real = true;
      ++at_;
      while (IsDigit(Peek())) ++at_;
    }
    const size_t sign = Peek(1) == '+' || Peek(1) == '-' ? 2 : 1;
    if ((Peek() == 'e' || Peek() == 'E') && IsDigit(Peek(sign))) {
      real = true;
      at_ += sign;
      while (IsDigit(Peek())) ++at_;
    }
    const std::string_view digits = source_.substr(start, at_ - start);
    if (!EndNumber(start)) return false;
    return real ? ToReal(digits, start, token) : ToInteger(digits, 10, start, token);
  }

  bool ReadHex(Token* token) {
    const size_t start = at_;
    at_ += 2;
    while (HexDigit(Peek()) >= 0) ++at_;
    const std::string_view digits = source_.substr(start + 2, at_ - start - 2);
    if (!EndNumber(start)) return false;
    if (digits.empty()) {
      Fail(start, "a hexadecimal number needs digits after '0x'");
      return false;
    }
    return ToInteger(digits, 16, start, token);
  }

  // A letter right after a number is a mistake, most of all the 'u' of unsigned numbers.
  bool EndNumber(size_t start) {
    if (!IsNamePart(Peek())) return true;
    const bool is_unsigned = (Peek() == 'u' || Peek() == 'U') && !IsNamePart(Peek(1));
    while (IsNamePart(Peek())) ++at_;
    if (is_unsigned) {
      Fail(start, "unsigned numbers are not part of the language, leave out the '",
           source_[at_ - 1], "'");
    } else {
      Fail(start, "'", source_.substr(start, at_ - start), "' is not a number");
    }
    return false;
  }

  bool ToInteger(std::string_view digits, uint64_t base, size_t start, Token* token) {
    constexpr uint64_t kMost = uint64_t{1} << 63;
    uint64_t number = 0;
    for (char c : digits) {
      const auto digit = static_cast<uint64_t>(HexDigit(c));
      if (number > (kMost - digit) / base) {
        Fail(start, "the number is too large; whole numbers end at 9223372036854775807");
        return false;
      }
      number = number * base + digit;
    }
    token->kind = TokenKind::kInteger;
    token->integer = number;
    return true;
  }

  bool ToReal(std::string_view digits, size_t start, Token* token) {
    token->kind = TokenKind::kReal;
    const absl::from_chars_result result =
        absl::from_chars(digits.data(), digits.data() + digits.size(), token->real);
    if (result.ec == std::errc()) return true;
    if (token->real < 1.0) {  // too small to be told from zero
      token->real = 0;
      return true;
    }
    Fail(start, "the number is too large");
    return false;
  }

  // ---- Texts

  bool ReadText(size_t prefix, Token* token) {
    const size_t start = at_;
    bool raw = false;
    bool bytes = false;
    for (; prefix > 0; --prefix, ++at_) {
      (Peek() == 'r' || Peek() == 'R' ? raw : bytes) = true;
    }
    const char quote = Peek();
    const bool triple = Peek(1) == quote && Peek(2) == quote;
    at_ += triple ? 3 : 1;
    token->kind = TokenKind::kText;
    bool good = !bytes;
    if (bytes) Fail(start, "texts of bytes are not part of the language, leave out the 'b'");
    while (true) {
      if (at_ >= source_.size() || (!triple && (Peek() == '\n' || Peek() == '\r'))) {
        Fail(start, "the text has no closing quote");
        return false;
      }
      if (Peek() == quote && (!triple || (Peek(1) == quote && Peek(2) == quote))) {
        at_ += triple ? 3 : 1;
        return good;
      }
      if (Peek() == '\\' && !raw) {
        if (!ReadEscape(bytes, &token->value)) good = false;
      } else {
        token->value.push_back(source_[at_++]);
      }
    }
  }

  bool ReadEscape(bool quiet, std::string* out) {
    constexpr std::string_view kNames = "abfnrtv\\?\"'`";
    constexpr std::string_view kStands = "\a\b\f\n\r\t\v\\?\"'`";
    const size_t start = at_++;
    if (at_ >= source_.size()) return false;  // the missing quote is reported
    const char c = source_[at_++];
    if (const size_t place = kNames.find(c); place != std::string_view::npos) {
      out->push_back(kStands[place]);
      return true;
    }
    switch (c) {
      case 'x':
      case 'X':
        return ReadCode(start, 2, 16, quiet, out);
      case 'u':
        return ReadCode(start, 4, 16, quiet, out);
      case 'U':
        return ReadCode(start, 8, 16, quiet, out);
      case '0':
      case '1':
      case '2':
      case '3':
        --at_;
        return ReadCode(start, 3, 8, quiet, out);
      default:
        break;
    }
    if (!quiet) {
      Fail(start, "'\\", c, "' is not an escape; a backslash itself is written '\\\\'");
    }
    return false;
  }

  bool ReadCode(size_t start, size_t width, int base, bool quiet, std::string* out) {
    uint64_t code = 0;
    for (size_t i = 0; i < width; ++i, ++at_) {
      const int digit = HexDigit(Peek());
      if (digit < 0 || digit >= base) {
        if (!quiet) {
          Fail(start, "the escape needs ", width, base == 8 ? " octal" : " hexadecimal", " digits");
        }
        return false;
      }
      code = code * static_cast<uint64_t>(base) + static_cast<uint64_t>(digit);
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff)) {
      if (!quiet) Fail(start, "the escape does not name a character of Unicode");
      return false;
    }
    AppendUtf8(static_cast<uint32_t>(code), out);
    return true;
  }

  std::string_view source_;
  std::vector<Mistake>* mistakes_;
  size_t at_ = 0;
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> Scan(std::string_view source, std::vector<Mistake>* mistakes) {
  return Scanner(source, mistakes).Run();
}

}  // namespace leadcore::expression_internal
