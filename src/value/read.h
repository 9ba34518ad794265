// SPDX-License-Identifier: Apache-2.0
//
// What the readers of value.h share: a cursor over text, numbers as people write them, days and
// moments as people write them.
#ifndef LEADCORE_SRC_VALUE_READ_H_
#define LEADCORE_SRC_VALUE_READ_H_

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "leadcore/value.h"

namespace leadcore::value_internal {

inline constexpr std::array<std::string_view, 7> kWeekdays = {
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};

inline bool IsDigit(char c) { return c >= '0' && c <= '9'; }
inline bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
inline char Lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
std::string LowerText(std::string_view text);

// The text in quotes for a message, cut after some 40 bytes.
std::string Quoted(std::string_view text);

// Reads a text from left to right.
class Cursor {
 public:
  explicit Cursor(std::string_view text) : rest_(text) {}

  std::string_view rest() const { return rest_; }
  bool done() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_[0]; }
  char peek(size_t ahead) const { return ahead < rest_.size() ? rest_[ahead] : '\0'; }
  void Skip(size_t count) { rest_.remove_prefix(count); }
  bool Eat(std::string_view piece) {
    if (rest_.substr(0, piece.size()) != piece) return false;
    Skip(piece.size());
    return true;
  }
  // ASCII white space and the no-break spaces of spreadsheets; true when there was any.
  bool SkipSpaces();
  std::string_view Digits();   // the longest run, perhaps empty
  std::string_view Letters();  // likewise, ASCII only

 private:
  std::string_view rest_;
};

// Without the white space at both ends.
std::string_view Trimmed(std::string_view text);

// digits x 10^exponent; `digits` has no leading zero unless it is "0".
struct Decimal {
  bool negative = false;
  std::string digits;
  int exponent = 0;
};

// An unsigned number: digits, perhaps grouped, a fraction, an exponent. False leaves the cursor
// anywhere.
bool ReadDecimal(Cursor* cursor, const ParseOptions& options, Decimal* decimal);

// `decimal` x 10^shift as a whole number: nullopt when it does not fit or, without `rounded`, is
// not whole. Halves go away from zero.
std::optional<int64_t> ToWhole(const Decimal& decimal, int shift, bool rounded);

absl::StatusOr<Value> ReadInteger(std::string_view text, const ParseOptions& options);
absl::StatusOr<Value> ReadReal(std::string_view text, const ParseOptions& options);
absl::StatusOr<Value> ReadMoney(std::string_view text, const ParseOptions& options);
absl::StatusOr<Value> ReadDate(std::string_view text, const ParseOptions& options);
absl::StatusOr<Value> ReadTime(std::string_view text, const ParseOptions& options);
absl::StatusOr<Value> ReadDuration(std::string_view text);

}  // namespace leadcore::value_internal

#endif  // LEADCORE_SRC_VALUE_READ_H_
