// SPDX-License-Identifier: Apache-2.0
//
// How people write phone numbers: finds the number in a text, its extension and its digits, as
// libphonenumber does before it looks at any numbering plan.
#ifndef LEADCORE_SRC_NORMALIZE_PHONE_TEXT_H_
#define LEADCORE_SRC_NORMALIZE_PHONE_TEXT_H_

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace leadcore {

struct PhoneText {
  bool international = false;  // a plus sign stands in front
  std::string digits;          // without the extension; letters by the keypad ("FLOWERS")
  std::string extension;       // empty when there is none
};

// INVALID_ARGUMENT with the reason when `text` holds nothing written like a phone number.
absl::StatusOr<PhoneText> ReadPhoneText(std::string_view text);

}  // namespace leadcore

#endif  // LEADCORE_SRC_NORMALIZE_PHONE_TEXT_H_
