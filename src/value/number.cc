// SPDX-License-Identifier: Apache-2.0
//
// Numbers and amounts of money as people and spreadsheets write them.
#include <algorithm>
#include <charconv>
#include <limits>

#include "text.h"
#include "value/read.h"

namespace leadcore::value_internal {
namespace {

constexpr std::string_view kSpaces[] = {" ", "\t", "\r", "\n", "\u00a0", "\u202f", "\u2009"};
constexpr size_t kLongestNumber = 400;  // digits; more is no number of a lead

absl::Status Expected(std::string_view what, std::string_view text) {
  return InvalidArgument("expected ", what, ", found ", Quoted(text));
}

// The separator of thousands at the cursor, if a digit follows it; else "".
std::string_view GroupSeparator(const Cursor& cursor, const ParseOptions& options) {
  for (std::string_view separator :
       {options.decimal_comma ? std::string_view(".") : std::string_view(","),
        std::string_view("'"), std::string_view("\u2019"), std::string_view(" "),
        std::string_view("\u00a0"), std::string_view("\u202f"), std::string_view("\u2009")}) {
    if (cursor.rest().substr(0, separator.size()) == separator &&
        IsDigit(cursor.peek(separator.size()))) {
      return separator;
    }
  }
  return {};
}

// The whole part into `digits`. Groups have three digits, or two before a last one of three
// (12,34,567); one separator throughout.
bool ReadWholePart(Cursor* cursor, const ParseOptions& options, std::string* digits,
                   bool* grouped) {
  std::string_view separator;
  size_t middle = 0;  // digits of the groups between the first and the last, 0: none yet
  std::string_view run = cursor->Digits();
  digits->append(run);
  size_t last = run.size();
  for (bool first = true;; first = false) {
    const std::string_view next = GroupSeparator(*cursor, options);
    if (next.empty()) break;
    if (first) {
      if (last == 0 || last > 3) return false;
      separator = next;
    } else {
      if (next != separator || (middle != 0 && last != middle)) return false;
      middle = last;
    }
    cursor->Skip(next.size());
    run = cursor->Digits();
    digits->append(run);
    last = run.size();
  }
  *grouped = !separator.empty();
  return !*grouped || (last == 3 && (middle == 0 || middle == 3 || middle == 2));
}

void ReadExponent(Cursor* cursor, Decimal* decimal) {
  if (Lower(cursor->peek()) != 'e') return;
  const bool is_signed = cursor->peek(1) == '-' || cursor->peek(1) == '+';
  if (!IsDigit(cursor->peek(is_signed ? 2 : 1))) return;
  const bool negative = cursor->peek(1) == '-';
  cursor->Skip(is_signed ? 2 : 1);
  int exponent = 0;
  for (char digit : cursor->Digits()) exponent = std::min(exponent * 10 + (digit - '0'), 9999);
  decimal->exponent += negative ? -exponent : exponent;
}

// "k", "M", "bn" …: the power of ten.
std::optional<int> Magnitude(std::string_view word) {
  const std::string lower = LowerText(word);
  for (std::string_view name : {"k", "tsd", "thousand"}) {
    if (lower == name) return 3;
  }
  for (std::string_view name : {"m", "mm", "mn", "mio", "mln", "million", "millions"}) {
    if (lower == name) return 6;
  }
  for (std::string_view name : {"b", "bn", "mrd", "billion", "billions"}) {
    if (lower == name) return 9;
  }
  return std::nullopt;
}

bool EatSign(Cursor* cursor, bool* negative) {
  if (cursor->Eat("-") || cursor->Eat("\u2212")) {
    *negative = true;
    return true;
  }
  return cursor->Eat("+");
}

// A signed number with a magnitude. `scaled` says whether it had one.
bool ReadNumber(Cursor* cursor, const ParseOptions& options, Decimal* decimal, bool* scaled) {
  bool negative = false;
  EatSign(cursor, &negative);
  if (!ReadDecimal(cursor, options, decimal)) return false;
  decimal->negative = negative;
  Cursor ahead = *cursor;
  ahead.SkipSpaces();
  const std::optional<int> magnitude = Magnitude(ahead.Letters());
  *scaled = magnitude.has_value();
  if (magnitude) {
    decimal->exponent += *magnitude;
    *cursor = ahead;
  }
  return true;
}

// (1,234) of accountants is -1,234.
bool StripParentheses(std::string_view* text) {
  if (text->size() < 2 || text->front() != '(' || text->back() != ')') return false;
  *text = Trimmed(text->substr(1, text->size() - 2));
  return true;
}

// ---- Money

struct Symbol {
  std::string_view mark;
  std::string_view currency;
};
// Longer marks first.
constexpr Symbol kSymbols[] = {
    {"US$", "USD"},    {"CA$", "CAD"},    {"AU$", "AUD"},    {"NZ$", "NZD"},    {"HK$", "HKD"},
    {"C$", "CAD"},     {"A$", "AUD"},     {"S$", "SGD"},     {"R$", "BRL"},     {"$", "USD"},
    {"\u20ac", "EUR"}, {"\u00a3", "GBP"}, {"\u00a5", "JPY"}, {"\u20b9", "INR"}, {"\u20a9", "KRW"},
    {"\u20bd", "RUB"}, {"\u20ba", "TRY"}, {"\u20aa", "ILS"}, {"\u20b4", "UAH"}, {"\u20ab", "VND"}};
constexpr std::string_view kDollars = "USD CAD AUD NZD HKD SGD TWD MXN ARS CLP COP";
// Codes that may be written in lower case; elsewhere lower case is a word ("1200 max").
constexpr std::string_view kCommonCodes =
    "usd eur gbp jpy cny inr chf cad aud nzd sek nok dkk pln czk huf brl mxn zar sgd hkd krw try";

Currency FromCode(std::string_view code) {
  Currency currency;
  std::copy_n(code.begin(), 3, currency.code);
  return currency;
}

// A bare $ or ¥ is the caller's currency where that is a dollar or a yuan.
std::optional<Currency> EatSymbol(Cursor* cursor, const Currency& usual) {
  for (const Symbol& symbol : kSymbols) {
    if (!cursor->Eat(symbol.mark)) continue;
    if (symbol.mark == "$" && kDollars.find(usual.text()) != std::string_view::npos) return usual;
    if (symbol.currency == "JPY" && usual.text() == "CNY") return usual;
    return FromCode(symbol.currency);
  }
  return std::nullopt;
}

std::optional<Currency> CodeFromWord(std::string_view word, const Currency& usual) {
  if (word.size() != 3) return std::nullopt;
  const std::string lower = LowerText(word);
  const bool upper_case =
      std::all_of(word.begin(), word.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  const bool known =
      kCommonCodes.find(lower) != std::string_view::npos || lower == LowerText(usual.text());
  if (!upper_case && !known) return std::nullopt;
  absl::StatusOr<Currency> currency = ParseCurrency(word);
  if (!currency.ok()) return std::nullopt;
  return *currency;
}

// Collects what stands before and after the digits: sign, one currency, one magnitude.
class MoneyReader {
 public:
  MoneyReader(std::string_view text, const ParseOptions& options)
      : cursor_(text), options_(options) {}

  std::optional<Money> Read(bool negative) {
    negative_ = negative;
    if (!ReadBefore() || !ReadDecimal(&cursor_, options_, &decimal_) || !ReadAfter()) {
      return std::nullopt;
    }
    decimal_.negative = negative_;
    decimal_.exponent += magnitude_.value_or(0);
    Money money;
    money.currency = currency_.value_or(options_.currency);
    const std::optional<int64_t> minor =
        ToWhole(decimal_, MinorDigits(money.currency), /*rounded=*/true);
    if (!minor) return std::nullopt;
    money.minor = *minor;
    return money;
  }

 private:
  bool SetCurrency(std::optional<Currency> currency) {
    if (!currency || currency_) return false;
    currency_ = currency;
    return true;
  }

  bool EatMark() {
    if (currency_) return false;
    currency_ = EatSymbol(&cursor_, options_.currency);
    return currency_.has_value();
  }

  bool ReadBefore() {
    bool sign = negative_ || EatSign(&cursor_, &negative_);
    if (!EatMark()) {
      if (const std::string_view word = cursor_.Letters(); !word.empty()) {
        if (!SetCurrency(CodeFromWord(word, options_.currency))) return false;
      }
    }
    cursor_.SkipSpaces();
    if (!sign) EatSign(&cursor_, &negative_);
    return true;
  }

  bool ReadAfter() {
    while (true) {
      cursor_.SkipSpaces();
      if (cursor_.done()) return true;
      if (EatMark()) continue;
      const std::string_view word = cursor_.Letters();
      if (word.empty() || !TakeWord(word)) return false;
    }
  }

  // "M", "EUR" or both at once: "5MEUR".
  bool TakeWord(std::string_view word) {
    if (const std::optional<int> magnitude = Magnitude(word); magnitude && !magnitude_) {
      magnitude_ = magnitude;
      return true;
    }
    if (SetCurrency(CodeFromWord(word, options_.currency))) return true;
    if (word.size() != 4 || magnitude_) return false;
    magnitude_ = Magnitude(word.substr(0, 1));
    return magnitude_ && SetCurrency(CodeFromWord(word.substr(1), options_.currency));
  }

  Cursor cursor_;
  const ParseOptions& options_;
  Decimal decimal_;
  bool negative_ = false;
  std::optional<Currency> currency_;
  std::optional<int> magnitude_;
};

}  // namespace

std::string LowerText(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = Lower(c);
  return lower;
}

std::string Quoted(std::string_view text) {
  constexpr size_t kLongest = 40;
  if (text.size() <= kLongest) return Cat('\'', text, '\'');
  size_t end = kLongest;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return Cat('\'', text.substr(0, end), "...'");
}

bool Cursor::SkipSpaces() {
  bool any = false;
  for (bool found = true; found;) {
    found = std::any_of(std::begin(kSpaces), std::end(kSpaces),
                        [this](std::string_view space) { return Eat(space); });
    any |= found;
  }
  return any;
}

std::string_view Cursor::Digits() {
  size_t end = 0;
  while (end < rest_.size() && IsDigit(rest_[end])) ++end;
  const std::string_view digits = rest_.substr(0, end);
  Skip(end);
  return digits;
}

std::string_view Cursor::Letters() {
  size_t end = 0;
  while (end < rest_.size() && IsLetter(rest_[end])) ++end;
  const std::string_view letters = rest_.substr(0, end);
  Skip(end);
  return letters;
}

std::string_view Trimmed(std::string_view text) {
  Cursor cursor(text);
  cursor.SkipSpaces();
  text = cursor.rest();
  for (bool found = true; found;) {
    found = false;
    for (std::string_view space : kSpaces) {
      if (text.size() < space.size() || text.substr(text.size() - space.size()) != space) continue;
      text.remove_suffix(space.size());
      found = true;
    }
  }
  return text;
}

bool ReadDecimal(Cursor* cursor, const ParseOptions& options, Decimal* decimal) {
  bool grouped = false;
  std::string digits;
  if (!ReadWholePart(cursor, options, &digits, &grouped)) return false;
  decimal->exponent = 0;
  if (cursor->peek() == (options.decimal_comma ? ',' : '.')) {
    cursor->Skip(1);
    const std::string_view fraction = cursor->Digits();
    digits.append(fraction);
    decimal->exponent = -static_cast<int>(std::min(fraction.size(), kLongestNumber + 1));
  }
  if (digits.empty() || digits.size() > kLongestNumber) return false;
  if (!grouped) ReadExponent(cursor, decimal);
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size() - 1));
  decimal->digits = std::move(digits);
  return true;
}

std::optional<int64_t> ToWhole(const Decimal& decimal, int shift, bool rounded) {
  std::string digits = decimal.digits;
  int exponent = decimal.exponent + shift;
  while (digits.size() > 1 && digits.back() == '0') {
    digits.pop_back();
    ++exponent;
  }
  if (digits == "0") return 0;
  bool up = false;
  if (exponent < 0) {
    if (!rounded) return std::nullopt;
    const auto drop = static_cast<size_t>(-exponent);
    if (drop > digits.size()) return 0;
    up = digits[digits.size() - drop] >= '5';
    digits.resize(digits.size() - drop);
  } else {
    if (digits.size() + static_cast<size_t>(exponent) > 19) return std::nullopt;
    digits.append(static_cast<size_t>(exponent), '0');
  }
  if (digits.size() > 19) return std::nullopt;
  uint64_t magnitude = up ? 1 : 0;
  uint64_t whole = 0;
  for (char digit : digits) whole = whole * 10 + static_cast<uint64_t>(digit - '0');
  magnitude += whole;
  constexpr uint64_t kLargest = std::numeric_limits<int64_t>::max();
  if (magnitude > kLargest + (decimal.negative ? 1 : 0)) return std::nullopt;
  return static_cast<int64_t>(decimal.negative ? ~magnitude + 1 : magnitude);
}

absl::StatusOr<Value> ReadInteger(std::string_view text, const ParseOptions& options) {
  Cursor cursor(text);
  Decimal decimal;
  bool scaled = false;
  if (!ReadNumber(&cursor, options, &decimal, &scaled)) return Expected("a whole number", text);
  const std::optional<int64_t> whole = ToWhole(decimal, 0, /*rounded=*/false);
  if (!whole) return Expected("a whole number of at most 18 digits", text);
  cursor.SkipSpaces();
  if (cursor.done() || cursor.rest() == "+" || cursor.rest() == "%") return Value::Integer(*whole);
  // "11-50": companies give their size so; the lower end claims no more than they said.
  if (!cursor.Eat("-") && !cursor.Eat("\u2013")) return Expected("a whole number", text);
  cursor.SkipSpaces();
  Decimal upper;
  bool upper_scaled = false;
  const bool read = IsDigit(cursor.peek()) && ReadNumber(&cursor, options, &upper, &upper_scaled);
  const std::optional<int64_t> high =
      read && cursor.done() ? ToWhole(upper, 0, /*rounded=*/false) : std::nullopt;
  if (!high || *high <= *whole || *whole < 0 || (upper_scaled && !scaled)) {
    return Expected("a whole number or a range such as 11-50", text);
  }
  return Value::Integer(*whole);
}

absl::StatusOr<Value> ReadReal(std::string_view text, const ParseOptions& options) {
  std::string_view inside = text;
  const bool parentheses = StripParentheses(&inside);
  Cursor cursor(inside);
  Decimal decimal;
  bool scaled = false;
  const bool read = ReadNumber(&cursor, options, &decimal, &scaled);
  cursor.SkipSpaces();
  cursor.Eat("%");
  if (!read || !cursor.done() || (parentheses && decimal.negative)) {
    return Expected("a number", text);
  }
  const std::string canonical =
      Cat(decimal.negative || parentheses ? "-" : "", decimal.digits, 'e', decimal.exponent);
  double real = 0;
  const std::from_chars_result end =
      std::from_chars(canonical.data(), canonical.data() + canonical.size(), real);
  if (end.ec != std::errc()) return Expected("a number between 1e-307 and 1e308", text);
  return Value::Real(real);
}

absl::StatusOr<Value> ReadMoney(std::string_view text, const ParseOptions& options) {
  std::string_view inside = text;
  const bool parentheses = StripParentheses(&inside);
  const std::optional<Money> money = MoneyReader(inside, options).Read(parentheses);
  if (!money) return Expected("an amount such as 1,200.50 or 1200 EUR", text);
  return Value::OfMoney(*money);
}

}  // namespace leadcore::value_internal
