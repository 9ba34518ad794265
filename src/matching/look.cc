// SPDX-License-Identifier: Apache-2.0
//
// How alike two normal forms of one kind are. Every rule is symmetric.
#include <algorithm>
#include <cstdlib>

#include "matching/measures.h"
#include "matching/similarity.h"
#include "normalize/unicode.h"

namespace leadcore {
namespace {

// Jaro-Winkler, in ten-thousandths: the first is W. Winkler's usual bound for a name with a typo,
// the second that of Salesforce's standard lead rule for first names.
constexpr int kTypo = 9200;
constexpr int kAlike = 8500;
constexpr size_t kLongEnough = 4;  // letters from which one edit is a typo, not another word

constexpr Look kDifferent = {Agreement::kDifferent, 0, "different"};

bool HasTypo(std::string_view a, std::string_view b) {
  const size_t shortest = std::min(a.size(), b.size());
  return (shortest >= kLongEnough && IsOneEdit(a, b)) || JaroWinkler(a, b) >= kTypo;
}

std::string_view NextToken(std::string_view* rest) {
  const size_t end = std::min(rest->find(' '), rest->size());
  const std::string_view token = rest->substr(0, end);
  rest->remove_prefix(std::min(end + 1, rest->size()));
  return token;
}

// Words of `words` that are in `other` too: how many letters they have.
size_t LettersIn(std::string_view words, std::string_view other) {
  size_t letters = 0;
  while (!words.empty()) {
    const std::string_view word = NextToken(&words);
    for (std::string_view rest = other; !rest.empty();) {
      if (NextToken(&rest) != word) continue;
      letters += word.size();
      break;
    }
  }
  return letters;
}

size_t SharedLetters(std::string_view a, std::string_view b) {
  return std::min(LettersIn(a, b), LettersIn(b, a));
}

size_t Letters(std::string_view words) {
  return words.size() - static_cast<size_t>(std::ranges::count(words, ' '));
}

bool SameWithoutSpaces(std::string_view a, std::string_view b) {
  if (Letters(a) != Letters(b)) return false;
  size_t j = 0;
  for (const char c : a) {
    if (c == ' ') continue;
    while (b[j] == ' ') ++j;
    if (b[j++] != c) return false;
  }
  return true;
}

bool ShareGroup(const PreparedName& a, const PreparedName& b) {
  return std::ranges::any_of(
      a.groups, [&](uint16_t group) { return std::ranges::binary_search(b.groups, group); });
}

Look LookAtEmails(const Form& a, const Form& b) {
  if (a.text == b.text) {
    if (a.shared) return {Agreement::kPartly, 4, "the same address of a role"};
    return {Agreement::kSame, kAll, "the same e-mail address"};
  }
  // info@ and ada@ of one company say nothing for or against.
  if (a.shared || b.shared) return {Agreement::kPartly, 0, "one address is that of a role"};
  const std::string_view host_a = std::string_view(a.text).substr(a.part.size());
  const std::string_view host_b = std::string_view(b.text).substr(b.part.size());
  if (a.part == b.part) {
    if (IsOneEdit(host_a, host_b)) return {Agreement::kClose, 7, "a typo in the e-mail domain"};
    if (a.part.size() > kLongEnough) {
      return {Agreement::kPartly, 3, "the same mailbox name elsewhere"};
    }
  }
  const size_t shortest = std::min(a.part.size(), b.part.size());
  if (host_a == host_b && shortest > kLongEnough && IsOneEdit(a.part, b.part)) {
    return {Agreement::kClose, 5, "a typo in the e-mail address"};
  }
  return kDifferent;
}

Look LookAtPhones(const Form& a, const Form& b) {
  if (a.text == b.text) return {Agreement::kSame, kAll, "the same phone number"};
  if (a.part == b.part) return {Agreement::kClose, 7, "the same last 7 digits of the phone number"};
  if (IsOneEdit(a.text, b.text)) return {Agreement::kClose, 5, "a typo in the phone number"};
  return kDifferent;
}

Look LookAtCompanies(const Form& a, const Form& b) {
  if (a.text == b.text) return {Agreement::kSame, kAll, "the same company"};
  if (SameWithoutSpaces(a.text, b.text) || HasTypo(a.text, b.text)) {
    return {Agreement::kClose, 6, "a typo in the company's name"};
  }
  const size_t shared = SharedLetters(a.text, b.text);
  const size_t shortest = std::min(Letters(a.text), Letters(b.text));
  if (shared > kLongEnough && shared == shortest) {
    return {Agreement::kPartly, 5, "one company's name is part of the other"};
  }
  if (shared > kLongEnough && 2 * shared >= shortest) {
    return {Agreement::kPartly, 2, "the companies' names share words"};
  }
  return kDifferent;
}

Look LookAtStreets(const Form& a, const Form& b) {
  const bool same_name = a.text == b.text || SameWithoutSpaces(a.text, b.text);
  const bool close_name = !same_name && HasTypo(a.text, b.text);
  if (!same_name && !close_name) {
    const size_t shared = SharedLetters(a.text, b.text);
    const bool part = shared >= kLongEnough && a.part == b.part &&
                      shared * 2 >= std::min(Letters(a.text), Letters(b.text));
    return part ? Look{Agreement::kPartly, 4, "the streets share a word"} : kDifferent;
  }
  if (a.part.empty() || b.part.empty()) {
    if (same_name) return {Agreement::kSame, 7, "the same street"};
    return {Agreement::kClose, 5, "a typo in the street"};
  }
  if (a.part == b.part) {
    if (same_name) return {Agreement::kSame, kAll, "the same street and number"};
    return {Agreement::kClose, 6, "a typo in the street"};
  }
  if (IsOneEdit(a.part, b.part) && std::max(a.part.size(), b.part.size()) > 1) {
    return {Agreement::kPartly, 4, "a typo in the house number"};
  }
  return {Agreement::kPartly, 2, "the same street, another number"};
}

Look LookAtDates(const Form& a, const Form& b) {
  const std::string_view x = a.text, y = b.text;
  if (x == y) return {Agreement::kSame, kAll, "the same date"};
  if (x.substr(0, 4) == y.substr(0, 4) && x.substr(4, 2) == y.substr(6, 2) &&
      x.substr(6, 2) == y.substr(4, 2)) {
    return {Agreement::kClose, 6, "day and month are swapped"};
  }
  if (x.substr(4) == y.substr(4) && (x.starts_with("0000") || y.starts_with("0000"))) {
    return {Agreement::kClose, 5, "the same day, one without a year"};
  }
  if (IsOneEdit(x, y)) return {Agreement::kClose, 5, "a typo in the date"};
  int differing = 0;
  for (size_t i = 0; i < x.size(); ++i) differing += x[i] != y[i] ? 1 : 0;
  if (differing == 2) return {Agreement::kPartly, 2, "two digits of the date differ"};
  return kDifferent;
}

Look LookAtIds(const Form& a, const Form& b) {
  if (a.text == b.text) return {Agreement::kSame, kAll, "the same id"};
  const size_t shortest = std::min(a.text.size(), b.text.size());
  if (shortest > kLongEnough && IsOneEdit(a.text, b.text)) {
    return {Agreement::kClose, 5, "a typo in the id"};
  }
  if (shortest > kLongEnough + 1 && EditDistance(a.text, b.text) == 2) {
    return {Agreement::kPartly, 3, "two characters of the id differ"};
  }
  return kDifferent;
}

Look LookAtPostalCodes(const Form& a, const Form& b) {
  if (a.text == b.text) return {Agreement::kSame, kAll, "the same postal code"};
  if (a.text.size() == b.text.size() && IsOneEdit(a.text, b.text)) {
    return {Agreement::kClose, 4, "a typo in the postal code"};
  }
  if (a.text.substr(0, 3) == b.text.substr(0, 3)) {
    return {Agreement::kPartly, 3, "the postal codes begin alike"};
  }
  return kDifferent;
}

Look LookAtWords(const Form& a, const Form& b) {
  if (a.text == b.text) return {Agreement::kSame, kAll, "the same text"};
  if (SameWithoutSpaces(a.text, b.text) || HasTypo(a.text, b.text)) {
    return {Agreement::kClose, 6, "the texts are nearly the same"};
  }
  const size_t shared = SharedLetters(a.text, b.text);
  if (shared >= kLongEnough && 2 * shared >= std::min(Letters(a.text), Letters(b.text))) {
    return {Agreement::kPartly, 3, "the texts share words"};
  }
  return kDifferent;
}

}  // namespace

Look LookAtFirstNames(const PreparedName& a, const PreparedName& b) {
  if (a.text == b.text) return {Agreement::kSame, kAll, "the same first name"};
  const std::u32string x = Decode(a.text), y = Decode(b.text);
  if (x.size() == 1 || y.size() == 1) {
    if (x.front() != y.front()) return {Agreement::kDifferent, 0, "the initial differs"};
    return {Agreement::kPartly, 3, "one is the initial of the other"};
  }
  if (SameWithoutSpaces(a.text, b.text)) return {Agreement::kSame, 7, "the same first name"};
  std::string_view rest_a = a.text, rest_b = b.text;
  if (NextToken(&rest_a) == NextToken(&rest_b)) {
    return {Agreement::kClose, 6, "one has a further first name"};
  }
  if (ShareGroup(a, b)) return {Agreement::kClose, 6, "one is a short form of the other"};
  const int alike = JaroWinkler(a.text, b.text);
  const size_t shortest = std::min(x.size(), y.size());
  if (alike >= kTypo || (shortest >= kLongEnough && IsOneEdit(a.text, b.text))) {
    return {Agreement::kClose, 5, "a typo in the first name"};
  }
  const bool starts = a.text.starts_with(b.text) || b.text.starts_with(a.text);
  if (starts && shortest > 2) return {Agreement::kPartly, 4, "one first name begins the other"};
  if (alike >= kAlike) return {Agreement::kPartly, 2, "the first names are alike"};
  return kDifferent;
}

Look LookAtLastNames(const PreparedName& a, const PreparedName& b) {
  if (a.text == b.text) return {Agreement::kSame, kAll, "the same last name"};
  if (SameWithoutSpaces(a.text, b.text)) return {Agreement::kSame, 7, "the same last name"};
  if (HasTypo(a.text, b.text)) return {Agreement::kClose, 6, "a typo in the last name"};
  const size_t shared = SharedLetters(a.text, b.text);
  if (shared > 2 && shared == std::min(Letters(a.text), Letters(b.text))) {
    return {Agreement::kPartly, 5, "one last name is part of the other"};
  }
  if (JaroWinkler(a.text, b.text) >= kAlike) {
    return {Agreement::kPartly, 2, "the last names are alike"};
  }
  return kDifferent;
}

Look LookAtForms(SimilarityKind kind, const Form& a, const Form& b) {
  switch (kind) {
    case SimilarityKind::kEmail:
      return LookAtEmails(a, b);
    case SimilarityKind::kPhone:
      return LookAtPhones(a, b);
    case SimilarityKind::kCompany:
      return LookAtCompanies(a, b);
    case SimilarityKind::kDomain:
      return a.text == b.text ? Look{Agreement::kSame, kAll, "the same domain"} : kDifferent;
    case SimilarityKind::kStreet:
      return LookAtStreets(a, b);
    case SimilarityKind::kDate:
      return LookAtDates(a, b);
    case SimilarityKind::kId:
      return LookAtIds(a, b);
    case SimilarityKind::kPostalCode:
      return LookAtPostalCodes(a, b);
    case SimilarityKind::kHouseNumber:
      if (a.text == b.text) return {Agreement::kSame, kAll, "the same house number"};
      if (IsOneEdit(a.text, b.text)) return {Agreement::kClose, 4, "a typo in the house number"};
      return kDifferent;
    default:
      return LookAtWords(a, b);
  }
}

}  // namespace leadcore
