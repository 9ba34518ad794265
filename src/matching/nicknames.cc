// SPDX-License-Identifier: Apache-2.0
#include "matching/nicknames.h"

#include <algorithm>
#include <compare>
#include <iterator>

namespace leadcore {
namespace {

#include "matching/nicknames.inc"

struct Entry {
  std::string_view name;
  uint16_t group = 0;
  friend auto operator<=>(const Entry&, const Entry&) = default;
};

std::vector<Entry> SortedNames() {
  std::vector<Entry> entries;
  for (size_t group = 0; group < std::size(kNameGroups); ++group) {
    std::string_view rest = kNameGroups[group];
    while (!rest.empty()) {
      const size_t end = std::min(rest.find(' '), rest.size());
      entries.push_back({rest.substr(0, end), static_cast<uint16_t>(group)});
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  std::ranges::sort(entries);
  return entries;
}

}  // namespace

std::vector<uint16_t> NameGroups(std::string_view folded) {
  static const std::vector<Entry> names = SortedNames();
  std::vector<uint16_t> groups;
  for (const Entry& entry : std::ranges::equal_range(names, folded, {}, &Entry::name)) {
    if (groups.empty() || groups.back() != entry.group) groups.push_back(entry.group);
  }
  return groups;
}

std::string_view GroupName(uint16_t group) {
  return kNameGroups[group].substr(0, kNameGroups[group].find(' '));
}

}  // namespace leadcore
