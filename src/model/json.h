// SPDX-License-Identifier: Apache-2.0
//
// A JSON document with the position of everything in it, so that a fault found long after reading
// still has its line and column. The tokens are RapidJSON's.
#ifndef LEADCORE_SRC_MODEL_JSON_H_
#define LEADCORE_SRC_MODEL_JSON_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "leadcore/value.h"

namespace leadcore {

struct Json {
  enum class Kind : uint8_t { kNull, kBoolean, kNumber, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  size_t offset = 0;  // of its first byte in the document
  bool boolean = false;
  std::string text;         // of a string, decoded; of a number, as written
  std::vector<Json> items;  // of an array, or the values of an object
  std::vector<std::pair<std::string, size_t>> keys;  // of an object: name and offset, as `items`

  // The value of a member, or nullptr.
  const Json* Find(std::string_view key) const;
};

// "a string", "an array" …
std::string_view JsonKindName(Json::Kind kind);

// nullopt appends one fault with line and column.
std::optional<Json> ParseJson(std::string_view document, Faults* faults);

// Gives every fault from `first` on that has a path into `root` its line and column; the deepest
// part of the path that is there counts.
void LocateFaults(std::string_view document, const Json& root, size_t first, Faults* faults);

}  // namespace leadcore

#endif  // LEADCORE_SRC_MODEL_JSON_H_
