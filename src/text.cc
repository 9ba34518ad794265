// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <algorithm>
#include <numeric>
#include <vector>

namespace leadcore {
namespace {

// Optimal string alignment: insertions, deletions, substitutions and swaps of neighbours cost one.
size_t EditDistance(std::string_view a, std::string_view b) {
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  std::iota(last.begin(), last.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substitution = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, substitution});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace

std::string_view ClosestName(std::string_view word, const std::string_view* candidates,
                             size_t count) {
  constexpr size_t kLongestWord = 64;  // longer ones are no typo of a name, and would cost
  if (word.size() > kLongestWord) return {};
  std::string_view best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (size_t i = 0; i < count; ++i) {
    if (candidates[i].size() > kLongestWord) continue;
    const size_t distance = EditDistance(word, candidates[i]);
    if (distance < best_distance) {
      best = candidates[i];
      best_distance = distance;
    }
  }
  return best;
}

}  // namespace leadcore
