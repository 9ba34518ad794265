// SPDX-License-Identifier: Apache-2.0
//
// Phone numbers by the numbering plans of libphonenumber's metadata. The steps are those that its
// Parse, IsValidNumber and GetRegionCodeForNumber are documented to take; phone_oracle_test
// compares the answers with the library's.
#include <re2/re2.h>
#include <utf8proc.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "leadcore/normalize.h"
#include "text.h"

namespace leadcore {
namespace {

// What one kind of number looks like: its pattern and its lengths (bit n: n digits).
struct Desc {
  uint16_t program;
  uint32_t lengths;
  uint32_t local_lengths;  // as dialled within an area
};
// A numbering plan. Programs are offsets into kPrograms, 0 is none.
struct Region {
  char name[4];
  uint16_t code;
  uint16_t international_prefix;
  uint16_t national_prefix;
  uint16_t rule;  // how a national prefix is rewritten; 0: it is dropped
  uint16_t leading_digits;
  uint16_t first_desc;  // the general one, then one for each type
  uint16_t descs;
};
struct Country {
  uint16_t code;
  uint16_t first_region;  // the main one
  uint16_t regions;
};

#include "normalize/phone_table.inc"

constexpr size_t kLongestInput = 250;  // bytes
constexpr size_t kShortestNumber = 2;  // digits, as libphonenumber has them
constexpr size_t kLongestNumber = 17;
constexpr size_t kMostGroups = 8;

// ---- Patterns of digits

// Runs a program of kPrograms over digits, with backtracking: the first way in the order of the
// pattern wins, as in Perl.
class Matcher {
 public:
  Matcher(uint16_t program, std::string_view digits)
      : program_(kPrograms + program), digits_(digits) {}

  bool Whole() { return Run(0, 0, true); }
  // Matches at the start; `end` tells how far.
  bool Start() { return Run(0, 0, false); }
  size_t end() const { return end_; }
  // Group `n` from 1; "" when it took no part.
  std::string_view Group(size_t n) const {
    const size_t from = marks_[2 * n], to = marks_[2 * n + 1];
    return from == kUnset || to == kUnset ? std::string_view() : digits_.substr(from, to - from);
  }

 private:
  static constexpr size_t kUnset = static_cast<size_t>(-1);

  bool Takes(uint16_t word, size_t at) const {
    return at < digits_.size() && (word >> (digits_[at] - '0') & 1) != 0;
  }

  bool Run(size_t pc, size_t at, bool whole) {
    while (true) {
      const uint16_t word = program_[pc];
      switch (word >> 12) {
        case 0:
          if (!Takes(word, at)) return false;
          ++at;
          ++pc;
          break;
        case 1:
          return Repeat(pc, at, whole);
        case 2:
          if (Run(pc + 2, at, whole)) return true;
          pc = program_[pc + 1];
          break;
        case 3:
          pc = program_[pc + 1];
          break;
        case 4: {
          const size_t mark = word & 0xf;
          const size_t before = marks_[mark];
          marks_[mark] = at;
          if (Run(pc + 1, at, whole)) return true;
          marks_[mark] = before;
          return false;
        }
        case 5:
          end_ = at;
          return !whole || at == digits_.size();
        default:
          if (at != digits_.size()) return false;
          ++pc;
      }
    }
  }

  bool Repeat(size_t pc, size_t at, bool whole) {
    const size_t low = program_[pc + 1] >> 8, high = program_[pc + 1] & 0xff;
    size_t count = 0;
    while (count < high && Takes(program_[pc], at + count)) ++count;
    for (; count + 1 > low; --count) {
      if (Run(pc + 2, at + count, whole)) return true;
      if (count == 0) return false;
    }
    return false;
  }

  const uint16_t* const program_;
  const std::string_view digits_;
  size_t end_ = 0;
  std::array<size_t, 2 * kMostGroups> marks_ = [] {
    std::array<size_t, 2 * kMostGroups> marks;
    marks.fill(kUnset);
    return marks;
  }();
};

bool Has(uint32_t lengths, size_t length) { return length < 32 && (lengths >> length & 1) != 0; }

bool Fits(const Desc& desc, std::string_view digits) {
  if (desc.lengths != 0 && !Has(desc.lengths, digits.size())) return false;
  return Matcher(desc.program, digits).Whole();
}

const Desc& General(const Region& region) { return kDescs[region.first_desc]; }

// ---- Plans

const Region* FindRegion(std::string_view name) {
  for (const Region& region : kRegions) {
    if (name == region.name && region.name[0] != '0') return &region;
  }
  return nullptr;
}

const Country* FindCountry(int code) {
  const auto at = std::lower_bound(std::begin(kCountries), std::end(kCountries), code,
                                   [](const Country& c, int wanted) { return c.code < wanted; });
  return at == std::end(kCountries) || at->code != code ? nullptr : at;
}

// The number is of one of the plan's types.
bool InPlan(const Region& region, std::string_view digits) {
  if (!Fits(General(region), digits)) return false;
  for (int i = 1; i < region.descs; ++i) {
    if (Fits(kDescs[region.first_desc + i], digits)) return true;
  }
  return false;
}

// Which of the plans that share a country code the number belongs to.
const Region* RegionOf(const Country& country, std::string_view digits) {
  if (country.regions == 1) return &kRegions[country.first_region];
  for (int i = 0; i < country.regions; ++i) {
    const Region& region = kRegions[country.first_region + i];
    const bool here = region.leading_digits != 0 ? Matcher(region.leading_digits, digits).Start()
                                                 : InPlan(region, digits);
    if (here) return &region;
  }
  return nullptr;
}

enum class Length { kPossible, kLocal, kShort, kLong, kNone };

Length LengthOf(const Region& region, std::string_view digits) {
  const Desc& general = General(region);
  if (Has(general.local_lengths, digits.size())) return Length::kLocal;
  if (Has(general.lengths, digits.size())) return Length::kPossible;
  if ((general.lengths & ((uint64_t{2} << std::min<size_t>(digits.size(), 31)) - 1)) == 0) {
    return Length::kShort;
  }
  return general.lengths >> std::min<size_t>(digits.size(), 31) == 0 ? Length::kLong
                                                                     : Length::kNone;
}

// "$1" and "$2" of a rule are groups of the match; the rest of the number follows.
std::string Rewrite(std::string_view rule, const Matcher& match, std::string_view digits) {
  std::string out;
  for (size_t i = 0; i < rule.size(); ++i) {
    if (rule[i] == '$' && i + 1 < rule.size()) {
      out += match.Group(static_cast<size_t>(rule[++i] - '0'));
    } else {
      out.push_back(rule[i]);
    }
  }
  return out + std::string(digits.substr(match.end()));
}

size_t GroupsOf(uint16_t program) {
  size_t groups = 0;
  for (const uint16_t* word = kPrograms + program; *word != 0x5000; ++word) {
    if (*word >> 12 == 4) groups = std::max<size_t>(groups, (*word & 0xf) / 2);
    if (*word >> 12 >= 1 && *word >> 12 <= 3) ++word;
  }
  return groups;
}

// Drops or rewrites the prefix that is dialled within a country, unless that makes a number that
// fits one that does not.
void StripNationalPrefix(const Region& region, std::string* digits) {
  if (digits->empty() || region.national_prefix == 0) return;
  Matcher match(region.national_prefix, *digits);
  if (!match.Start()) return;
  const size_t groups = GroupsOf(region.national_prefix);
  const bool rewrite = region.rule != 0 && groups > 0 && !match.Group(groups).empty();
  std::string stripped =
      rewrite ? Rewrite(kRules[region.rule], match, *digits) : digits->substr(match.end());
  const uint16_t general = General(region).program;
  if (Matcher(general, *digits).Whole() && !Matcher(general, stripped).Whole()) return;
  *digits = std::move(stripped);
}

// ---- Text

// Marks of characters that no ASCII one stands for.
constexpr char kPunctuation = '\x01';
constexpr char kNoBreakSpace = '\x02';
constexpr char kLetter = '\x03';
constexpr char kOther = '\x04';

bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsAlpha(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// Digits of all scripts; -1 for what is none. Their blocks start at ...0 or at ...6.
int DigitValue(int32_t code) {
  if (code >= '0' && code <= '9') return code - '0';
  if (code < 0x80 || utf8proc_category(code) != UTF8PROC_CATEGORY_ND) return -1;
  if (code >= 0x1d7ce && code <= 0x1d7ff) return (code - 0x1d7ce) % 10;
  const int low = code & 0xf;
  if (low <= 9 && utf8proc_category(code - low) == UTF8PROC_CATEGORY_ND) return low;
  return low - 6;
}

char FoldPunctuation(int32_t code) {
  switch (code) {
    case 0xff0b:
      return '+';
    case 0xff03:
      return '#';
    case 0xff0e:
      return '.';
    case 0xff5e:
      return '~';
    case 0xa0:
      return kNoBreakSpace;
    case 0x2212:
    case 0x30fc:
    case 0xff0d:
    case 0xff0f:
    case 0xad:
    case 0x200b:
    case 0x2060:
    case 0x3000:
    case 0xff08:
    case 0xff09:
    case 0xff3b:
    case 0xff3d:
    case 0x2053:
    case 0x223c:
      return kPunctuation;
    case 0xf3:
      return 'o';  // extensión
    default:
      return code >= 0x2010 && code <= 0x2015 ? kPunctuation : kOther;
  }
}

// The text in ASCII: digits of all scripts, full-width forms, kinds of punctuation.
std::string Fold(std::string_view text) {
  std::string out;
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  auto left = static_cast<utf8proc_ssize_t>(text.size());
  while (left > 0) {
    utf8proc_int32_t code = -1;
    const utf8proc_ssize_t size = std::max<utf8proc_ssize_t>(utf8proc_iterate(at, left, &code), 1);
    at += size;
    left -= size;
    if (code >= 0 && code < 0x80) {
      out.push_back(static_cast<char>(code));
      continue;
    }
    const int digit = code < 0 ? -1 : DigitValue(code);
    if (digit >= 0) {
      out.push_back(static_cast<char>('0' + digit));
    } else if (code == 0x301) {
      continue;  // of extensio + accent
    } else if (code >= 0xff21 && code <= 0xff5a) {
      out.push_back(static_cast<char>(code - 0xff21 + 'A'));
    } else {
      const char folded = code < 0 ? kOther : FoldPunctuation(code);
      const auto category = code < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(code);
      const bool letter = category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
      out.push_back(folded == kOther && letter ? kLetter : folded);
    }
  }
  // The Russian label of an extension.
  const std::string_view russian = "\xd0\xb4\xd0\xbe\xd0\xb1";
  if (text.find(russian) != std::string_view::npos) {
    const size_t label = out.find(std::string(3, kLetter));
    if (label != std::string::npos) out.replace(label, 3, "ext");
  }
  return out;
}

constexpr std::string_view kExtension =
    "(?:;ext=(\\d{1,20})"
    "|[ \\x02\\t,]*(?:e?xt(?:ensio)?n?|anexo)[:.]?[ \\x02\\t,-]*(\\d{1,20})#?"
    "|[ \\x02\\t,]*(?:[x#~]|int)[:.]?[ \\x02\\t,-]*(\\d{1,9})#?"
    "|[- ]+(\\d{1,6})#"
    "|[ \\x02\\t]*(?:,,|;)[:.]?[ \\x02\\t,-]*(\\d{1,15})#?"
    "|[ \\x02\\t]*,+[:.]?[ \\x02\\t,-]*(\\d{1,9})#?)";
constexpr std::string_view kViable =
    "(?:\\d{2}|\\+*(?:[-x\\x01\\x02 ().\\[\\]/~*]*\\d){3,}[-x\\x01\\x02 ().\\[\\]/~*A-Za-z0-9]*)";

const RE2& ExtensionPattern() {
  static const auto* const pattern = new RE2(Cat("(?i)", kExtension, "$"));
  return *pattern;
}
const RE2& ViablePattern() {
  static const auto* const pattern = new RE2(Cat("(?i)", kViable, kExtension, "?"));
  return *pattern;
}

// Only digits, plus signs in front, and punctuation: what most numbers are, told without patterns.
// nullopt when the patterns have to be asked.
std::optional<bool> PlainlyViable(std::string_view text) {
  size_t at = 0;
  while (at < text.size() && text[at] == '+') ++at;
  size_t digits = 0;
  bool punctuated = at > 0;
  for (; at < text.size(); ++at) {
    if (IsDigit(text[at])) {
      ++digits;
    } else if (std::string_view("-\x01\x02 ().[]/~").find(text[at]) != std::string_view::npos) {
      if (text[at] == '~') return std::nullopt;
      punctuated = true;
    } else {
      return std::nullopt;
    }
  }
  return digits >= 3 || (digits == 2 && !punctuated);
}

bool IsViable(std::string_view text) {
  const std::optional<bool> plain = PlainlyViable(text);
  return plain ? *plain
               : RE2::FullMatch(re2::StringPiece(text.data(), text.size()), ViablePattern());
}

// Takes an extension off the end; "" when there is none.
std::string StripExtension(std::string* text) {
  if (PlainlyViable(*text)) return "";
  std::array<re2::StringPiece, 7> groups;
  if (!ExtensionPattern().Match(*text, 0, text->size(), RE2::UNANCHORED, groups.data(),
                                static_cast<int>(groups.size()))) {
    return "";
  }
  const auto start = static_cast<size_t>(groups[0].data() - text->data());
  if (!IsViable(std::string_view(*text).substr(0, start))) return "";
  for (size_t i = 1; i < groups.size(); ++i) {
    if (groups[i].empty()) continue;
    std::string extension(groups[i].data(), groups[i].size());
    text->resize(start);
    return extension;
  }
  return "";
}

// Cuts away what stands before and behind the number.
std::string_view Extract(std::string_view text) {
  size_t start = 0;
  while (start < text.size() && text[start] != '+' && !IsDigit(text[start])) ++start;
  text.remove_prefix(start);
  while (!text.empty() && !IsDigit(text.back()) && !IsAlpha(text.back()) && text.back() != '#' &&
         text.back() != kLetter) {
    text.remove_suffix(1);
  }
  // "(530) 583-6985 x302/x2303" is two numbers.
  for (size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] != '/' && text[i] != '\\') continue;
    size_t x = i + 1;
    while (x < text.size() && text[x] == ' ') ++x;
    if (x < text.size() && text[x] == 'x') return text.substr(0, i);
  }
  return text;
}

// A tel: URI (RFC 3966) or any text, down to the number.
std::string NumberIn(const std::string& text) {
  constexpr std::string_view kContext = ";phone-context=";
  std::string number;
  const size_t context = text.find(kContext);
  if (context == std::string::npos) {
    number = std::string(Extract(text));
  } else {
    const size_t value = context + kContext.size();
    if (value + 1 < text.size() && text[value] == '+') {
      number = text.substr(value, text.find(';', value) - value);
    }
    const size_t scheme = text.find("tel:");
    const size_t start = scheme == std::string::npos ? 0 : scheme + 4;
    if (start < context) number += text.substr(start, context - start);
  }
  const size_t subaddress = number.find(";isub=");
  if (subaddress != std::string::npos && subaddress > 0) number.resize(subaddress);
  return number;
}

// Digits only; letters by the keypad when there are three or more.
std::string Digits(std::string_view text) {
  constexpr std::string_view kKeypad = "22233344455566677778889999";
  const bool vanity = std::count_if(text.begin(), text.end(), IsAlpha) >= 3;
  std::string digits;
  for (const char c : text) {
    if (IsDigit(c)) {
      digits.push_back(c);
    } else if (vanity && IsAlpha(c)) {
      digits.push_back(kKeypad[static_cast<size_t>((c | 0x20) - 'a')]);
    }
  }
  return digits;
}

// ---- Country codes

// Drops the prefix that is dialled before a country code; a zero behind it means that it was none.
bool StripInternationalPrefix(const Region& region, std::string* digits) {
  if (region.international_prefix == 0) return false;
  Matcher match(region.international_prefix, *digits);
  if (!match.Start()) return false;
  if (match.end() < digits->size() && (*digits)[match.end()] == '0') return false;
  digits->erase(0, match.end());
  return true;
}

enum class Found { kCode, kNone, kShort, kUnknown };

// Takes a known country code off the front.
Found TakeCode(std::string* digits, const Country** country) {
  if (digits->size() <= kShortestNumber) return Found::kShort;
  if ((*digits)[0] == '0') return Found::kUnknown;
  int code = 0;
  for (size_t size = 1; size <= 3 && size <= digits->size(); ++size) {
    code = code * 10 + ((*digits)[size - 1] - '0');
    *country = FindCountry(code);
    if (*country == nullptr) continue;
    digits->erase(0, size);
    return Found::kCode;
  }
  return Found::kUnknown;
}

// Finds the country code of `text`, and leaves the digits behind it. kNone: it has none.
Found ExtractCode(std::string_view text, const Region* home, std::string* digits,
                  const Country** country) {
  *digits = Digits(text);
  if (digits->empty()) return Found::kNone;
  if (text[0] == '+') return TakeCode(digits, country);
  if (home == nullptr) return Found::kNone;
  if (StripInternationalPrefix(*home, digits)) return TakeCode(digits, country);
  // The home code without a plus sign counts where it makes the number better.
  const std::string code = std::to_string(home->code);
  if (!digits->starts_with(code)) return Found::kNone;
  std::string rest = digits->substr(code.size());
  StripNationalPrefix(*home, &rest);
  const uint16_t general = General(*home).program;
  const bool better = !Matcher(general, *digits).Whole() && Matcher(general, rest).Whole();
  if (!better && LengthOf(*home, *digits) != Length::kLong) return Found::kNone;
  *digits = std::move(rest);
  *country = FindCountry(home->code);
  return Found::kCode;
}

absl::Status Missing(std::string_view region) {
  return region.empty()
             ? InvalidArgument("no country code, and no country to read it by; write it with + ",
                               "and the country code")
             : InvalidArgument("'", region, "' is no country; write the number with + and the ",
                               "country code");
}

}  // namespace

std::string_view PhoneTableRelease() { return kRelease; }

absl::StatusOr<PhoneNumber> NormalizePhone(std::string_view text, std::string_view default_region) {
  if (text.size() > kLongestInput) return InvalidArgument("too long for a phone number");
  std::string number = NumberIn(Fold(text));
  if (!IsViable(number)) {
    const bool digits = std::any_of(number.begin(), number.end(), IsDigit);
    return InvalidArgument(digits ? "not a phone number" : "no digits");
  }
  std::string upper(default_region);
  for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 0x20 : c);
  const Region* home = FindRegion(upper);
  if (home == nullptr && number[0] != '+') return Missing(default_region);

  PhoneNumber phone;
  phone.extension = StripExtension(&number);
  std::string digits;
  const Country* country = nullptr;
  Found found = ExtractCode(number, home, &digits, &country);
  if (found == Found::kUnknown && number[0] == '+') {
    // Perhaps the plus sign stands before a national number.
    found = ExtractCode(std::string_view(number).substr(number.find_first_not_of('+')), home,
                        &digits, &country);
    if (found == Found::kNone) found = Found::kUnknown;
  }
  if (found == Found::kUnknown) return InvalidArgument("no country has this country code");
  if (found == Found::kShort) return InvalidArgument("too short: nothing but a country code");
  const bool coded = found == Found::kCode;
  if (!coded) country = FindCountry(home->code);
  // Numbers of a code that several countries share are read by the main one's plan.
  const Region& plan = coded ? kRegions[country->first_region] : *home;
  if (digits.size() < kShortestNumber) return InvalidArgument("too short for a phone number");
  std::string stripped = digits;
  StripNationalPrefix(plan, &stripped);
  const Length length = LengthOf(plan, stripped);
  if (length == Length::kPossible || length == Length::kLong) digits = std::move(stripped);
  if (digits.size() < kShortestNumber) return InvalidArgument("too short for a phone number");
  if (digits.size() > kLongestNumber) return InvalidArgument("too long for a phone number");

  phone.e164 = Cat("+", country->code, digits);
  const Region* region = RegionOf(*country, digits);
  phone.region = region == nullptr ? kRegions[country->first_region].name : region->name;
  phone.valid = region != nullptr && InPlan(*region, digits);
  return phone;
}

}  // namespace leadcore
