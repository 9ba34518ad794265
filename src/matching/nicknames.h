// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_MATCHING_NICKNAMES_H_
#define LEADCORE_SRC_MATCHING_NICKNAMES_H_

#include <cstdint>
#include <string_view>
#include <vector>

namespace leadcore {

// The groups of names to which a folded first name belongs, ascending: names that one person goes
// by ("robert", "rob", "bob") have one in common. Empty: the name is in no group.
std::vector<uint16_t> NameGroups(std::string_view folded);

// The first name of a group, which stands for it.
std::string_view GroupName(uint16_t group);

}  // namespace leadcore

#endif  // LEADCORE_SRC_MATCHING_NICKNAMES_H_
