// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <iterator>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/normalize.h"
#include "normalize/unicode.h"
#include "text.h"

namespace leadcore {
namespace {

#include "normalize/name_words.inc"

constexpr int kMostReadings = 8;

using Tokens = std::vector<std::string>;

bool IsIn(std::span<const std::string_view> words, std::string_view word) {
  return std::ranges::find(words, word) != words.end();
}

std::string_view Shown(std::span<const NameWord> words, std::string_view folded) {
  const auto at = std::ranges::find(words, folded, &NameWord::folded);
  return at == words.end() ? std::string_view() : at->shown;
}

// How the word tables spell a token: "Ph.D." -> phd, "Dipl.-Ing." -> dipling.
std::string WordKey(std::string_view token) {
  std::string key = FoldText(token);
  std::erase(key, ' ');
  return key;
}

Tokens SplitAt(std::string_view text, char separator) {
  Tokens parts;
  while (!text.empty()) {
    const size_t end = std::min(text.find(separator), text.size());
    const std::string part = NormalizeText(text.substr(0, end));
    if (!part.empty()) parts.push_back(part);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return parts;
}

std::string Join(std::span<const std::string> tokens) {
  std::string out;
  for (const std::string& token : tokens) {
    if (!out.empty()) out += ' ';
    out += token;
  }
  return out;
}

// ---- Case ---------------------------------------------------------------------------------------

enum class Case { kNone, kUpper, kLower, kMixed };

Case CaseOf(std::u32string_view points) {
  bool upper = false, lower = false;
  for (const char32_t point : points) {
    upper = upper || IsUpper(point);
    lower = lower || IsLower(point);
  }
  if (upper && lower) return Case::kMixed;
  return upper ? Case::kUpper : lower ? Case::kLower : Case::kNone;
}

bool IsVowel(char32_t point) {
  return std::u32string_view(U"aeiouyAEIOUY").find(point) != std::u32string_view::npos;
}

// "JJ", "DJ", "KC", "AJ": initials that people use as a name.
bool IsInitialPair(std::u32string_view word) {
  if (word.size() != 2 || !IsAsciiUpper(word[0]) || !IsAsciiUpper(word[1])) return false;
  return (!IsVowel(word[0]) && !IsVowel(word[1])) || word[1] == 'J';
}

bool IsApostrophe(char32_t point) { return point == '\'' || point == U'’' || point == U'ʼ'; }

// Capitals at the start of `word` and after hyphens, full stops and one- or two-letter beginnings
// ("O'Brien", "D'Arcy", but "Ja'far"); all other letters small.
std::u32string Capitalized(std::u32string_view word) {
  std::u32string out;
  bool start = true;
  size_t run = 0;  // letters since the last break
  for (size_t i = 0; i < word.size(); ++i) {
    const char32_t point = word[i];
    if (!IsLetter(point)) {
      start = start || point == '-' || point == '.' || point == U'‐' || point == U'‑' ||
              point == '/' || point == '&' ||
              (IsApostrophe(point) && run == 1 && i + 2 < word.size());
      run = 0;
      out.push_back(point);
      continue;
    }
    const bool last = i + 1 == word.size() || !IsLetter(word[i + 1]);
    char32_t small = Lower(point);
    if (small == U'σ' && last && run > 0) small = U'ς';
    out.push_back(start ? Title(point) : small);
    start = false;
    ++run;
  }
  return out;
}

void CapitalizeScottish(std::u32string* word) {
  const std::string lower = AsciiLower(Encode(*word));
  size_t at = 0;
  if (lower.starts_with("mc") && lower.size() > 4 && IsAscii(lower)) at = 2;
  if (IsIn(kMacNames, lower)) at = 3;
  if (at != 0) (*word)[at] = Title((*word)[at]);
}

std::string CasedWord(std::u32string_view word, bool first, bool only) {
  if (IsInitialPair(word)) return Encode(word);
  const std::string lower = AsciiLower(Encode(word));
  const bool particle = (IsIn(kParticles, lower) || lower == "y") && lower != "st.";
  if (particle && !only && (!first || !IsIn(kCapitalAtStart, lower))) return lower;
  if (!first && (lower == "ii" || lower == "iii" || lower == "iv")) {
    return std::string(Shown(kSuffixes, lower));
  }
  std::u32string cased = Capitalized(word);
  for (const std::u32string_view article : {U"Al-", U"El-"}) {
    if (cased.starts_with(article) && cased.size() > 3) cased[0] = Lower(cased[0]);
  }
  CapitalizeScottish(&cased);
  return Encode(cased);
}

// ---- Parts --------------------------------------------------------------------------------------

// Takes "(Bob)" and "\"Bob\"" out of `text`: nicknames and remarks are shown, but are no part.
std::string TakeBracketed(std::string* text) {
  constexpr std::array<std::array<std::string_view, 2>, 5> kPairs = {
      {{"(", ")"}, {"[", "]"}, {"\"", "\""}, {"“", "”"}, {"„", "“"}}};
  std::string taken;
  for (const auto& [open, close] : kPairs) {
    while (true) {
      const size_t begin = text->find(open);
      if (begin == std::string::npos) break;
      const size_t end = text->find(close, begin + open.size());
      if (end == std::string::npos) break;
      const size_t size = end + close.size() - begin;
      // All of the name in brackets or quotes: it is the name.
      std::string rest = text->substr(0, begin) + " " + text->substr(begin + size);
      const bool rest_has_letters = std::ranges::any_of(Decode(rest), IsLetter);
      if (!rest_has_letters) {
        const std::string inner = text->substr(begin + open.size(), end - begin - open.size());
        *text = NormalizeText(Cat(text->substr(0, begin), inner, text->substr(begin + size)));
        continue;
      }
      taken += Cat(taken.empty() ? "" : " ", text->substr(begin, size));
      *text = NormalizeText(rest);
    }
  }
  // A bracket that nothing closes is a slip, and would find a partner in what was taken.
  for (const auto& pair : kPairs) {
    for (const std::string_view stray : pair) {
      for (size_t at = text->find(stray); at != std::string::npos; at = text->find(stray, at)) {
        text->replace(at, stray.size(), " ");
      }
    }
  }
  *text = NormalizeText(*text);
  return taken;
}

std::optional<std::string_view> Honorific(std::string_view token, size_t left) {
  const std::string key = WordKey(token);
  if (const std::string_view shown = Shown(kHonorifics, key); !shown.empty()) return shown;
  if (!token.ends_with('.')) return std::nullopt;
  // "M. Dupont" is Monsieur; "M. Night Shyamalan" has an initial.
  if (key == "m" && left == 2) return "M.";
  if (const std::string_view shown = Shown(kDottedHonorifics, key); !shown.empty()) return shown;
  return std::nullopt;
}

// Moves the honorifics that `tokens` begins with to `salutation`; one token stays.
void TakeHonorifics(Tokens* tokens, std::string* salutation) {
  size_t taken = 0;
  while (taken + 1 < tokens->size()) {
    const std::string& token = (*tokens)[taken];
    const bool joiner = taken > 0 && taken + 2 < tokens->size() &&
                        (token == "&" || token == "and" || token == "und" || token == "y") &&
                        Honorific((*tokens)[taken + 1], 0).has_value();
    const std::optional<std::string_view> shown = Honorific(token, tokens->size() - taken);
    if (!joiner && !shown) break;
    *salutation += Cat(salutation->empty() ? "" : " ", joiner ? std::string_view(token) : *shown);
    ++taken;
  }
  tokens->erase(tokens->begin(), tokens->begin() + static_cast<std::ptrdiff_t>(taken));
}

// Which suffix words count at a place.
enum class Degrees { kClear, kAll };

std::string_view Suffix(std::string_view token, Degrees degrees) {
  const std::string key = WordKey(token);
  const bool all = degrees == Degrees::kAll;
  // "Md" is a common given name in Bangladesh; the degree is written "MD" or "M.D.".
  if (key == "md" && !all && token != "MD" && token.find('.') == token.npos) return {};
  const std::string_view shown = Shown(kSuffixes, key);
  return shown.empty() && all ? Shown(kCommaSuffixes, key) : shown;
}

void PrependSuffix(std::string_view shown, std::vector<std::string>* suffixes) {
  suffixes->insert(suffixes->begin(), std::string(shown));
}

// Moves the suffixes that `tokens` ends with to `suffixes`; `keep` tokens stay.
void TakeSuffixes(Tokens* tokens, size_t keep, std::vector<std::string>* suffixes) {
  while (tokens->size() > keep) {
    const std::string_view shown = Suffix(tokens->back(), Degrees::kClear);
    if (shown.empty()) return;
    PrependSuffix(shown, suffixes);
    tokens->pop_back();
  }
}

// A part between commas that holds nothing but suffixes: "Jr.", "MD PhD".
bool TakeSuffixPart(std::string_view part, Degrees degrees, std::vector<std::string>* suffixes) {
  const Tokens tokens = SplitAt(part, ' ');
  std::vector<std::string> shown;
  for (const std::string& token : tokens) {
    const std::string_view suffix = Suffix(token, degrees);
    if (suffix.empty()) return false;
    shown.emplace_back(suffix);
  }
  suffixes->insert(suffixes->begin(), shown.begin(), shown.end());
  return true;
}

// `capitals`: it and the word after it are written in capitals only.
bool IsParticle(std::string_view token, bool capitals) {
  const std::string lower = AsciiLower(token);
  if (!IsIn(kParticles, lower)) return false;
  return capitals || token == lower || !IsIn(kCautiousParticles, lower);
}

// The index of the token that the last name begins with.
size_t LastNameStart(const Tokens& tokens, Case text_case) {
  const size_t count = tokens.size();
  if (count > 1 && text_case == Case::kMixed && IsParticle(tokens[0], false) &&
      tokens[0] == AsciiLower(tokens[0])) {
    return 0;  // "van der Berg": no first name
  }
  for (size_t i = 1; i + 1 < count; ++i) {
    const bool capitals = CaseOf(Decode(Cat(tokens[i], tokens[i + 1]))) == Case::kUpper;
    if (IsParticle(tokens[i], capitals)) return i;
  }
  const bool joined = count >= 4 && (tokens[count - 2] == "y" || tokens[count - 2] == "e") &&
                      text_case == Case::kMixed;
  return count - (joined ? 3 : 1);  // "Ortega y Gasset"
}

struct Split {
  Tokens given;
  Tokens last;
};

// A word in capitals within a name in mixed case ("Jean DUPONT") is cased too; a short one may be
// initials ("JJ Abrams").
std::string CasedInMixed(const std::string& token) {
  const std::u32string points = Decode(token);
  if (CaseOf(points) != Case::kUpper) return token;
  const bool is_short = std::ranges::count_if(points, IsLetter) < 3;
  const bool roman = token == "III" || token == "VII";
  if (roman || (is_short && !IsIn(kParticles, AsciiLower(token)))) return token;
  return NormalizeNamePart(token);
}

void CaseParts(const Split& split, PersonName* name) {
  const size_t firsts = split.given.empty() ? 0 : 1;
  const auto middle = split.given.begin() + static_cast<std::ptrdiff_t>(firsts);
  Tokens parts[] = {Tokens(split.given.begin(), middle), Tokens(middle, split.given.end()),
                    split.last};
  std::string* const shown[] = {&name->first, &name->middle, &name->last};
  const Case whole = CaseOf(Decode(Cat(Join(split.given), Join(split.last))));
  for (size_t i = 0; i < std::size(parts); ++i) {
    if (whole == Case::kMixed) std::ranges::transform(parts[i], parts[i].begin(), CasedInMixed);
    *shown[i] = whole == Case::kMixed ? Join(parts[i]) : NormalizeNamePart(Join(parts[i]));
  }
}

bool IsSpacelessScript(std::string_view token) {
  return std::ranges::any_of(Decode(token), [](char32_t c) {
    return (c >= 0x3040 && c <= 0x30ff) || (c >= 0x3400 && c <= 0x9fff) ||
           (c >= 0xac00 && c <= 0xd7a3) || (c >= 0x20000 && c <= 0x3ffff);
  });
}

// "Berg, Jan van der" keeps its particles with the last name.
void MoveParticles(Split* split) {
  const bool upper = CaseOf(Decode(Join(split->given))) == Case::kUpper;
  size_t at = split->given.size();
  while (at > 1 &&
         IsIn(kParticles, upper ? AsciiLower(split->given[at - 1]) : split->given[at - 1])) {
    --at;
  }
  const auto from = split->given.begin() + static_cast<std::ptrdiff_t>(at);
  split->last.insert(split->last.begin(), from, split->given.end());
  split->given.erase(from, split->given.end());
}

std::string ShowSuffixes(std::span<const std::string> suffixes) {
  std::string out;
  for (const std::string& suffix : suffixes) out += Cat(out.empty() ? "" : ", ", suffix);
  return out;
}

bool IsGenerational(std::string_view suffix) {
  return suffix == "Jr." || suffix == "Sr." || suffix == "II" || suffix == "III" || suffix == "IV";
}

// "Dr.Smith" -> "Dr. Smith".
std::string PartHonorific(const std::string& text) {
  const size_t dot = text.find('.');
  if (dot == std::string::npos || dot < 2 || dot + 2 >= text.size()) return text;
  if (text.find(' ') < dot || Shown(kHonorifics, WordKey(text.substr(0, dot))).empty()) return text;
  if (!IsUpper(Decode(text.substr(dot + 1, 4))[0])) return text;
  return Cat(text.substr(0, dot + 1), " ", text.substr(dot + 1));
}

// "Dr." and "Jr." alone say nothing of who it is.
bool IsOnlyTitle(std::string_view name) {
  const std::string key = WordKey(name);
  return !Shown(kHonorifics, key).empty() || !Shown(kSuffixes, key).empty();
}

absl::Status CheckIsName(const std::string& text) {
  if (text.find('@') != std::string::npos) {
    return InvalidArgument("an e-mail address, not a name");
  }
  if (!std::ranges::any_of(Decode(text), IsLetter)) {
    return InvalidArgument("no letter in it, so it is no name");
  }
  const std::string folded = FoldText(text);
  if (IsPlaceholder(folded)) return InvalidArgument("'", text, "' stands for no name");
  if (IsOnlyTitle(text)) return InvalidArgument("'", text, "' is a title without a name");
  return absl::OkStatus();
}

Split SplitParts(Tokens parts, PersonName* name, std::vector<std::string>* suffixes) {
  while (parts.size() > 1) {
    // "Jane Doe, MA" has a degree; "Nguyen, Ma" has a given name.
    const bool whole = parts.size() > 2 || parts[0].find(' ') != std::string::npos;
    if (!TakeSuffixPart(parts.back(), whole ? Degrees::kAll : Degrees::kClear, suffixes)) {
      const std::optional<std::string_view> shown = Honorific(parts.back(), 0);
      if (!shown) break;
      name->salutation += Cat(name->salutation.empty() ? "" : " ", *shown);  // "Smith, Dr."
    }
    parts.pop_back();
  }
  Split split;
  if (parts.size() > 1) {
    split.last = SplitAt(parts[0], ' ');
    parts.erase(parts.begin());
    split.given = SplitAt(Join(parts), ' ');
    TakeHonorifics(&split.last, &name->salutation);
    TakeHonorifics(&split.given, &name->salutation);
    TakeSuffixes(&split.given, 1, suffixes);
    TakeSuffixes(&split.last, 0, suffixes);
    MoveParticles(&split);
    return split;
  }
  Tokens tokens = SplitAt(parts.empty() ? std::string() : parts[0], ' ');
  TakeHonorifics(&tokens, &name->salutation);
  TakeSuffixes(&tokens, 1, suffixes);
  if (tokens.size() == 1) {
    const bool mister = !name->salutation.empty() && name->salutation != "Sir" &&
                        name->salutation != "Dame";  // "Sir Elton", but "Mr. Smith"
    (mister ? split.last : split.given) = std::move(tokens);
    return split;
  }
  const size_t start = LastNameStart(tokens, CaseOf(Decode(Join(tokens))));
  const auto at = tokens.begin() + static_cast<std::ptrdiff_t>(start);
  split.given.assign(tokens.begin(), at);
  split.last.assign(at, tokens.end());
  return split;
}

// A capital and small letters, all ASCII.
bool IsPlainWord(std::string_view word) {
  return word.size() > 1 && IsAsciiUpper(static_cast<unsigned char>(word[0])) &&
         std::all_of(word.begin() + 1, word.end(), [](char c) { return c >= 'a' && c <= 'z'; });
}

// Most names are two plain words that no table knows, and are what they are. False for others, and
// for some of these.
bool ReadPlainName(std::string_view text, PersonName* name) {
  const size_t space = text.find(' ');
  if (space == text.npos) return false;
  const std::string_view first = text.substr(0, space), last = text.substr(space + 1);
  if (!IsPlainWord(first) || !IsPlainWord(last)) return false;
  if (IsOnlyTitle(first) || IsOnlyTitle(last) || IsOnlyTitle(text)) return false;
  if (IsPlaceholder(FoldText(text))) return false;
  name->first = first;
  name->last = last;
  name->full = text;
  return true;
}

absl::StatusOr<PersonName> ReadName(std::string_view text) {
  if (PersonName plain; ReadPlainName(text, &plain)) return plain;
  std::string clean = NormalizeText(text);
  if (clean.empty()) return InvalidArgument("the name is empty");
  if (absl::Status status = CheckIsName(clean); !status.ok()) return status;
  const std::string checked = clean;
  const std::string bracketed = TakeBracketed(&clean);
  PersonName name;
  std::vector<std::string> suffixes;
  const Split split = SplitParts(SplitAt(PartHonorific(clean), ','), &name, &suffixes);
  std::span<const std::string> given = split.given;
  if (given.size() == 1 && split.last.empty() && IsSpacelessScript(given[0])) {
    name.full = given[0];  // which character ends the family name is not to be seen
  } else {
    CaseParts(split, &name);
    for (const std::string* part : {&name.first, &name.middle, &name.last}) {
      if (!part->empty()) name.full += Cat(name.full.empty() ? "" : " ", *part);
    }
  }
  if (name.full != checked) {
    if (absl::Status status = CheckIsName(name.full); !status.ok()) return status;
  }
  name.suffix = ShowSuffixes(suffixes);
  if (!suffixes.empty()) {
    name.full += Cat(IsGenerational(suffixes[0]) ? " " : ", ", name.suffix);
  }
  if (!bracketed.empty()) name.full += Cat(" ", bracketed);
  return name;
}

}  // namespace

std::string NormalizeNamePart(std::string_view text) {
  std::string clean = NormalizeText(text);
  const std::u32string points = Decode(clean);
  const Case text_case = CaseOf(points);
  if (text_case != Case::kUpper && text_case != Case::kLower) return clean;
  const Tokens words = SplitAt(clean, ' ');
  std::string out;
  for (size_t i = 0; i < words.size(); ++i) {
    // A particle at the very end opens nothing: it is a name.
    const bool only = i + 1 == words.size();
    if (i > 0) out += ' ';
    out += CasedWord(Decode(words[i]), i == 0, only);
  }
  return NormalizeText(out);
}

absl::StatusOr<PersonName> NormalizePersonName(std::string_view text) {
  absl::StatusOr<PersonName> name = ReadName(text);
  // A title or bracket that the first reading uncovers ("mr.ann" is "Mr. Ann") is read again, so
  // that the full name means the same to whoever reads it next.
  for (int i = 0; name.ok() && i < kMostReadings; ++i) {
    if (i == 0 && name->full == text) break;  // it would be read the same way
    absl::StatusOr<PersonName> again = ReadName(name->full);
    if (again.ok() && again->full == name->full) break;
    if (again.ok() && again->salutation.empty()) again->salutation = std::move(name->salutation);
    name = std::move(again);
  }
  return name;
}

}  // namespace leadcore
