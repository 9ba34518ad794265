// SPDX-License-Identifier: Apache-2.0
//
// What other systems call the fields of a lead.
#ifndef LEADCORE_SRC_CSV_HEADER_TABLE_H_
#define LEADCORE_SRC_CSV_HEADER_TABLE_H_

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "leadcore/schema.h"

namespace leadcore::csv_internal {

// Systems in whose files some common word means something of its own.
enum class System : uint8_t { kAny, kOdoo, kPipedrive, kDynamics, kApollo, kMeta };

struct KnownHeader {
  std::string_view name;  // folded by FoldHeader
  FieldId field = 0;
  std::string_view kind = {};  // of a number in other_phones
};

// Lower-case ASCII letters, digits and all bytes past ASCII; the rest is dropped.
std::string FoldHeader(std::string_view header);

// The system whose own words are among the folded headers, or kAny.
System DetectSystem(std::span<const std::string> folded);

// nullptr when nothing goes by that name. kAny: the names that hold for every system.
const KnownHeader* FindKnownHeader(std::string_view folded, System system);

}  // namespace leadcore::csv_internal

#endif  // LEADCORE_SRC_CSV_HEADER_TABLE_H_
