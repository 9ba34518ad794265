// SPDX-License-Identifier: Apache-2.0
#include "matching/measures.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "leadcore/matching.h"
#include "normalize/unicode.h"

namespace leadcore {
namespace {

constexpr size_t kLongest = 1000;
constexpr uint64_t kWhole = 10'000;
constexpr uint64_t kMostPrefix = 4;

// Calls `measure` with both texts as spans of code points; ASCII is measured where it lies.
template <typename Measure>
int OnPoints(std::string_view a, std::string_view b, Measure measure) {
  if (IsAscii(a) && IsAscii(b)) {
    return measure(std::span<const char>(a.substr(0, kLongest)),
                   std::span<const char>(b.substr(0, kLongest)));
  }
  const std::u32string x = Decode(a).substr(0, kLongest), y = Decode(b).substr(0, kLongest);
  return measure(std::span<const char32_t>(x), std::span<const char32_t>(y));
}

struct Paired {
  uint64_t letters = 0;       // of one text that have a partner in the other
  uint64_t out_of_order = 0;  // of those: at whose place in the other another letter stands
};

// Each letter of `a`, from its start, takes the first free equal one of `b` that is at most `reach`
// places away. Equal letters pair up in their order, so it does not matter which text is `a`.
template <typename Letter>
Paired PairLetters(std::span<const Letter> a, std::span<const Letter> b) {
  const size_t longest = std::max(a.size(), b.size());
  const size_t reach = longest < 4 ? 0 : longest / 2 - 1;
  std::array<bool, kLongest> taken{};
  std::array<Letter, kLongest> in_a;
  Paired paired;
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t end = std::min(b.size(), i + reach + 1);
    for (size_t j = i > reach ? i - reach : 0; j < end; ++j) {
      if (taken[j] || a[i] != b[j]) continue;
      taken[j] = true;
      in_a[paired.letters++] = a[i];
      break;
    }
  }
  size_t at = 0;
  for (size_t j = 0; j < b.size(); ++j) {
    if (taken[j] && in_a[at++] != b[j]) ++paired.out_of_order;
  }
  return paired;
}

// Whole numbers only, so that every machine gives the same: with m paired letters, t of them out of
// order, Jaro is (m/|a| + m/|b| + (m - t/2)/m) / 3.
template <typename Letter>
int Measure(std::span<const Letter> a, std::span<const Letter> b) {
  if (a.empty() || b.empty()) return a.empty() && b.empty() ? kWhole : 0;
  const Paired paired = PairLetters(a, b);
  const uint64_t m = paired.letters;
  if (m == 0) return 0;
  // In sixths: the transpositions are halves.
  const uint64_t whole = 6 * a.size() * b.size() * m;
  uint64_t share =
      2 * m * m * (a.size() + b.size()) + (2 * m - paired.out_of_order) * a.size() * b.size();
  uint64_t scale = 1;
  if (10 * share > 7 * whole) {
    uint64_t prefix = 0;
    while (prefix < std::min({kMostPrefix, a.size(), b.size()}) && a[prefix] == b[prefix]) ++prefix;
    share = 10 * share + prefix * (whole - share);
    scale = 10;
  }
  return static_cast<int>((2 * kWhole * share + scale * whole) / (2 * scale * whole));
}

template <typename Letter>
int Distance(std::span<const Letter> a, std::span<const Letter> b) {
  // One row of the table of Wagner and Fischer: edits from all of `a` so far to a start of `b`.
  std::vector<int> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = static_cast<int>(j);
  for (size_t i = 0; i < a.size(); ++i) {
    int diagonal = row[0];
    row[0] = static_cast<int>(i) + 1;
    for (size_t j = 0; j < b.size(); ++j) {
      const int substitution = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({substitution, row[j] + 1, diagonal + 1});
    }
  }
  return row[b.size()];
}

template <typename Letter>
bool OneEdit(std::span<const Letter> a, std::span<const Letter> b) {
  if (a.size() > b.size()) std::swap(a, b);
  if (b.size() - a.size() > 1) return false;
  size_t start = 0;
  while (start < a.size() && a[start] == b[start]) ++start;
  const auto same = [&](size_t from_a, size_t from_b) {
    return std::ranges::equal(a.subspan(std::min(from_a, a.size())),
                              b.subspan(std::min(from_b, b.size())));
  };
  if (a.size() != b.size()) return same(start, start + 1);
  if (same(start + 1, start + 1)) return true;
  return start + 1 < a.size() && a[start] == b[start + 1] && a[start + 1] == b[start] &&
         same(start + 2, start + 2);
}

}  // namespace

int JaroWinkler(std::string_view a, std::string_view b) {
  return OnPoints(a, b, [](auto x, auto y) { return Measure(x, y); });
}

int EditDistance(std::string_view a, std::string_view b) {
  return OnPoints(a, b, [](auto x, auto y) { return Distance(x, y); });
}

bool IsOneEdit(std::string_view a, std::string_view b) {
  return OnPoints(a, b, [](auto x, auto y) { return OneEdit(x, y) ? 1 : 0; }) != 0;
}

}  // namespace leadcore
