// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "store/order.h"

namespace leadcore {
namespace {

// An int64 and a double compare by value, not by what one becomes as the other.
std::strong_ordering CompareMixed(int64_t whole, double real) {
  constexpr double kPast = 9223372036854775808.0;  // 2^63
  if (real >= kPast) return std::strong_ordering::less;
  if (real < -kPast) return std::strong_ordering::greater;
  const double floor = std::floor(real);
  const auto below = static_cast<int64_t>(floor);
  if (whole != below) return whole <=> below;
  return real > floor ? std::strong_ordering::less : std::strong_ordering::equal;
}

std::strong_ordering Reverse(std::strong_ordering order) { return 0 <=> order; }

int Rank(const IndexValue& value) {
  return std::holds_alternative<std::monostate>(value) ? 0
         : std::holds_alternative<std::string>(value)  ? 2
                                                       : 1;
}

}  // namespace

std::strong_ordering CompareIndexValues(const IndexValue& a, const IndexValue& b) {
  const int rank = Rank(a);
  if (rank != Rank(b)) return rank <=> Rank(b);
  if (rank == 0) return std::strong_ordering::equal;
  if (rank == 2) return std::get<std::string>(a).compare(std::get<std::string>(b)) <=> 0;
  const auto* whole_a = std::get_if<int64_t>(&a);
  const auto* whole_b = std::get_if<int64_t>(&b);
  if (whole_a != nullptr && whole_b != nullptr) return *whole_a <=> *whole_b;
  if (whole_a != nullptr) return CompareMixed(*whole_a, std::get<double>(b));
  if (whole_b != nullptr) return Reverse(CompareMixed(*whole_b, std::get<double>(a)));
  const double real_a = std::get<double>(a);
  const double real_b = std::get<double>(b);
  return real_a < real_b   ? std::strong_ordering::less
         : real_a > real_b ? std::strong_ordering::greater
                           : std::strong_ordering::equal;
}

std::optional<std::string> AfterPrefix(std::string prefix) {
  while (!prefix.empty() && static_cast<unsigned char>(prefix.back()) == 0xff) prefix.pop_back();
  if (prefix.empty()) return std::nullopt;
  prefix.back() = static_cast<char>(static_cast<unsigned char>(prefix.back()) + 1);
  return prefix;
}

}  // namespace leadcore
