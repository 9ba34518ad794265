// SPDX-License-Identifier: Apache-2.0
//
// The text is folded to one byte for each character, which keeps just what tells characters apart
// here; everything after that is scanning of short strings.
#include "normalize/phone_text.h"

#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>

#include "text.h"

namespace leadcore {
namespace {

constexpr size_t kLongestText = 250;  // bytes
constexpr size_t kNone = std::string_view::npos;

// ---- Characters

// ASCII stands for itself, digits of all scripts for the ASCII ones, full-width plus for '+'. These
// stand for what else counts, upper and lower case alike.
constexpr char kPunctuation = '\x80';   // dashes, brackets and spaces of all kinds
constexpr char kNoBreakSpace = '\x81';  // U+00A0
constexpr char kWideStop = '\x82';      // U+FF0E
constexpr char kWideHash = '\x83';      // U+FF03
constexpr char kWideTilde = '\x84';     // U+FF5E
constexpr char kWideE = '\x85';         // full-width letters, of "ext" and "int"
constexpr char kWideI = '\x86';
constexpr char kWideN = '\x87';
constexpr char kWideT = '\x88';
constexpr char kWideX = '\x89';
constexpr char kAcute = '\x8a';       // U+0301, combining
constexpr char kAcuteO = '\x8b';      // of "extensión"
constexpr char kCyrillicDe = '\x8c';  // of the Russian label
constexpr char kCyrillicO = '\x8d';
constexpr char kCyrillicBe = '\x8e';
constexpr char kLongMark = '\x8f';  // U+30FC: a letter by its class, here a dash
constexpr char kFoldingLetter =
    '\x90';                        // long s and the Kelvin sign, which are s and k in any case
constexpr char kLetter = '\x91';   // any other letter, and numbers that are no digits
constexpr char kLineEnd = '\x92';  // U+2028, U+2029
constexpr char kOther = '\x93';

// What a character may be part of.
enum Trait : uint8_t {
  kIsDigit = 1,
  kIsAlpha = 2,
  kIsInner = 4,   // stands between digits
  kIsLast = 8,    // is not cut off the end
  kIsSpace = 16,  // before the label of an extension
  kIsComma = 32,
  kMayLabel = 64,  // occurs in the label of an extension
  kEndsLine = 128,
};

constexpr std::array<uint8_t, 256> kTraits = [] {
  std::array<uint8_t, 256> traits{};
  const auto add = [&traits](std::string_view characters, int trait) {
    for (const char c : characters) {
      auto& mine = traits[static_cast<unsigned char>(c)];
      mine = static_cast<uint8_t>(mine | trait);
    }
  };
  add("0123456789", kIsDigit | kIsLast);
  add("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ\x90", kIsAlpha | kIsLast | kMayLabel);
  add("-xX ().[]/~*\x80\x81\x82\x8f", kIsInner);
  add("#\x85\x86\x87\x88\x89\x8b\x8c\x8d\x8e\x8f\x91", kIsLast);
  add(" \t\x81", kIsSpace);
  add(",", kIsComma | kMayLabel);
  add("#~;\x83\x84\x85\x86\x89\x8c", kMayLabel);
  add("\n\v\f\r\x92", kEndsLine);
  return traits;
}();

bool Is(char c, int trait) { return (kTraits[static_cast<unsigned char>(c)] & trait) != 0; }

// Digits of all scripts; -1 for what is none. Their blocks start at ...0 or at ...6.
int DigitValue(int32_t code) {
  if (utf8proc_category(code) != UTF8PROC_CATEGORY_ND) return -1;
  if (code >= 0x1d7ce && code <= 0x1d7ff) return (code - 0x1d7ce) % 10;  // five mathematical sets
  const int low = code & 0xf;
  if (low <= 9 && utf8proc_category(code - low) == UTF8PROC_CATEGORY_ND) return low;
  return low - 6;
}

std::optional<char> FoldLabelLetter(int32_t code) {
  switch (code) {
    case 0xff25:
    case 0xff45:
      return kWideE;
    case 0xff29:
    case 0xff49:
      return kWideI;
    case 0xff2e:
    case 0xff4e:
      return kWideN;
    case 0xff34:
    case 0xff54:
      return kWideT;
    case 0xff38:
    case 0xff58:
      return kWideX;
    case 0xd3:
    case 0xf3:
      return kAcuteO;
    case 0x414:
    case 0x434:
      return kCyrillicDe;
    case 0x41e:
    case 0x43e:
      return kCyrillicO;
    case 0x411:
    case 0x431:
      return kCyrillicBe;
    case 0x17f:
    case 0x212a:
      return kFoldingLetter;
    default:
      return std::nullopt;
  }
}

std::optional<char> FoldSign(int32_t code) {
  switch (code) {
    case 0xff0b:
      return '+';
    case 0xa0:
      return kNoBreakSpace;
    case 0xff0e:
      return kWideStop;
    case 0xff03:
      return kWideHash;
    case 0xff5e:
      return kWideTilde;
    case 0x301:
      return kAcute;
    case 0x30fc:
      return kLongMark;
    case 0x2028:
    case 0x2029:
      return kLineEnd;
    case 0xad:
    case 0x200b:
    case 0x2053:
    case 0x2060:
    case 0x2212:
    case 0x223c:
    case 0x3000:
    case 0xff08:
    case 0xff09:
    case 0xff0d:
    case 0xff0f:
    case 0xff3b:
    case 0xff3d:
      return kPunctuation;
    default:
      if (code >= 0x2010 && code <= 0x2015) return kPunctuation;
      return std::nullopt;
  }
}

char FoldCharacter(int32_t code) {
  if (const int digit = DigitValue(code); digit >= 0) return static_cast<char>('0' + digit);
  if (const std::optional<char> sign = FoldSign(code)) return *sign;
  if (const std::optional<char> letter = FoldLabelLetter(code)) return *letter;
  const auto category = utf8proc_category(code);
  const bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
  const bool number = category == UTF8PROC_CATEGORY_NL || category == UTF8PROC_CATEGORY_NO;
  return letter || number ? kLetter : kOther;
}

// Control characters and code points that are never characters.
bool IsForbidden(int32_t code) {
  return code < 0 ||
         (code < 0x20 && code != '\t' && code != '\n' && code != '\f' && code != '\r') ||
         (code >= 0x7f && code <= 0x9f) || (code >= 0xfdd0 && code <= 0xfdef) ||
         (code & 0xfffe) == 0xfffe;
}

// `readable` turns false when a byte or character of `text` belongs in no text.
std::string Fold(std::string_view text, bool* readable) {
  std::string out;
  out.reserve(text.size());
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code = *at;
    utf8proc_ssize_t size = 1;
    if (code >= 0x80) size = std::max<utf8proc_ssize_t>(utf8proc_iterate(at, left, &code), 1);
    at += size;
    left -= size;
    if (IsForbidden(code)) *readable = false;
    if (code < 0) {
      out.push_back(kOther);
    } else {
      out.push_back(code < 0x80 ? static_cast<char>(code) : FoldCharacter(code));
    }
  }
  return out;
}

// ---- Finding the number

// "(530) 583-6985 x302/x2303" is two numbers: what stands before the last slash that an x follows,
// in the first line that has one.
std::string_view FirstOfTwo(std::string_view text) {
  if (text.find_first_of("/\\") == kNone) return text;
  size_t line = 0, slash = kNone;
  for (size_t i = 0; i < text.size(); ++i) {
    if (Is(text[i], kEndsLine)) {
      if (slash != kNone) break;
      line = i + 1;
    } else if (text[i] == '/' || text[i] == '\\') {
      const size_t next = text.find_first_not_of(' ', i + 1);
      if (next != kNone && text[next] == 'x') slash = i;
    }
  }
  return slash == kNone ? text : text.substr(line, slash - line);
}

// Cuts away what stands before and behind the number.
std::string_view CutOut(std::string_view text) {
  size_t start = 0;
  while (start < text.size() && text[start] != '+' && !Is(text[start], kIsDigit)) ++start;
  text.remove_prefix(start);
  while (!text.empty() && !Is(text.back(), kIsLast)) text.remove_suffix(1);
  return FirstOfTwo(text);
}

// The folded number of a tel: URI (RFC 3966) or of any text.
absl::StatusOr<std::string> NumberIn(std::string_view text) {
  constexpr std::string_view kContext = ";phone-context=";
  constexpr std::string_view kScheme = "tel:";
  bool readable = true;
  std::string number;
  const size_t context = text.find(kContext);
  if (context == kNone) {
    number = Fold(text, &readable);
    if (!readable) return InvalidArgument("not readable: broken UTF-8 or control characters in it");
    number = std::string(CutOut(number));
  } else {
    std::string uri;
    const size_t value = context + kContext.size();
    if (value + 1 < text.size() && text[value] == '+') {
      uri = text.substr(value, text.find(';', value) - value);
    }
    const size_t scheme = text.find(kScheme);
    const size_t start = scheme == kNone ? 0 : scheme + kScheme.size();
    uri += start <= context ? text.substr(start, context - start) : text.substr(start);
    number = Fold(uri, &readable);
  }
  number.resize(std::min(number.find(";isub="), number.size()));
  return number;
}

// ---- Extensions

char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 0x20) : c; }

// Length of `word` at the start of `text`, whatever its case; 0 when it is not there.
size_t Word(std::string_view text, std::string_view word) {
  if (text.size() < word.size()) return 0;
  for (size_t i = 0; i < word.size(); ++i) {
    if (Lower(text[i]) != word[i]) return 0;
  }
  return word.size();
}

// Length of a label that says plainly that an extension follows: ext, extn, extensión, anexo …
size_t PlainLabel(std::string_view text) {
  constexpr std::string_view kWideLabel = "\x89\x88", kRussianLabel = "\x8c\x8d\x8e";
  if (const size_t size = Word(text, "anexo") + Word(text, kRussianLabel); size > 0) return size;
  size_t at = Word(text, "e");
  if (const size_t xt = Word(text.substr(at), "xt"); xt > 0) {
    at += xt;
    if (const size_t ensi = Word(text.substr(at), "ensi"); ensi > 0) {
      const std::string_view rest = text.substr(at + ensi);
      if (Word(rest, "o") > 0)
        at += ensi + 1 + Word(rest.substr(1), {&kAcute, 1});
      else if (Word(rest, {&kAcuteO, 1}) > 0)
        at += ensi + 1;
    }
    return at + Word(text.substr(at), "n");
  }
  at = Word(text, {&kWideE, 1});
  const size_t wide = Word(text.substr(at), kWideLabel);
  return wide == 0 ? 0 : at + wide + Word(text.substr(at + wide), {&kWideN, 1});
}

// Length of a label that may mean something else: x, #, ~, int.
size_t VagueLabel(std::string_view text) {
  constexpr std::string_view kWideInt = "\x86\x87\x88", kMarks = "xX#~\x83\x84\x89";
  if (!text.empty() && kMarks.find(text[0]) != kNone) return 1;
  return Word(text, "int") + Word(text, kWideInt);
}

enum class Hash { kNever, kPerhaps, kMust };

// Up to `limit` digits and a '#' that are all of `text`; "" when it is something else.
std::string_view DigitsToEnd(std::string_view text, size_t limit, Hash hash) {
  const bool hashed = text.ends_with('#');
  if (hashed ? hash == Hash::kNever : hash == Hash::kMust) return {};
  if (hashed) text.remove_suffix(1);
  const bool digits = std::all_of(text.begin(), text.end(), [](char c) { return Is(c, kIsDigit); });
  return digits && text.size() <= limit ? text : std::string_view();
}

size_t SkipWhile(std::string_view text, int traits) {
  size_t at = 0;
  while (at < text.size() && Is(text[at], traits)) ++at;
  return at;
}

// The digits behind a label: a colon or full stop may come first, then spaces, commas and dashes.
std::string_view AfterLabel(std::string_view text, size_t limit) {
  if (!text.empty() && (text[0] == ':' || text[0] == '.' || text[0] == kWideStop)) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (Is(text[0], kIsSpace | kIsComma) || text[0] == '-')) {
    text.remove_prefix(1);
  }
  return DigitsToEnd(text, limit, Hash::kPerhaps);
}

// The digits of the extension that starts with `text` and is all of it; "" when it is none. The
// vaguer the label, the fewer digits are believed: 20, 15, 9, 6.
std::string_view ExtensionAt(std::string_view text) {
  constexpr std::string_view kUri = ";ext=";
  if (const size_t size = Word(text, kUri); size > 0) {
    const std::string_view digits = DigitsToEnd(text.substr(size), 20, Hash::kNever);
    if (!digits.empty()) return digits;
  }
  std::string_view rest = text.substr(SkipWhile(text, kIsSpace | kIsComma));
  if (const size_t size = PlainLabel(rest); size > 0) {
    const std::string_view digits = AfterLabel(rest.substr(size), 20);
    if (!digits.empty()) return digits;
  }
  if (const size_t size = VagueLabel(rest); size > 0) {
    const std::string_view digits = AfterLabel(rest.substr(size), 9);
    if (!digits.empty()) return digits;
  }
  if (const size_t size = std::min(text.find_first_not_of("- "), text.size()); size > 0) {
    const std::string_view digits = DigitsToEnd(text.substr(size), 6, Hash::kMust);
    if (!digits.empty()) return digits;
  }
  rest = text.substr(SkipWhile(text, kIsSpace));
  if (const size_t size = Word(rest, ";") + Word(rest, ",,"); size > 0) {
    const std::string_view digits = AfterLabel(rest.substr(size), 15);
    if (!digits.empty()) return digits;
  }
  const size_t commas = SkipWhile(rest, kIsComma);
  return commas == 0 ? std::string_view() : AfterLabel(rest.substr(commas), 9);
}

// ---- The whole

// Three digits or more with signs between them, then also letters, then perhaps an extension; or
// two digits alone.
bool IsViable(std::string_view text) {
  if (text.size() == 2 && Is(text[0], kIsDigit) && Is(text[1], kIsDigit)) return true;
  size_t at = std::min(text.find_first_not_of('+'), text.size());
  for (int digits = 0; digits < 3; ++at) {
    if (at == text.size()) return false;
    if (Is(text[at], kIsDigit)) {
      ++digits;
    } else if (!Is(text[at], kIsInner)) {
      return false;
    }
  }
  const size_t end = at + SkipWhile(text.substr(at), kIsInner | kIsDigit | kIsAlpha);
  if (end == text.size()) return true;
  for (; at <= end; ++at) {
    if (!ExtensionAt(text.substr(at)).empty()) return true;
  }
  return false;
}

// Takes an extension off the end; "" when there is none.
std::string TakeExtension(std::string* text) {
  const auto labels = [](char c) { return Is(c, kMayLabel); };
  if (std::none_of(text->begin(), text->end(), labels)) return "";
  for (size_t start = 0; start < text->size(); ++start) {
    const std::string_view digits = ExtensionAt(std::string_view(*text).substr(start));
    if (digits.empty()) continue;
    if (!IsViable(std::string_view(*text).substr(0, start))) return "";
    std::string extension(digits);
    text->resize(start);
    return extension;
  }
  return "";
}

// Digits only; letters count when there are three or more.
std::string Digits(std::string_view text) {
  constexpr std::string_view kKeypad = "22233344455566677778889999";
  const bool vanity =
      std::count_if(text.begin(), text.end(), [](char c) { return Is(c, kIsAlpha); }) >= 3;
  std::string digits;
  digits.reserve(text.size());
  for (const char c : text) {
    if (Is(c, kIsDigit)) {
      digits.push_back(c);
    } else if (vanity && Is(c, kIsAlpha) && c != kFoldingLetter) {
      digits.push_back(kKeypad[static_cast<size_t>(Lower(c) - 'a')]);
    }
  }
  return digits;
}

absl::Status NotViable(std::string_view number) {
  const auto digits =
      std::count_if(number.begin(), number.end(), [](char c) { return Is(c, kIsDigit); });
  if (digits == 0) return InvalidArgument("no digits");
  if (digits < 3) return InvalidArgument("too few digits for a phone number");
  return InvalidArgument("not written as one phone number: it has letters or signs among its ",
                         "digits that phone numbers do not have");
}

}  // namespace

absl::StatusOr<PhoneText> ReadPhoneText(std::string_view text) {
  if (text.size() > kLongestText) {
    return InvalidArgument("too long for a phone number: ", text.size(), " bytes, ", kLongestText,
                           " are read");
  }
  absl::StatusOr<std::string> number = NumberIn(text);
  if (!number.ok()) return number.status();
  if (!IsViable(*number)) return NotViable(*number);
  PhoneText out;
  out.international = number->starts_with('+');
  out.extension = TakeExtension(&*number);
  out.digits = Digits(*number);
  return out;
}

}  // namespace leadcore
