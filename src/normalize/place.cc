// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <iterator>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "leadcore/normalize.h"
#include "normalize/unicode.h"
#include "text.h"

namespace leadcore {
namespace {

struct Country {
  std::string_view alpha2, alpha3, name, formal, official;
};

struct Region {
  std::string_view country, code, name;
};

#include "normalize/place_names.inc"
#include "normalize/place_table.inc"
#include "normalize/postal_codes.inc"

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = AsciiUpper(c);
  return out;
}

// Folded words without those that lists of places leave out or write in two ways; the words in one
// letter each are one ("U. S. A.").
std::string PlaceKey(std::string_view name) {
  const std::string folded = FoldText(name);
  std::string key, initials;
  size_t words = 0;
  for (std::string_view rest = folded; !rest.empty();) {
    const size_t stop = std::min(rest.find(' '), rest.size());
    std::string_view word = rest.substr(0, stop);
    rest.remove_prefix(std::min(stop + 1, rest.size()));
    if (word == "the" || word == "of" || word == "and") continue;
    if (word == "st") word = "saint";
    ++words;
    initials += word;
    key += Cat(key.empty() ? "" : " ", word);
  }
  return words == initials.size() ? initials : key;
}

// "Korea, Republic of" -> "Republic of Korea".
std::string Inverted(std::string_view name) {
  const size_t comma = name.find(", ");
  if (comma == name.npos) return std::string(name);
  return Cat(name.substr(comma + 2), " ", name.substr(0, comma));
}

const Country* FindCountry(std::string_view alpha2) {
  const auto* at = std::ranges::lower_bound(kCountries, alpha2, {}, &Country::alpha2);
  return at != std::end(kCountries) && at->alpha2 == alpha2 ? at : nullptr;
}

using Names = absl::flat_hash_map<std::string, std::string_view>;

// The first entry of a name holds: those of ISO come before the others.
const Names& CountryNames() {
  static const Names* const names = [] {
    auto* all = new Names;
    for (const Country& country : kCountries) {
      for (const std::string_view name : {country.name, country.formal, country.official}) {
        if (name.empty()) continue;
        all->emplace(PlaceKey(name), country.alpha2);
        all->emplace(PlaceKey(Inverted(name)), country.alpha2);
      }
    }
    for (const CountryAlias& alias : kCountryAliases) {
      all->emplace(PlaceKey(alias.name), alias.code);
    }
    for (const Country& country : kCountries) {  // for "U.S." and "U.S.A."
      all->emplace(AsciiLower(country.alpha2), country.alpha2);
      all->emplace(AsciiLower(country.alpha3), country.alpha2);
    }
    return all;
  }();
  return *names;
}

// By "US/california"; codes are names of themselves.
const Names& RegionNames() {
  static const Names* const names = [] {
    auto* all = new Names;
    for (const Region& region : kRegions) {
      all->emplace(Cat(region.country, "/", PlaceKey(region.code)), region.code);
    }
    for (const Region& region : kRegions) {
      all->emplace(Cat(region.country, "/", PlaceKey(region.name)), region.code);
    }
    for (const Region& region : kRegionAliases) {
      all->emplace(Cat(region.country, "/", PlaceKey(region.name)), region.code);
    }
    return all;
  }();
  return *names;
}

std::string_view Find(const Names& names, const std::string& key) {
  const auto at = names.find(key);
  return at == names.end() ? std::string_view() : at->second;
}

// ---- Postal codes -------------------------------------------------------------------------------

bool IsSeparator(char c) { return c == ' ' || c == '-'; }

// True when `c` may stand for the pattern's `p`.
bool Fits(char c, char p) {
  const auto byte = static_cast<unsigned char>(c);
  if (p == '#') return IsAsciiDigit(byte);
  if (p == '@') return IsAsciiUpper(byte);
  return p == '?' ? IsAsciiAlnum(byte) : c == p;
}

// `code` (upper case, without spaces and hyphens) written by `pattern`; empty when it does not fit.
std::string Written(std::string_view code, std::string_view pattern) {
  std::string out;
  for (const char p : pattern) {
    if (IsSeparator(p)) {
      out.push_back(p);
      continue;
    }
    if (code.empty() || !Fits(code.front(), p)) return {};
    out.push_back(code.front());
    code.remove_prefix(1);
  }
  return code.empty() ? out : std::string();
}

std::string FitPostal(std::string_view code, std::string_view patterns) {
  while (true) {
    const size_t end = patterns.find('|');
    std::string written = Written(code, patterns.substr(0, end));
    if (!written.empty() || end == patterns.npos) return written;
    patterns.remove_prefix(end + 1);
  }
}

// Letters that Canada Post does not use, and of those that begin no code.
bool IsCanadian(std::string_view code) {
  return code.find_first_of("DFIOQU") == code.npos && code[0] != 'W' && code[0] != 'Z';
}

// A spreadsheet that takes a ZIP code for a number drops the zeros it begins with.
std::string RestoreZeros(std::string_view code) {
  const bool digits = std::ranges::all_of(code, [](unsigned char c) { return IsAsciiDigit(c); });
  if (!digits || code.size() < 3 || code.size() > 8 || code.size() == 6) return std::string(code);
  return Cat(std::string((code.size() < 6 ? 5 : 9) - code.size(), '0'), code);
}

bool UsesZip(std::string_view country) {
  constexpr std::string_view kZip[] = {"US", "PR", "VI", "GU", "AS", "MP"};
  return std::ranges::find(kZip, country) != std::end(kZip);
}

// Drops "D-" of "D-10115" and "SE" of "SE-111 20".
std::string_view WithoutPrefix(std::string_view code, std::string_view country) {
  const auto followed_by_digit = [code](std::string_view prefix) {
    return code.starts_with(prefix) && code.size() > prefix.size() &&
           IsAsciiDigit(static_cast<unsigned char>(code[prefix.size()]));
  };
  if (followed_by_digit(country)) return code.substr(country.size());
  for (const PostalPattern& entry : kPostalPrefixes) {
    if (entry.country == country && followed_by_digit(entry.patterns)) {
      return code.substr(entry.patterns.size());
    }
  }
  return code;
}

// The patterns in words: "A9A 9A9".
std::string Example(std::string_view patterns) {
  std::string out;
  for (const char c : patterns) {
    if (c == '|') {
      out += " or ";
    } else {
      out.push_back(c == '#' ? '9' : c == '@' ? 'A' : c == '?' ? 'X' : c);
    }
  }
  return out;
}

}  // namespace

absl::StatusOr<std::string> NormalizeCountry(std::string_view text) {
  const std::string clean = NormalizeText(text);
  if (clean.empty()) return InvalidArgument("the country is empty");
  if (clean.size() == 2) {
    const std::string code = Upper(clean);
    if (FindCountry(code) != nullptr) return code;
  }
  const std::string key = clean.size() == 3 ? AsciiLower(clean) : std::string();
  std::string_view code = Find(CountryNames(), key);  // Andorra's "AND" has no PlaceKey
  if (code.empty()) code = Find(CountryNames(), PlaceKey(clean));
  if (code.empty()) {
    return InvalidArgument("'", clean, "' is no country that we know; use its ISO 3166 code");
  }
  return std::string(code);
}

std::string_view CountryName(std::string_view alpha2) {
  const Country* country = FindCountry(alpha2.size() == 2 ? Upper(alpha2) : std::string());
  return country == nullptr ? std::string_view() : country->name;
}

std::string NormalizeRegion(std::string_view text, std::string_view country) {
  std::string clean = NormalizeText(text);
  const std::string upper = Upper(country);
  std::string key = PlaceKey(clean);
  // "US-CA" is the whole code.
  const std::string whole = Cat(AsciiLower(upper), " ");
  if (key.size() > whole.size() && key.starts_with(whole) && clean.find('-') == country.size()) {
    const std::string_view code = Find(RegionNames(), Cat(upper, "/", key.substr(whole.size())));
    if (!code.empty()) return std::string(code);
  }
  const std::string_view code = Find(RegionNames(), Cat(upper, "/", key));
  return code.empty() ? clean : std::string(code);
}

absl::StatusOr<std::string> NormalizePostalCode(std::string_view text, std::string_view country) {
  const std::string clean = Upper(NormalizeText(Compatible(text)));
  if (clean.empty()) return InvalidArgument("the postal code is empty");
  const std::string upper = Upper(country);
  const auto* pattern = std::ranges::find(kPostalPatterns, upper, &PostalPattern::country);
  if (pattern == std::end(kPostalPatterns)) return clean;
  std::string code = clean;
  std::erase_if(code, [](char c) { return IsSeparator(c) || c == '.'; });
  if (UsesZip(upper)) code = RestoreZeros(code);
  std::string written = FitPostal(code, pattern->patterns);
  if (written.empty()) {
    written = FitPostal(WithoutPrefix(code, upper), pattern->patterns);
  }
  // Where the country's letters belong to the code, they may be missing.
  if (written.empty() && pattern->patterns.starts_with(upper)) {
    written = FitPostal(Cat(upper, code), pattern->patterns);
  }
  if (written.empty() || (upper == "CA" && !IsCanadian(code))) {
    return InvalidArgument("'", clean, "' is no postal code of ", CountryName(upper),
                           "; there they are written ", Example(pattern->patterns),
                           " (9 is any digit, A any letter, X either)");
  }
  return written;
}

}  // namespace leadcore
