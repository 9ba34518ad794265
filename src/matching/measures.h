// SPDX-License-Identifier: Apache-2.0
#ifndef LEADCORE_SRC_MATCHING_MEASURES_H_
#define LEADCORE_SRC_MATCHING_MEASURES_H_

#include <string_view>

namespace leadcore {

// At most one letter is added, dropped or another, or two neighbours have changed places.
bool IsOneEdit(std::string_view a, std::string_view b);

}  // namespace leadcore

#endif  // LEADCORE_SRC_MATCHING_MEASURES_H_
