// SPDX-License-Identifier: Apache-2.0
//
// The order of index values, and the end of a prefix.
#ifndef LEADCORE_SRC_STORE_ORDER_H_
#define LEADCORE_SRC_STORE_ORDER_H_

#include <compare>
#include <optional>
#include <string>

#include "leadcore/store.h"

namespace leadcore {

// absent < numbers by value < text by code point.
std::strong_ordering CompareIndexValues(const IndexValue& a, const IndexValue& b);

// The least text that is greater than every text that starts with `prefix`; nullopt when there is
// none.
std::optional<std::string> AfterPrefix(std::string prefix);

}  // namespace leadcore

#endif  // LEADCORE_SRC_STORE_ORDER_H_
