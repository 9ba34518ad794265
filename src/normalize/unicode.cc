// SPDX-License-Identifier: Apache-2.0
#include "normalize/unicode.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>

#include "text.h"

namespace leadcore {
namespace {

utf8proc_category_t Category(char32_t point) {
  return utf8proc_category(static_cast<utf8proc_int32_t>(point));
}

std::string Map(std::string_view text, int options) {
  const std::string valid = ToUtf8(text);
  utf8proc_uint8_t* mapped = nullptr;
  const utf8proc_ssize_t size =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(valid.data()),
                   static_cast<utf8proc_ssize_t>(valid.size()), &mapped,
                   static_cast<utf8proc_option_t>(options));
  if (size < 0) return valid;  // not for valid UTF-8, short of no memory
  std::string out(reinterpret_cast<const char*>(mapped), static_cast<size_t>(size));
  std::free(mapped);
  return out;
}

}  // namespace

std::string AsciiLower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = AsciiLower(c);
  return out;
}

bool IsAscii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

std::u32string Decode(std::string_view text) {
  if (IsAscii(text)) return {text.begin(), text.end()};
  const std::string valid = ToUtf8(text);
  std::u32string points;
  points.reserve(valid.size());
  const auto* at = reinterpret_cast<const utf8proc_uint8_t*>(valid.data());
  auto left = static_cast<utf8proc_ssize_t>(valid.size());
  while (left > 0) {
    utf8proc_int32_t point = 0xfffd;
    const utf8proc_ssize_t length =
        std::max<utf8proc_ssize_t>(1, utf8proc_iterate(at, left, &point));
    points.push_back(point < 0 ? U'\ufffd' : static_cast<char32_t>(point));
    at += length;
    left -= length;
  }
  return points;
}

void AppendPoint(std::string* out, char32_t point) {
  if (point < 0x80) {
    out->push_back(static_cast<char>(point));
    return;
  }
  utf8proc_uint8_t bytes[4];
  const utf8proc_ssize_t size = utf8proc_encode_char(static_cast<utf8proc_int32_t>(point), bytes);
  out->append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
}

std::string Encode(std::u32string_view points) {
  std::string out;
  out.reserve(points.size());
  for (const char32_t point : points) AppendPoint(&out, point);
  return out;
}

bool IsUnicodeSpace(char32_t point) {
  if (point < 0x80) return point == ' ' || (point >= 9 && point <= 13);
  return point == 0x85 || point == 0xa0 || point == 0x1680 ||
         (point >= 0x2000 && point <= 0x200b) || point == 0x2028 || point == 0x2029 ||
         point == 0x202f || point == 0x205f || point == 0x3000;
}

bool IsInvisible(char32_t point) {
  const utf8proc_category_t category = Category(point);
  return category == UTF8PROC_CATEGORY_CC || category == UTF8PROC_CATEGORY_CF;
}

bool IsLetter(char32_t point) {
  if (point < 0x80) return IsAsciiLetter(point);
  const utf8proc_category_t category = Category(point);
  return category >= UTF8PROC_CATEGORY_LU && category <= UTF8PROC_CATEGORY_LO;
}

bool IsUpper(char32_t point) {
  if (point < 0x80) return IsAsciiUpper(point);
  const utf8proc_category_t category = Category(point);
  return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
}

bool IsLower(char32_t point) {
  if (point < 0x80) return point >= 'a' && point <= 'z';
  return Category(point) == UTF8PROC_CATEGORY_LL;
}

char32_t Lower(char32_t point) {
  return static_cast<char32_t>(utf8proc_tolower(static_cast<utf8proc_int32_t>(point)));
}

char32_t Title(char32_t point) {
  return static_cast<char32_t>(utf8proc_totitle(static_cast<utf8proc_int32_t>(point)));
}

std::string Compatible(std::string_view text) {
  if (IsAscii(text)) return std::string(text);
  return Map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT);
}

std::string CaseFold(std::string_view text) {
  if (IsAscii(text)) return AsciiLower(text);
  return Map(text, UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD);
}

bool IsPlaceholder(std::string_view folded) {
  static constexpr std::string_view kWords[] = {"n a",
                                                "na",
                                                "none",
                                                "null",
                                                "nil",
                                                "unknown",
                                                "not available",
                                                "no name",
                                                "not provided",
                                                "unnamed",
                                                "not applicable",
                                                "undefined",
                                                "not known",
                                                "not set",
                                                "tbd",
                                                "tba",
                                                "k a",
                                                "unbekannt",
                                                "inconnu",
                                                "desconocido"};
  return std::ranges::find(kWords, folded) != std::end(kWords);
}

}  // namespace leadcore
