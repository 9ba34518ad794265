// SPDX-License-Identifier: Apache-2.0
//
// Phone numbers by the numbering plans of libphonenumber's metadata. The steps are those that its
// Parse, IsValidNumber and GetRegionCodeForNumber are documented to take; phone_oracle_test
// compares the answers with the library's.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "leadcore/normalize.h"
#include "normalize/phone_text.h"
#include "text.h"

namespace leadcore {
namespace {

// A numbering plan. Programs are offsets into kPrograms, nodes are rows of kNodes; 0 is none.
struct Region {
  char name[4];
  uint16_t code;
  uint16_t international_prefix;  // program
  uint16_t national_prefix;       // program
  uint8_t rule;                   // of kRules: how the national prefix is rewritten; 0: dropped
  uint8_t rule_group;             // rewritten only where this group of the prefix holds digits
  uint16_t leading_digits;        // node: what tells it from others with its country code
  uint16_t general;               // node: of the plan's form
  uint16_t valid;                 // node: of one of its types and their lengths
  uint32_t lengths;               // bit n: numbers of n digits
  uint32_t local_lengths;         // as dialled within an area
};

struct Country {
  uint16_t code;
  uint16_t first_region;  // the main one
  uint16_t regions;
};

#include "normalize/phone_table.inc"

constexpr size_t kShortestNumber = 2;  // digits without country code, as libphonenumber has them
constexpr size_t kLongestNumber = 17;
constexpr uint16_t kAccepts = 0x8000;

// ---- Patterns of digits

bool TakesAll(uint16_t node, std::string_view digits) {
  for (const char c : digits) {
    node = kNodes[node & ~kAccepts][c - '0'];
    if (node == 0) return false;
  }
  return (node & kAccepts) != 0;
}

bool TakesStart(uint16_t node, std::string_view digits) {
  for (const char c : digits) {
    node = kNodes[node & ~kAccepts][c - '0'];
    if ((node & kAccepts) != 0) return true;
    if (node == 0) return false;
  }
  return false;
}

// Runs a program over the start of some digits, with backtracking: the first way in the order of
// the pattern wins, as in Perl.
class Prefix {
 public:
  Prefix(uint16_t program, std::string_view digits)
      : program_(kPrograms + program), digits_(digits), found_(Run(0, 0)) {}

  bool found() const { return found_; }
  std::string_view rest() const { return digits_.substr(end_); }
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

  bool Run(size_t pc, size_t at) {
    while (true) {
      const uint16_t word = program_[pc];
      switch (word >> 12) {
        case 0:
          if (!Takes(word, at)) return false;
          ++at;
          ++pc;
          break;
        case 1:
          return Repeat(pc, at);
        case 2:
          if (Run(pc + 2, at)) return true;
          pc = program_[pc + 1];
          break;
        case 3:
          pc = program_[pc + 1];
          break;
        case 4: {
          const size_t before = std::exchange(marks_[word & 7], at);
          if (Run(pc + 1, at)) return true;
          marks_[word & 7] = before;
          return false;
        }
        case 5:
          end_ = at;
          return true;
        default:
          if (at != digits_.size()) return false;
          ++pc;
      }
    }
  }

  bool Repeat(size_t pc, size_t at) {
    const size_t low = program_[pc + 1] >> 8, high = program_[pc + 1] & 0xff;
    size_t count = 0;
    while (count < high && Takes(program_[pc], at + count)) ++count;
    for (; count + 1 > low; --count) {
      if (Run(pc + 2, at + count)) return true;
      if (count == 0) return false;
    }
    return false;
  }

  const uint16_t* const program_;
  const std::string_view digits_;
  size_t end_ = 0;
  std::array<size_t, 8> marks_ = {kUnset, kUnset, kUnset, kUnset, kUnset, kUnset, kUnset, kUnset};
  const bool found_;
};

// ---- Plans

// The plan of each country by its two letters, and of each country code; 0xff is none.
constexpr std::array<uint8_t, 26 * 26> kRegionOfName = [] {
  static_assert(std::size(kRegions) < 0xff);
  std::array<uint8_t, 26 * 26> regions{};
  regions.fill(0xff);
  for (size_t i = 0; i < std::size(kRegions); ++i) {
    const char* name = kRegions[i].name;
    if (name[0] < 'A') continue;  // "001"
    regions[static_cast<size_t>((name[0] - 'A') * 26 + name[1] - 'A')] = static_cast<uint8_t>(i);
  }
  return regions;
}();
constexpr std::array<uint8_t, 1000> kCountryOfCode = [] {
  static_assert(std::size(kCountries) < 0xff);
  std::array<uint8_t, 1000> countries{};
  countries.fill(0xff);
  for (size_t i = 0; i < std::size(kCountries); ++i) {
    countries[kCountries[i].code] = static_cast<uint8_t>(i);
  }
  return countries;
}();

const Region* FindRegion(std::string_view name) {
  if (name.size() != 2) return nullptr;
  size_t index = 0;
  for (const char c : name) {
    const char upper = c >= 'a' && c <= 'z' ? static_cast<char>(c - 0x20) : c;
    if (upper < 'A' || upper > 'Z') return nullptr;
    index = index * 26 + static_cast<size_t>(upper - 'A');
  }
  return kRegionOfName[index] == 0xff ? nullptr : &kRegions[kRegionOfName[index]];
}

// `code` is below 1000.
const Country* FindCountry(size_t code) {
  return kCountryOfCode[code] == 0xff ? nullptr : &kCountries[kCountryOfCode[code]];
}

const Region& MainRegion(const Country& country) { return kRegions[country.first_region]; }

// Which of the plans that share a country code the number belongs to; null when it is none.
const Region* RegionOf(const Country& country, std::string_view digits) {
  if (country.regions == 1) return &MainRegion(country);
  for (size_t i = 0; i < country.regions; ++i) {
    const Region& region = kRegions[country.first_region + i];
    const bool here = region.leading_digits != 0 ? TakesStart(region.leading_digits, digits)
                                                 : TakesAll(region.valid, digits);
    if (here) return &region;
  }
  return nullptr;
}

enum class Length { kPossible, kLocal, kShort, kLong, kNone };

Length LengthOf(const Region& region, std::string_view digits) {
  const size_t size = std::min<size_t>(digits.size(), 31);
  if ((region.local_lengths >> size & 1) != 0) return Length::kLocal;
  if ((region.lengths >> size & 1) != 0) return Length::kPossible;
  if (region.lengths >> size == 0) return Length::kLong;
  return (region.lengths & ((uint32_t{1} << size) - 1)) == 0 ? Length::kShort : Length::kNone;
}

// "$1" and "$2" of a rule are groups of the prefix; the rest of the number follows.
std::string Rewrite(std::string_view rule, const Prefix& prefix) {
  std::string out;
  for (size_t i = 0; i < rule.size(); ++i) {
    if (rule[i] == '$') {
      out += prefix.Group(static_cast<size_t>(rule[++i] - '0'));
    } else {
      out.push_back(rule[i]);
    }
  }
  return out.append(prefix.rest());
}

// The number without the prefix that is dialled within a country, or with that rewritten; as it is
// when that would make a number of the plan's form into one that is not.
std::string WithoutNationalPrefix(const Region& region, std::string_view digits) {
  std::string whole(digits);
  if (digits.empty() || region.national_prefix == 0) return whole;
  const Prefix prefix(region.national_prefix, digits);
  if (!prefix.found()) return whole;
  const bool rewrite = region.rule_group != 0 && !prefix.Group(region.rule_group).empty();
  std::string stripped =
      rewrite ? Rewrite(kRules[region.rule], prefix) : std::string(prefix.rest());
  if (TakesAll(region.general, digits) && !TakesAll(region.general, stripped)) return whole;
  return stripped;
}

// ---- Country codes

enum class Found { kCode, kNone, kShort, kUnknown };

// Takes a known country code off the front.
Found TakeCode(std::string* digits, const Country** country) {
  if (digits->size() <= kShortestNumber) return Found::kShort;
  if ((*digits)[0] == '0') return Found::kUnknown;
  size_t code = 0;
  for (size_t size = 1; size <= 3; ++size) {
    code = code * 10 + static_cast<size_t>((*digits)[size - 1] - '0');
    *country = FindCountry(code);
    if (*country == nullptr) continue;
    digits->erase(0, size);
    return Found::kCode;
  }
  return Found::kUnknown;
}

// Takes off the country code of a number without a plus sign, when it has one.
Found TakeDialledCode(const Region& home, std::string* digits, const Country** country) {
  if (home.international_prefix != 0) {
    const Prefix prefix(home.international_prefix, *digits);
    // No country code starts with 0: then it was no prefix.
    if (prefix.found() && !prefix.rest().starts_with('0')) {
      *digits = std::string(prefix.rest());
      return TakeCode(digits, country);
    }
  }
  // The home country's code counts where it makes the number better.
  const std::string code = std::to_string(home.code);
  if (!digits->starts_with(code)) return Found::kNone;
  std::string rest = WithoutNationalPrefix(home, std::string_view(*digits).substr(code.size()));
  const bool better = !TakesAll(home.general, *digits) && TakesAll(home.general, rest);
  if (!better && LengthOf(home, *digits) != Length::kLong) return Found::kNone;
  *digits = std::move(rest);
  *country = FindCountry(home.code);
  return Found::kCode;
}

// ---- Words for people

std::string PlaceOf(const Region& region) {
  const std::string_view name = CountryName(region.name);
  if (!name.empty()) return std::string(name);
  return region.name[0] == '0' ? "an international service" : region.name;
}

std::string DigitCount(std::string_view digits) {
  return Cat(digits.size(), digits.size() == 1 ? " digit" : " digits");
}

absl::Status NoHome(std::string_view region) {
  constexpr std::string_view kRemedy = "write the number with + and its country code";
  return region.empty()
             ? InvalidArgument("no country code, and no country to read it by; ", kRemedy)
             : InvalidArgument("'", region, "' is no country with phone numbers; ", kRemedy);
}

// `digits` start with what should be the country code.
absl::Status WrongCode(Found found, std::string_view digits) {
  return found == Found::kShort
             ? InvalidArgument("too short: ", DigitCount(digits), " with the country code")
             : InvalidArgument("no country has the code that +", digits.substr(0, 3),
                               " starts with");
}

absl::Status WrongLength(const Region& plan, std::string_view digits) {
  return InvalidArgument("too ", digits.size() < kShortestNumber ? "short" : "long",
                         " for a number in ", PlaceOf(plan), ": ", DigitCount(digits), " after +",
                         plan.code);
}

}  // namespace

std::string_view PhoneTableRelease() { return kRelease; }

absl::StatusOr<PhoneNumber> NormalizePhone(std::string_view text, std::string_view default_region) {
  absl::StatusOr<PhoneText> read = ReadPhoneText(text);
  if (!read.ok()) return read.status();
  const Region* const home = FindRegion(default_region);
  if (home == nullptr && !read->international) return NoHome(default_region);

  std::string digits = read->digits;
  const Country* country = nullptr;
  Found found = read->international ? TakeCode(&digits, &country) : Found::kUnknown;
  if (found == Found::kUnknown && home != nullptr) {
    // Of a plus sign before no country code: perhaps a national number stands behind it.
    const Found dialled = TakeDialledCode(*home, &digits, &country);
    if (!read->international || dialled == Found::kCode) found = dialled;
  }
  if (found == Found::kShort || found == Found::kUnknown) return WrongCode(found, digits);
  // Numbers of a code that several countries share are read by the main one's plan.
  const Region& plan = found == Found::kCode ? MainRegion(*country) : *home;
  if (country == nullptr) country = FindCountry(home->code);

  if (digits.size() < kShortestNumber) return WrongLength(plan, digits);
  std::string stripped = WithoutNationalPrefix(plan, digits);
  const Length length = LengthOf(plan, stripped);
  if (length == Length::kPossible || length == Length::kLong) digits = std::move(stripped);
  if (digits.size() < kShortestNumber || digits.size() > kLongestNumber) {
    return WrongLength(plan, digits);
  }

  PhoneNumber phone;
  phone.e164 = Cat("+", country->code, digits);
  phone.extension = std::move(read->extension);
  const Region* const region = RegionOf(*country, digits);
  phone.region = region == nullptr ? MainRegion(*country).name : region->name;
  phone.valid = region != nullptr && TakesAll(region->valid, digits);
  return phone;
}

}  // namespace leadcore
